//! Keeps a sum of voices inside 16 bits without wrapping, without a hard edge and without delay.
//!
//! A tick is known whole when it is limited, so the gain can fall *before* a peak inside it at no cost in delay: the gain is a line
//! through points 2.5 ms apart, each low enough for the stretches on both sides of it. Only a peak at the very start of a tick that
//! nothing announced meets a gain that is still too high: the gain then falls within 1 ms, and what sticks out meanwhile is bent
//! below full scale. Sound under the ceiling passes bit by bit. This keeps peaks in bounds; it does not level voices against each other.

/// The loudest sample that leaves the limiter in the steady state: −1 dB of full scale, so that G.711 has a step in hand.
pub const CEILING: i32 = 29_204;

/// Blocks of a tick, at the ends of which the gain's points lie: 2.5 ms.
const BLOCKS: usize = 8;
/// Fall of the gain when a peak comes unannounced, as a share of a tick: 1 ms.
const ATTACK: usize = 20;
/// Blocks for which the gain stays down after a peak: 20 ms, longer than half a period of any voice, so that the gain does not follow
/// the wave itself (which would be distortion).
const HOLD: u8 = 8;
/// Share of the missing gain that comes back in a block: a time constant of 150 ms.
const RELEASE: f32 = 1.0 / 60.0;
/// Nearer to 1 than this, the gain is 1: 0.01 dB.
const OPEN: f32 = 0.999;

/// The gain of one output, from tick to tick.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limiter {
    gain: f32,
    hold: u8,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0, hold: 0 }
    }
}

impl Limiter {
    /// Whether nothing is being held down.
    pub fn is_open(&self) -> bool {
        self.gain == 1.0
    }

    /// Limit one tick of a sum, at any of the rates, into `out`. A sum of up to 65,535 streams of 16 bits is in range.
    pub fn limit(&mut self, sum: &[i32], out: &mut [i16]) {
        let length = (sum.len() / BLOCKS).max(1);
        let attack = (sum.len() / ATTACK).max(1);
        let mut peaks = [0; BLOCKS + 1];
        for (peak, block) in peaks.iter_mut().zip(sum.chunks_exact(length)) {
            *peak = block.iter().fold(0, |most, sample| most.max(sample.abs()));
        }
        if self.is_open() && peaks.iter().all(|&peak| peak <= CEILING) {
            for (out, sample) in out.iter_mut().zip(sum) {
                // Under the ceiling, so it fits.
                *out = *sample as i16;
            }
            return;
        }
        let needs = peaks.map(|peak| if peak > CEILING { CEILING as f32 / peak as f32 } else { 1.0 });
        let blocks = sum.chunks_exact(length).zip(out.chunks_exact_mut(length));
        for ((sum, out), need) in blocks.zip(needs.windows(2)) {
            let (here, next) = (need[0], need[1]);
            let (from, to) = (self.gain, self.gain_after(here.min(next)));
            let fall = if from > here { attack } else { length };
            let step = (to - from) / fall as f32;
            for (i, (out, sample)) in out.iter_mut().zip(sum).enumerate() {
                let gain = from + step * fall.min(i + 1) as f32;
                *out = bend(*sample as f32 * gain);
            }
            self.gain = to;
        }
    }

    /// The next point of the gain, where at most `want` is allowed.
    fn gain_after(&mut self, want: f32) -> f32 {
        if want <= self.gain {
            self.hold = HOLD;
            return want;
        }
        if self.hold > 0 {
            self.hold -= 1;
            return self.gain;
        }
        let risen = self.gain + (1.0 - self.gain) * RELEASE;
        want.min(if risen > OPEN { 1.0 } else { risen })
    }
}

/// A sum of two sounds that seldom exceeds full scale: up to [`CEILING`] as it is, above it bent so that it never reaches full scale.
pub fn soften(sample: i32) -> i16 {
    if (-CEILING..=CEILING).contains(&sample) { sample as i16 } else { bend(sample as f32) }
}

fn bend(value: f32) -> i16 {
    const KNEE: f32 = CEILING as f32;
    const ROOM: f32 = 32_767.0 - KNEE;
    let over = value.abs() - KNEE;
    // The slope is 1 at the knee, and the limit of over / (room + over) is 1.
    let bent = if over > 0.0 { value.signum() * (KNEE + ROOM * over / (ROOM + over)) } else { value };
    nearest(bent)
}

