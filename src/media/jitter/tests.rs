use std::time::Duration;

use super::*;

#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
fn start() -> Instant {
    Instant::now()
}

fn us(base: Instant, us: u64) -> Instant {
    base + Duration::from_micros(us)
}

/// A buffer and the way a test looks into it.
struct Line {
    base: Instant,
    buffer: JitterBuffer,
}

impl Line {
    fn new() -> Self {
        let base = start();
        Self { base, buffer: JitterBuffer::new(base) }
    }

    /// A packet of `length` samples that all are the octet `fill`, `at` µs after the base.
    fn lay(&mut self, at: u64, timestamp: u32, fill: u8, length: usize) -> Laid {
        self.buffer.lay(us(self.base, at), timestamp, true, Codec::Pcmu, &vec![fill; length])
    }

    /// The next tick, at `at` µs.
    fn tick(&mut self, at: u64) -> [i16; 160] {
        self.buffer.tick(us(self.base, at));
        let mut out = [0; 160];
        self.buffer.peek(&mut out);
        self.buffer.advance(160);
        out
    }
}

fn value(octet: u8) -> i16 {
    let mut out = [0];
    Codec::Pcmu.decode(&[octet], &mut out);
    out[0]
}

#[test]
fn the_first_sample_is_played_at_the_target_to_the_sample_on_every_phase() {
    for wait in [0u64, 125, 1_000, 7_375, 19_875] {
        let mut line = Line::new();
        line.lay(0, u32::MAX - 70, 1, 160);
        let samples: Vec<i16> = (0..4).flat_map(|tick| line.tick(wait + tick * 20_000)).collect();
        let first = samples.iter().position(|s| *s == value(1)).unwrap();
        assert_eq!(wait / 125 + first as u64, TARGET as u64, "first tick {wait} µs after the packet");
        assert!(samples[first..first + 160].iter().all(|s| *s == value(1)));
    }
}

#[test]
fn packets_come_out_in_order_whatever_order_length_or_number_they_came_in() {
    // 10, 20, 30 and 60 ms, across the wrap, some twice, none in order.
    let lengths = [80usize, 480, 160, 240, 80, 160];
    let first = 0u32.wrapping_sub(600);
    let mut starts = Vec::new();
    let mut at = first;
    for length in lengths {
        starts.push(at);
        at = at.wrapping_add(length as u32);
    }
    let mut line = Line::new();
    let mut newest = None;
    for i in [0, 2, 1, 1, 4, 3, 0, 5, 3] {
        let in_order = Some(i) > newest;
        newest = newest.max(Some(i));
        let payload = vec![i as u8 + 1; lengths[i]];
        assert_eq!(line.buffer.lay(us(line.base, 0), starts[i], in_order, Codec::Pcmu, &payload), Laid::InTime);
    }
    assert_eq!(line.buffer.held(), 1200 + TARGET as u32);
    let played: Vec<i16> = (0..10).flat_map(|tick| line.tick(tick * 20_000)).filter(|s| *s != MISSING).collect();
    let sent: Vec<i16> = lengths.iter().enumerate().flat_map(|(i, length)| vec![value(i as u8 + 1); *length]).collect();
    assert_eq!(played, sent);
    assert_eq!(line.buffer.held(), 0);
}

#[test]
fn what_came_too_late_is_told_and_its_end_is_still_played() {
    let mut line = Line::new();
    line.lay(0, 0, 1, 160);
    for tick in 0..3 {
        line.tick(tick * 20_000);
    }
    // Played up to 160 now: the next 80 of this packet are past.
    line.tick(60_000);
    assert_eq!(line.lay(61_000, 240, 2, 160), Laid::Late);
    let next = line.tick(80_000);
    assert!(next[..80].iter().all(|s| *s == value(2)) && next[80..].iter().all(|s| *s == MISSING));
    assert_eq!(line.lay(81_000, 160, 3, 160), Laid::Late);
    assert!(line.tick(100_000).iter().all(|s| *s == MISSING), "all of it was past");
}

#[test]
fn one_late_packet_changes_nothing_but_a_longer_way_does_after_a_tenth_of_a_second() {
    let mut line = Line::new();
    let mut late = 0;
    for tick in 0..100u64 {
        line.tick(tick * 20_000 + 5_000);
        // The 11th packet is 90 ms late, alone; from the 21st on all are.
        let number = match tick {
            10 | 20..24 => continue,
            24.. => tick - 4,
            _ => tick,
        };
        if tick == 14 {
            assert_eq!(line.lay(tick * 20_000 + 9_000, 1600, 1, 160), Laid::Late);
        }
        late += u64::from(line.lay(tick * 20_000 + 10_000, number as u32 * 160, 1, 160) == Laid::Late);
        if tick < 20 {
            assert_eq!(late, 0);
        }
    }
    assert!((5..=6).contains(&late), "{late}: after 100 ms the clock was set anew");
    assert_eq!(line.buffer.surplus(), Some(0));
}

