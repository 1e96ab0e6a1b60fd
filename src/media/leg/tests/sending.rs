//! What a leg sends: packets, reports, goodbyes.

use super::*;
use crate::codec::{Decoders, Payload};
use crate::wire::rtcp::{Compound, read};

fn packets(world: &World) -> Vec<Packet<'_>> {
    world.sent.iter().map(|(_, datagram)| Packet::parse(datagram).unwrap()).collect()
}

#[test]
fn sound_goes_out_from_the_first_tick_on_numbered_stamped_and_marked_once() {
    let mut world = World::new(media());
    world.silent(10);
    let packets = packets(&world);
    assert_eq!(packets.len(), 10);
    for (n, packet) in packets.iter().enumerate() {
        assert_eq!(packet.marker, n == 0);
        assert_eq!((packet.payload_type, packet.ssrc), (8, 0xabcd_ef01));
        assert_eq!(packet.sequence, 65_534u16.wrapping_add(n as u16));
        assert_eq!(packet.timestamp, (u32::MAX - 200).wrapping_add(n as u32 * 160));
        assert_eq!(packet.payload, [0xd5; 160]);
    }
}

#[test]
fn every_packet_length_carries_every_sample_once_and_starts_at_the_first_tick() {
    for ptime_ms in [10u8, 20, 30, 40, 50, 60] {
        let mut media = media();
        media.ptime_ms = ptime_ms;
        let mut world = World::new(media);
        let mut numbered = 0u32;
        let mut first_tick = 0;
        for tick in 0..60u64 {
            // Each octet tells its number, so that a lost or doubled one shows.
            let octets: [u8; FRAME] = std::array::from_fn(|i| (numbered + i as u32) as u8);
            numbered += 160;
            let sent = &mut world.sent;
            world.leg.send(world.base + Duration::from_millis(tick * 20), &octets, |to, datagram| sent.push((to, datagram.to_vec())));
            if tick == 0 {
                first_tick = world.sent.len();
            }
        }
        assert!(first_tick > 0, "{ptime_ms} ms");
        let length = usize::from(ptime_ms) * 8;
        let packets = packets(&world);
        assert!(packets.windows(2).all(|w| w[1].timestamp.wrapping_sub(w[0].timestamp) as usize == length));
        assert!(packets.iter().all(|packet| packet.payload.len() == length));
        let octets: Vec<u8> = packets.iter().flat_map(|packet| packet.payload.to_vec()).collect();
        let silence = length.saturating_sub(160);
        assert!(octets[..silence].iter().all(|octet| *octet == 0xd5));
        assert!(octets[silence..].iter().enumerate().all(|(i, octet)| *octet == i as u8), "{ptime_ms} ms");
        assert!(octets.len() - silence > 60 * 160 - length);
        // The first sample of the first tick has the first timestamp.
        assert_eq!(packets[0].timestamp.wrapping_add(silence as u32), u32::MAX - 200);
    }
}

#[test]
fn on_hold_nothing_is_sent_and_time_goes_on() {
    let mut world = World::new(media());
    world.silent(5);
    for direction in [Direction::ReceiveOnly, Direction::Inactive] {
        world.change(|media| media.direction = direction);
        world.sent.clear();
        world.silent(10);
        assert_eq!(world.sent.len(), 0);
    }
    world.change(|media| media.direction = Direction::SendOnly);
    world.silent(2);
    let packets = packets(&world);
    assert_eq!((packets[0].marker, packets[1].marker), (true, false));
    assert_eq!(packets[0].sequence, 65_534u16.wrapping_add(5), "no gap in the sequence: nothing was lost");
    assert_eq!(packets[0].timestamp, (u32::MAX - 200).wrapping_add(25 * 160));
}

#[test]
fn after_a_pause_shorter_than_a_packet_no_timestamp_is_sent_twice() {
    let mut media = media();
    media.ptime_ms = 60;
    let mut world = World::new(media);
    world.silent(4);
    world.change(|media| media.direction = Direction::Inactive);
    world.silent(1);
    world.change(|media| media.direction = Direction::SendReceive);
    world.silent(9);
    let packets = packets(&world);
    assert!(packets.windows(2).all(|w| w[1].timestamp.wrapping_sub(w[0].timestamp) as i32 >= 480));
}

#[test]
fn nothing_is_sent_before_anybody_is_known() {
    let mut media = media();
    media.remote = None;
    let mut world = World::new(media);
    world.silent(10);
    world.slow();
    assert!(world.sent.is_empty() && world.reports.is_empty());
    world.speak("198.51.100.1:7000");
    world.tick();
    assert_eq!(world.sent[0].0, address("198.51.100.1:7000"));
    assert!(packets(&world)[0].marker);
}

