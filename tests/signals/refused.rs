//! Sounds on telephone lines that are no keys: other signalling, data, call progress.

use std::f64::consts::TAU;

use super::{RATE, Rng, add_sine, amplitude};

fn pause(sound: &mut Vec<f64>, ms: f64) {
    sound.extend(std::iter::repeat_n(0.0, (ms * 8.0) as usize));
}

/// Several sines at once, each at its own level.
fn burst(sound: &mut Vec<f64>, tones: &[(f64, f64)], ms: f64, rng: &mut Rng) {
    let mut part = vec![0.0; (ms * 8.0) as usize];
    for (hz, dbm0) in tones {
        add_sine(&mut part, *hz, *dbm0, rng.range(0.0, TAU));
    }
    sound.extend(part);
}

/// Multi-frequency signalling between exchanges: Bell R1 (ITU-T Q.320) and R2 forward and backward (ITU-T Q.441), all pairs.
pub fn multi_frequency(rng: &mut Rng) -> (Vec<f64>, usize) {
    let sets: [&[f64]; 3] = [
        &[700.0, 900.0, 1100.0, 1300.0, 1500.0, 1700.0],
        &[1380.0, 1500.0, 1620.0, 1740.0, 1860.0, 1980.0],
        &[1140.0, 1020.0, 900.0, 780.0, 660.0, 540.0],
    ];
    let (mut sound, mut count) = (Vec::new(), 0);
    for set in sets {
        for (i, a) in set.iter().enumerate() {
            for b in &set[i + 1..] {
                let level = rng.range(-20.0, -5.0);
                pause(&mut sound, rng.range(50.0, 90.0));
                burst(&mut sound, &[(*a, level), (*b, level + rng.range(-2.0, 2.0))], rng.range(55.0, 150.0), rng);
                count += 1;
            }
        }
    }
    pause(&mut sound, 60.0);
    (sound, count)
}

/// Modems: V.21 and Bell 103 (300 baud), V.23 and Bell 202 (1,200 baud), V.23 back channel (75 baud); random bits, phase-continuous.
pub fn modem(rng: &mut Rng, seconds: f64) -> Vec<f64> {
    let kinds = [
        (980.0, 1180.0, 300.0),
        (1650.0, 1850.0, 300.0),
        (1070.0, 1270.0, 300.0),
        (2025.0, 2225.0, 300.0),
        (1300.0, 2100.0, 1200.0),
        (1300.0, 1700.0, 600.0),
        (1200.0, 2200.0, 1200.0),
        (390.0, 450.0, 75.0),
    ];
    let (mark, space, baud) = rng.of(&kinds);
    let level = amplitude(rng.range(-25.0, -5.0));
    let idle = rng.chance(0.3);
    let (mut phase, mut bit, mut clock) = (0.0f64, false, 0.0);
    let mut sound = Vec::new();
    for _ in 0..(seconds * RATE) as usize {
        clock += baud / RATE;
        if clock >= 1.0 {
            clock -= 1.0;
            bit = if idle && rng.chance(0.9) { true } else { rng.chance(0.5) };
        }
        phase += TAU * if bit { mark } else { space } / RATE;
        sound.push(level * phase.sin());
    }
    sound
}

/// Dial, ringing, busy, congestion, special information, call waiting, fax, and other tones of many countries, in their cadences.
pub fn call_progress(rng: &mut Rng) -> Vec<f64> {
    let kinds: [&[&[f64]]; 16] = [
        &[&[350.0, 440.0]],
        &[&[440.0, 480.0]],
        &[&[480.0, 620.0]],
        &[&[425.0]],
        &[&[400.0, 450.0]],
        &[&[350.0, 450.0]],
        &[&[950.0], &[1400.0], &[1800.0]],
        &[&[914.0], &[1371.0], &[1777.0]],
        &[&[985.0], &[1429.0], &[1777.0]],
        &[&[440.0], &[]],
        &[&[1100.0], &[]],
        &[&[2100.0]],
        &[&[1400.0, 2060.0, 2450.0, 2600.0]],
        &[&[1004.0]],
        &[&[2600.0], &[]],
        &[&[600.0, 120.0]],
    ];
    let kind = rng.of(&kinds);
    let level = rng.range(-25.0, -3.0);
    let on = rng.of(&[250.0, 330.0, 500.0, 1000.0]);
    let mut sound = Vec::new();
    for _ in 0..3 {
        for tones in kind {
            let tones: Vec<(f64, f64)> = tones.iter().map(|hz| (*hz, level)).collect();
            burst(&mut sound, &tones, on, rng);
        }
        pause(&mut sound, rng.of(&[0.0, 250.0, 500.0]));
    }
    sound
}

/// One of a key's two tones alone, or two of one group, or with a third.
pub fn wrong_number_of_tones(rng: &mut Rng) -> Vec<f64> {
    let mut sound = vec![0.0; 400 + rng.below(160)];
    let level = rng.range(-25.0, -3.0);
    let (low, high) = (rng.of(&super::LOW), rng.of(&super::HIGH));
    let tones = match rng.below(5) {
        0 => vec![low],
        1 => vec![high],
        2 => vec![super::LOW[rng.below(2)], super::LOW[2 + rng.below(2)]],
        3 => vec![super::HIGH[rng.below(2)], super::HIGH[2 + rng.below(2)]],
        _ => vec![low, high, rng.of(&[1900.0, 2100.0, 2500.0, 2700.0])],
    };
    let tones: Vec<(f64, f64)> = tones.into_iter().map(|hz| (hz * (1.0 + rng.range(-0.01, 0.01)), level)).collect();
    burst(&mut sound, &tones, rng.range(40.0, 200.0), rng);
    pause(&mut sound, 60.0);
    sound
}
