use super::*;

/// A second of something like speech: pulses at a pitch that moves, through three resonances, with pauses. −20 dBov or so.
fn speech(rate_hz: u32, seconds: usize) -> Vec<i16> {
    let rate = f64::from(rate_hz);
    let (mut phase, mut out) = (0.0_f64, Vec::new());
    let mut resonances = [(500.0, 60.0, 0.0, 0.0), (1500.0, 90.0, 0.0, 0.0), (2600.0, 150.0, 0.0, 0.0)];
    for n in 0..rate_hz as usize * seconds {
        let t = n as f64 / rate;
        phase += (120.0 + 30.0 * (t * 3.0).sin()) / rate;
        let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
        phase -= phase.floor();
        let mut sum = 0.0;
        for (frequency, width, a, b) in &mut resonances {
            let r = (-std::f64::consts::PI * *width / rate).exp();
            let next = pulse + 2.0 * r * (std::f64::consts::TAU * *frequency / rate).cos() * *a - r * r * *b;
            (*b, *a) = (*a, next);
            sum += next;
        }
        let loud = (t * std::f64::consts::TAU * 2.0).sin().max(0.0);
        out.push((sum * loud * 1600.0).clamp(-30_000.0, 30_000.0) as i16);
    }
    out
}

/// A tone that rises from 100 Hz to `highest_hz` in the whole time.
fn sweep(rate_hz: u32, highest_hz: f64, seconds: usize) -> Vec<i16> {
    let count = rate_hz as usize * seconds;
    let mut phase = 0.0;
    (0..count)
        .map(|n| {
            phase += (100.0 + (highest_hz - 100.0) * n as f64 / count as f64) / f64::from(rate_hz);
            ((phase * std::f64::consts::TAU).sin() * 8000.0) as i16
        })
        .collect()
}

/// There and back, a tick at a time.
fn through(codec: Codec, samples: &[i16], settings: &OpusSettings) -> Vec<i16> {
    let mut encoders = Encoders::new([codec], settings).unwrap();
    let mut decoders = Decoders::new([codec]).unwrap();
    let mut payload = Payload::EMPTY;
    let mut out = Vec::new();
    for tick in samples.chunks_exact(codec.rate_hz() as usize / 50) {
        encoders.encode(codec, tick, &mut payload);
        assert_eq!(Decoders::length(codec, payload.octets()), Some(tick.len()));
        let mut decoded = vec![0; tick.len()];
        assert_eq!(decoders.decode(codec, payload.octets(), &mut decoded), tick.len());
        out.extend(decoded);
    }
    out
}

/// Mean signal to noise of 20 ms segments that are not silent, dB, at the delay that fits best.
fn segmental(original: &[i16], heard: &[i16], rate_hz: u32, longest_delay: usize) -> f64 {
    let at = |delay: usize| {
        let segment = rate_hz as usize / 50;
        let pairs = original.chunks_exact(segment).zip(heard.get(delay..).unwrap_or_default().chunks_exact(segment));
        let ratios: Vec<f64> = pairs
            .filter_map(|(a, b)| {
                let signal: f64 = a.iter().map(|a| f64::from(*a).powi(2)).sum();
                let noise: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
                (signal > 10_000.0 * segment as f64).then(|| (10.0 * (signal / noise.max(1.0)).log10()).clamp(-10.0, 60.0))
            })
            .collect();
        ratios.iter().sum::<f64>() / ratios.len() as f64
    };
    (0..=longest_delay).map(at).fold(f64::MIN, f64::max)
}

#[test]
fn g722_carries_speech_and_a_sweep_to_7_khz() {
    let original = speech(16_000, 4);
    let heard = through(Codec::G722, &original, &OpusSettings::default());
    let ratio = segmental(&original, &heard, 16_000, 48);
    assert!(ratio > 20.0, "speech {ratio:.1} dB");
    let original = sweep(16_000, 7_000.0, 4);
    let heard = through(Codec::G722, &original, &OpusSettings::default());
    let ratio = segmental(&original, &heard, 16_000, 48);
    assert!(ratio > 20.0, "sweep {ratio:.1} dB");
}

