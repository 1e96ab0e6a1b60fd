//! Who hears whom.

use ljudbro::media::PromptId::*;

use crate::desk::Id;
use crate::world::{ID, OTHER_ID, World};

/// Everybody hears everybody else and nobody themselves.
fn assert_mixed(world: &World, ids: &[Id]) {
    for listener in ids {
        for speaker in ids {
            let level = world.loudness(*listener, *speaker);
            assert_eq!(world.hears(*listener, *speaker), listener != speaker, "{listener:?} hears {speaker:?} at {level} dBov");
        }
    }
}

#[test]
fn two_callers_hear_each_other_and_not_themselves() {
    let mut world = World::new(100);
    let ids = [world.in_meeting(), world.in_meeting()];
    world.run_ms(2_000);
    assert_mixed(&world, &ids);
}

#[test]
fn what_two_callers_hear_of_each_other_is_as_loud_as_it_was_said() {
    let mut world = World::new(101);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.run_ms(2_000);
    for (listener, speaker) in [(a, b), (b, a)] {
        let level = world.loudness(listener, speaker);
        assert!((level - crate::ears::VOICE_DBOV).abs() < 1.0, "{level} dBov");
    }
}

#[test]
fn twenty_callers_hear_all_others_and_nobody_themselves() {
    let mut world = World::new(102);
    let ids: Vec<Id> = (0..20)
        .map(|_| {
            let id = world.dial_and_key(ID);
            world.run_ms(100);
            id
        })
        .collect();
    world.run_ms(12_000);
    assert_eq!(world.control.participants(), 20);
    assert_mixed(&world, &ids);
    for id in &ids[..7] {
        world.hang_up(*id);
    }
    world.run_ms(4_000);
    assert_mixed(&world, &ids[7..]);
    for id in ids.iter().skip(7) {
        assert!(ids[..7].iter().all(|gone| !world.hears(*id, *gone)));
    }
}

#[test]
fn two_meetings_hear_nothing_of_each_other() {
    let mut world = World::new(103);
    let ids: Vec<Id> = [ID, OTHER_ID, ID, OTHER_ID].iter().map(|id| world.dial_and_key(id)).collect();
    world.run_ms(10_000);
    assert_mixed(&world, &[ids[0], ids[2]]);
    assert_mixed(&world, &[ids[1], ids[3]]);
    for (one, other) in [(0, 1), (0, 3), (2, 1), (2, 3), (1, 0), (1, 2), (3, 0), (3, 2)] {
        assert!(!world.hears(ids[one], ids[other]), "caller {one} hears caller {other}");
    }
}

#[test]
fn the_menu_is_heard_by_nobody_and_hears_nobody() {
    let mut world = World::new(104);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    let outside = world.dial(|_| ());
    world.run_ms(3_000);
    assert!(!world.hears(a, outside) && !world.hears(outside, a) && !world.hears(outside, b));
    let since = world.answered(outside);
    assert!(world.heard(a).iter().all(|spoken| spoken.from < since), "what the menu says is for its caller alone");
}

#[test]
fn callers_are_told_how_many_they_are_and_who_is_left_that_they_are_alone() {
    let mut world = World::new(105);
    let first = world.in_meeting();
    assert_eq!(world.words(first)[..2], [Ansluter, Forst]);
    let second = world.in_meeting();
    let words = world.words(second);
    assert!(words.starts_with(&[Ansluter, Antal1, Tal2, Antal2]), "{words:?}");
    let third = world.in_meeting();
    let words = world.words(third);
    assert!(words.starts_with(&[Ansluter, Antal1, Tal3, Antal2]), "{words:?}");
    world.hang_up(third);
    world.run_ms(3_000);
    assert!(!world.words(first).contains(&Ensam));
    world.hang_up(second);
    world.run_ms(3_000);
    assert_eq!(world.words(first).iter().filter(|word| **word == Ensam).count(), 1);
}

#[test]
fn coming_and_going_is_heard_as_a_tone_by_those_who_are_in() {
    let mut world = World::new(106);
    let first = world.in_meeting();
    world.in_meeting();
    let third = world.in_meeting();
    world.run_ms(2_000);
    assert!(world.words(first).contains(&TonIn), "{:?}", world.words(first));
    assert!(!world.words(first).contains(&TonUt));
    // With a third one left: "you are alone" would be louder than the tone.
    world.hang_up(third);
    world.run_ms(2_000);
    assert!(world.words(first).contains(&TonUt), "{:?}", world.words(first));
}

#[test]
fn an_empty_meeting_begins_anew() {
    let mut world = World::new(107);
    for _ in 0..3 {
        let (a, b) = (world.in_meeting(), world.in_meeting());
        world.run_ms(1_500);
        assert_mixed(&world, &[a, b]);
        world.hang_up(a);
        world.hang_up(b);
        world.assert_nothing_is_left();
    }
}

#[test]
fn keys_sounded_in_the_meeting_work_and_are_not_heard_by_others() {
    use ljudbro::audio::tone::{key_frequencies, tone_level};
    use ljudbro::names::Key;
    use ljudbro::sim::{KeyMethod, Source};
    // In the sound alone, and as an event with the phone's own tone beside it.
    let mut world = World::new(640);
    let listener = world.in_meeting();
    let caller = world.dial(|settings| settings.keys_by = KeyMethod::InBand);
    world.press(caller, ID);
    world.run_ms(12_000);
    assert_eq!(world.control.participants(), 2);
    world.with_phone(caller, |phone, _| phone.play(Source::Silence));
    world.with_phone(listener, |phone, _| phone.play(Source::Silence));
    world.run_ms(1_000);
    let from = world.now;
    world.press(caller, "*6");
    world.run_ms(1_500);
    let heard = world.phone(listener).recording().between(from, world.now).to_vec();
    for key in [Key::Star, Key::Digit(6)] {
        let (low, high) = key_frequencies(key);
        for hz in [low, high] {
            // A press of 100 ms would be at −26 dBov in 200 ms.
            let loudest = heard.chunks(800).map(|chunk| tone_level(chunk, hz)).fold(f32::MIN, f32::max);
            assert!(loudest < -38.0, "{hz} Hz at {loudest} dBov");
        }
    }
    assert!(world.words(caller).contains(&ljudbro::media::PromptId::MikAv), "{:?}", world.words(caller));
}
