//! The faults of real gateways, one by one, and then at random.

use proptest::prelude::*;

use super::super::EventSender;
use super::*;

const RATE: u32 = 8_000;
const SSRC: u32 = 0xdead_beef;

/// (sequence, timestamp, event, end, duration)
type Sent = (u16, u32, u8, bool, u16);

fn hear_from(receiver: &mut EventReceiver, ssrc: u32, packets: &[Sent]) -> String {
    let heard = packets.iter().filter_map(|&(sequence, timestamp, event, end, duration)| {
        let payload = EventPayload { event, end, volume: 10, duration }.octets();
        receiver.receive(sequence, timestamp, ssrc, RATE, &payload)
    });
    heard.map(Key::expose).collect()
}

fn hear(packets: &[Sent]) -> String {
    hear_from(&mut EventReceiver::default(), SSRC, packets)
}

/// A press as the standard has it: 20 ms packets, then three ends.
fn press(sequence: u16, timestamp: u32, event: u8, packets: u16) -> Vec<Sent> {
    let updates = (1..packets).map(|n| (sequence.wrapping_add(n - 1), timestamp, event, false, n * 160));
    let ends = (0..3).map(|n| (sequence.wrapping_add(packets - 1 + n), timestamp, event, true, packets * 160));
    updates.chain(ends).collect()
}

#[test]
fn a_press_is_one_key_on_its_first_packet() {
    let mut receiver = EventReceiver::default();
    let packets = press(10, 1000, 5, 5);
    assert_eq!(hear_from(&mut receiver, SSRC, &packets[..1]), "5");
    assert_eq!(hear_from(&mut receiver, SSRC, &packets[1..]), "");
}

#[test]
fn every_key_is_heard_and_other_events_are_not() {
    let all: Vec<Sent> = (0..=255u8).map(|event| (event.into(), u32::from(event) * 2000, event, true, 800)).collect();
    assert_eq!(hear(&all), "0123456789*#ABCD");
}

#[test]
fn a_payload_that_is_too_short_is_ignored() {
    let mut receiver = EventReceiver::default();
    assert_eq!(receiver.receive(1, 1000, SSRC, RATE, &[5, 0, 0]), None);
    assert_eq!(receiver.receive(1, 1000, SSRC, RATE, &[]), None);
}

#[test]
fn only_end_packets_make_one_key_a_press() {
    assert_eq!(hear(&[(5, 1000, 3, true, 800), (6, 1000, 3, true, 800), (7, 1000, 3, true, 800)]), "3");
    assert_eq!(hear(&[(5, 1000, 3, true, 800)]), "3");
    // The same key twice, 60 ms between.
    assert_eq!(hear(&[(5, 1000, 3, true, 800), (9, 2280, 3, true, 800), (10, 2280, 3, true, 800)]), "33");
}

#[test]
fn presses_without_any_end_packet_are_heard_each() {
    let mut packets = Vec::new();
    for (n, event) in [4, 4, 8, 4].into_iter().enumerate() {
        // 100 ms of press, 40 ms of pause: the shortest there is.
        let n = n as u16;
        packets.extend(press(n * 7, u32::from(n) * 1120, event, 5).into_iter().filter(|p| !p.3));
        let last = (n * 7 + 4, u32::from(n) * 1120, event, false, 800);
        packets.push(last);
    }
    assert_eq!(hear(&packets), "4484");
}

#[test]
fn one_end_packet_is_as_good_as_three() {
    let one = |sequence, timestamp| press(sequence, timestamp, 7, 5).into_iter().take(5).collect::<Vec<_>>();
    assert_eq!(hear(&[one(1, 1000), one(10, 2440)].concat()), "77");
}

#[test]
fn the_same_digit_twice_quickly_is_two_keys() {
    // 60 ms pressed, 40 ms of pause; then without any pause at all.
    assert_eq!(hear(&[press(1, 1000, 2, 3), press(8, 1800, 2, 3)].concat()), "22");
    assert_eq!(hear(&[press(1, 1000, 2, 3), press(6, 1480, 2, 3)].concat()), "22");
}

