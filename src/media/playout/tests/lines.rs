//! Good lines and bad ones.

use super::*;

#[test]
fn a_clean_line_is_heard_bit_by_bit_with_no_delay_beyond_the_tick_at_any_phase_and_packet_length() {
    for phase in [0, 125, 7_000, 19_999] {
        for packet in [80, 160, 240, 320, 480] {
            let mut call = Call::new(0.0, 1);
            (call.phase, call.packet) = (phase, packet);
            call.run(400, clean);
            // Packets of 30 ms come at two phases, and of which the first one was nobody knows.
            let once = if packet % 160 == 80 && packet > 160 { 80 } else { 0 };
            assert!(call.counts().concealed <= once && call.late == 0, "phase {phase} packet {packet}: {:?}", call.counts());
            // Packets of other lengths than a tick come at two or three phases; the latest sets the delay.
            let most = if packet % 160 == 0 { 0.0 } else { 10.0 };
            let held = call.delay_ms() - (packet.saturating_sub(160)) as f64 / 8.0;
            assert!(held <= most, "phase {phase} packet {packet}: {held} ms");
            let start = call.heard.len() - 8000;
            let at = call.said.windows(8000).rposition(|said| said == &call.heard[start..]);
            assert!(at.is_some(), "phase {phase} packet {packet}: not what was said");
        }
    }
}

#[test]
fn a_lost_packet_is_filled_and_adds_no_delay() {
    for packets in 1..=5u64 {
        let mut call = Call::new(0.0, 1);
        call.run(200, |_, n| (n < 100 || n >= 100 + packets).then_some(0));
        // After 60 ms it is a pause.
        assert_eq!(call.counts().concealed, (packets * 160).min(480));
        assert_eq!(call.delay_ms(), 0.0);
        assert!(call.steepest(400) <= SLOPE, "{packets} lost: a step of {}", call.steepest(400));
        // In its place is the tone, for as long as it is not faded.
        assert!((tone_level(&call.heard[16_000..16_160], 1000.0) + 16.0).abs() < 1.0);
        assert_eq!(call.heard[24_000..], call.said[24_000..32_000]);
    }
}

#[test]
fn a_late_packet_is_played_and_the_delay_it_makes_is_gone_within_three_seconds() {
    let mut call = Call::new(0.0, 1);
    call.run(101, |_, n| Some(if n == 100 { 15_000 } else { 0 }));
    assert_eq!(call.counts().concealed, 160);
    call.run(2, clean);
    assert!(call.delay_ms() >= 20.0, "nothing of it is lost");
    assert_eq!(call.late, 0);
    call.run(150, clean);
    assert!(call.delay_ms() <= 2.0, "{}", call.delay_ms());
    assert!(call.counts().shed >= 144);
    assert!(call.steepest(400) <= SLOPE, "{}", call.steepest(400));
}

#[test]
fn jitter_is_waited_for_after_a_second_and_no_longer_than_needed() {
    // Seeds 11 to 13. Uniform jitter; at the worst phase and at the best.
    for (jitter, seed) in [(10_000, 11), (30_000, 12), (60_000, 13)] {
        for phase in [1_000, 19_000] {
            let mut call = Call::new(0.0, seed);
            call.speech = Box::new(voice());
            call.phase = phase;
            call.run(250, |call, _| Some(call.random(jitter)));
            let before = call.counts();
            let mut longest = 0.0f64;
            for _ in 0..1000 {
                call.run(1, |call, _| Some(call.random(jitter)));
                longest = longest.max(call.delay_ms());
            }
            let concealed = (call.counts().concealed - before.concealed) as f64 / 160_000.0;
            assert!(concealed < 0.05, "{jitter} µs at {phase}: {concealed} concealed");
            assert!(longest <= f64::from(jitter) / 1000.0 + 60.0, "{jitter} µs at {phase}: {longest} ms");
            call.run(400, clean);
            assert!(call.delay_ms() <= 2.0, "{jitter} at {phase}: {} ms after it ended", call.delay_ms());
        }
    }
}

