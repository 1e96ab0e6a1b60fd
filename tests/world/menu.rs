//! Keys in a meeting, the full house, and prompts that change while calls go on.

use std::time::Duration;

use ljudbro::media::PromptId::*;
use ljudbro::sim::{Ended, KeyMethod};

use crate::ears::Voice;
use crate::world::{ID, NUMBER, World};

#[test]
fn star_six_turns_the_own_microphone_off_and_on_and_only_this_caller_is_told() {
    let mut world = World::new(200);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.press(a, "*6");
    world.run_ms(3_500);
    assert!(world.words(a).contains(&MikAv) && !world.words(b).contains(&MikAv));
    assert!(!world.hears(b, a) && world.hears(a, b));
    world.press(a, "*6");
    world.run_ms(3_500);
    assert!(world.words(a).contains(&MikPa) && !world.words(b).contains(&MikPa));
    assert!(world.hears(b, a) && world.hears(a, b));
}

#[test]
fn star_three_tells_how_many_are_in_the_meeting() {
    let mut world = World::new(201);
    let a = world.in_meeting();
    world.in_meeting();
    let c = world.in_meeting();
    let before = world.words(a).len();
    world.press(a, "*3");
    world.run_ms(4_000);
    assert_eq!(world.words(a)[before..], [Antal1, Tal3, Antal2]);
    assert_eq!(world.words(c).iter().filter(|word| **word == Antal1).count(), 1, "the others are told nothing");
}

#[test]
fn star_one_helps_and_the_meeting_goes_on_quieter_underneath() {
    let mut world = World::new(202);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.run_ms(1_000);
    let normal = world.loudness(a, b);
    world.press(a, "*1");
    world.until_said(a, Hjalp);
    world.run_ms(300);
    let help = *world.heard(a).last().unwrap();
    let under = world.phone(a).recording().between(help.from + Duration::from_millis(100), world.now);
    let under = ljudbro::audio::tone::tone_level(under, crate::ears::voice_hz(b.0));
    assert!(under < normal - 3.0 && under > normal - 30.0, "{under} dBov under the help, {normal} without");
    world.run_ms(3_000);
    assert!((world.loudness(a, b) - normal).abs() < 1.0);
    assert!(!world.words(b).contains(&Hjalp));
}

#[test]
fn single_keys_and_unknown_commands_do_nothing_harmful() {
    let mut world = World::new(203);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.press(a, "6##123");
    world.run_ms(5_000);
    assert!(world.hears(b, a) && world.phone(a).is_talking());
    world.press(a, "*");
    // A star is forgotten after a while: a 6 long after is no command.
    world.run_ms(20_000);
    world.press(a, "6");
    world.run_ms(3_000);
    assert!(world.hears(b, a), "half a command is forgotten");
    assert_eq!(world.control.participants(), 2);
}

#[test]
fn keys_by_info_work_in_a_meeting_too() {
    let mut world = World::new(204);
    let a = world.in_meeting();
    let b = world.dial(|settings| settings.keys_by = KeyMethod::Info);
    world.press(b, ID);
    world.run_ms(10_000);
    assert!(world.hears(a, b));
    world.press(b, "*6");
    world.run_ms(3_500);
    assert!(!world.hears(a, b));
}

#[test]
fn the_keys_of_one_caller_are_not_heard_by_the_others_as_silence_or_tones() {
    let mut world = World::new(205);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.run_ms(500);
    world.press(b, "7");
    world.run_ms(1_000);
    let second = world.phone(a).recording().between(world.now - Duration::from_secs(1), world.now);
    for hz in [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0] {
        assert!(ljudbro::audio::tone::tone_level(second, hz) < -50.0, "{hz} Hz");
    }
}

#[test]
fn a_full_house_says_so_and_hangs_up_and_takes_the_next_caller_when_one_has_gone() {
    let mut world = World::with(206, |settings| settings.max_calls = 2);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    let late = world.dial_and_key(ID);
    world.run_ms(6_000);
    assert_eq!(world.words(late), [Upptaget]);
    assert_eq!(world.ended(late), Some(Ended::ByBridge));
    assert!(world.hears(a, b));
    world.hang_up(b);
    world.run_ms(3_000);
    let next = world.in_meeting();
    world.run_ms(1_000);
    assert!(world.hears(a, next));
}

#[test]
fn a_full_house_says_so_to_room_systems_too() {
    let mut world = World::with(207, |settings| settings.max_calls = 1);
    world.in_meeting();
    let room = world.dial(|settings| settings.target = "sip:testmote1@mote.example".to_owned());
    world.run_ms(6_000);
    assert_eq!(world.words(room), [Upptaget]);
    assert_eq!(world.ended(room), Some(Ended::ByBridge));
}

#[test]
fn a_prompt_that_is_being_spoken_ends_in_the_old_voice_and_the_next_one_is_new() {
    let mut world = World::new(208);
    let (a, b) = (world.dial(|_| ()), world.in_meeting());
    let speaking = world.dial(|_| ());
    world.until_said(speaking, Valkommen);
    world.swap_prompts(Voice::New);
    world.run_ms(2_000);
    let heard = world.heard(speaking);
    assert_eq!(world.words(speaking), [Valkommen, IdAnge]);
    assert!(heard.iter().all(|spoken| spoken.voice == Voice::Old), "one utterance, one voice");
    for (id, keys) in [(speaking, "555555555"), (b, "*1")] {
        let before = world.heard(id).len();
        world.press(id, keys);
        world.run_ms(4_000);
        let after = &world.heard(id)[before..];
        assert!(!after.is_empty() && after.iter().all(|spoken| spoken.voice == Voice::New), "{after:?}");
    }
    assert!(world.phone(a).is_talking() && world.phone(b).is_talking());
    let next = world.dial(|settings| settings.target = format!("sip:{NUMBER}@10.1.0.1"));
    world.run_ms(2_000);
    assert!(world.heard(next).iter().all(|spoken| spoken.voice == Voice::New));
}

#[test]
fn the_longest_call_ends_with_a_word() {
    let mut world = World::with(209, |settings| settings.longest = Duration::from_secs(30));
    let (a, b) = (world.in_meeting(), world.dial(|_| ()));
    world.run_ms(40_000);
    assert_eq!(world.words(a).last(), Some(&Bortkopplad));
    assert_eq!(world.words(b).last(), Some(&Bortkopplad));
    assert_eq!((world.ended(a), world.ended(b)), (Some(Ended::ByBridge), Some(Ended::ByBridge)));
    world.assert_nothing_is_left();
}
