//! Tones: a sine, the pair of a telephone key, and a measure of how much of a frequency a recording holds.
//!
//! For simulated callers, tests and benches. Keys in a caller's sound are detected in `dtmf`.

use std::f64::consts::TAU;

use super::level::{DBM0_IN_DBOV, SILENCE_DBOV};
use super::{FRAME, RATE_HZ};
use crate::names::Key;

/// A sine that goes on where the last call left it.
#[derive(Clone, Debug)]
pub struct Tone {
    /// In turns, 0 to 1.
    phase: f64,
    /// Turns a sample.
    step: f64,
    amplitude: f64,
}

impl Tone {
    /// A sine of `frequency_hz` (0 to 4,000) at `level_dbov` (0 dBov is a full-scale square, so at most −3.01 without clipping).
    pub fn new(frequency_hz: f64, level_dbov: f32) -> Self {
        let amplitude = 32_768.0 * 2f64.sqrt() * 10f64.powf(f64::from(level_dbov) / 20.0);
        Self { phase: 0.0, step: frequency_hz / f64::from(RATE_HZ), amplitude }
    }

    /// Overwrite `samples` with the tone.
    pub fn render(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = self.next_value().round() as i16;
        }
    }

    /// Add the tone to `samples`, without wrapping.
    pub fn mix_into(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = sample.saturating_add(self.next_value().round() as i16);
        }
    }

    fn next_value(&mut self) -> f64 {
        let value = self.amplitude * (TAU * self.phase).sin();
        self.phase = (self.phase + self.step).fract();
        value
    }
}

/// Rows and columns of the keypad, Hz (ITU-T Q.23 §6).
const LOW_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

/// The two frequencies of a key, Hz, low group first (ITU-T Q.23 §6).
pub fn key_frequencies(key: Key) -> (f64, f64) {
    let (row, column) = match key {
        Key::Digit(0) => (3, 1),
        // `Key` promises 0 to 9.
        Key::Digit(d) => (usize::from(d - 1) / 3 % 4, usize::from(d - 1) % 3),
        Key::Star => (3, 0),
        Key::Hash => (3, 2),
        Key::Letter(l) => (usize::from(l) % 4, 3),
    };
    (LOW_HZ[row], HIGH_HZ[column])
}

/// A key pressed as sound (in-band DTMF), as a good phone sends it: the high tone 2 dB louder, against the loss of long lines
/// (ITU-T Q.24, normal twist), and edges of 2 ms.
#[derive(Clone, Debug)]
pub struct KeyTone {
    low: Tone,
    high: Tone,
    length: usize,
    at: usize,
}

impl KeyTone {
    /// Level of the low tone, dBm0.
    const LOW_DBM0: f32 = -8.0;
    /// Level of the high tone, dBm0.
    const HIGH_DBM0: f32 = -6.0;
    /// Length of an edge, samples.
    const EDGE: usize = RATE_HZ as usize / 500;

    /// `key` for `press_ms`; 40 ms is the shortest every receiver must hear (ITU-T Q.24).
    pub fn new(key: Key, press_ms: u32) -> Self {
        let (low, high) = key_frequencies(key);
        Self {
            low: Tone::new(low, Self::LOW_DBM0 + DBM0_IN_DBOV),
            high: Tone::new(high, Self::HIGH_DBM0 + DBM0_IN_DBOV),
            length: press_ms as usize * (RATE_HZ as usize / 1000),
            at: 0,
        }
    }

    /// Overwrite `samples` with what comes next of the press; how many were written before it ended (the others are untouched).
    pub fn render(&mut self, samples: &mut [i16]) -> usize {
        let count = samples.len().min(self.length - self.at);
        for sample in samples.iter_mut().take(count) {
            let edge = (self.at + 1).min(self.length - self.at).min(Self::EDGE) as f64 / Self::EDGE as f64;
            // −6 and −8 dBm0 add up to 0.82 of full scale.
            *sample = (edge * (self.low.next_value() + self.high.next_value())).round() as i16;
            self.at += 1;
        }
        count
    }

    /// Whether all of it was rendered.
    pub fn is_over(&self) -> bool {
        self.at == self.length
    }
}