#[test]
fn a_half_filled_packet_is_put_into_the_new_law() {
    let mut media = media();
    media.ptime_ms = 30;
    let mut world = World::new(media);
    // 240 sent at once (80 of silence first), 160 wait after the next tick.
    world.silent(2);
    world.change(|media| {
        media.codec = Codec::Pcmu;
        media.payload_type = 0;
    });
    world.silent(1);
    let packets = packets(&world);
    assert_eq!(packets.last().unwrap().payload_type, 0);
    let mut linear = [0; 240];
    Codec::Pcmu.decode(packets.last().unwrap().payload, &mut linear);
    assert!(linear.iter().all(|s| s.unsigned_abs() <= 8), "silence stays silence");
}

#[test]
fn what_waits_in_a_half_filled_packet_goes_out_before_the_first_of_a_codec_that_is_no_law() {
    for (codec, payload_type) in [(Codec::G722, 9), (Codec::Opus, 111)] {
        let mut media = media();
        media.ptime_ms = 60;
        let mut world = World::new(media);
        // 480 sent at once (320 of silence first), 320 wait after the next two ticks.
        world.silent(3);
        let before = world.sent.len();
        world.change(|media| (media.codec, media.payload_type, media.ptime_ms) = (codec, payload_type, 20));
        world.silent(2);
        let packets = &packets(&world)[before - 1..];
        let [last, parting, first, second] = packets else { panic!("{} packets", packets.len()) };
        assert_eq!((parting.payload_type, parting.payload), (8, &[0xd5; 320][..]), "{codec:?}");
        assert_eq!((parting.sequence, parting.timestamp), (last.sequence.wrapping_add(1), last.timestamp.wrapping_add(480)));
        assert_eq!((parting.ssrc, parting.marker), (last.ssrc, false));
        assert_eq!((first.payload_type, first.sequence, first.marker), (payload_type, parting.sequence.wrapping_add(1), true));
        assert_eq!(first.timestamp, parting.timestamp.wrapping_add(320));
        assert_eq!(first.ssrc == parting.ssrc, codec.clock_hz() == 8_000, "RFC 7160 §4.1");
        assert_eq!(second.timestamp, first.timestamp.wrapping_add(codec.clock_hz() / 50));
    }
    // Who is put on hold by the same offer gets nothing more.
    let mut media = media();
    media.ptime_ms = 60;
    let mut world = World::new(media);
    world.silent(3);
    let before = world.sent.len();
    world.change(|media| (media.codec, media.payload_type, media.direction) = (Codec::G722, 9, Direction::Inactive));
    world.silent(2);
    assert_eq!(world.sent.len(), before);
}

#[test]
fn reports_go_out_about_every_five_seconds_and_say_what_came_and_went() {
    let mut world = World::new(media());
    world.talk(10);
    // One is lost on the way.
    world.sequence = world.sequence.wrapping_add(1);
    world.timestamp = world.timestamp.wrapping_add(160);
    let sr =
        Compound { ssrc: 77, sender: Some(rtcp::SenderInfo { ntp: 7 << 32, ..Default::default() }), report: None, cname: "x", bye: false };
    let mut octets = [0; 256];
    let length = sr.write(&mut octets);
    world.talk(60 * 50);
    assert!((8..=20).contains(&world.reports.len()), "{}", world.reports.len());
    world.leg.receive_rtcp(world.now(), address("192.0.2.7:4001"), &octets[..length]);
    world.talk(10 * 50);
    for (to, mux, _) in &world.reports {
        assert_eq!((*to, *mux), (address("192.0.2.7:4001"), false), "the port after RTP's");
    }
    let (.., last) = world.reports.last().unwrap();
    assert!(last.windows(16).any(|w| w == b"0123456789abcdef"));
    // As the phone reads it.
    let received = read(last, 77).unwrap();
    let (ssrc, info) = received.sender.unwrap();
    assert_eq!(ssrc, 0xabcd_ef01);
    assert!(info.packets > 3000 && info.octets == info.packets * 160);
    // Seconds of the leg's life, and the timestamp of that moment, to the sample.
    let seconds = (info.ntp >> 32) - 1;
    assert_eq!(info.rtp_timestamp, (u32::MAX - 200).wrapping_add(seconds as u32 * 8000));
    let block = received.report.unwrap();
    assert_eq!((block.cumulative_lost, block.last_sr), (1, 7 << 16));
    assert!(block.delay_since_last_sr > 65_536);
    assert!(!received.bye);
}