/// The whole number nearest to a value within ±32,768, ties to even: what `round_ties_even` says, without the call that it is where the
/// processor has no instruction for it.
pub(super) fn nearest(value: f32) -> i16 {
    // At 1.5 × 2²³ a step of `f32` is 1, and the lowest 16 bits are those of the number.
    const SHIFT: f32 = 12_582_912.0;
    (value + SHIFT).to_bits() as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{FRAME, RATE_HZ, Rate};

    /// `ticks` of a sine through the limiter; input and output.
    fn through(limiter: &mut Limiter, frequency_hz: f64, amplitude: f64, ticks: usize) -> (Vec<i32>, Vec<i16>) {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        for tick in 0..ticks {
            let sum: [i32; FRAME] = std::array::from_fn(|i| {
                let turns = frequency_hz * (tick * FRAME + i) as f64 / f64::from(RATE_HZ);
                (amplitude * (std::f64::consts::TAU * turns).sin()) as i32
            });
            let mut out = [0; FRAME];
            limiter.limit(&sum, &mut out);
            input.extend(sum);
            output.extend(out);
        }
        (input, output)
    }

    #[test]
    fn sound_at_normal_level_passes_bit_by_bit() {
        let mut limiter = Limiter::default();
        let (input, output) = through(&mut limiter, 1000.0, f64::from(CEILING), 50);
        assert!(input.iter().zip(&output).all(|(&a, &b)| a == i32::from(b)));
        assert!(limiter.is_open());
    }

    #[test]
    fn twenty_shouting_voices_stay_in_bounds_and_keep_their_form() {
        for frequency in [100.0, 440.0, 1000.0, 3100.0] {
            let (input, output) = through(&mut Limiter::default(), frequency, 20.0 * 32_000.0, 50);
            let steady = FRAME * 5;
            let peak = output[steady..].iter().map(|s| i32::from(*s).abs()).max().unwrap();
            assert!((28_000..=CEILING).contains(&peak), "{frequency} Hz peaks at {peak}");
            // The output is the input times one number: whatever is left beside that is distortion.
            let (mut cross, mut power) = (0.0, 0.0);
            for (a, b) in input[steady..].iter().zip(&output[steady..]) {
                cross += f64::from(*a) * f64::from(*b);
                power += f64::from(*a).powi(2);
            }
            let gain = cross / power;
            let (mut error, mut signal) = (0.0, 0.0);
            for (a, b) in input[steady..].iter().zip(&output[steady..]) {
                error += (f64::from(*b) - gain * f64::from(*a)).powi(2);
                signal += f64::from(*b).powi(2);
            }
            let distortion_db = 10.0 * (error / signal).log10();
            assert!(distortion_db < -40.0, "{frequency} Hz: {distortion_db} dB");
        }
    }

    #[test]
    fn a_sudden_peak_neither_wraps_nor_sticks_to_full_scale() {
        for at in [0, 1, 7, 19, 20, 80, 159] {
            let mut limiter = Limiter::default();
            let mut out = [0; FRAME];
            let mut sum = [100; FRAME];
            sum[at..].fill(400_000);
            limiter.limit(&sum, &mut out);
            assert!(out[at..].iter().all(|&s| s > 20_000), "a positive peak stays positive");
            let bent = out.iter().filter(|&&s| i32::from(s) > CEILING).count();
            assert!(bent <= FRAME / ATTACK, "{bent} samples were bent");
            assert!(at < FRAME / BLOCKS || bent == 0, "a peak inside the tick is seen before it comes");
        }
    }

    #[test]
    fn a_wide_sum_is_limited_at_the_same_moments_as_a_narrow_one() {
        let gain = |rate: Rate| {
            let mut limiter = Limiter::default();
            let (mut sum, mut out) = (vec![1000; rate.frame()], vec![0; rate.frame()]);
            let at = rate.frame() * 3 / 8 + 1;
            sum[at] = 100_000;
            limiter.limit(&sum, &mut out);
            assert!(i32::from(out[at]) <= CEILING + 1);
            out.iter().step_by(rate.frame() / FRAME).copied().collect::<Vec<_>>()
        };
        let narrow = gain(Rate::Narrow);
        for rate in [Rate::Wide, Rate::Full] {
            let apart = gain(rate).iter().zip(&narrow).filter(|(a, b)| a.abs_diff(**b) > 40).count();
            assert!(apart <= 1, "{rate:?}: {apart}");
        }
    }

    #[test]
    fn after_a_shout_the_gain_comes_back_within_two_seconds() {
        let mut limiter = Limiter::default();
        through(&mut limiter, 440.0, 100_000.0, 10);
        assert!(!limiter.is_open());
        let (_, output) = through(&mut limiter, 440.0, 1000.0, 100);
        assert!(limiter.is_open());
        let peaks: Vec<i16> = output.chunks(FRAME).map(|tick| *tick.iter().max().unwrap()).collect();
        assert!(peaks.windows(2).all(|p| p[1] >= p[0] - 3 && p[1] - p[0] < 150), "it comes back evenly: {peaks:?}");
    }

    #[test]
    fn the_nearest_number_is_that_of_the_standard_library() {
        for step in -262_140..=262_136 {
            let value = step as f32 / 8.0;
            assert_eq!(nearest(value), value.round_ties_even() as i16, "{value}");
        }
    }

    #[test]
    fn a_softened_sum_rises_all_the_way_and_ends_below_full_scale() {
        assert_eq!(soften(0), 0);
        assert_eq!(soften(CEILING), CEILING as i16);
        assert_eq!(soften(-1234), -1234);
        let mut last = 0;
        for sample in (0..200_000).step_by(7) {
            let soft = soften(sample);
            assert!(soft >= last);
            assert_eq!(soften(-sample), -soft);
            last = soft;
        }
        assert!(last > 32_500);
        assert!(soften(i32::MAX) > 0 && soften(i32::MIN) < 0);
    }
}
