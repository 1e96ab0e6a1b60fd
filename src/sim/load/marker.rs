//! Markers: short noise-like bursts that a talker sends at known places and a listener finds again to the sample.
//!
//! A burst is defined in continuous time, as a sum of cosines between [`LOW_HZ`] and [`HIGH_HZ`], so that it is the same burst at every
//! sampling rate. Its time times bandwidth is 112: it stands 20 dB out of anything as loud as itself, survives any speech codec,
//! and no two bursts are alike. It is neither speech nor a key.

use std::f32::consts::TAU;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Length, milliseconds: two packets, so it always ends in the second or third.
pub const LENGTH_MS: u32 = 40;
/// Lowest frequency: above what telephones cut off.
const LOW_HZ: f32 = 400.0;
/// Highest frequency: below the edge of narrowband.
const HIGH_HZ: f32 = 3_200.0;
/// One over the length: the finest spacing that makes a difference.
const STEP_HZ: f32 = 1_000.0 / LENGTH_MS as f32;
/// Its mean square, as an amplitude on a scale of 32,768: −20 dBov, a little above speech.
const RMS: f32 = 3_277.0;
/// Soft edges, share of the length at each end.
const EDGE: f32 = 0.1;

/// Which burst: talkers of a meeting have different voices, and the markers of a voice have different numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Code {
    /// The voice, below [`super::repertoire::VOICES`].
    pub voice: u8,
    /// The number in the voice's loop.
    pub number: u8,
}

/// Samples of a marker at a rate.
pub fn length(rate_hz: u32) -> usize {
    (rate_hz / 1_000 * LENGTH_MS) as usize
}

/// The burst at a sampling rate (8,000 Hz or more), −20 dBov.
pub fn burst(code: Code, rate_hz: u32) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(0x6d61_726b_0000 + u64::from(code.voice) * 256 + u64::from(code.number));
    let count = ((HIGH_HZ - LOW_HZ) / STEP_HZ) as usize;
    let length = length(rate_hz);
    let mut samples = vec![0f32; length];
    for n in 0..count {
        let (turn, phase) = (TAU * (LOW_HZ + STEP_HZ * n as f32) / rate_hz as f32, TAU * random.random::<f32>());
        for (at, sample) in samples.iter_mut().enumerate() {
            *sample += (turn * at as f32 + phase).cos();
        }
    }
    // A cosine's mean square is a half.
    let scale = RMS / (count as f32 / 2.0).sqrt();
    for (at, sample) in samples.iter_mut().enumerate() {
        let from_edge = at.min(length - 1 - at) as f32 / (length as f32 * EDGE);
        let edge = 0.5 - 0.5 * (TAU / 2.0 * from_edge.min(1.0)).cos();
        *sample *= scale * edge;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(number: u8) -> Code {
        Code { voice: 3, number }
    }

    fn likeness(a: &[f32], b: &[f32]) -> f32 {
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn a_burst_is_the_same_at_every_rate_and_unlike_any_other() {
        let (narrow, wide, full) = (burst(code(1), 8_000), burst(code(1), 16_000), burst(code(1), 48_000));
        assert_eq!((narrow.len(), wide.len(), full.len()), (320, 640, 1_920));
        let pick = |samples: &[f32], each: usize| samples.iter().step_by(each).copied().collect::<Vec<_>>();
        assert!(likeness(&narrow, &pick(&wide, 2)) > 0.999);
        assert!(likeness(&narrow, &pick(&full, 6)) > 0.999);
        for other in 2..20 {
            let other = burst(code(other), 8_000);
            for shift in 0..160 {
                assert!(likeness(&narrow[shift..], &other[..320 - shift]).abs() < 0.4);
            }
        }
    }

    #[test]
    fn a_burst_is_loud_but_does_not_clip() {
        for number in 0..12 {
            let samples = burst(code(number), 8_000);
            let rms = (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt();
            assert!((2_400.0..3_600.0).contains(&rms), "{rms}");
            assert!(samples.iter().all(|s| s.abs() < 20_000.0));
        }
    }
}
