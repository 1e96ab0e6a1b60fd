//! Workers near their budgets: who is let in, who is not, and what those inside notice of it.

use std::time::Duration;

use ljudbro::bridge::{Admission, LegCost, WhenFull};
use ljudbro::codec::Codec;
use ljudbro::media::PromptId::*;
use ljudbro::names::WorkerId;
use ljudbro::sim::Ended;

use crate::desk::Id;
use crate::world::{DOMAIN, ID, World};

const CALM: [f32; 2] = [0.2, 0.2];
const NEAR: [f32; 2] = [0.85, 0.85];
const BRIM: [f32; 2] = [0.95, 0.95];

/// Straight into the first meeting.
fn dial_meeting(world: &mut World) -> Id {
    world.dial(|settings| settings.target = format!("sip:testmote1@{DOMAIN}"))
}

/// It hears the other one, and the call goes on.
fn assert_undisturbed(world: &World, listener: Id, speaker: Id) {
    assert!(world.hears(listener, speaker), "{listener:?} hears {speaker:?}");
    assert_eq!(world.ended(listener), None);
}

#[test]
fn an_overloaded_worker_lets_nobody_new_in_and_nobody_inside_notices() {
    let mut world = World::new(1300);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    let words = (world.words(a), world.words(b));
    let before = world.phone(a).recording().samples().len();
    world.loaded(NEAR, 5_000);
    assert_eq!(world.control.admission(), Admission::Overloaded);
    let late = world.dial(|_| ());
    world.loaded(NEAR, 6_000);
    assert_eq!(world.words(late), [Upptaget]);
    assert_eq!(world.ended(late), Some(Ended::ByBridge));
    assert_undisturbed(&world, a, b);
    assert_undisturbed(&world, b, a);
    assert_eq!((world.words(a), world.words(b)), words, "they are told nothing");
    // A sound every tick, all the time.
    let heard = world.phone(a).recording().samples().len() - before;
    assert!(heard >= 11 * 8_000 - 320, "{heard} samples in eleven seconds");
}

#[test]
fn it_admits_callers_again_when_the_load_has_gone() {
    let mut world = World::new(1301);
    let a = world.in_meeting();
    world.loaded(NEAR, 5_000);
    let early = dial_meeting(&mut world);
    world.loaded(NEAR, 6_000);
    assert_eq!(world.words(early), [Upptaget]);
    world.loaded(CALM, 4_000);
    assert_eq!(world.control.admission(), Admission::Open);
    let late = dial_meeting(&mut world);
    world.loaded(CALM, 5_000);
    assert!(world.hears(late, a) && world.hears(a, late));
    for id in [a, late] {
        world.hang_up(id);
    }
    world.loaded([0.0, 0.0], 5_000);
    assert!(!world.control.wants_loads(), "with nobody there and no load there is nothing to measure");
    world.assert_nothing_is_left();
}

#[test]
fn who_is_in_the_menu_when_the_load_comes_gets_into_the_meeting() {
    let mut world = World::new(1302);
    let a = world.in_meeting();
    let inside = world.dial(|_| ());
    world.run_ms(1_000);
    world.loaded(NEAR, 3_000);
    world.press(inside, ID);
    world.loaded(NEAR, 6_000);
    assert!(world.hears(a, inside) && world.hears(inside, a));
}

#[test]
fn a_worker_at_its_brim_takes_nobody_from_another_and_says_that_the_meeting_is_full() {
    let mut world = World::new(1303);
    let a = world.in_meeting();
    let b = world.dial(|_| ());
    world.run_ms(1_000);
    // The menu puts the second call on the other worker.
    world.loaded(BRIM, 5_000);
    world.press(b, ID);
    world.loaded(BRIM, 8_000);
    assert!(world.words(b).contains(&Fullt), "{:?}", world.words(b));
    assert_eq!((world.ended(b), world.ended(a)), (Some(Ended::ByBridge), None));
}

#[test]
fn the_trunk_is_told_to_go_elsewhere_where_that_is_wanted_or_nothing_can_be_said() {
    for (when_full, load) in [(WhenFull::Refuse, NEAR), (WhenFull::Say, BRIM)] {
        let mut world = World::with(1304, |settings| settings.when_full = when_full);
        let a = world.in_meeting();
        world.loaded(load, 5_000);
        let late = world.dial(|_| ());
        world.loaded(load, 1_000);
        assert_eq!(world.ended(late), Some(Ended::Refused(503)), "{when_full:?}");
        assert_eq!(world.ended(a), None);
    }
}

#[test]
fn no_more_hear_that_it_is_busy_than_there_is_room_for() {
    let mut world = World::with(1305, |settings| {
        settings.max_calls = 10;
        settings.agent.max_sessions = 13;
    });
    world.in_meeting();
    world.loaded(NEAR, 5_000);
    let late: Vec<Id> = (0..5).map(|_| world.dial(|_| ())).collect();
    world.loaded(NEAR, 10_000);
    let said = late.iter().filter(|id| world.words(**id) == [Upptaget]).count();
    let refused = late.iter().filter(|id| world.ended(**id) == Some(Ended::Refused(503))).count();
    assert_eq!((said, refused), (3, 2));
}