#[test]
fn who_is_on_hold_gets_receiver_reports() {
    let mut world = World::new(media());
    world.talk(50);
    world.change(|media| media.direction = Direction::Inactive);
    world.silent(30 * 50);
    let (.., last) = world.reports.last().unwrap();
    assert_eq!(last[1], 201);
}

#[test]
fn with_rtcp_mux_everything_uses_one_port() {
    let mut media = media();
    media.rtcp_mux = true;
    let mut world = World::new(media);
    world.talk(10 * 50);
    assert!(world.reports.iter().all(|(to, mux, _)| *mux && *to == address(PHONE)) && !world.reports.is_empty());
    let refused = world.leg.report().refused;
    assert_eq!(world.leg.receive(world.now(), address(PHONE), b"\x80\xc9\x00\x01\0\0\0\x4d"), None);
    assert_eq!(world.leg.report().refused, refused);
    assert_eq!(world.leg.report().received, 500);
}

#[test]
fn a_leg_says_goodbye_once_it_has_spoken() {
    let mut world = World::new(media());
    let mut said = Vec::new();
    world.leg.goodbye(world.now(), |to, _, octets| said.push((to, octets.to_vec())));
    assert!(said.is_empty());
    world.silent(1);
    world.leg.goodbye(world.now(), |to, _, octets| said.push((to, octets.to_vec())));
    assert_eq!(said[0].0, address("192.0.2.7:4001"));
    assert!(read(&said[0].1, 1).unwrap().bye);
}

#[test]
fn no_debug_output_shows_sound_or_keys() {
    let mut world = World::new(media());
    world.talk(20);
    let shown = format!("{:?}", world.leg);
    assert!(shown.len() < 4000, "{} octets: too many to be no sound", shown.len());
    assert_eq!(HEADER, 12);
}

/// The `tick`-th tick of 1 kHz at −16 dBov and 48 kHz.
fn full_tone(tick: usize) -> Vec<i16> {
    let sample = |i: usize| (std::f64::consts::TAU * 1000.0 * (tick * 960 + i) as f64 / 48_000.0).sin();
    (0..960).map(|i| (7_344.0 * sample(i)) as i16).collect()
}

#[test]
fn opus_is_asked_for_silence_until_it_says_the_same_and_speech_after_it_is_heard_at_once() {
    let mut world = World::opus();
    let mut decoders = Decoders::new([Codec::Opus]).unwrap();
    let mut payload = Payload::EMPTY;
    let mut hear = |payload: &Payload| {
        let mut heard = [0; 960];
        assert_eq!(decoders.decode(Codec::Opus, payload.octets(), &mut heard), 960);
        heard
    };
    for round in 0..3 {
        let mut last = Vec::new();
        for tick in 0..200 {
            world.leg.encode_silence(&mut payload);
            assert!(!payload.octets().is_empty());
            let loudest = hear(&payload).iter().map(|sample| sample.unsigned_abs()).max();
            assert!(tick < 10 || loudest <= Some(1), "round {round}, tick {tick}: {loudest:?}");
            assert!(tick <= 50 || payload.octets() == last, "round {round}, tick {tick}");
            last = payload.octets().to_vec();
        }
        for tick in 0..30 {
            world.leg.encode(&full_tone(tick), &mut payload);
            let level = tone_level(&hear(&payload), 1000.0 / 6.0);
            // The first has 6.5 ms of silence before it, the encoder's delay.
            assert!((level + 16.0).abs() < if tick == 0 { 5.0 } else { 1.0 }, "round {round}, tick {tick}: {level}");
        }
    }
}

#[test]
fn what_is_telephone_sound_is_sent_as_such_and_everything_again_after_it() {
    // RFC 6716 §3.1: configurations 0 to 3 are SILK alone, narrowband.
    let config = |payload: &Payload| payload.octets()[0] >> 3;
    let mut world = World::opus();
    let mut decoders = Decoders::new([Codec::Opus]).unwrap();
    let mut payload = Payload::EMPTY;
    for telephone in [true, false, true] {
        world.leg.set_telephone(telephone);
        for tick in 0..150 {
            world.leg.encode(&full_tone(tick), &mut payload);
            let mut heard = [0; 960];
            assert_eq!(decoders.decode(Codec::Opus, payload.octets(), &mut heard), 960);
            let level = tone_level(&heard, 1000.0 / 6.0);
            assert!(tick < 2 || (level + 16.0).abs() < 3.0, "{telephone}, tick {tick}: {level}");
        }
        assert_eq!(config(&payload) < 4, telephone, "{}", config(&payload));
    }
}
