//! How loud a stretch of sound is, and whether somebody seems to speak in it. Cheap enough for every leg on every tick.
//!
//! 0 dBov is a square wave at full scale (RFC 6464 §3, ITU-T G.100.1); a sine at full scale is −3 dBov, and 0 dBm0 of G.711 is
//! −6.15 dBov. No weighting and no P.56 activity: this ranks speakers and finds silence.

/// The level of digital silence, dBov (RFC 6464 §3).
pub const SILENCE_DBOV: f32 = -127.0;

/// 0 dBm0 in dBov: a full-scale sine is −3.01 dBov and +3.14 dBm0 (ITU-T G.711 §4, A-law).
pub const DBM0_IN_DBOV: f32 = -6.15;

/// Sum of the squares; at most 2³⁰ a sample.
pub fn energy(samples: &[i16]) -> u64 {
    samples.chunks(LANES_HOLD).map(chunk_energy).sum()
}

/// As many 16-bit halves as a 32-bit sum surely holds.
const LANES_HOLD: usize = 1 << 16;

/// High and low halves are summed apart, so that no lane of a vector needs more than 32 bits.
fn chunk_energy(samples: &[i16]) -> u64 {
    let (mut high, mut low) = (0u32, 0u32);
    for sample in samples {
        let square = (i32::from(*sample) * i32::from(*sample)) as u32;
        high = high.wrapping_add(square >> 16);
        low = low.wrapping_add(square & 0xffff);
    }
    (u64::from(high) << 16) + u64::from(low)
}

/// The level, dBov, of `samples` samples with this [`energy`]: from [`SILENCE_DBOV`] to 0.
pub fn energy_dbov(energy: u64, samples: usize) -> f32 {
    const FULL_SCALE: f64 = 32_768.0 * 32_768.0;
    if energy == 0 || samples == 0 {
        return SILENCE_DBOV;
    }
    ((10.0 * (energy as f64 / (samples as f64 * FULL_SCALE)).log10()) as f32).max(SILENCE_DBOV)
}

/// The level of a stretch of sound, dBov: from [`SILENCE_DBOV`] to 0.
pub fn level_dbov(samples: &[i16]) -> f32 {
    energy_dbov(energy(samples), samples.len())
}

/// A cheap guess, one tick at a time, whether somebody speaks: louder than the quietest moments of late, and than a whisper.
///
/// A hint for ranking and for choosing moments to shed delay; it never gates anybody's sound. Steady noise and steady tones become
/// "no speech" after some seconds.
#[derive(Clone, Debug)]
pub struct SpeechHint {
    /// Energy of a tick of the line's own noise.
    floor: f32,
    /// Ticks for which speech is still assumed.
    hang: u8,
}

impl SpeechHint {
    /// Factor by which the noise floor rises each tick: 3 dB a second, so that words do not lift it but a fan switched on does.
    const RISE: f32 = 1.014;
    /// Speech is 9 dB above the floor.
    const ABOVE: f32 = 8.0;
    /// Nothing below −60 dBov is speech: energy of a tick of 160 samples.
    const WHISPER: f32 = 160.0 * 32.768 * 32.768;
    /// Gaps inside words and between them: 200 ms.
    const HANG: u8 = 10;

    /// Nothing heard yet.
    pub fn new() -> Self {
        Self { floor: Self::WHISPER, hang: 0 }
    }

    /// One tick (20 ms) with this [`energy`]; whether somebody seems to speak.
    pub fn hear(&mut self, energy: u64) -> bool {
        let energy = energy as f32;
        if energy > self.floor * Self::ABOVE && energy > Self::WHISPER {
            self.hang = Self::HANG;
        } else {
            self.hang = self.hang.saturating_sub(1);
        }
        // The floor never falls to nothing: after digital silence it would take long to find the noise again.
        self.floor = (self.floor * Self::RISE).min(energy).max(Self::WHISPER / 10.0);
        self.hang > 0
    }
}

impl Default for SpeechHint {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::tone::Tone;
    use crate::audio::{FRAME, SILENCE};

    #[test]
    fn known_signals_have_known_levels() {
        assert_eq!(level_dbov(&[]), SILENCE_DBOV);
        assert_eq!(level_dbov(&SILENCE), SILENCE_DBOV);
        assert!(level_dbov(&[i16::MIN; FRAME]).abs() < 0.001);
        assert!((level_dbov(&[3277; FRAME]) + 20.0).abs() < 0.001);
        assert!((level_dbov(&[8; FRAME]) + 72.2).abs() < 0.1, "A-law's smallest value");
        let mut frame = SILENCE;
        Tone::new(400.0, -23.0).render(&mut frame);
        assert!((level_dbov(&frame) + 23.0).abs() < 0.05);
    }

    #[test]
    fn the_energy_is_exact_at_any_length() {
        // Seed 1.
        let mut state = 1u32;
        let samples: Vec<i16> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        })
        .take(70_001)
        .collect();
        for length in [0, 1, 7, 160, 161, 65_536, 65_537, 70_001] {
            let exact: u64 = samples[..length].iter().map(|s| u64::from(s.unsigned_abs()).pow(2)).sum();
            assert_eq!(energy(&samples[..length]), exact);
        }
        assert_eq!(energy(&vec![i16::MIN; 200_000]), 200_000 << 30);
    }

    #[test]
    fn words_are_speech_and_a_fan_becomes_noise() {
        let mut hint = SpeechHint::new();
        let [silent, fan, word] =
            [-80.0f32, -45.0, -25.0].map(|dbov| (160.0 * 10f64.powf(f64::from(dbov) / 10.0) * 32_768.0f64.powi(2)) as u64);
        assert!((0..50).all(|_| !hint.hear(silent)));
        assert!(hint.hear(word), "at the first tick");
        assert!(hint.hear(silent), "a gap inside a word");
        let after: Vec<bool> = (0..20).map(|_| hint.hear(silent)).collect();
        assert!(after[0] && !after[10..].contains(&true), "but not for long");
        for _ in 0..15 * 50 {
            hint.hear(fan);
        }
        assert!(!hint.hear(fan));
        assert!(hint.hear(word), "over the fan");
    }

    #[test]
    fn somebody_who_speaks_for_a_minute_is_heard_all_the_time() {
        let mut hint = SpeechHint::new();
        let [pause, word] = [-60.0f32, -26.0].map(|dbov| (160.0 * 10f64.powf(f64::from(dbov) / 10.0) * 32_768.0f64.powi(2)) as u64);
        for tick in 0..3000 {
            let speaks = hint.hear(if tick % 25 < 20 { word } else { pause });
            assert!(speaks, "tick {tick}");
        }
    }
}