#[test]
fn a_late_end_of_an_older_press_is_not_a_key() {
    let first = press(1, 1000, 1, 5);
    let second = press(10, 2440, 2, 5);
    let third = press(20, 4040, 1, 5);
    let late = first[first.len() - 1];
    assert_eq!(
        hear(&[&first[..], &second[..1], &[late], &second[1..], &[late], &third[..1], &[late], &third[1..], &[late]].concat()),
        "121"
    );
}

#[test]
fn every_order_of_a_press_is_one_key() {
    let packets = press(65_533, u32::MAX - 300, 6, 3);
    let mut order: Vec<usize> = (0..packets.len()).collect();
    // Heap's algorithm: all 120 orders.
    let mut counters = vec![0; order.len()];
    let mut i = 0;
    while i < order.len() {
        let shuffled: Vec<Sent> = order.iter().map(|&n| packets[n]).collect();
        assert_eq!(hear(&shuffled), "6", "{order:?}");
        while i < order.len() && counters[i] >= i {
            counters[i] = 0;
            i += 1;
        }
        if i < order.len() {
            order.swap(if i % 2 == 0 { 0 } else { counters[i] }, i);
            counters[i] += 1;
            i = 0;
        }
    }
}

#[test]
fn a_long_press_in_segments_is_one_key() {
    let mut sender = EventSender::new(Key::Star, u32::MAX - 70_000, 30_000, RATE);
    let packets: Vec<_> = std::iter::from_fn(|| sender.next_packet(20)).collect();
    assert!(packets.iter().any(|p| p.timestamp < 1_000_000), "timestamps wrap");
    let mut receiver = EventReceiver::default();
    let mut keys = 0;
    for (n, packet) in packets.iter().enumerate() {
        // The first packets of each segment are lost, too.
        if n % 410 > 5 {
            keys += receiver.receive(n as u16, packet.timestamp, SSRC, RATE, &packet.payload).iter().count();
        }
    }
    assert_eq!(keys, 1);
}

#[test]
fn segments_that_overtake_each_other_are_one_key() {
    let packets = [
        (1, 0, 5, false, 65_375),
        (3, 65_535, 5, false, 160),
        (2, 0, 5, false, 65_535),
        (4, 65_535, 5, true, 320),
        (4, 65_535, 5, true, 320),
    ];
    assert_eq!(hear(&packets), "5");
    let ended_first = [(1, 0, 5, false, 65_535), (4, 65_535, 5, true, 320), (2, 0, 5, false, 65_535), (3, 65_535, 5, false, 160)];
    assert_eq!(hear(&ended_first), "5");
}

#[test]
fn a_gateway_that_moves_the_timestamp_with_each_packet_makes_one_key_a_press() {
    // What the duration says varies: the whole press so far, the length of one packet, or nothing.
    let durations: [fn(u16) -> u16; 3] = [|n| n * 160, |_| 160, |_| 0];
    for duration in durations {
        let moving = |sequence: u16, timestamp: u32| {
            let packet = move |n: u16, end| (sequence + n, timestamp + u32::from(n) * 160, 9, end, duration(n));
            (0..5).map(move |n| packet(n, false)).chain((5..8).map(move |n| packet(n, true))).collect::<Vec<_>>()
        };
        // 160 ms with the ends, then 60 ms of pause.
        let twice = [moving(1, 1000), moving(12, 1000 + 8 * 160 + 480)].concat();
        assert_eq!(hear(&twice), "99");
        // The first two packets of each in the wrong order.
        let mut swapped = twice.clone();
        swapped.swap(0, 1);
        swapped.swap(8, 9);
        assert_eq!(hear(&swapped), "99");
        // Without ends at all.
        let endless: Vec<Sent> = twice.iter().copied().filter(|p| !p.3).collect();
        assert_eq!(hear(&endless), "99");
    }
    // One packet lost.
    let lost: Vec<Sent> = [0, 2, 3, 5].map(|n: u16| (n, u32::from(n) * 160, 9, n == 5, 160)).into();
    assert_eq!(hear(&lost), "9");
}

