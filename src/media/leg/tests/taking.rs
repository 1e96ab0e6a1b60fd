//! What a leg takes, from whom, and when it gives up.

use super::*;

#[test]
fn the_phones_tone_is_heard_and_its_first_packet_told_once() {
    let mut world = World::new(media());
    world.talk(100);
    assert_eq!(world.events, [LegEvent::FirstPacket]);
    assert!((tone_level(&world.heard[1600..], 1000.0) + 16.0).abs() < 0.2);
    let report = world.leg.report();
    assert_eq!((report.received, report.lost, report.late, report.refused, report.playout.concealed), (100, 0, 0, 0, 0));
    assert_eq!(report.sent, 100);
}

#[test]
fn sound_comes_only_from_where_the_signalling_says_and_goes_back_there() {
    let mut world = World::new(media());
    assert_eq!(world.speak("203.0.113.5:4000"), None);
    world.tick();
    assert_eq!(world.sent.pop().unwrap().0, address(PHONE));
    // Behind NAT: from the address of the signalling, another port.
    assert_eq!(world.speak("198.51.100.1:9999"), Some(LegEvent::FirstPacket));
    world.tick();
    assert_eq!(world.sent.pop().unwrap().0, address("198.51.100.1:9999"));
    // Latched: neither the address of the SDP nor another port is taken now.
    world.speak(PHONE);
    world.speak("198.51.100.1:9998");
    assert_eq!(world.leg.report().refused, 3);
    world.tick();
    assert_eq!(world.sent.pop().unwrap().0, address("198.51.100.1:9999"));
}

#[test]
fn an_ipv4_phone_on_an_ipv6_socket_is_the_same_host() {
    let mut world = World::new(media());
    assert_eq!(world.speak("[::ffff:192.0.2.7]:4000"), Some(LegEvent::FirstPacket));
}

#[test]
fn a_new_address_opens_the_latch_and_the_old_one_does_not_close_it() {
    let mut world = World::new(media());
    world.talk(50);
    world.change(|media| media.remote = Some(address("192.0.2.7:5000")));
    // Still under way from the old port: heard, but not followed.
    for _ in 0..5 {
        world.speak(PHONE);
        assert!(world.tick());
        assert_eq!(world.sent.pop().unwrap().0, address("192.0.2.7:5000"));
    }
    for _ in 0..5 {
        world.speak("192.0.2.7:5002");
        assert!(world.tick());
        assert_eq!(world.sent.pop().unwrap().0, address("192.0.2.7:5002"));
    }
    world.ms += 2000;
    let refused = world.leg.report().refused;
    world.speak(PHONE);
    assert_eq!(world.leg.report().refused, refused + 1);
}

#[test]
fn a_phone_behind_nat_that_stays_where_it_is_latches_again_after_a_second() {
    let mut world = World::new(media());
    world.speak("198.51.100.1:9999");
    world.change(|media| media.remote = Some(address("10.0.0.5:4000")));
    world.ms += 1100;
    world.speak("198.51.100.1:9999");
    world.tick();
    assert_eq!(world.sent.pop().unwrap().0, address("198.51.100.1:9999"));
}

#[test]
fn a_key_is_one_key_even_in_the_very_first_packet() {
    let mut world = World::new(media());
    let key = Key::Digit(4);
    let mut sender = EventSender::new(key, world.timestamp, 100, 8000);
    while let Some(packet) = sender.next_packet(20) {
        world.packet(PHONE, 101, 77, &packet.payload);
        world.tick();
    }
    assert_eq!(world.events, [LegEvent::Key(key), LegEvent::FirstPacket]);
    // Sent by a gateway under an SSRC of its own, between sound.
    world.talk(5);
    world.timestamp = world.timestamp.wrapping_add(800);
    let mut sender = EventSender::new(Key::Hash, 5, 100, 8000);
    world.timestamp = 5;
    while let Some(packet) = sender.next_packet(20) {
        world.packet(PHONE, 101, 78, &packet.payload);
    }
    assert_eq!(world.events.last(), Some(&LegEvent::Key(Key::Hash)));
    assert_eq!(world.events.len(), 3);
}

