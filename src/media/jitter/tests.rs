use super::*;

/// 20 ms, in units and in samples of 8 kHz.
const TICK: i64 = UNITS_A_TICK;

/// A packet of `samples` at 8 kHz whose octets are all `fill`.
fn lay(buffer: &mut JitterBuffer, timestamp: u32, in_order: bool, fill: u8, samples: usize) -> Laid {
    let payload = vec![fill; samples];
    buffer.lay(&Arrival { timestamp, in_order, codec: Codec::Pcma, units: samples as i64 * 6, payload: &payload, again: false })
}

/// Play a tick: the fills of the samples in it, 0 where there is none.
fn tick(buffer: &mut JitterBuffer) -> Vec<u8> {
    buffer.tick();
    let mut out = vec![0; 160];
    let play = buffer.play();
    while let Some(next) = buffer.peek().filter(|next| next.position < play + TICK) {
        for (n, octet) in next.payload.iter().enumerate() {
            if let Some(sample) = usize::try_from((next.position - play) / 6 + n as i64).ok().and_then(|at| out.get_mut(at)) {
                *sample = *octet;
            }
        }
        if next.position + next.length > play + TICK {
            break;
        }
        buffer.pop();
    }
    buffer.advance(TICK);
    out
}

#[test]
fn the_first_packet_is_played_at_the_first_tick_whatever_its_timestamp() {
    for timestamp in [0, 1, 12_345, u32::MAX, u32::MAX - 70, 1 << 31] {
        let mut buffer = JitterBuffer::new();
        for _ in 0..7 {
            buffer.tick();
        }
        assert_eq!(lay(&mut buffer, timestamp, true, 1, 160), Laid::InTime);
        assert_eq!(tick(&mut buffer), [1; 160]);
        assert_eq!((buffer.surplus(), buffer.held()), (Some(-TICK), 0), "a tick was played since");
    }
}

#[test]
fn packets_come_out_in_order_whatever_order_length_or_number_they_came_in() {
    // 10, 20, 30 and 60 ms, across the wrap, some twice, none in order.
    let lengths = [80usize, 480, 160, 240, 80, 160];
    let mut starts = Vec::new();
    let mut at = 0u32.wrapping_sub(600);
    for length in lengths {
        starts.push(at);
        at = at.wrapping_add(length as u32);
    }
    let mut buffer = JitterBuffer::new();
    let mut newest = None;
    for i in [0, 2, 1, 1, 4, 3, 0, 5, 3] {
        let in_order = Some(i) > newest;
        newest = newest.max(Some(i));
        lay(&mut buffer, starts[i], in_order, i as u8 + 1, lengths[i]);
    }
    assert_eq!(buffer.held(), 1200 * 6);
    let mut played: Vec<u8> = Vec::new();
    buffer.tick();
    while let Some(next) = buffer.peek() {
        played.extend(next.payload);
        buffer.pop();
    }
    let sent: Vec<u8> = lengths.iter().enumerate().flat_map(|(i, length)| vec![i as u8 + 1; *length]).collect();
    assert_eq!(played, sent);
}

#[test]
fn a_packet_before_the_first_one_is_played_first_if_nothing_was_played_yet() {
    let mut buffer = JitterBuffer::new();
    lay(&mut buffer, 160, true, 2, 160);
    assert_eq!(lay(&mut buffer, 0, false, 1, 160), Laid::InTime);
    assert_eq!(tick(&mut buffer), [1; 160]);
    assert_eq!(tick(&mut buffer), [2; 160]);
    assert_eq!(lay(&mut buffer, 160, false, 2, 160), Laid::Late);
}

#[test]
fn what_came_too_late_is_told_and_its_end_is_still_played() {
    let mut buffer = JitterBuffer::new();
    lay(&mut buffer, 0, true, 1, 160);
    for _ in 0..3 {
        tick(&mut buffer);
    }
    assert_eq!(lay(&mut buffer, 160, false, 2, 160), Laid::Late);
    assert_eq!(lay(&mut buffer, 400, true, 3, 160), Laid::InTime);
    let next = tick(&mut buffer);
    assert!(next[..80].iter().all(|fill| *fill == 3) && next[80..].iter().all(|fill| *fill == 0));
}

#[test]
fn a_jump_of_the_timestamps_is_followed_at_once_in_both_directions() {
    for jump in [0x1000_0000u32, 0u32.wrapping_sub(50_000), 0x9000_0000, 8_000, 0u32.wrapping_sub(8_000)] {
        let mut buffer = JitterBuffer::new();
        for n in 0..40u32 {
            let timestamp = n * 160 + if n >= 20 { jump } else { 0 };
            assert_eq!(lay(&mut buffer, timestamp, true, n as u8 + 1, 160), Laid::InTime, "{jump:#x} {n}");
            assert_eq!(tick(&mut buffer), [n as u8 + 1; 160], "{jump:#x} {n}");
        }
    }
}

#[test]
fn another_stream_goes_on_where_the_former_one_ended() {
    let mut buffer = JitterBuffer::new();
    for n in 0..10u32 {
        lay(&mut buffer, n * 160, true, 1, 160);
        tick(&mut buffer);
    }
    lay(&mut buffer, 1600, true, 1, 160);
    lay(&mut buffer, 1760, true, 1, 160);
    buffer.splice();
    lay(&mut buffer, 0xdead_beef, true, 2, 160);
    assert_eq!(tick(&mut buffer), [1; 160]);
    assert_eq!(tick(&mut buffer), [1; 160]);
    assert_eq!(tick(&mut buffer), [2; 160]);
}

