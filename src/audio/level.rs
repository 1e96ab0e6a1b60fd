//! How loud a stretch of sound is. Cheap enough for every leg on every tick.
//!
//! 0 dBov is a square wave at full scale (RFC 6464 §3, ITU-T G.100.1); a sine at full scale is −3 dBov, and 0 dBm0 of G.711 is
//! −6.15 dBov. No weighting and no P.56 activity: this ranks speakers and finds silence.

/// The level of digital silence, dBov (RFC 6464 §3).
pub const SILENCE_DBOV: f32 = -127.0;

/// 0 dBm0 in dBov: a full-scale sine is −3.01 dBov and +3.14 dBm0 (ITU-T G.711 §4, A-law).
pub const DBM0_IN_DBOV: f32 = -6.15;

/// Sum of the squares; at most 2³⁰ a sample. Inlined into callers for this processor.
#[inline(always)]
pub fn energy(samples: &[i16]) -> u64 {
    samples.chunks(LANES_HOLD).map(chunk_energy).sum()
}

/// As many 16-bit halves as a 32-bit sum surely holds.
const LANES_HOLD: usize = 1 << 16;

/// High and low halves are summed apart, so that no lane of a vector needs more than 32 bits.
#[inline(always)]
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

/// The level, dBov, of a mean square (0 to 2³⁰): from [`SILENCE_DBOV`] to 0.
pub fn mean_square_dbov(mean_square: f32) -> f32 {
    const FULL_SCALE: f32 = 32_768.0 * 32_768.0;
    (10.0 * (mean_square / FULL_SCALE).log10()).max(SILENCE_DBOV)
}

/// The level of a stretch of sound, dBov: from [`SILENCE_DBOV`] to 0.
pub fn level_dbov(samples: &[i16]) -> f32 {
    energy_dbov(energy(samples), samples.len())
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
}
