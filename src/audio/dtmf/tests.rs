use super::*;
use crate::audio::SILENCE;
use crate::audio::tone::{KeyTone, Tone};

/// What is reported in a sound, with the number of its tick.
fn reports(sound: &[i16]) -> Vec<(usize, char)> {
    let mut detector = DtmfDetector::new();
    let mut found = Vec::new();
    for (tick, samples) in sound.as_chunks::<FRAME>().0.iter().enumerate() {
        found.extend(detector.hear(samples).key.map(|key| (tick, key.expose())));
    }
    found
}

fn pressed(key: char, press_ms: u32, pause_ms: u32) -> Vec<i16> {
    let mut sound = vec![0; (press_ms + pause_ms) as usize * 8];
    KeyTone::new(Key::from_char(key).unwrap(), press_ms).render(&mut sound);
    sound
}

#[test]
fn each_key_is_reported_once_wherever_in_a_tick_it_begins() {
    for (i, key) in "123A456B789C*0#D".chars().enumerate() {
        for lead in (0..FRAME).step_by(7) {
            let mut sound = vec![0; 480 + lead];
            sound.extend(pressed(key, 40 + 10 * i as u32, 60));
            let found = reports(&sound);
            assert_eq!(found.len(), 1, "{key} after {lead} samples");
            assert_eq!(found[0].1, key);
            assert!((found[0].0 + 1) * FRAME - 480 - lead <= 330, "{key} after {lead} samples");
        }
    }
}

#[test]
fn digits_of_93_ms_with_the_shortest_pause_are_told_apart() {
    let mut sound = vec![0; 500];
    for _ in 0..20 {
        sound.extend(pressed('5', 53, 40));
    }
    sound.extend([0; 320]);
    assert_eq!(reports(&sound).len(), 20);
}

#[test]
fn too_short_too_weak_or_single_tones_are_no_keys() {
    for lead in 0..FRAME {
        let mut sound = vec![0; 480 + lead];
        sound.extend(pressed('7', 19, 60));
        assert_eq!(reports(&sound), [], "19 ms after {lead} samples");
    }
    for level in [-55.0, -50.0] {
        let mut sound = vec![0; 1600];
        Tone::new(770.0, level + crate::audio::level::DBM0_IN_DBOV).mix_into(&mut sound[333..]);
        Tone::new(1336.0, level + crate::audio::level::DBM0_IN_DBOV).mix_into(&mut sound[333..]);
        assert_eq!(reports(&sound), [], "{level} dBm0");
    }
    for frequency in [697.0, 941.0, 1209.0, 1633.0] {
        let mut sound = vec![0; 1600];
        Tone::new(frequency, -12.0).mix_into(&mut sound[333..]);
        assert_eq!(reports(&sound), [], "{frequency} Hz");
    }
}

#[test]
fn a_tone_is_marked_from_its_first_milliseconds_to_its_end() {
    let key = Key::from_char('9').unwrap();
    for lead in 0..FRAME {
        let mut sound = [0; 10 * FRAME];
        KeyTone::new(key, 70).render(&mut sound[320 + lead..]);
        let mut detector = DtmfDetector::new();
        let mut muted = 0;
        for (tick, frame) in sound.as_chunks::<FRAME>().0.iter().enumerate() {
            let heard = detector.hear(frame);
            let (from, to) = (tick * FRAME + heard.from, tick * FRAME + heard.to);
            muted += to.min(320 + lead + 560).saturating_sub(from.max(320 + lead));
        }
        assert!(560 - muted <= 15 * 8, "{} samples leak after {lead}", 560 - muted);
    }
}

#[test]
fn after_a_reset_nothing_is_remembered_and_a_key_never_shows_in_debug() {
    let sound = pressed('3', 100, 0);
    let mut detector = DtmfDetector::new();
    let frames = sound.as_chunks::<FRAME>().0;
    assert!(frames.iter().any(|frame| detector.hear(frame).key.is_some()));
    assert_eq!(format!("{detector:?}"), "DtmfDetector(…)");
    detector.reset();
    assert_eq!(detector.hear(&SILENCE), Heard::default());
    let again: Vec<_> = frames.iter().filter_map(|frame| detector.hear(frame).key).collect();
    assert_eq!(format!("{again:?}"), "[Key(…)]");
}

#[test]
fn every_processor_hears_the_same_bit_by_bit() {
    // Keys under noise of a linear congruential generator (Knuth's MMIX), from 1.
    let mut state = 1u64;
    let (mut plain, mut own) = (DtmfDetector::new(), DtmfDetector::new());
    let mut keys = 0;
    for (i, key) in "123A456B789C*0#D".chars().cycle().take(64).enumerate() {
        let mut sound = pressed(key, 40 + i as u32, 37);
        for sample in &mut sound {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *sample = sample.saturating_add(((state >> 48) as u16 as i16) >> (3 + i % 9));
        }
        for frame in sound.as_chunks::<FRAME>().0 {
            let (here, there) = (plain.hear_by(frame, bank::correlate, bank::energy), own.hear(frame));
            assert_eq!(here, there);
            keys += usize::from(here.key.is_some());
            let bits = |detector: &DtmfDetector| {
                detector
                    .blocks
                    .as_flattened()
                    .iter()
                    .map(|block| (block.re.map(f32::to_bits), block.im.map(f32::to_bits), block.energy.to_bits()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(bits(&plain), bits(&own));
        }
    }
    assert!(keys > 20, "{keys}");
}

#[test]
fn hardly_any_syllable_looks_like_the_beginning_of_a_tone() {
    // Seed 99. Vowels of 100 to 300 ms, of any pitch and any resonances, after pauses of up to 200 ms.
    let mut random = 99u64;
    let mut share = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as f64 / f64::from(1u32 << 31)
    };
    let mut detector = DtmfDetector::new();
    let (mut loud, mut begin) = (0, 0);
    for _ in 0..500 {
        let pitch = 80.0 + 200.0 * share();
        let resonances = [(300.0 + 700.0 * share(), 60.0), (900.0 + 1400.0 * share(), 90.0), (2300.0 + 900.0 * share(), 150.0)];
        let mut states = [(0.0, 0.0); 3];
        let mut sound = vec![0i16; (1600.0 * share()) as usize];
        let length = 800 + (1600.0 * share()) as usize;
        let mut phase = 0.0f64;
        for n in 0..length {
            phase += pitch / 8000.0;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let mut sum = 0.0;
            for (state, (hz, width)) in states.iter_mut().zip(&resonances) {
                let r = (-std::f64::consts::PI * width / 8000.0).exp();
                let next = pulse + 2.0 * r * (std::f64::consts::TAU * hz / 8000.0).cos() * state.0 - r * r * state.1;
                *state = (next, state.0);
                sum += next;
            }
            let loudness = (n as f64 / 200.0).min(1.0) * ((length - n) as f64 / 300.0).min(1.0);
            sound.push((sum * loudness * 3_000.0).clamp(-30_000.0, 30_000.0) as i16);
        }
        for frame in sound.as_chunks::<FRAME>().0 {
            loud += u32::from(frame.iter().any(|sample| sample.unsigned_abs() > 500));
            begin += u32::from(detector.hear(frame).goes_on);
        }
    }
    assert!(loud > 4_000 && begin * 200 < loud, "{begin} of {loud} ticks");
}