#[test]
fn comfort_noise_and_unknown_formats_are_no_speech_but_a_sign_of_life() {
    let mut world = World::new(media());
    world.talk(10);
    for (payload_type, refused) in [(13, 0), (99, 20)] {
        for _ in 0..20 {
            world.ms += 1000;
            world.packet(PHONE, payload_type, 77, &[40]);
            world.slow();
        }
        assert_eq!(world.events, [LegEvent::FirstPacket]);
        let report = world.leg.report();
        assert_eq!((report.received, report.refused, report.lost), (10, refused, 0));
    }
    assert!(world.tick(), "the noise is heard");
}

#[test]
fn rubbish_is_refused() {
    let mut world = World::new(media());
    for datagram in [&b""[..], b"x", &[0x80; 11], &[0x40; 40], b"\x80\xc8\x00\x00"] {
        assert_eq!(world.leg.receive(world.now(), address(PHONE), datagram), None);
    }
    world.leg.receive_rtcp(world.now(), address(PHONE), b"rubbish");
    world.leg.receive_rtcp(world.now(), address("203.0.113.5:4001"), b"\x80\xc9\x00\x01\0\0\0\x01");
    assert_eq!(world.leg.report().refused, 7);
    assert_eq!(world.leg.report().received, 0);
}

#[test]
fn hold_keeps_nothing_in_and_what_follows_is_heard_without_a_click() {
    let mut world = World::new(media());
    world.talk(50);
    world.change(|media| media.direction = Direction::ReceiveOnly);
    let held_from = world.heard.len();
    world.talk(100);
    assert!(world.heard[held_from..].iter().all(|s| *s == 0), "music on hold stays out");
    let mut sender = EventSender::new(Key::Star, world.timestamp, 60, 8000);
    let press = sender.next_packet(20).unwrap();
    assert_eq!(world.packet(PHONE, 101, 77, &press.payload), Some(LegEvent::Key(Key::Star)), "keys do not");
    world.change(|media| media.direction = Direction::SendReceive);
    let back_from = world.heard.len();
    world.talk(50);
    assert!((tone_level(&world.heard[back_from + 480..], 1000.0) + 16.0).abs() < 0.2);
    assert!(world.heard[back_from..].windows(2).all(|w| w[0].abs_diff(w[1]) < 6200));
}

#[test]
fn a_change_of_codec_in_mid_call_is_not_heard() {
    let mut world = World::new(media());
    world.talk(50);
    world.change(|media| {
        media.codec = Codec::Pcmu;
        media.payload_type = 0;
        media.receive = [(0, Codec::Pcmu)].into_iter().collect();
    });
    // Packets under way in the old format are still understood.
    world.talk(3);
    world.codec = Codec::Pcmu;
    world.talk(50);
    assert_eq!(world.leg.report().playout.concealed, 0);
    let bend = world.heard[400..].windows(3).map(|w| (i32::from(w[0]) - 2 * i32::from(w[1]) + i32::from(w[2])).abs()).max();
    assert!(bend < Some(4800), "{bend:?}");
    world.ms += 1000;
    world.codec = Codec::Pcma;
    world.speak(PHONE);
    assert_eq!(world.leg.report().refused, 1, "the old format is gone after a second");
}

#[test]
fn digital_silence_does_not_enter_a_meeting() {
    let mut world = World::new(media());
    for octet in [0xd5, 0x55] {
        for _ in 0..50 {
            world.packet(PHONE, 8, 77, &[octet; 160]);
            world.timestamp = world.timestamp.wrapping_add(160);
            assert!(!world.tick());
        }
    }
}