#[test]
fn an_end_stamped_with_the_end_time_is_not_a_second_key() {
    let gateway = |sequence: u16, timestamp: u32| {
        let mut packets = press(sequence, timestamp, 8, 5);
        packets.iter_mut().filter(|p| p.3).for_each(|p| p.1 += 800);
        packets
    };
    assert_eq!(hear(&[gateway(1, 1000), gateway(12, 2400)].concat()), "88");
}

#[test]
fn a_phone_whose_clock_stands_still_during_a_key_can_press_it_twice() {
    // 200 ms pressed, yet the sound after it goes on 20 ms after the press began; 100 ms later the key is down again.
    assert_eq!(hear(&[press(1, 1000, 4, 10), press(20, 1960, 4, 10)].concat()), "44");
}

#[test]
fn another_ssrc_is_another_press_and_late_packets_of_the_old_one_are_known() {
    let mut receiver = EventReceiver::default();
    let old = press(1, 1000, 5, 5);
    assert_eq!(hear_from(&mut receiver, 1, &old), "5");
    assert_eq!(hear_from(&mut receiver, 2, &old), "5");
    assert_eq!(hear_from(&mut receiver, 1, &old[4..]), "");
}

#[test]
fn presses_across_the_wrap_of_sequence_and_timestamp_are_heard_each_once() {
    let packets = [press(65_530, u32::MAX - 900, 1, 5), press(2, 500, 1, 5), press(12, 2000, 2, 5)].concat();
    assert_eq!(hear(&packets), "112");
}

#[test]
fn another_clock_rate_is_heard_alike() {
    let mut receiver = EventReceiver::default();
    let mut keys = 0;
    for (n, timestamp) in [0u32, 48 * 140].into_iter().enumerate() {
        let mut sender = EventSender::new(Key::Digit(3), timestamp, 100, 48_000);
        let mut sequence = n as u16 * 20;
        while let Some(packet) = sender.next_packet(20) {
            keys += receiver.receive(sequence, packet.timestamp, SSRC, 48_000, &packet.payload).iter().count();
            sequence += 1;
        }
    }
    assert_eq!(keys, 2);
}

proptest! {
    /// A caller on a bad line: every press loses packets (not all), some come twice, some up to two places late.
    #[test]
    fn a_bad_line_neither_loses_nor_doubles_a_key(
        presses in proptest::collection::vec((0u8..16, 3u16..30, 2u16..40, any::<u64>()), 1..30),
        start in any::<(u16, u32)>(),
    ) {
        let (mut sequence, mut timestamp) = start;
        let mut line: Vec<(u32, Sent)> = Vec::new();
        let mut slot = 0;
        let mut expected = String::new();
        for (event, packets, pause, fate) in presses {
            expected.push(Key::from_event(event).unwrap().expose());
            let sent = press(sequence, timestamp, event, packets);
            let kept = (fate % sent.len() as u64) as usize;
            let mut fate = fate | 1;
            for (n, packet) in sent.iter().enumerate() {
                // xorshift: the fate of each packet.
                fate ^= fate << 13;
                fate ^= fate >> 7;
                fate ^= fate << 17;
                if n == kept || fate % 10 > 2 {
                    for _ in 0..=u32::from(fate >> 8 & 7 == 0) {
                        line.push((slot + n as u32 + (fate >> 16) as u32 % 3, *packet));
                    }
                }
            }
            // The ends run on into the pause.
            let ends = 2;
            slot += u32::from(packets + ends + pause);
            sequence = sequence.wrapping_add(packets + ends + pause);
            timestamp = timestamp.wrapping_add(u32::from(packets + ends + pause) * 160);
        }
        line.sort_by_key(|(slot, _)| *slot);
        let line: Vec<Sent> = line.into_iter().map(|(_, packet)| packet).collect();
        prop_assert_eq!(hear(&line), expected);
    }

    #[test]
    fn anything_at_all_is_heard_without_panic(
        packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 0u32..3, any::<u32>(), proptest::collection::vec(any::<u8>(), 0..6)), 0..60),
    ) {
        let mut receiver = EventReceiver::default();
        for (sequence, timestamp, ssrc, rate, payload) in packets {
            receiver.receive(sequence, timestamp, ssrc, rate, &payload);
        }
    }
}
