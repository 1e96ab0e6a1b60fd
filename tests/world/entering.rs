//! From the answer to the meeting: welcome, nine digits, every timeout and retry.

use std::time::Duration;

use ljudbro::codec::Codec;
use ljudbro::media::PromptId::{self, *};
use ljudbro::sim::{Ended, KeyMethod, OfferIn};

use crate::desk::Id;
use crate::world::{ID, World};

const WRONG: &str = "555555555";

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// Whether all of these were heard in this order, whatever was between them.
fn in_order(words: &[PromptId], wanted: &[PromptId]) -> bool {
    let mut rest = words.iter();
    wanted.iter().all(|wanted| rest.any(|word| word == wanted))
}

fn assert_in_order(world: &World, id: Id, wanted: &[PromptId]) {
    let words = world.heard(id);
    assert!(in_order(&world.words(id), wanted), "heard {words:?}, wanted {wanted:?} in it");
}

#[test]
fn the_bridge_speaks_300_ms_after_the_callers_first_sound_and_clips_nothing() {
    let mut world = World::new(1);
    let id = world.dial(|_| ());
    world.run_ms(4_000);
    let heard = world.heard(id);
    assert_eq!(world.words(id)[..2], [Valkommen, IdAnge]);
    let silence = ms(heard[0].from - world.answered(id));
    assert!((300..=360).contains(&silence), "spoke after {silence} ms");
    let spoken = ms(heard[0].to - heard[0].from);
    assert!((570..=630).contains(&spoken), "600 ms of welcome were {spoken}");
    assert!(ms(heard[1].from - heard[0].to) <= 60, "no gap inside an utterance");
}

#[test]
fn a_caller_who_sends_no_sound_is_spoken_to_after_a_second() {
    let mut world = World::new(2);
    let id = world.dial(|_| ());
    world.with_phone(id, |phone, _| phone.faults.sends_no_rtp = true);
    world.run_ms(3_000);
    let silence = ms(world.heard(id)[0].from - world.answered(id));
    assert!((980..=1_060).contains(&silence), "spoke after {silence} ms");
}

#[test]
fn sound_comes_from_the_answer_on_and_never_stops() {
    let mut world = World::new(3);
    let id = world.dial_and_key(ID);
    world.run_ms(20_000);
    let packets = world.phone(id).recording().packets();
    let first = ms(packets[0].at - world.answered(id));
    assert!(first <= 30, "first packet after {first} ms");
    let longest = packets.windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap();
    assert!(longest <= Duration::from_millis(45), "a gap of {longest:?}");
    assert!((990..=1_002).contains(&packets.len()), "{} packets in 20 s", packets.len());
}

#[test]
fn nine_digits_lead_into_the_meeting_whenever_they_are_keyed() {
    // Under the silence before the welcome, under each prompt, between prompts, and after them.
    for wait in (0..6_000).step_by(250) {
        let mut world = World::new(wait);
        let id = world.dial(|_| ());
        world.until(Duration::from_secs(1), "an answer", |world| world.phone(id).is_talking());
        world.run_ms(wait);
        world.press(id, ID);
        world.run_ms(2_500);
        assert_eq!(world.control.participants(), 1, "keyed {wait} ms after the answer");
        world.run_ms(3_000);
        assert_in_order(&world, id, &[Ansluter, Forst]);
        assert!(!world.words(id).contains(&IdFel), "{:?}", world.heard(id));
    }
}

#[test]
fn the_first_key_stops_the_prompt_at_once() {
    let mut world = World::new(4);
    let id = world.dial(|_| ());
    world.run_ms(700);
    world.press(id, "3");
    let pressed = world.now;
    world.run_ms(3_000);
    let welcome = world.heard(id)[0];
    assert_eq!(welcome.id, Valkommen);
    assert!(ms(welcome.to - pressed) <= 100, "it went on for {} ms", ms(welcome.to - pressed));
    assert_eq!(world.words(id), [Valkommen], "and nothing is said while digits come");
}

#[test]
fn digits_keyed_under_an_error_prompt_count() {
    let mut world = World::new(5);
    let id = world.dial_and_key(WRONG);
    world.until_said(id, IdFel);
    world.press(id, ID);
    world.run_ms(5_000);
    assert_in_order(&world, id, &[IdFel, Ansluter, Forst]);
    assert_eq!(world.control.participants(), 1);
}

#[test]
fn eighteen_digits_in_one_go_are_a_wrong_id_and_a_right_one() {
    let mut world = World::new(6);
    world.dial_and_key(&format!("{WRONG}{ID}"));
    world.run_ms(6_000);
    assert_eq!(world.control.participants(), 1);
}

#[test]
fn a_hash_after_the_ninth_digit_is_harmless() {
    let mut world = World::new(7);
    let id = world.dial_and_key(&format!("{ID}#"));
    world.run_ms(6_000);
    assert_eq!(world.words(id), [Ansluter, Forst]);
}

#[test]
fn a_hash_too_early_says_that_nine_digits_are_needed_and_costs_an_attempt() {
    let mut world = World::new(8);
    let id = world.dial_and_key("31415#");
    world.run_ms(3_000);
    assert_in_order(&world, id, &[IdKort]);
    world.press(id, ID);
    world.run_ms(5_000);
    assert_eq!(world.control.participants(), 1);
}

#[test]
fn a_star_clears_what_was_typed() {
    let mut world = World::new(9);
    let id = world.dial_and_key(&format!("31*{ID}"));
    world.run_ms(6_000);
    assert_eq!(world.words(id), [Ansluter, Forst]);
}