#[test]
fn a_stall_of_any_length_leaves_at_most_a_tenth_of_a_second_and_that_for_seconds_only() {
    for stall_ms in [60u64, 150, 300, 800, 3000] {
        let mut call = Call::new(0.0, 1);
        call.speech = Box::new(voice());
        // All that is sent during the stall comes at its end.
        let network = move |_: &mut Call, n: u64| {
            let sent = n * 20;
            let end = 4_000 + stall_ms;
            Some(if (4_000..end).contains(&sent) { (end - sent) as u32 * 1000 } else { 0 })
        };
        call.run(200 + stall_ms / 20 + 2, network);
        assert!(call.delay_ms() <= 121.0, "{stall_ms} ms: {}", call.delay_ms());
        call.run(250, network);
        assert!(call.delay_ms() <= 2.0, "{stall_ms} ms: {} after five seconds", call.delay_ms());
    }
}

#[test]
fn a_clock_that_drifts_for_an_hour_makes_no_click_and_no_delay() {
    for ppm in [-500.0, 500.0] {
        let mut call = Call::new(ppm, 1);
        let mut most = 0.0f64;
        for second in 0..3600 {
            call.run(50, clean);
            // For a second after a slip the delay is on its way.
            if second % 4 == 3 {
                most = most.max(call.delay_ms());
            }
            assert!(call.steepest(400) <= SLOPE, "{ppm} ppm, second {second}: {}", call.steepest(400));
            let keep = call.heard.len() - 800;
            call.heard.drain(..keep);
            call.said.clear();
        }
        assert!(call.delay_ms() <= 5.0, "{ppm} ppm: {} ms", call.delay_ms());
        // 1.8 s in an hour.
        let moved = if ppm > 0.0 { call.counts().shed as i64 } else { call.counts().concealed as i64 };
        assert!((13_000..20_000).contains(&moved), "{ppm} ppm: {:?}", call.counts());
        assert!((tone_level(&call.heard, 1000.0) + 16.0).abs() < 0.3);
        let _ = most;
    }
}

#[test]
fn reordered_and_doubled_packets_are_heard_once_and_in_order() {
    // Seed 21: every fourth packet 25 ms late, every fifth twice.
    let mut call = Call::new(0.0, 21);
    call.run(100, |_, n| Some(if n % 4 == 0 { 25_000 } else { 0 }));
    let before = call.counts().concealed;
    call.run(200, |call, n| {
        if n % 5 == 0 {
            let again = call.waiting.last().cloned();
            call.waiting.extend(again);
        }
        Some(if n % 4 == 0 { 25_000 } else { 0 })
    });
    assert_eq!(call.counts().concealed, before, "it has learnt to wait");
    let start = call.heard.len() - 4000;
    assert!(call.said.windows(4000).any(|said| said == &call.heard[start..]));
}

#[test]
fn packets_may_change_their_length_and_law_in_mid_call() {
    let mut call = Call::new(0.0, 1);
    call.run(50, clean);
    for (packet, codec) in [(80, Codec::Pcmu), (240, Codec::Pcma), (480, Codec::Pcmu), (160, Codec::Pcma)] {
        (call.packet, call.codec) = (packet, codec);
        call.run(100, clean);
        assert!(call.steepest(400) <= SLOPE, "{packet}: {}", call.steepest(400));
        assert!((tone_level(&call.heard[call.heard.len() - 4000..], 1000.0) + 16.0).abs() < 0.3);
    }
    assert!(call.counts().concealed <= 5 * 480, "{:?}", call.counts());
}

#[test]
fn loss_of_any_kind_leaves_no_click() {
    // Seeds 31 to 34.
    for (percent, seed) in [(1, 31), (3, 32), (10, 33), (30, 34)] {
        let mut call = Call::new(0.0, seed);
        call.run(1000, |call, _| (call.random(100) >= percent).then_some(0));
        assert!(call.steepest(400) <= SLOPE + 600, "{percent} %: {}", call.steepest(400));
        assert!(call.delay_ms() <= 20.0);
    }
}