#[test]
fn the_watchdog_waits_thirty_seconds_for_the_first_packet_and_fifteen_for_the_next() {
    let mut world = World::new(media());
    world.silent(29 * 50);
    assert_eq!(world.events, []);
    world.silent(2 * 50);
    assert_eq!(world.events, [LegEvent::Dead]);
    world.silent(60 * 50);
    assert_eq!(world.events, [LegEvent::Dead], "told once");

    let mut world = World::new(media());
    world.talk(100);
    world.silent(14 * 50);
    world.talk(1);
    world.silent(14 * 50);
    assert_eq!(world.events, [LegEvent::FirstPacket]);
    world.silent(2 * 50);
    assert_eq!(world.events, [LegEvent::FirstPacket, LegEvent::Dead]);
}

#[test]
fn the_watchdog_pauses_on_hold_and_a_reporting_phone_is_alive() {
    let mut world = World::new(media());
    world.talk(10);
    world.change(|media| media.direction = Direction::Inactive);
    world.silent(600 * 50);
    world.change(|media| media.direction = Direction::SendReceive);
    world.silent(14 * 50);
    assert_eq!(world.events, [LegEvent::FirstPacket]);
    for _ in 0..10 {
        world.leg.receive_rtcp(world.now(), address("192.0.2.7:4001"), b"\x80\xc9\x00\x01\0\0\0\x4d");
        world.silent(10 * 50);
    }
    assert_eq!(world.events, [LegEvent::FirstPacket]);
    world.silent(6 * 50);
    assert_eq!(world.events, [LegEvent::FirstPacket, LegEvent::Dead]);
}

#[test]
fn another_source_behind_the_same_gateway_is_heard_soon() {
    let mut world = World::new(media());
    world.talk(50);
    let mut sound = 0;
    for _ in 0..50 {
        let mut payload = [0; FRAME];
        let mut linear = SILENCE;
        world.tone.render(&mut linear);
        Codec::Pcma.encode(&linear, &mut payload);
        world.packet(PHONE, 8, 555, &payload);
        world.timestamp = world.timestamp.wrapping_add(160);
        sound += u32::from(world.tick());
    }
    assert!(sound >= 47, "{sound}");
}

#[test]
fn phase_waits_follow_the_arrivals() {
    let mut world = World::new(media());
    world.ms = 3;
    world.talk(9);
    assert_eq!(world.leg.phase_waits(world.base), None);
    world.talk(30);
    let waits = world.leg.phase_waits(world.base).unwrap();
    assert!((1_300..2_700).contains(&waits[1]), "{waits:?}");
    assert_eq!(waits.iter().min(), Some(&waits[1]));
}

#[test]
fn sound_that_is_sent_twice_survives_the_loss_of_every_fifth_packet() {
    let mut media = media();
    media.redundancy = [97].into_iter().collect();
    let mut world = World::new(media);
    let mut before: Option<Vec<u8>> = None;
    let mut concealed = 0;
    for n in 0..400 {
        let mut linear = SILENCE;
        world.tone.render(&mut linear);
        let mut own = vec![0; FRAME];
        Codec::Pcma.encode(&linear, &mut own);
        // RFC 2198 §3: the packet before, 160 units older and 160 octets long, then this one.
        let mut payload = Vec::new();
        if let Some(before) = &before {
            payload.extend((0x8000_0000u32 | 8 << 24 | 160 << 10 | 160).to_be_bytes());
            payload.push(8);
            payload.extend(before);
        } else {
            payload.push(8);
        }
        payload.extend(&own);
        before = Some(own);
        if n % 5 == 4 {
            world.sequence = world.sequence.wrapping_add(1);
        } else {
            world.packet(PHONE, 97, 77, &payload);
        }
        world.timestamp = world.timestamp.wrapping_add(160);
        world.tick();
        if n == 100 {
            concealed = world.leg.report().playout.concealed;
        }
    }
    let report = world.leg.report();
    assert_eq!((report.received, report.lost, report.refused), (320, 79, 0));
    assert_eq!(report.playout.concealed, concealed, "after two seconds the repetition is waited for, and nothing is made up");
    assert!((tone_level(&world.heard[24_000..], 1000.0) + 16.0).abs() < 0.2);
}