#[test]
fn silence_comes_back_as_silence() {
    let silence = [0; 16_000];
    let heard = through(Codec::G722, &silence, &OpusSettings::default());
    // The finest step of either band is not zero; what is left is below the smallest value of A-law.
    assert!(heard.iter().all(|sample| sample.unsigned_abs() <= 8));
    let heard = through(Codec::Opus, &[0; 48_000], &OpusSettings::default());
    assert!(heard.iter().all(|sample| sample.unsigned_abs() <= 8), "{:?}", heard.iter().map(|sample| sample.unsigned_abs()).max());
    for codec in [Codec::Pcma, Codec::Pcmu, Codec::G722] {
        let (mut decoders, mut out) = (Decoders::new([codec]).unwrap(), [1; 320]);
        let written = decoders.decode(codec, &[codec.silence(); 160], &mut out);
        assert!(written > 0 && out[..written].iter().all(|sample| sample.unsigned_abs() <= 8), "{codec:?}");
    }
}

#[test]
fn g722_begins_as_the_recommendation_says() {
    // At the smallest scale the first three levels of the lower band are at 0.
    let mut octets = [0; 4];
    g722::Encoder::new().encode(&[0; 8], &mut octets);
    assert_eq!(octets, [0xfa; 4]);
    // Four of the codes are sent by no coder, but decoded.
    let mut out = [0; 8];
    g722::Decoder::new().decode(&[0, 1, 2, 3], &mut out);
}

#[test]
fn no_octets_make_a_decoder_panic_or_write_too_much() {
    let mut state = 0x5eed_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let mut decoders = Decoders::new(Codec::ALL).unwrap();
    let mut out = [0; 5_760];
    for round in 0..4_000 {
        let octets: Vec<u8> = (0..random() % 400).map(|_| random() as u8).collect();
        let codec = Codec::ALL[round % 4];
        let length = Decoders::length(codec, &octets);
        let written = decoders.decode(codec, &octets, &mut out);
        assert!(length.is_some() || written == 0);
        assert!(written == 0 || Some(written) == length, "{codec:?}: {written} of {length:?}");
        let lost = random() as usize % out.len();
        assert!(decoders.conceal(codec, Some(&octets), &mut out[..lost]) <= lost);
        assert!(Decoders::repeated(codec, &octets) <= 2_880);
        assert_eq!(decoders.decode(codec, &octets, &mut out[..length.unwrap_or(1) - 1]), 0, "there is no room for it");
    }
}

#[test]
fn lengths_are_told_without_decoding() {
    assert_eq!(Decoders::length(Codec::Pcma, &[0; 160]), Some(160));
    assert_eq!(Decoders::length(Codec::G722, &[0; 160]), Some(320));
    assert_eq!(Decoders::length(Codec::Pcmu, &[0; 960]), Some(960));
    assert_eq!(Decoders::length(Codec::Pcmu, &[0; 961]), None);
    // RFC 6716 §3.1: CELT fullband, 2.5 and 20 ms; SILK narrowband, 60 ms; code 3 with 48 frames of 20 ms is too much.
    assert_eq!(Decoders::length(Codec::Opus, &[28 << 3]), Some(120));
    assert_eq!(Decoders::length(Codec::Opus, &[31 << 3]), Some(960));
    assert_eq!(Decoders::length(Codec::Opus, &[3 << 3]), Some(2_880));
    assert_eq!(Decoders::length(Codec::Opus, &[31 << 3 | 3, 48]), None);
    for codec in Codec::ALL {
        assert_eq!(Decoders::length(codec, &[]), None);
    }
}

