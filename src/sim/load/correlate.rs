//! Finding a marker again: normalised correlation, first at 8 kHz, then at the codec's rate, then between the samples.

use super::marker::{self, Code};
use super::track::{COARSE_HZ, Track};

/// What lies below is no marker. Noise reaches 0.3 in a second's search; a marker through two codecs, under an announcement, 0.5 and more.
pub const LIKE: f32 = 0.42;

/// A marker to look for.
#[derive(Clone, Debug)]
pub struct Template {
    coarse: Vec<f32>,
    fine: Vec<f32>,
    /// Samples of the fine one for each of the coarse one.
    each: usize,
}

/// Where one was found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    /// Its first sample, at the track's rate, with a fraction.
    pub at: f64,
    /// How like it is, to 1.
    pub likeness: f32,
}

/// Sum of products; eight at a time, so that the compiler makes vectors of it.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (mut left, mut right) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in left.by_ref().zip(right.by_ref()) {
        for n in 0..8 {
            sums[n] += x[n] * y[n];
        }
    }
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// To length one.
fn normal(mut samples: Vec<f32>) -> Vec<f32> {
    let length = dot(&samples, &samples).sqrt().max(1e-6);
    samples.iter_mut().for_each(|sample| *sample /= length);
    samples
}

impl Template {
    /// For tracks of this rate.
    pub fn new(code: Code, rate_hz: u32) -> Self {
        Self {
            coarse: normal(marker::burst(code, COARSE_HZ)),
            fine: normal(marker::burst(code, rate_hz)),
            each: (rate_hz / COARSE_HZ) as usize,
        }
    }

    /// The likest place whose first sample lies in `from..to` (samples of the track's rate). `None`: nothing there is like it.
    pub fn find(&self, track: &Track, from: usize, to: usize) -> Option<Found> {
        let length = self.coarse.len();
        let last = track.coarse.len().checked_sub(length)?;
        let mut best: Option<(usize, f32)> = None;
        for at in from / self.each..(to / self.each).min(last + 1) {
            let energy = (track.energy[at + length] - track.energy[at]) as f32;
            // Digital silence is like nothing.
            if energy < length as f32 {
                continue;
            }
            let like = dot(&self.coarse, &track.coarse[at..at + length]) / energy.sqrt();
            if best.is_none_or(|(_, most)| like > most) {
                best = Some((at, like));
            }
        }
        let (at, _) = best.filter(|(_, like)| *like > LIKE / 2.0)?;
        let found = self.refine(track, at * self.each)?;
        (found.likeness >= LIKE).then_some(found)
    }

    /// Around a place, sample by sample, and between the two likest.
    fn refine(&self, track: &Track, around: usize) -> Option<Found> {
        let like = |at: usize| {
            let part = track.samples.get(at..at + self.fine.len())?;
            let energy = dot(part, part);
            (energy > 0.0).then(|| dot(&self.fine, part) / energy.sqrt())
        };
        let reach = self.each + 1;
        let near = around.saturating_sub(reach)..around + reach + 1;
        let (at, likeness) = near.filter_map(|at| Some((at, like(at)?))).max_by(|a, b| a.1.total_cmp(&b.1))?;
        // A parabola through three neighbours has its top where the marker is.
        let sides = at.checked_sub(1).and_then(like).zip(like(at + 1));
        let shift = sides.map_or(0.0, |(before, after)| {
            let bend = before - 2.0 * likeness + after;
            if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 }
        });
        Some(Found { at: at as f64 + f64::from(shift), likeness })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, Encoders, OpusSettings, Payload};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    const CODE: Code = Code { voice: 1, number: 4 };

    /// A second of noise at `noise` with the marker from sample `place` (8 kHz) on, through a codec.
    fn track(codec: Codec, place: usize, gain: f32, noise: f32) -> Track {
        let rate = codec.rate_hz() as usize;
        let mut random = StdRng::seed_from_u64(5);
        let mut sound: Vec<f32> = (0..rate).map(|_| noise * random.random_range(-1.0..1.0)).collect();
        for (out, sample) in sound[place * (rate / 8_000)..].iter_mut().zip(marker::burst(CODE, codec.rate_hz())) {
            *out += gain * sample;
        }
        let mut encoders = Encoders::new([codec], &OpusSettings::default()).unwrap();
        let packets: Vec<Vec<u8>> = sound
            .chunks(rate / 50)
            .map(|tick| {
                let mut payload = Payload::EMPTY;
                encoders.encode(codec, &tick.iter().map(|s| *s as i16).collect::<Vec<_>>(), &mut payload);
                payload.octets().to_vec()
            })
            .collect();
        let step = codec.clock_hz() / 50;
        Track::new(codec, packets.iter().enumerate().map(|(n, packet)| (n as u64, n as u32 * step, packet.as_slice())))
    }

    #[test]
    fn a_marker_is_found_to_the_sample_through_g711() {
        for place in [777, 1_600, 2_345] {
            let track = track(Codec::Pcma, place, 0.3, 500.0);
            let found = Template::new(CODE, 8_000).find(&track, 0, 8_000).unwrap();
            assert!((found.at - place as f64).abs() < 0.2, "{place}: {found:?}");
        }
    }

    #[test]
    fn a_marker_is_found_through_codecs_that_delay_and_the_delay_is_the_codecs() {
        for (codec, delay_ms) in [(Codec::G722, 0.5..2.5), (Codec::Opus, 4.0..9.0)] {
            let track = track(codec, 2_345, 1.0, 100.0);
            let found = Template::new(CODE, codec.rate_hz()).find(&track, 0, track.samples.len()).unwrap();
            let late = found.at / f64::from(codec.rate_hz()) * 1e3 - 2_345.0 / 8.0;
            assert!(delay_ms.contains(&late), "{codec:?}: {late} ms, {found:?}");
        }
    }

    #[test]
    fn noise_and_other_markers_are_not_taken_for_it() {
        let track = track(Codec::Pcma, 2_000, 1.0, 300.0);
        for number in (0..12).filter(|number| *number != CODE.number) {
            assert_eq!(Template::new(Code { number, ..CODE }, 8_000).find(&track, 0, 8_000), None);
        }
        assert_eq!(Template::new(CODE, 8_000).find(&track, 3_000, 8_000), None, "it is not in that part");
    }
}
