//! WAV files for a phone: any rate and width in, 8 kHz 16 bit out.

use std::f32::consts::PI;
use std::path::Path;
use std::sync::Arc;

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::audio::RATE_HZ;

/// Half the length of the resampling filter, in periods of the lower rate: 70 dB of stop band with a Blackman window is plenty for a telephone.
const HALF: f32 = 16.0;
/// Where the filter begins to fall, as a part of the lower rate's half.
const PASS: f32 = 0.92;

/// The file as one channel at 8 kHz.
pub fn read(path: &Path) -> Result<Arc<[i16]>, hound::Error> {
    let mut reader = WavReader::open(path)?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let full = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            reader.samples::<i32>().map(|sample| Ok(sample? as f32 / full)).collect::<Result<_, hound::Error>>()?
        }
    };
    let channels = usize::from(spec.channels.max(1));
    let mono: Vec<f32> = samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    let telephone = to_telephone(&mono, spec.sample_rate.max(1));
    // `as` saturates, and turns what is no number into silence.
    Ok(telephone.iter().map(|sample| (sample * 32_768.0) as i16).collect())
}

/// Keep a recording.
pub fn write(path: &Path, samples: &[i16]) -> Result<(), hound::Error> {
    let spec = WavSpec { channels: 1, sample_rate: RATE_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec)?;
    for sample in samples {
        writer.write_sample(*sample)?;
    }
    writer.finalize()
}

/// A windowed sinc, computed for each sample anew: slow, exact, and good for any rate.
pub fn to_telephone(samples: &[f32], rate_hz: u32) -> Vec<f32> {
    if rate_hz == RATE_HZ {
        return samples.to_vec();
    }
    let ratio = rate_hz as f64 / f64::from(RATE_HZ);
    // Input samples a period of the lower rate.
    let period = ratio.max(1.0) as f32;
    let reach = HALF * period;
    let length = (samples.len() as f64 / ratio).ceil() as usize;
    let at = |n: usize| {
        let centre = n as f64 * ratio;
        let first = (centre - f64::from(reach)).ceil().max(0.0) as usize;
        let last = ((centre + f64::from(reach)) as usize).min(samples.len().saturating_sub(1));
        let taps = samples.get(first..=last).unwrap_or_default().iter().enumerate();
        let sum: f32 = taps
            .map(|(i, sample)| {
                let x = ((first + i) as f64 - centre) as f32;
                let window = 0.42 + 0.5 * (PI * x / reach).cos() + 0.08 * (2.0 * PI * x / reach).cos();
                sample * window * sinc(x * PASS / period)
            })
            .sum();
        sum * PASS / period
    };
    (0..length).map(at).collect()
}

fn sinc(x: f32) -> f32 {
    if x.abs() < 1e-6 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::tone::tone_level;

    #[test]
    fn tones_of_any_rate_keep_pitch_and_level_and_what_is_too_high_is_gone() {
        for rate in [8_000u32, 11_025, 16_000, 44_100, 48_000] {
            let tone = |hz: f32| (0..rate).map(|i| 0.25 * (2.0 * PI * hz * i as f32 / rate as f32).sin()).collect::<Vec<_>>();
            let heard: Vec<i16> = to_telephone(&tone(1000.0), rate).iter().map(|s| (s * 32_768.0) as i16).collect();
            assert_eq!(heard.len(), 8_000, "{rate}");
            assert!((tone_level(&heard[400..7_600], 1000.0) + 15.05).abs() < 0.2, "{rate}");
            if rate >= 16_000 {
                let alias: Vec<i16> = to_telephone(&tone(5500.0), rate).iter().map(|s| (s * 32_768.0) as i16).collect();
                assert!(tone_level(&alias[400..7_600], 2500.0) < -70.0, "{rate}");
            }
        }
    }
}
