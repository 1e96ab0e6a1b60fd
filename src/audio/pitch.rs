//! Where a stretch of sound repeats itself: the lag at which it is most like what came before it or comes after it.
//!
//! Concealment ([`super::conceal`]) and stretching ([`super::stretch`]) both stand on it. Wideband sound is searched at 8 kHz first and
//! then around the best lag at its own rate. Not a pitch tracker: a multiple of the period serves as well.

use super::{RATE_HZ, Rate};

/// Longest lag, ms: the period of a voice of 66 Hz (ITU-T G.711 Appendix I).
pub const LONGEST_MS: usize = 15;
/// Longest stretch compared, ms.
const WINDOW_MS: usize = 20;

/// Samples in a millisecond at 8 kHz.
const MS: usize = RATE_HZ as usize / 1000;
/// Longest line at 8 kHz: a window, the longest lag to one side of it, and some samples for the rounding of odd lengths.
const LINE: usize = (WINDOW_MS + LONGEST_MS) * MS + 8;
/// A shorter lag is taken when it is nearly as good as the best: less of the sound is repeated or left out, and less delay is made.
const NEARLY: f32 = 0.004;
/// Level below which sound is like any other: its energy a sample, (4)².
const NOTHING: f32 = 16.0;

/// A lag, and how alike the sound is at it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Likeness {
    /// Samples at the rate of the sound.
    pub lag: usize,
    /// Normalised correlation, −1 to 1.
    pub correlation: f32,
}

/// The best lag between `shortest` and `longest` samples at which the `window` samples from `at` on are like those `lag` earlier.
/// `line` needs `longest` samples before `at`, and `window` after it. A window above 20 ms and lags above 15 ms are cut to that.
pub fn before(line: &[i16], at: usize, window: usize, shortest: usize, longest: usize, rate: Rate) -> Likeness {
    let step = (rate.hz() / RATE_HZ) as usize;
    let longest = longest.min(LONGEST_MS * MS * step).min(at);
    let window = window.min(WINDOW_MS * MS * step).min(line.len().saturating_sub(at));
    if shortest > longest || window < step * MS {
        return Likeness { lag: longest, correlation: 0.0 };
    }
    // At 8 kHz, so that the window begins at a whole sample.
    let (coarse_longest, coarse_window) = (longest / step, window / step);
    let mut coarse = [0.0f32; LINE];
    let used = &mut coarse[..coarse_longest + coarse_window];
    let first = at - coarse_longest * step;
    for (out, samples) in used.iter_mut().zip(line[first..].chunks_exact(step)) {
        *out = samples.iter().map(|&sample| f32::from(sample)).sum::<f32>() / step as f32;
    }
    let best = search(used, coarse_longest, shortest.div_ceil(step).max(1), coarse_longest);
    if step == 1 {
        return best;
    }
    // Around it at the full rate.
    let middle = best.lag * step;
    let (from, to) = (middle.saturating_sub(step).max(shortest), (middle + step).min(longest));
    let here = &line[at..at + window];
    let mut fine = Likeness { lag: middle.clamp(shortest, longest), correlation: f32::MIN };
    for lag in from..=to {
        let there = &line[at - lag..][..window];
        let (mut cross, mut a, mut b) = (0i64, 0i64, 0i64);
        for (x, y) in here.iter().zip(there) {
            let (x, y) = (i64::from(*x), i64::from(*y));
            cross += x * y;
            a += x * x;
            b += y * y;
        }
        let correlation = normalised(cross as f32, a as f32, b as f32, window);
        if correlation > fine.correlation {
            fine = Likeness { lag, correlation };
        }
    }
    fine
}

/// The same at 8 kHz, in floating point.
fn search(line: &[f32], at: usize, shortest: usize, longest: usize) -> Likeness {
    let here = &line[at..];
    let window = here.len();
    let own = dot(here, here);
    let mut correlations = [0.0f32; LONGEST_MS * MS + 1];
    let mut energy = dot(&line[at - shortest..][..window], &line[at - shortest..][..window]);
    let mut best = Likeness { lag: longest, correlation: f32::MIN };
    for lag in shortest..=longest {
        let there = &line[at - lag..][..window];
        if lag > shortest {
            // One sample comes in at the front, one goes out behind.
            let gone = line[at - lag + window];
            energy = (energy + there[0] * there[0] - gone * gone).max(0.0);
        }
        let correlation = normalised(dot(here, there), own, energy, window);
        correlations[lag] = correlation;
        if correlation > best.correlation {
            best = Likeness { lag, correlation };
        }
    }
    // The top of the first hump that comes near the best.
    let near = best.correlation - NEARLY;
    let mut lag = shortest;
    while lag < best.lag && correlations[lag] < near {
        lag += 1;
    }
    while lag < best.lag && correlations[lag + 1] > correlations[lag] {
        lag += 1;
    }
    Likeness { lag, correlation: correlations[lag] }
}

fn normalised(cross: f32, a: f32, b: f32, window: usize) -> f32 {
    let floor = NOTHING * window as f32;
    if a < floor && b < floor {
        // Silence is like silence.
        return 1.0;
    }
    cross / (a.max(floor) * b.max(floor)).sqrt()
}

/// Sum of products in eight lanes, which a compiler makes vectors of.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (mut left, mut right) = (a.chunks_exact(8), b.chunks_exact(8));
    for (a, b) in (&mut left).zip(&mut right) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice-like sound: pulses through a decaying resonance, `period` samples apart.
    fn voice(rate: Rate, period: f64, length: usize) -> Vec<i16> {
        let step = f64::from(rate.hz());
        (0..length)
            .map(|n| {
                let since = n as f64 % period / step;
                (12_000.0 * (-since * 300.0).exp() * (std::f64::consts::TAU * 700.0 * since).sin()) as i16
            })
            .collect()
    }

    #[test]
    fn the_period_of_a_voice_is_found_at_every_rate() {
        for rate in Rate::ALL {
            let ms = rate.hz() as usize / 1000;
            for hz in [80.0, 117.0, 190.0] {
                let period = f64::from(rate.hz()) / hz;
                let line = voice(rate, period, 60 * ms);
                let found = before(&line, 40 * ms, 20 * ms, 5 * ms, 15 * ms, rate);
                assert!((found.lag as f64 - period).abs() <= 1.0, "{hz} Hz at {rate:?}: {} for {period}", found.lag);
                assert!(found.correlation > 0.95, "{found:?}");
            }
        }
    }

    #[test]
    fn noise_is_like_nothing_and_silence_like_itself() {
        // Seed 7.
        let mut state = 7u32;
        let noise: Vec<i16> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) as i16) / 8
        })
        .take(480)
        .collect();
        assert!(before(&noise, 200, 160, 20, 120, Rate::Narrow).correlation < 0.5);
        assert_eq!(before(&[0; 480], 200, 160, 20, 120, Rate::Narrow).correlation, 1.0);
    }

    #[test]
    fn of_equally_good_lags_the_shortest_is_taken() {
        let line: Vec<i16> = (0..480).map(|n| (8_000.0 * (std::f64::consts::TAU * n as f64 / 8.0).sin()) as i16).collect();
        assert_eq!(before(&line, 300, 160, 20, 120, Rate::Narrow).lag, 24);
    }

    #[test]
    fn what_is_too_short_to_compare_gives_a_lag_and_no_likeness() {
        assert_eq!(before(&[1000; 30], 25, 160, 20, 120, Rate::Narrow).correlation, 0.0);
        assert_eq!(before(&[], 0, 160, 20, 120, Rate::Full), Likeness { lag: 0, correlation: 0.0 });
    }
}