#[test]
fn the_surplus_says_how_much_longer_than_needed_sound_waits() {
    let mut buffer = JitterBuffer::new();
    // The first packet is 30 ms later than those that follow.
    lay(&mut buffer, 0, true, 1, 160);
    tick(&mut buffer);
    for n in 1..100u32 {
        lay(&mut buffer, n * 160 + 240, true, 1, 160);
        buffer.tick();
        buffer.advance(TICK);
        // What it is at a tick, before the tick plays.
        if n > 60 {
            assert_eq!(buffer.surplus().unwrap() + TICK, 240 * 6);
        }
    }
    assert_eq!(buffer.wait_for(buffer.play() + 3 * TICK), 3 * TICK + TICK - 240 * 6);
}

#[test]
fn after_a_minute_without_a_packet_the_next_one_is_in_time_and_waits_for_nothing() {
    for stands_still in [false, true] {
        let mut buffer = JitterBuffer::new();
        for n in 0..50u32 {
            lay(&mut buffer, n * 160, true, 1, 160);
            tick(&mut buffer);
        }
        for _ in 0..3000 {
            buffer.tick();
        }
        let timestamp = if stands_still { 50 * 160 } else { 3050 * 160 };
        assert_eq!(lay(&mut buffer, timestamp, true, 2, 160), Laid::InTime);
        buffer.tick();
        let position = buffer.peek().unwrap().position;
        assert_eq!(buffer.wait_for(position), 0);
    }
}

#[test]
fn what_no_sender_may_send_is_not_taken() {
    let mut buffer = JitterBuffer::new();
    assert_eq!(lay(&mut buffer, 0, true, 1, 0), Laid::Unfit);
    assert_eq!(lay(&mut buffer, 0, true, 1, 1601), Laid::Unfit);
    assert_eq!(lay(&mut buffer, 0, true, 1, 1600), Laid::InTime);
    assert_eq!(buffer.held(), 9600);
}

#[test]
fn sound_that_is_repeated_is_taken_only_where_it_did_not_come_and_is_waited_for_when_that_happens_often() {
    let mut buffer = JitterBuffer::new();
    let again = |buffer: &mut JitterBuffer, n: u32| {
        buffer.lay(&Arrival { timestamp: n * 160, in_order: false, codec: Codec::Pcma, units: TICK, payload: &[n as u8; 160], again: true })
    };
    let mut taken = 0;
    for n in 1..=200u32 {
        // Every tenth is lost; the next packet has it.
        if n % 10 != 0 {
            lay(&mut buffer, n * 160, true, n as u8, 160);
            let laid = again(&mut buffer, n - 1);
            assert_eq!(laid == Laid::Unfit, (n - 1) % 10 != 0, "{n}");
            taken += u32::from(laid == Laid::InTime);
        }
        buffer.tick();
        // A play-out that follows the target.
        let target = buffer.now + buffer.arrivals.quantile().unwrap_or(0);
        if buffer.play() < target + TICK {
            buffer.skip_to(target + TICK);
        }
    }
    assert!(taken >= 15, "{taken} of 20 came in time");
}

/// 20 ms of Opus whose header says that they carry what went before them, or not (RFC 6716 §4.2.3).
fn lay_opus(buffer: &mut JitterBuffer, n: u32, carries: bool) -> Laid {
    let payload = [1 << 3, if carries { 0x40 } else { 0 }, 0];
    buffer.lay(&Arrival { timestamp: n * 960, in_order: true, codec: Codec::Opus, units: TICK, payload: &payload, again: false })
}

#[test]
fn a_packet_that_carries_a_lost_one_again_is_waited_for_when_that_happens_often_and_no_longer() {
    for (every, carries, waited) in [(10, true, TICK), (10, false, 0), (50, true, 0)] {
        let mut buffer = JitterBuffer::new();
        for n in 1..=300u32 {
            if n % every != 0 {
                assert_eq!(lay_opus(&mut buffer, n, carries), Laid::InTime);
            }
            tick(&mut buffer);
        }
        // The first packet lies at the first tick.
        assert_eq!(buffer.arrivals.quantile(), Some(-waited), "one in {every}, {carries}");
    }
}

#[test]
fn a_pause_and_a_jump_of_the_timestamps_are_no_loss_to_be_repaired() {
    let mut buffer = JitterBuffer::new();
    for n in 1..=400u32 {
        // 200 ms of every 400 nothing is sent; then the timestamps jump by a minute each time.
        let jump = 3_000 * (n.saturating_sub(200) / 20);
        if n % 20 < 10 {
            lay_opus(&mut buffer, n + jump, true);
        }
        tick(&mut buffer);
    }
    assert_eq!(buffer.arrivals.quantile(), Some(0));
}

proptest::proptest! {
    #[test]
    fn no_timestamp_length_or_order_makes_it_panic_or_go_back(
        packets in proptest::collection::vec((proptest::prelude::any::<u32>(), 0usize..2000, proptest::prelude::any::<bool>(), 0u8..4), 0..200),
    ) {
        let mut buffer = JitterBuffer::new();
        let mut last = None;
        for (timestamp, length, in_order, ticks) in packets {
            lay(&mut buffer, timestamp, in_order, 1, length);
            for _ in 0..ticks {
                tick(&mut buffer);
                if buffer.is_live() {
                    proptest::prop_assert!(last.is_none_or(|last| last <= buffer.play()) && buffer.play() <= buffer.taken());
                    last = Some(buffer.play());
                }
            }
        }
    }
}