#[test]
fn three_wrong_ids_end_the_call_with_a_goodbye() {
    let mut world = World::new(10);
    let id = world.dial(|_| ());
    for _ in 0..3 {
        world.press(id, WRONG);
        world.run_ms(5_000);
    }
    assert_in_order(&world, id, &[IdFel, IdSista, IdAdjo]);
    assert_eq!(world.ended(id), Some(Ended::ByBridge));
    let goodbye = *world.heard(id).last().unwrap();
    assert!(ms(goodbye.to - goodbye.from) >= 560, "the goodbye was said to its end");
    world.assert_nothing_is_left();
}

#[test]
fn three_times_nothing_keyed_ends_the_call_with_a_goodbye() {
    let mut world = World::new(11);
    let id = world.dial(|_| ());
    world.until(Duration::from_secs(60), "the bridge hangs up", |world| world.ended(id).is_some());
    assert_in_order(&world, id, &[Valkommen, IdAnge, IdTomt, IdTomt, TystAdjo]);
    let heard = world.heard(id);
    let asked = heard.iter().find(|spoken| spoken.id == IdAnge).unwrap();
    let told = heard.iter().find(|spoken| spoken.id == IdTomt).unwrap();
    let waited = ms(told.from - asked.to);
    assert!((9_900..=10_150).contains(&waited), "10 s for the first digit were {waited} ms");
    assert_eq!(world.ended(id), Some(Ended::ByBridge));
    world.assert_nothing_is_left();
}

#[test]
fn five_seconds_between_two_digits_are_the_end_of_the_attempt() {
    let mut world = World::new(12);
    let id = world.dial_and_key("314");
    world.run_ms(4_500);
    world.press(id, "1");
    world.run_ms(4_500);
    assert_eq!(world.words(id), []);
    world.run_ms(2_000);
    assert_eq!(world.words(id).first(), Some(&IdKort));
    world.press(id, ID);
    world.run_ms(5_000);
    assert_eq!(world.control.participants(), 1);
}

#[test]
fn keys_come_in_by_every_way_in_every_codec_and_with_the_offer_on_either_side() {
    for (seed, keys_by, offer_in, codec) in [
        (20, KeyMethod::Rfc4733, OfferIn::Invite, Codec::Pcmu),
        (21, KeyMethod::Rfc4733, OfferIn::Response, Codec::Pcma),
        (22, KeyMethod::Info, OfferIn::Invite, Codec::Pcma),
        (23, KeyMethod::Info, OfferIn::Response, Codec::Pcmu),
        (24, KeyMethod::InBand, OfferIn::Invite, Codec::Pcma),
        (25, KeyMethod::InBand, OfferIn::Response, Codec::Pcmu),
        (26, KeyMethod::InBand, OfferIn::Invite, Codec::G722),
        (27, KeyMethod::InBand, OfferIn::Invite, Codec::Opus),
    ] {
        let mut world = World::new(seed);
        let id = world.dial(|settings| {
            settings.keys_by = keys_by;
            settings.offer_in = offer_in;
            settings.codecs = vec![codec];
        });
        world.press(id, ID);
        world.run_ms(9_000);
        assert_eq!(world.control.participants(), 1, "{keys_by:?} {offer_in:?} {codec:?}: heard {:?}", world.heard(id));
        assert_in_order(&world, id, &[Ansluter, Forst]);
        world.hang_up(id);
        world.assert_nothing_is_left();
    }
}

#[test]
fn fast_and_slow_fingers_are_read_alike() {
    // Q.24: 40 ms of tone and 40 of pause is the fastest; some hold a key for seconds.
    for (seed, press, pause) in [(30, 40, 40), (31, 100, 60), (32, 500, 1_000), (33, 3_000, 200)] {
        let mut world = World::new(seed);
        world.dial(|settings| (settings.press_ms, settings.pause_ms) = (press, pause));
        world.press(Id(0), ID);
        world.run_ms(u64::from(press + pause + 60) * 9 + 2_000);
        assert_eq!(world.control.participants(), 1, "{press} ms pressed, {pause} ms between");
    }
}

/// What a caller hears who keys an ID as soon as the line is answered, with times in ms after the answer.
fn experience(world: &mut World, caller: &str, keys: &str) -> Vec<(PromptId, u64)> {
    let id = world.dial(|settings| {
        settings.caller = caller.to_owned();
        settings.phase = Duration::from_millis(3);
    });
    world.press(id, keys);
    world.run_ms(6_000);
    let answered = world.answered(id);
    let heard = world.heard(id).iter().map(|spoken| (spoken.id, ms(spoken.from - answered))).collect();
    world.hang_up(id);
    world.run_ms(1_000);
    heard
}

#[test]
fn a_caller_limited_for_guessing_hears_the_same_words_at_the_same_pace_even_for_a_right_id() {
    let mut world = World::new(40);
    let honest = experience(&mut world, "0703333333", WRONG);
    assert_eq!(honest[0].0, IdFel);
    // A program that guesses, call after call.
    for call in 0..30 {
        let guesses: String = (0..3).map(|n| format!("{:09}", 100_000_000 + 10 * call + n)).collect();
        experience(&mut world, "0704444444", &guesses);
    }
    let limited = experience(&mut world, "0704444444", ID);
    assert_eq!(world.control.participants(), 0);
    assert_eq!(honest.len(), limited.len(), "{honest:?} {limited:?}");
    for (one, other) in honest.iter().zip(&limited) {
        assert_eq!(one.0, other.0);
        assert!(one.1.abs_diff(other.1) <= 25, "{honest:?} {limited:?}");
    }
    // Others are not shut out by one who guesses.
    let other = experience(&mut world, "0705555555", ID);
    assert_eq!(other[0].0, Ansluter);
}
