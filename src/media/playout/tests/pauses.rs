//! Senders that send nothing for a while, and other strange ones.

use proptest::prelude::*;

use super::*;
use crate::audio::level::level_dbov;

/// Let time pass without a packet; `clock`: the sender's timestamps go on.
fn pause(call: &mut Call, ticks: u64, clock: bool) {
    for _ in 0..ticks {
        let now = call.ticks * 20_000 + call.phase;
        call.receive(now);
        call.tick();
        while call.next as u64 <= now {
            call.next += 20_000.0;
            call.timestamp = call.timestamp.wrapping_add(if clock { 160 } else { 0 });
        }
    }
}

#[test]
fn after_minutes_of_nothing_the_next_word_is_heard_whole_and_at_once() {
    for (ticks, clock) in [(2, true), (5, true), (50, true), (50, false), (15_000, true), (15_000, false)] {
        let mut call = Call::new(0.0, 1);
        call.run(100, clean);
        pause(&mut call, ticks, clock);
        let from = call.heard.len();
        let said = call.said.len();
        call.run(100, clean);
        assert!(call.delay_ms() <= 40.0 && (ticks < 4 || call.delay_ms() <= 2.0), "{ticks} {clock}: {}", call.delay_ms());
        // After a fade of 10 ms at most it is what was said.
        let shift = (0..=320).find(|shift| call.heard[from + shift + 160..][..2000] == call.said[said + 160..][..2000]);
        assert!(shift.is_some_and(|shift| shift <= 320), "{ticks} ticks, clock {clock}");
        assert!(call.steepest(from) <= SLOPE);
    }
}

#[test]
fn a_pause_is_silent_and_hardly_counted() {
    let mut call = Call::new(0.0, 1);
    call.run(100, clean);
    pause(&mut call, 100, true);
    assert!(call.heard[call.heard.len() - 8000..].iter().all(|sample| *sample == 0));
    assert!(call.counts().concealed <= 640, "{:?}", call.counts());
}

#[test]
fn a_pause_is_neither_delay_nor_sound_that_was_shed() {
    // As long as a key by RFC 4733, and much longer.
    for ticks in [4, 6, 8, 20, 100] {
        let mut call = Call::new(0.0, 1);
        call.run(100, clean);
        for _ in 0..5 {
            pause(&mut call, ticks, true);
            call.run(60, clean);
        }
        let Counts { shed, most_delay, .. } = call.counts();
        assert!(shed == 0 && most_delay <= 160, "{ticks} ticks: {shed} samples shed, {most_delay} held");
    }
}

#[test]
fn a_pause_with_comfort_noise_sounds_as_the_phone_says_and_counts_as_nothing_lost() {
    let mut call = Call::new(0.0, 1);
    call.run(100, clean);
    call.playout.background(call.buffer.place_of(call.timestamp), Background::parse(&[50, 140, 100]).unwrap());
    pause(&mut call, 100, true);
    let level = level_dbov(&call.heard[call.heard.len() - 8000..]);
    assert!((level + 50.0).abs() < 2.0, "{level}");
    assert_eq!((call.counts().concealed, call.counts().gaps), (0, 0));
    call.run(50, clean);
    assert_eq!(call.heard[call.heard.len() - 1600..], call.said[call.said.len() - 1600..]);
    assert_eq!(call.delay_ms(), 0.0);
    // Noise that was announced before more speech came is history.
    pause(&mut call, 50, true);
    assert!(call.heard[call.heard.len() - 1600..].iter().all(|sample| *sample == 0));
}

#[test]
fn a_talk_spurt_after_a_pause_begins_with_the_delay_the_network_needs() {
    // Seed 41: 30 ms of jitter, spurts of a second.
    let mut call = Call::new(0.0, 41);
    call.run(200, |call, _| Some(call.random(30_000)));
    let mut concealed = 0;
    for _ in 0..20 {
        pause(&mut call, 30, true);
        call.run(4, |call, _| Some(call.random(30_000)));
        let before = call.counts().concealed;
        call.run(46, |call, _| Some(call.random(30_000)));
        concealed += call.counts().concealed - before;
    }
    assert!(concealed < 20 * 46 * 160 / 20, "{concealed} of {}", 20 * 46 * 160);
}

#[test]
fn a_reset_fades_what_was_heard_and_forgets_the_rest() {
    let mut call = Call::new(0.0, 1);
    call.run(100, clean);
    call.buffer.reset();
    call.playout.reset();
    let from = call.heard.len();
    for _ in 0..5 {
        call.tick();
    }
    assert!(call.steepest(from - 1) <= SLOPE);
    assert!(call.heard[from + 480..].iter().all(|sample| *sample == 0));
    call.run(20, clean);
    assert_eq!(call.heard[call.heard.len() - 1600..], call.said[call.said.len() - 1600..]);
}

proptest! {
    #[test]
    fn whatever_comes_a_tick_is_rendered_and_nothing_stays_for_ever(
        packets in proptest::collection::vec((any::<u32>(), 1usize..1700, any::<bool>(), 0u8..6, any::<bool>()), 0..150),
    ) {
        let mut call = Call::new(0.0, 1);
        let mut near = 0u32;
        for (timestamp, length, in_order, ticks, far) in packets {
            near = near.wrapping_add(timestamp % 400);
            let payload = vec![timestamp as u8; length];
            let timestamp = if far { timestamp } else { near };
            call.buffer.lay(&Arrival { timestamp, in_order, codec: Codec::Pcmu, units: length as i64 * 6, payload: &payload, again: false });
            for _ in 0..ticks {
                call.tick();
            }
        }
        // What is held is played or left out, however far ahead it lies.
        for _ in 0..2000 {
            call.tick();
        }
        prop_assert_eq!(call.buffer.held(), 0);
    }
}