#[test]
fn opus_keeps_speech_recognisable_and_within_its_bitrate() {
    let settings = OpusSettings::default();
    let original = speech(48_000, 4);
    let mut encoders = Encoders::new([Codec::Opus], &settings).unwrap();
    let mut payload = Payload::EMPTY;
    let mut octets = 0;
    for tick in original.chunks_exact(960) {
        encoders.encode(Codec::Opus, tick, &mut payload);
        assert!(!payload.octets().is_empty(), "something is always sent");
        octets += payload.octets().len();
    }
    let bitrate = octets as u32 * 8 / 4;
    assert!((settings.bitrate / 3..settings.bitrate * 6 / 5).contains(&bitrate), "{bitrate} bit/s");
    // 6.5 ms of look-ahead.
    let ratio = segmental(&original, &through(Codec::Opus, &original, &settings), 48_000, 400);
    assert!(ratio > 6.0, "{ratio:.1} dB");
}

#[test]
fn a_lost_opus_packet_is_taken_from_the_next_or_made_up() {
    let original = speech(48_000, 3);
    let settings = OpusSettings { expected_loss: 25, ..OpusSettings::default() };
    let mut encoders = Encoders::new([Codec::Opus], &settings).unwrap();
    let mut packets = Vec::new();
    for tick in original.chunks_exact(960) {
        let mut payload = Payload::EMPTY;
        encoders.encode(Codec::Opus, tick, &mut payload);
        packets.push(payload);
    }
    // Every fifth is lost.
    let heard = |with_next: bool| {
        let mut decoders = Decoders::new([Codec::Opus]).unwrap();
        let mut heard = Vec::new();
        for (place, packet) in packets.iter().enumerate() {
            let mut out = [0; 960];
            let written = if place % 5 == 4 {
                let next = packets.get(place + 1).filter(|_| with_next).map(Payload::octets);
                decoders.conceal(Codec::Opus, next, &mut out)
            } else {
                decoders.decode(Codec::Opus, packet.octets(), &mut out)
            };
            assert_eq!(written, 960);
            heard.extend(out);
        }
        segmental(&original, &heard, 48_000, 400)
    };
    let (made_up, repaired) = (heard(false), heard(true));
    assert!(repaired > made_up + 0.5, "{repaired:.1} dB with the next packet, {made_up:.1} dB without");
}

#[test]
fn packets_of_our_encoder_say_whether_they_carry_what_went_before_them() {
    let original = speech(48_000, 3);
    for (expected_loss, bitrate, least, most) in [(25, 32_000, 50, 150), (10, 24_000, 50, 150), (0, 32_000, 0, 0)] {
        let settings = OpusSettings { expected_loss, bitrate, ..OpusSettings::default() };
        let mut encoders = Encoders::new([Codec::Opus], &settings).unwrap();
        let mut packets = Vec::new();
        for tick in original.chunks_exact(960) {
            let mut payload = Payload::EMPTY;
            encoders.encode(Codec::Opus, tick, &mut payload);
            packets.push(payload);
        }
        // How far what is made of a loss is from what was lost, with the next packet and without: of those that say so, and of the others.
        let (mut errors, mut carry) = ([[0.0; 2]; 2], 0);
        for five in packets.windows(5) {
            let (next, repeated) = (five[4].octets(), Decoders::repeated(Codec::Opus, five[4].octets()));
            assert!(repeated == 0 || repeated == 960, "{repeated}");
            carry += repeated / 960;
            let heard: Vec<[i16; 960]> = [Some(None), Some(Some(next)), None]
                .into_iter()
                .map(|lost| {
                    let (mut decoders, mut out) = (Decoders::new([Codec::Opus]).unwrap(), [0; 960]);
                    for packet in &five[..3] {
                        decoders.decode(Codec::Opus, packet.octets(), &mut out);
                    }
                    match lost {
                        Some(next) => decoders.conceal(Codec::Opus, next, &mut out),
                        None => decoders.decode(Codec::Opus, five[3].octets(), &mut out),
                    };
                    out
                })
                .collect();
            for (way, made) in heard[..2].iter().enumerate() {
                let error: f64 = made.iter().zip(&heard[2]).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
                errors[usize::from(repeated > 0)][way] += error;
            }
        }
        assert!((least..=most).contains(&carry), "{carry} of 146 at {expected_loss} % and {bitrate} bit/s");
        let [[silent, silent_next], [told, told_next]] = errors;
        assert!(carry == 0 || told_next * 2.0 < told, "{told_next} with what they say they carry, {told} without");
        assert!(silent_next > silent * 0.8, "{silent_next} with what they say they do not carry, {silent} without");
    }
}

