//! The end of a call, in every state and by everybody, leaves nothing behind.

use std::time::Duration;

use ljudbro::sim::{Ended, OfferIn};

use crate::net::Way;
use crate::world::{ID, World};

#[test]
fn a_caller_hangs_up_at_any_moment() {
    // From before the answer, over the menu and the way into the meeting (between two workers), to long inside it.
    for (seed, after) in (0..4_000).step_by(90).chain([6_000, 20_000]).enumerate() {
        let mut world = World::new(400 + seed as u64);
        let other = world.in_meeting();
        let id = world.dial_and_key(ID);
        world.run_ms(after);
        world.hang_up(id);
        world.run_ms(1_000);
        assert!(world.phone(id).is_over(), "{after} ms");
        assert_eq!((world.control.calls(), world.legs()), (1, 1), "{after} ms");
        world.hang_up(other);
        world.assert_nothing_is_left();
    }
}

#[test]
fn a_caller_gives_up_before_the_answer_comes() {
    // The answer is slow to come back, the CANCEL crosses it.
    for (seed, delay) in [(450, 1), (451, 30), (452, 200)] {
        let mut world = World::new(seed);
        world.net.signalling.delay = Duration::from_millis(delay);
        let id = world.dial(|_| ());
        world.run_ms(delay + 1);
        world.hang_up(id);
        world.run_ms(3_000);
        assert!(world.phone(id).is_over());
        world.assert_nothing_is_left();
    }
}

#[test]
fn the_bridge_stops_and_says_goodbye_to_everybody() {
    let mut world = World::new(460);
    let ids = [world.in_meeting(), world.in_meeting(), world.dial(|_| ()), world.dial_and_key("31")];
    world.run_ms(500);
    let stopped_at = world.now;
    world.stop();
    world.until(Duration::from_secs(3), "the bridge has stopped", |world| world.stopped);
    assert!(world.now - stopped_at < Duration::from_millis(200), "all BYEs were answered");
    world.run_ms(100);
    for id in ids {
        assert_eq!(world.ended(id), Some(Ended::ByBridge));
    }
    assert_eq!((world.control.calls(), world.legs()), (0, 0));
    // Who calls now is turned away.
    let late = world.dial(|_| ());
    world.run_ms(1_000);
    assert_eq!(world.ended(late), Some(Ended::Refused(503)));
}

#[test]
fn the_bridge_stops_in_time_even_if_nobody_answers() {
    let mut world = World::new(461);
    let id = world.in_meeting();
    world.with_phone(id, |phone, _| phone.faults.dead = true);
    let stopped_at = world.now;
    world.stop();
    world.until(Duration::from_secs(3), "the bridge has stopped", |world| world.stopped);
    assert!(world.now - stopped_at <= Duration::from_millis(2_500));
}

#[test]
fn a_caller_whose_sound_stops_is_let_go_after_fifteen_seconds() {
    let mut world = World::new(470);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.with_phone(a, |phone, _| phone.faults.sends_no_rtp = true);
    world.run_ms(14_500);
    assert!(world.phone(a).is_talking());
    world.run_ms(3_000);
    assert_eq!(world.ended(a), Some(Ended::ByBridge));
    assert!(world.phone(b).is_talking());
    world.hang_up(b);
    world.assert_nothing_is_left();
}

#[test]
fn a_caller_who_never_sent_sound_is_let_go_after_thirty_seconds() {
    let mut world = World::new(471);
    let id = world.dial(|settings| settings.target = format!("sip:{ID}@mote.example"));
    world.with_phone(id, |phone, _| phone.faults.sends_no_rtp = true);
    world.run_ms(29_500);
    assert!(world.phone(id).is_talking());
    world.run_ms(3_000);
    assert_eq!(world.ended(id), Some(Ended::ByBridge));
    world.assert_nothing_is_left();
}

#[test]
fn a_phone_whose_battery_dies_is_let_go_and_the_bye_is_given_up() {
    let mut world = World::new(472);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.with_phone(a, |phone, _| phone.faults.dead = true);
    world.run_ms(18_000);
    assert_eq!(world.control.participants(), 1);
    world.hang_up(b);
    world.run_ms(40_000);
    world.assert_nothing_is_left();
}

#[test]
fn a_lost_ack_ends_the_call_after_64_t1() {
    for (seed, offer_in) in [(480, OfferIn::Invite), (481, OfferIn::Response)] {
        let mut world = World::new(seed);
        let id = world.dial(|settings| settings.offer_in = offer_in);
        world.with_phone(id, |phone, _| phone.faults.loses_ack = true);
        world.press(id, ID);
        world.run_ms(31_000);
        assert!(world.phone(id).is_talking(), "{offer_in:?}");
        world.run_ms(2_000);
        // RFC 3261 §13.3.1.4.
        assert_eq!(world.ended(id), Some(Ended::ByBridge), "{offer_in:?}");
        world.assert_nothing_is_left();
    }
}

#[test]
fn an_ack_that_is_lost_at_first_harms_nothing() {
    let mut world = World::new(482);
    let id = world.dial_and_key(ID);
    world.with_phone(id, |phone, _| phone.faults.loses_ack = true);
    world.run_ms(5_000);
    world.with_phone(id, |phone, _| phone.faults.loses_ack = false);
    world.run_ms(60_000);
    assert!(world.phone(id).is_talking());
    assert_eq!(world.control.participants(), 1);
}

#[test]
fn a_lost_bye_is_made_good_by_the_silence_after_it() {
    let mut world = World::new(483);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.with_phone(a, |phone, _| phone.faults.loses_bye = true);
    world.hang_up(a);
    world.run_ms(10_000);
    assert_eq!(world.control.participants(), 2);
    world.run_ms(8_000);
    assert_eq!(world.control.participants(), 1);
    world.hang_up(b);
    world.assert_nothing_is_left();
}

#[test]
fn everybody_hangs_up_at_once() {
    let mut world = World::new(490);
    let ids: Vec<_> = (0..40).map(|_| world.dial_and_key(ID)).collect();
    world.run_ms(8_000);
    assert_eq!(world.control.participants(), 40);
    for id in &ids {
        world.hang_up(*id);
    }
    world.run_ms(200);
    assert!(ids.iter().all(|id| world.phone(*id).is_over()));
    assert_eq!(world.reports.len(), 40);
    world.assert_nothing_is_left();
}

#[test]
fn everybody_comes_and_goes_over_a_network_that_loses_a_third_of_the_signalling() {
    let mut world = World::new(491);
    let jitter = Duration::from_millis(40);
    world.net.signalling = Way { loss: 0.3, jitter, twice: 0.1, ..world.net.signalling };
    let ids: Vec<_> = (0..15).map(|_| world.dial_and_key(ID)).collect();
    world.run_ms(20_000);
    for id in &ids {
        world.hang_up(*id);
    }
    world.run_ms(70_000);
    assert!(world.phones().all(|id| world.phone(id).is_over()));
    world.assert_nothing_is_left();
}

#[test]
fn the_other_side_is_told_by_rtcp_that_sound_ends() {
    let mut world = World::new(492);
    let id = world.in_meeting();
    let reports = world.rtcp(id);
    assert!(reports >= 1, "reports while the call lasts");
    world.stop();
    world.run_ms(500);
    assert!(world.rtcp(id) > reports, "and a BYE at its end");
}