/// One worker whose legs make a fifth of its load each in a meeting, and nearly nothing in the menu.
fn dear(seed: u64) -> World {
    World::with(seed, |settings| {
        settings.workers = 1;
        settings.costs = Codec::ALL.map(|codec| (codec, LegCost { menu: 0.001, meeting: 0.2 })).into_iter().collect();
    })
}

#[test]
fn room_is_kept_for_those_in_the_menu_and_given_back_when_they_hang_up() {
    let mut world = dear(1307);
    let early: Vec<Id> = (0..4).map(|_| world.dial(|_| ())).collect();
    world.loaded([0.05], 3_000);
    let burden = world.control.burden(WorkerId(0));
    assert!(burden.load < 0.1 && burden.outlook > 0.8 && !burden.admits, "{burden:?}");
    assert_eq!(world.control.admission(), Admission::Overloaded);
    let late = world.dial(|_| ());
    world.loaded([0.05], 6_000);
    assert_eq!(world.words(late), [Upptaget]);
    // One goes, the others get in.
    world.hang_up(early[0]);
    world.loaded([0.05], 1_000);
    assert_eq!(world.control.admission(), Admission::Open);
    for id in &early[1..] {
        world.press(*id, ID);
    }
    world.loaded([0.55], 8_000);
    for (a, b) in [(1, 2), (2, 3), (3, 1)] {
        assert_undisturbed(&world, early[a], early[b]);
    }
    let burden = world.control.burden(WorkerId(0));
    assert!((0.5..0.6).contains(&burden.outlook) && burden.admits, "their room is used, not kept: {burden:?}");
    for id in &early[1..] {
        world.hang_up(*id);
    }
    world.loaded([0.0], 6_000);
    assert!(world.control.burden(WorkerId(0)).outlook < 0.01, "nothing is kept for anybody");
    world.assert_nothing_is_left();
}

#[test]
fn who_is_told_that_it_is_busy_has_no_room_kept_and_takes_none_that_is() {
    let mut world = dear(1308);
    for _ in 0..4 {
        world.dial(|_| ());
    }
    world.loaded([0.05], 1_000);
    let told = world.dial(|_| ());
    world.loaded([0.05], 500);
    assert!(world.control.burden(WorkerId(0)).outlook < 0.9);
    // With a little more load there is no room to say it either.
    world.loaded([0.15], 3_000);
    let refused = world.dial(|_| ());
    world.loaded([0.15], 5_000);
    assert_eq!((world.words(told), world.ended(refused)), (vec![Upptaget], Some(Ended::Refused(503))));
}

#[test]
fn a_call_that_changes_to_a_dearer_codec_has_room_kept_for_that() {
    let mut world = World::with(1309, |settings| {
        settings.workers = 1;
        settings.costs = [(Codec::Pcma, 0.001), (Codec::Opus, 0.3)]
            .map(|(codec, meeting)| (codec, LegCost { menu: 0.001, meeting }))
            .into_iter()
            .collect();
    });
    let id = world.dial(|settings| settings.codecs = vec![Codec::Pcma]);
    world.loaded([0.05], 2_000);
    let before = world.control.burden(WorkerId(0)).outlook;
    world.with_phone(id, |phone, now| phone.change_codecs(now, &[Codec::Opus]));
    world.loaded([0.05], 3_000);
    let after = world.control.burden(WorkerId(0)).outlook;
    assert!(before < 0.1 && (0.3..0.4).contains(&after), "{before} {after}");
    world.hang_up(id);
    world.loaded([0.0], 6_000);
    assert!(world.control.burden(WorkerId(0)).outlook < 0.001);
}

#[test]
fn new_calls_go_to_the_worker_with_the_least_load_and_straight_to_that_of_their_meeting() {
    let mut world = World::new(1306);
    let a = dial_meeting(&mut world);
    world.until(Duration::from_secs(5), "the first is in the meeting", |world| world.control.participants() == 1);
    let home = world.legs_by_worker();
    let (here, there) = if home == [1, 0] { (0, 1) } else { (1, 0) };
    let mut shares = [0.1, 0.1];
    shares[here] = 0.5;
    world.loaded(shares, 3_000);
    for _ in 0..3 {
        world.dial(|_| ());
        world.run_ms(200);
    }
    assert_eq!(world.legs_by_worker()[there], 3, "one is on the other, and still");
    let b = dial_meeting(&mut world);
    world.run_ms(5_000);
    assert_eq!(world.legs_by_worker()[here], 2, "without a move");
    assert!(world.hears(a, b) && world.hears(b, a));
    // Near its budget, that worker takes nobody for its meeting, though the other one has room.
    shares[here] = 0.85;
    world.loaded(shares, 5_000);
    assert_eq!(world.control.admission(), Admission::Open);
    let c = dial_meeting(&mut world);
    world.loaded(shares, 6_000);
    assert_eq!(world.words(c), [Upptaget]);
}