/// How loud the sine of `frequency_hz` in `samples` is, dBov (Goertzel's algorithm, Hann window, so that other tones more than
/// 16,000/`samples.len()` Hz away do not count). For whole recordings or stretches of at least [`FRAME`] samples.
pub fn tone_level(samples: &[i16], frequency_hz: f64) -> f32 {
    if samples.len() < FRAME {
        return SILENCE_DBOV;
    }
    let turn = TAU * frequency_hz / f64::from(RATE_HZ);
    let coefficient = 2.0 * turn.cos();
    let length = samples.len() as f64;
    let (mut last, mut before, mut weights) = (0.0, 0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let weight = 0.5 - 0.5 * (TAU * (i as f64 + 0.5) / length).cos();
        weights += weight;
        (last, before) = (f64::from(*sample) * weight + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    // A sine of amplitude a makes the magnitude a·Σw/2; its mean square is a²/2.
    let mean_square = 2.0 * power.max(0.0) / (weights * weights);
    if mean_square < 1e-6 {
        return SILENCE_DBOV;
    }
    ((10.0 * (mean_square / (32_768.0 * 32_768.0)).log10()) as f32).max(SILENCE_DBOV)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SILENCE;
    use crate::audio::level::level_dbov;

    #[test]
    fn a_tone_is_found_at_its_own_frequency_and_nowhere_else() {
        let mut sound = [0; 1600];
        Tone::new(1000.0, -20.0).render(&mut sound);
        Tone::new(440.0, -40.0).mix_into(&mut sound);
        assert!((tone_level(&sound, 1000.0) + 20.0).abs() < 0.1);
        assert!((tone_level(&sound, 440.0) + 40.0).abs() < 0.1);
        assert!(tone_level(&sound, 700.0) < -75.0);
        assert_eq!(tone_level(&[0; 1600], 700.0), SILENCE_DBOV);
        assert_eq!(tone_level(&sound[..100], 1000.0), SILENCE_DBOV, "too short to tell");
    }

    #[test]
    fn a_tone_goes_on_without_a_seam() {
        let (mut whole, mut parts) = ([0; 320], [0; 320]);
        Tone::new(777.0, -10.0).render(&mut whole);
        let mut tone = Tone::new(777.0, -10.0);
        parts.chunks_mut(77).for_each(|part| tone.render(part));
        assert_eq!(whole, parts);
    }

    #[test]
    fn each_key_sounds_with_its_own_pair() {
        for code in 0..16 {
            let key = Key::from_event(code).unwrap();
            let mut tone = KeyTone::new(key, 100);
            let mut sound = [0; 800];
            assert_eq!(tone.render(&mut sound), 800);
            assert!(tone.is_over());
            assert_eq!(tone.render(&mut SILENCE.clone()), 0);
            let pair = key_frequencies(key);
            for frequency in LOW_HZ.into_iter().chain(HIGH_HZ) {
                let level = tone_level(&sound, frequency);
                let expected = [(pair.0, -14.15), (pair.1, -12.15)].into_iter().find(|(f, _)| *f == frequency);
                match expected {
                    Some((_, expected)) => assert!((level - expected).abs() < 0.5, "{code}: {level} at {frequency}"),
                    None => assert!(level < -30.0, "{code}: {level} at {frequency}"),
                }
            }
        }
    }

    #[test]
    fn the_pairs_lie_as_on_the_keypad() {
        let rows = ["123A", "456B", "789C", "*0#D"];
        for (row, keys) in rows.iter().enumerate() {
            for (column, key) in keys.chars().enumerate() {
                assert_eq!(key_frequencies(Key::from_char(key).unwrap()), (LOW_HZ[row], HIGH_HZ[column]), "{key}");
            }
        }
    }

    #[test]
    fn a_press_ends_inside_a_frame_and_does_not_clip() {
        let mut tone = KeyTone::new(Key::Star, 50);
        let mut sound = vec![0; 480];
        let written: Vec<usize> = sound.chunks_mut(FRAME).map(|frame| tone.render(frame)).collect();
        assert_eq!(written, [160, 160, 80]);
        assert!(sound.iter().all(|s| s.unsigned_abs() < 30_000));
        assert!(sound[0].unsigned_abs() < 2000 && sound[399].unsigned_abs() < 2000, "soft edges");
        assert!(level_dbov(&sound[..400]) > -11.0);
    }
}
