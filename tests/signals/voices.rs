//! Voices and instruments made of harmonics: sustained vowels, sung and spoken, and music.

use std::f64::consts::TAU;

use super::{Biquad, RATE, Rng, telephone_band, to_level};

/// First three formants, Hz, of some vowels of a man; women's and children's lie up to 40 % higher.
const VOWELS: [[f64; 3]; 12] = [
    [270.0, 2290.0, 3010.0],
    [390.0, 1990.0, 2550.0],
    [530.0, 1840.0, 2480.0],
    [660.0, 1720.0, 2410.0],
    [730.0, 1090.0, 2440.0],
    [570.0, 840.0, 2410.0],
    [440.0, 1020.0, 2240.0],
    [300.0, 870.0, 2240.0],
    [640.0, 1190.0, 2390.0],
    [490.0, 1350.0, 1690.0],
    [300.0, 1700.0, 2100.0],
    [400.0, 1600.0, 2200.0],
];

/// A vowel held for `seconds`, between two short pauses.
pub fn vowel(rng: &mut Rng, seconds: f64) -> Vec<f64> {
    let samples = (seconds * RATE) as usize;
    let size = rng.range(0.9, 1.45);
    let formants = rng.of(&VOWELS).map(|hz| hz * size * rng.range(0.92, 1.08));
    let pitch = if rng.chance(0.5) { rng.range(80.0, 300.0) } else { rng.range(200.0, 650.0) };
    let (vibrato_hz, vibrato) = (rng.range(4.0, 7.5), if rng.chance(0.4) { 0.0 } else { rng.range(0.0, 0.03) });
    let glide = if rng.chance(0.3) { rng.range(-0.3, 0.3) } else { 0.0 };
    let (jitter, breath) = (rng.range(0.0, 0.004), rng.range(0.0, 0.03));
    let attack = rng.range(0.003, 0.08);
    let tilt = rng.range(0.8, 2.2);
    let weights: Vec<f64> = (1..60).map(|h| f64::from(h).powf(-tilt)).collect();
    let mut filters = [0, 1, 2].map(|i| Biquad::formant(formants[i], rng.range(40.0, 130.0) * (1.0 + i as f64 / 2.0)));
    let (mut phase, mut wander) = (0.0f64, 0.0);
    let mut sound = vec![0.0; 400 + rng.below(160)];
    for i in 0..samples {
        let t = i as f64 / RATE;
        wander = wander * 0.995 + rng.normal() * jitter * 0.1;
        let hz = pitch * (1.0 + vibrato * (TAU * vibrato_hz * t).sin() + glide * t / seconds + wander);
        phase += hz / RATE;
        let (sin, cos) = (TAU * phase).sin_cos();
        // Overtones by Chebyshev's recursion: sin((h+1)x) = 2·cos(x)·sin(hx) − sin((h−1)x).
        let (mut source, mut below, mut overtone) = (0.0, 0.0, sin);
        for weight in &weights[..weights.len().min((3_900.0 / hz) as usize)] {
            source += overtone * weight;
            (below, overtone) = (overtone, 2.0 * cos * overtone - below);
        }
        source += breath * rng.normal();
        let gain = (t / attack).min(1.0) * ((seconds - t) / 0.03).clamp(0.0, 1.0);
        sound.push(gain * filters.iter_mut().fold(source, |x, filter| filter.step(x)));
    }
    sound.extend(vec![0.0; 400]);
    if rng.chance(0.5) {
        telephone_band(&mut sound);
    }
    to_level(&mut sound, rng.range(-30.0, -8.0));
    sound
}

/// Notes and chords of equal temperament, with overtones that die away, bowed ones, organ ones.
pub fn music(rng: &mut Rng, seconds: f64) -> Vec<f64> {
    let mut sound = vec![0.0; (seconds * RATE) as usize];
    let tuning = 440.0 * (1.0 + rng.range(-0.01, 0.01));
    let kind = rng.below(4);
    let mut at = 0.0;
    while at < seconds {
        let length = rng.range(0.08, 0.8);
        for _ in 0..1 + rng.below(4) {
            let hz = tuning * 2f64.powf((rng.below(48) as f64 - 24.0) / 12.0);
            let phase = rng.range(0.0, TAU);
            let (decay, partials, tilt) = match kind {
                // Plucked, bowed, organ, flute.
                0 => (rng.range(2.0, 8.0), 8, 1.2),
                1 => (0.0, 12, 1.0),
                2 => (0.0, 4, 0.6),
                _ => (rng.range(0.0, 1.0), 3, 2.5),
            };
            let (vibrato, attack) = (if kind == 1 || kind == 3 { 0.008 } else { 0.0 }, if kind == 0 { 0.002 } else { 0.02 });
            let mut turns = 0.0;
            let from = (at * RATE) as usize;
            for (i, sample) in sound.iter_mut().enumerate().skip(from).take((length * RATE) as usize) {
                let t = (i - from) as f64 / RATE;
                turns += hz * (1.0 + vibrato * (TAU * 5.5 * t).sin()) / RATE;
                let gain = (-decay * t).exp() * (t / attack).min(1.0) * ((length - t) / 0.01).clamp(0.0, 1.0);
                for h in 1..=partials {
                    let h = f64::from(h);
                    if h * hz < 3_900.0 {
                        *sample += gain * (TAU * h * turns + phase * h).sin() / h.powf(tilt) * (-decay * t * (h - 1.0) * 0.5).exp();
                    }
                }
            }
        }
        at += length;
    }
    if rng.chance(0.5) {
        telephone_band(&mut sound);
    }
    to_level(&mut sound, rng.range(-30.0, -8.0));
    sound
}