#[test]
fn a_burst_after_a_stall_does_not_add_delay() {
    let mut line = Line::new();
    for n in 0..50u64 {
        line.lay(n * 20_000, n as u32 * 160, 1, 160);
        line.tick(n * 20_000 + 1_000);
    }
    // Nothing for a second, then all at once.
    for n in 50..100u64 {
        line.tick(n * 20_000 + 1_000);
    }
    for n in 50..100u64 {
        line.lay(100 * 20_000 - 10_000, n as u32 * 160, 1, 160);
    }
    for n in 100..150u64 {
        line.lay(n * 20_000, n as u32 * 160, 1, 160);
        line.tick(n * 20_000 + 1_000);
    }
    assert_eq!(line.buffer.surplus(), Some(0));
}

#[test]
fn a_jump_of_the_timestamps_is_followed_at_once_in_both_directions() {
    for jump in [0x1000_0000u32, 0u32.wrapping_sub(50_000), 0x9000_0000, 6_000] {
        let mut line = Line::new();
        let mut heard = 0;
        for n in 0..20u64 {
            let timestamp = n as u32 * 160 + if n >= 10 { jump } else { 0 };
            assert_eq!(line.lay(n * 20_000, timestamp, if n >= 10 { 2 } else { 1 }, 160), Laid::InTime);
            heard += line.tick(n * 20_000 + 1_000).iter().filter(|s| **s == value(2)).count();
        }
        // The first came at 200 ms, the last tick ends at 401.
        assert_eq!(heard, 201 * 8 - TARGET as usize, "jump {jump:#x}");
    }
}

#[test]
fn the_surplus_is_that_of_the_packets_that_were_not_held_up() {
    // Seed 7: jitter of 0 to 15 ms on top of a way that grows shorter by 8 ms in the middle.
    let mut line = Line::new();
    let mut state = 7u32;
    for n in 0..200u64 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let jitter = u64::from(state >> 16) % 15_000;
        let way = if n < 100 { 8_000 } else { 0 };
        line.tick(n * 20_000);
        line.lay(n * 20_000 + way + if n == 0 { 0 } else { jitter }, n as u32 * 160, 1, 160);
        if n == 99 {
            assert!((-12..=0).contains(&line.buffer.surplus().unwrap()), "{:?}", line.buffer.surplus());
        }
    }
    assert!((52..=64).contains(&line.buffer.surplus().unwrap()), "{:?}", line.buffer.surplus());
    for n in 200..260u64 {
        line.tick(n * 20_000);
    }
    assert_eq!(line.buffer.surplus(), None, "nothing came for long");
}

#[test]
fn what_no_sender_may_send_is_not_taken() {
    let mut line = Line::new();
    assert_eq!(line.lay(0, 0, 1, 0), Laid::Unfit);
    assert_eq!(line.lay(0, 0, 1, 1601), Laid::Unfit);
    assert_eq!(line.buffer.held(), 0);
    assert_eq!(line.lay(0, 0, 1, 1600), Laid::InTime);
    assert_eq!(line.buffer.held(), 1600 + TARGET as u32);
}

#[test]
fn after_a_reset_nothing_of_the_past_is_played() {
    let mut line = Line::new();
    line.lay(0, 0, 1, 480);
    line.tick(1_000);
    line.buffer.reset();
    assert!((1..6).all(|n| line.tick(1_000 + n * 20_000).iter().all(|s| *s == MISSING)));
    line.lay(110_000, 999, 2, 160);
    let played: usize = (6..10).map(|n| line.tick(1_000 + n * 20_000).iter().filter(|s| **s == value(2)).count()).sum();
    assert_eq!(played, 160);
}

proptest::proptest! {
    #[test]
    fn no_timestamp_length_or_arrival_makes_it_panic(
        packets in proptest::collection::vec((0u64..3_000_000, proptest::prelude::any::<u32>(), 0usize..2000, proptest::prelude::any::<bool>()), 0..60),
    ) {
        let mut line = Line::new();
        for (at, timestamp, length, in_order) in packets {
            line.buffer.lay(us(line.base, at), timestamp, in_order, Codec::Pcma, &vec![0; length]);
            line.tick(at / 2);
        }
    }
}