#[test]
fn the_flag_of_a_repetition_is_found_in_every_form_of_a_packet() {
    let repeated = |payload: &[u8]| Decoders::repeated(Codec::Opus, payload);
    // RFC 6716 §4.2.3: after as many bits as there are frames of SILK.
    for (config, flag, samples) in [(0, 0x40, 480), (1, 0x40, 960), (6, 0x20, 1_920), (11, 0x10, 2_880), (12, 0x40, 480), (15, 0x40, 960)] {
        for code in [0, 1] {
            assert_eq!(repeated(&[config << 3 | code, flag, 0]), samples, "{config}");
            assert_eq!(repeated(&[config << 3 | code, !flag, 0]), 0, "{config}");
        }
        // Of stereo either half may have one: of three frames the second is the last bit of the octet.
        let second = flag >> (1 + samples.div_ceil(960));
        assert_eq!((repeated(&[config << 3 | 4, second]), repeated(&[config << 3, second])), (samples, 0), "{config}");
    }
    // CELT has none.
    assert!((16..32).all(|config| repeated(&[config << 3, 0xff, 0xff]) == 0));
    let toc = 1 << 3;
    // Two frames of different lengths, of one octet and of two; the first of them empty.
    assert_eq!(repeated(&[toc | 2, 1, 0x40, 0]), 960);
    assert_eq!(repeated(&[&[toc | 2, 252, 0, 0x40][..], &[0; 300]].concat()), 960);
    assert_eq!(repeated(&[toc | 2, 0, 0xff]), 0);
    // Three of one length; of different ones; with padding of 300 octets.
    assert_eq!(repeated(&[toc | 3, 3, 0x40, 0, 0]), 960);
    assert_eq!(repeated(&[toc | 3, 0x83, 1, 1, 0x40, 0, 0]), 960);
    assert_eq!(repeated(&[toc | 3, 0x83, 0, 1, 0xff, 0]), 0);
    assert_eq!(repeated(&[&[toc | 3, 0x43, 255, 46, 0x40, 0, 0][..], &[0; 300]].concat()), 960);
    for broken in [&[][..], &[toc], &[toc | 2], &[toc | 2, 255], &[toc | 3], &[toc | 3, 0x43, 255], &[toc | 3, 0x83, 1], &[toc | 3, 3]] {
        assert_eq!(repeated(broken), 0, "{broken:?}");
    }
    assert_eq!(Decoders::repeated(Codec::Pcma, &[toc, 0xff]), 0);
}

#[test]
fn what_is_concealed_is_a_multiple_of_2_5_ms() {
    let mut decoders = Decoders::new([Codec::Opus]).unwrap();
    assert_eq!(decoders.conceal(Codec::Opus, None, &mut [0; 119]), 0);
    assert_eq!(decoders.conceal(Codec::Opus, None, &mut [0; 250]), 240);
    assert_eq!(decoders.conceal(Codec::Opus, None, &mut [0; 9_000]), 5_760);
    assert_eq!(decoders.conceal(Codec::G722, None, &mut [0; 320]), 0);
}

