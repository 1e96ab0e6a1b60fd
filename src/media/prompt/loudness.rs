//! How loud speech is, and how loud it shall be.

use crate::audio::RATE_HZ;

/// Level of spoken prompts, dBov active speech level: about -20 dBm0, as people on the telephone speak.
pub const SPEECH_DBOV: f64 = -26.0;
/// Highest peak of a prompt, dBFS: A-law clips at full scale, and something may be mixed in.
pub const PEAK_DBFS: f64 = -3.0;
/// Further off than this is worth a word to the operator, dB.
pub const TOLERANCE_DB: f64 = 6.0;
/// Nobody hears this on a telephone: A-law's lowest step is at -66 dBov.
const SILENT_DBOV: f64 = -60.0;

/// ITU-T P.56 (12/2011), 6.1: time constant of the envelope, seconds; how long speech goes on after it, seconds; margin over the threshold, dB.
const TIME_CONSTANT_S: f64 = 0.03;
const HANGOVER_S: f64 = 0.2;
const MARGIN_DB: f64 = 15.9;
/// Thresholds, from -90 dBov up in steps of 6 dB.
const THRESHOLDS: usize = 15;

/// Active speech level of samples at 8 kHz, dBov (ITU-T P.56 method B: pauses do not count). `None`: silent.
pub fn active_level(samples: &[f32]) -> Option<f64> {
    let hangover = (f64::from(RATE_HZ) * HANGOVER_S) as u32;
    let smooth = (-1.0 / (f64::from(RATE_HZ) * TIME_CONSTANT_S)).exp();
    let thresholds: [f64; THRESHOLDS] = std::array::from_fn(|j| 0.5f64.powi((THRESHOLDS - j) as i32));
    let mut active = [0u32; THRESHOLDS];
    let mut since = [hangover + 1; THRESHOLDS];
    let (mut once, mut twice, mut energy) = (0.0, 0.0, 0.0);
    for &sample in samples {
        let sample = f64::from(sample);
        energy += sample * sample;
        once = smooth * once + (1.0 - smooth) * sample.abs();
        twice = smooth * twice + (1.0 - smooth) * once;
        for ((threshold, active), since) in thresholds.iter().zip(&mut active).zip(&mut since) {
            *since = if twice >= *threshold { 0 } else { since.saturating_add(1) };
            if *since <= hangover {
                *active += 1;
            }
        }
    }
    // The level is where it lies the margin over the threshold it was found with.
    let mut below: Option<(f64, f64)> = None;
    for (active, threshold) in active.into_iter().zip(thresholds).filter(|(active, _)| *active > 0) {
        let level = 10.0 * (energy / f64::from(active)).log10();
        let over = level - 20.0 * threshold.log10();
        if over <= MARGIN_DB {
            let level = below.map_or(level, |(low, far)| low + (far - MARGIN_DB) / (far - over) * (level - low));
            return Some(level).filter(|level| *level > SILENT_DBOV);
        }
        below = Some((level, over));
    }
    below.map(|(level, _)| level).filter(|level| *level > SILENT_DBOV)
}

/// The factor that brings speech of `level_dbov` to [`SPEECH_DBOV`], or less where a peak would pass [`PEAK_DBFS`].
pub fn gain(samples: &[f32], level_dbov: f64) -> f32 {
    let to_level = ratio(SPEECH_DBOV - level_dbov);
    to_level.min(ratio(PEAK_DBFS) / f64::from(peak(samples)).max(f64::MIN_POSITIVE)) as f32
}

/// The largest magnitude.
pub fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| sample.abs().max(peak))
}

/// A level difference in dB as a factor of amplitude.
pub fn ratio(db: f64) -> f64 {
    10f64.powf(db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f64, seconds: f64) -> Vec<f32> {
        (0..(seconds * 8000.0) as usize).map(|n| (amplitude * (n as f64 * 0.5).sin()) as f32).collect()
    }

    #[test]
    fn a_steady_tone_has_its_mean_power_as_level() {
        // A sine's power is 3.01 dB under its peak's.
        let level = active_level(&tone(ratio(-20.0), 4.0)).unwrap();
        assert!((level + 23.01).abs() < 0.2, "{level}");
    }

    #[test]
    fn pauses_do_not_lower_the_level() {
        let steady = active_level(&tone(0.1, 2.0)).unwrap();
        let mut paused = tone(0.1, 1.0);
        paused.extend([0.0; 16_000]);
        paused.extend(tone(0.1, 1.0));
        paused.extend([0.0; 16_000]);
        let level = active_level(&paused).unwrap();
        // What remains is the hangover: 2 s of sound count as up to 2.6 s.
        assert!((steady - level) < 1.2, "{steady} {level}");
        let mean = 10.0 * (paused.iter().map(|s| f64::from(s * s)).sum::<f64>() / paused.len() as f64).log10();
        assert!(level - mean > 3.0, "the mean over all is far lower: {mean}");
    }

    #[test]
    fn silence_has_no_level() {
        assert_eq!(active_level(&[]), None);
        assert_eq!(active_level(&[0.0; 8000]), None);
        assert_eq!(active_level(&tone(ratio(-70.0), 1.0)), None);
    }

    #[test]
    fn a_peak_bounds_the_gain() {
        let quiet = tone(0.01, 1.0);
        let level = active_level(&quiet).unwrap();
        assert!((20.0 * f64::from(gain(&quiet, level)).log10() - (SPEECH_DBOV - level)).abs() < 0.01);
        let mut peaky = quiet;
        peaky[4000] = 0.5;
        let bounded = gain(&peaky, level);
        assert!((bounded * 0.5 - ratio(PEAK_DBFS) as f32).abs() < 1e-4);
    }
}
