//! New offers in a call: hold, resume, another codec.

use ljudbro::codec::Codec;
use ljudbro::media::PromptId::*;
use ljudbro::sim::{Hold, KeyMethod, PhoneEvent};

use crate::world::World;

#[test]
fn a_held_caller_contributes_nothing_and_is_heard_again_when_it_resumes() {
    for (seed, hold) in [(300, Hold::SendOnly), (301, Hold::Inactive), (302, Hold::ZeroAddress)] {
        let mut world = World::new(seed);
        let (a, b, c) = (world.in_meeting(), world.in_meeting(), world.in_meeting());
        world.run_ms(1_000);
        assert!(world.hears(b, a));
        // With `sendonly` it goes on sending: music, in life.
        world.with_phone(a, |phone, now| phone.hold(now, Some(hold)));
        world.run_ms(2_000);
        assert!(world.events(a).contains(&PhoneEvent::Changed), "{hold:?}");
        assert!(!world.hears(b, a) && !world.hears(c, a), "{hold:?}");
        assert!(world.hears(b, c) && world.hears(c, b), "{hold:?}");
        world.with_phone(a, |phone, now| phone.hold(now, None));
        world.run_ms(2_000);
        assert!(world.hears(b, a) && world.hears(c, a) && world.hears(a, b), "{hold:?}");
        assert_eq!(world.control.participants(), 3);
    }
}

#[test]
fn a_held_call_is_not_taken_for_dead() {
    for (seed, hold) in [(310, Hold::SendOnly), (311, Hold::Inactive), (312, Hold::ZeroAddress)] {
        let mut world = World::new(seed);
        let (a, b) = (world.in_meeting(), world.in_meeting());
        world.with_phone(a, |phone, now| phone.hold(now, Some(hold)));
        world.run_ms(300_000);
        assert!(world.phone(a).is_talking(), "{hold:?}");
        world.with_phone(a, |phone, now| phone.hold(now, None));
        world.run_ms(2_000);
        assert!(world.hears(b, a) && world.hears(a, b), "{hold:?}");
        // From then on it is watched again.
        world.with_phone(a, |phone, _| phone.faults.sends_no_rtp = true);
        world.run_ms(18_000);
        assert!(world.phone(a).is_over(), "{hold:?}");
    }
}

#[test]
fn a_caller_held_in_the_menu_can_come_back_and_key() {
    let mut world = World::new(320);
    let id = world.dial(|_| ());
    world.run_ms(1_000);
    world.with_phone(id, |phone, now| phone.hold(now, Some(Hold::SendOnly)));
    world.run_ms(3_000);
    world.with_phone(id, |phone, now| phone.hold(now, None));
    world.run_ms(500);
    world.press(id, crate::world::ID);
    world.run_ms(5_000);
    assert!(world.words(id).contains(&Ansluter));
    assert_eq!(world.control.participants(), 1);
}

#[test]
fn a_caller_who_holds_us_can_key_in_every_way_as_long_as_it_sends() {
    for (seed, keys_by) in [(322, KeyMethod::Rfc4733), (323, KeyMethod::InBand), (324, KeyMethod::Info)] {
        let mut world = World::new(seed);
        let id = world.dial(|settings| settings.keys_by = keys_by);
        world.run_ms(1_000);
        world.with_phone(id, |phone, now| phone.hold(now, Some(Hold::SendOnly)));
        world.run_ms(1_000);
        world.press(id, crate::world::ID);
        world.run_ms(6_000);
        assert_eq!(world.control.participants(), 1, "{keys_by:?}");
    }
}

#[test]
fn a_held_caller_can_hang_up() {
    let mut world = World::new(321);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.with_phone(a, |phone, now| phone.hold(now, Some(Hold::Inactive)));
    world.run_ms(1_000);
    world.hang_up(a);
    world.hang_up(b);
    world.assert_nothing_is_left();
}

#[test]
fn the_codec_changes_in_the_middle_of_a_call_and_sound_goes_on_both_ways() {
    let mut world = World::new(330);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    for codecs in [[Codec::Pcmu], [Codec::Pcma]] {
        world.with_phone(a, |phone, now| phone.change_codecs(now, &codecs));
        world.run_ms(2_500);
        assert!(world.hears(a, b) && world.hears(b, a), "{codecs:?}");
        assert!((world.loudness(b, a) - crate::ears::VOICE_DBOV).abs() < 1.0, "{codecs:?} is read as what it is");
        assert!((world.loudness(a, b) - crate::ears::VOICE_DBOV).abs() < 1.0, "{codecs:?} is sent as what it is");
    }
}

#[test]
fn a_reinvite_without_an_offer_is_offered_to() {
    let mut world = World::new(331);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.with_phone(a, |phone, now| phone.ask_for_offer(now));
    world.run_ms(2_500);
    assert!(world.events(a).contains(&PhoneEvent::Changed));
    assert!(world.hears(a, b) && world.hears(b, a));
    world.hang_up(a);
    world.hang_up(b);
    world.assert_nothing_is_left();
}

#[test]
fn packets_of_another_length_are_sent_when_asked_for() {
    for (seed, ptime) in [(340, 10), (341, 30), (342, 60)] {
        let mut world = World::new(seed);
        let a = world.in_meeting();
        let b = world.dial(|settings| settings.ptime_ms = ptime);
        world.press(b, crate::world::ID);
        world.run_ms(10_000);
        let packets = world.phone(b).recording().packets();
        assert!(packets.iter().all(|packet| packet.len == usize::from(ptime) * 8), "{ptime} ms");
        assert!(world.hears(a, b) && world.hears(b, a), "{ptime} ms");
    }
}