#[test]
fn a_stream_goes_on_where_another_was_without_a_break() {
    for (codec, samples) in [(Codec::G722, speech(16_000, 2)), (Codec::Opus, speech(48_000, 2))] {
        let settings = OpusSettings::default();
        let (mut shared, mut own) = (Encoders::new([codec], &settings).unwrap(), Encoders::new([codec], &settings).unwrap());
        let mut decoders = Decoders::new([codec]).unwrap();
        let mut payload = Payload::EMPTY;
        let mut heard = Vec::new();
        let ticks = samples.chunks_exact(codec.rate_hz() as usize / 50);
        let half = ticks.len() / 2;
        for (place, tick) in ticks.enumerate() {
            if place == half {
                own.follow(&shared, codec);
            }
            if place < half { &mut shared } else { &mut own }.encode(codec, tick, &mut payload);
            let mut out = vec![0; tick.len()];
            assert_eq!(decoders.decode(codec, payload.octets(), &mut out), tick.len());
            heard.extend(out);
        }
        let plain = through(codec, &samples, &settings);
        if codec == Codec::G722 {
            assert_eq!(heard, plain);
        } else {
            let rate = codec.rate_hz();
            assert!(segmental(&samples, &heard, rate, 400) > segmental(&samples, &plain, rate, 400) - 1.0);
        }
    }
}

#[test]
fn a_codec_without_state_is_known_by_it() {
    let mut encoders = Encoders::new([Codec::G722], &OpusSettings::default()).unwrap();
    let mut payload = Payload::EMPTY;
    payload.set(&[1; 9]);
    encoders.encode(Codec::Opus, &[0; 960], &mut payload);
    assert!(payload.octets().is_empty() && !encoders.has(Codec::Opus) && encoders.has(Codec::Pcma) && encoders.has(Codec::G722));
    let mut decoders = Decoders::default();
    assert_eq!(decoders.decode(Codec::G722, &[0; 160], &mut [0; 320]), 0);
    assert!(!decoders.has(Codec::G722) && decoders.has(Codec::Pcmu));
    assert!(Encoders::new([Codec::Opus], &OpusSettings { complexity: 11, ..OpusSettings::default() }).is_err());
}

#[test]
fn names_are_known_in_any_case() {
    assert_eq!(Codec::named("OPUS"), Some(Codec::Opus));
    assert_eq!(Codec::named("g722"), Some(Codec::G722));
    assert_eq!(Codec::named("g729"), None);
    assert_eq!((Codec::G722.clock_hz(), Codec::G722.rate_hz()), (8_000, 16_000));
}

#[test]
fn a_packet_says_whether_it_holds_speech() {
    let inactive = |payload: &[u8]| Decoders::is_inactive(Codec::Opus, payload);
    // RFC 6716 §4.2.3: a bit for each frame of SILK, then that of the repetition; the same for the other channel.
    for (config, frames) in [(0, 1), (1, 1), (6, 2), (11, 3), (12, 1), (15, 1)] {
        let (mono, stereo) = (config << 3, config << 3 | 4);
        let repetition = 0x80u8 >> frames;
        assert!(inactive(&[mono, 0]) && inactive(&[mono, repetition]) && inactive(&[mono, repetition - 1]), "{config}");
        for frame in 0..frames {
            assert!(!inactive(&[mono, 0x80 >> frame]) && !inactive(&[stereo, 0x80 >> (frames + 1 + frame)]), "{config}, frame {frame}");
        }
        assert!(inactive(&[stereo, repetition | repetition >> (frames + 1)]), "{config}");
        // Several frames, and nothing at all.
        assert!(!inactive(&[mono | 1, 0, 0]) && !inactive(&[mono | 3, 1, 0]) && !inactive(&[mono]));
    }
    // CELT and the others do not say.
    assert!(!(16..32).any(|config| inactive(&[config << 3, 0])) && !inactive(&[]));
    assert!([Codec::Pcma, Codec::Pcmu, Codec::G722].iter().all(|codec| !Decoders::is_inactive(*codec, &[0; 160])));
}
