//! Plays a tick in a little more or less sound than a tick: one period is left out or played twice, where nobody hears it
//! (waveform-similarity overlap-add).
//!
//! A change is a crossfade from the sound at one place to the sound a *shift* later (shorter) or earlier (longer). The shift is the lag at
//! which the two are most alike; with quiet sound any will do. Whether to change at all is [`crate::media::playout`]'s to decide.

use super::Rate;
use super::level::energy;
use super::pitch::{self, LONGEST_MS};

/// Length of the crossfade, ms.
pub const FADE_MS: usize = 5;
/// Shortest lag, ms (400 Hz).
const SHORTEST_MS: usize = 2;

/// How alike the two places must be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Demand {
    /// Least correlation (NetEQ demands 0.9).
    pub correlation: f32,
    /// Sound of at most this mean square is quiet: any shift will do.
    pub quiet: f32,
}

/// The shift by which the sound after `at` in `line` can be made shorter, at most `most` samples. `None`: not here, not now.
/// What follows `at` must be as long as the crossfade and `most`.
pub fn shorten(line: &[i16], at: usize, most: usize, demand: Demand, rate: Rate) -> Option<usize> {
    let ms = rate.hz() as usize / 1000;
    let fade = FADE_MS * ms;
    let most = most.min(LONGEST_MS * ms).min(line.len().saturating_sub(at + fade));
    if most == 0 {
        return None;
    }
    if is_quiet(&line[at..at + fade + most], demand.quiet) {
        return Some(most);
    }
    // Seen from the later place, the earlier one is `lag` before it. The later one is not known yet: try the lags the other way round.
    let shortest = SHORTEST_MS * ms;
    if most < shortest {
        return None;
    }
    let found = after(line, at, fade, shortest, most, rate);
    (found.correlation >= demand.correlation).then_some(found.lag)
}

/// The shift by which the sound after `at` can be made longer, at most `most` samples. `line` has the past before `at`.
pub fn lengthen(line: &[i16], at: usize, most: usize, demand: Demand, rate: Rate) -> Option<usize> {
    let ms = rate.hz() as usize / 1000;
    let fade = FADE_MS * ms;
    let most = most.min(LONGEST_MS * ms).min(at);
    if most == 0 || line.len() < at + fade {
        return None;
    }
    if is_quiet(&line[at - most..at + fade], demand.quiet) {
        return Some(most);
    }
    let shortest = SHORTEST_MS * ms;
    if most < shortest {
        return None;
    }
    let found = pitch::before(line, at, fade, shortest, most, rate);
    (found.correlation >= demand.correlation).then_some(found.lag)
}

/// Write into `out` the sound from `at` on, coming over within 5 ms to the sound from `to` on. Both must be followed by `out.len()` samples,
/// at most as far as the longer of them reaches into `line`; what is beyond the line is silence.
pub fn cross(line: &[i16], at: usize, to: usize, rate: Rate, out: &mut [i16]) {
    let fade = FADE_MS * rate.hz() as usize / 1000;
    for (n, sample) in out.iter_mut().enumerate() {
        let new = line.get(to + n).copied().unwrap_or(0);
        *sample = if n < fade {
            let old = i32::from(line.get(at + n).copied().unwrap_or(0));
            let (up, whole) = (n as i32 + 1, fade as i32 + 1);
            // A weighted mean of two samples.
            ((i32::from(new) * up + old * (whole - up)) / whole) as i16
        } else {
            new
        };
    }
}

fn is_quiet(samples: &[i16], mean_square: f32) -> bool {
    energy(samples) as f32 <= mean_square * samples.len() as f32
}

/// Like [`pitch::before`], looking forward: the places `lag` after `at`, compared with the `window` samples at `at`.
fn after(line: &[i16], at: usize, window: usize, shortest: usize, longest: usize, rate: Rate) -> pitch::Likeness {
    // Backwards in time the later place comes first.
    let mut reversed = [0i16; (LONGEST_MS + FADE_MS) * 48];
    let span = &mut reversed[..window + longest];
    for (out, sample) in span.iter_mut().zip(line[at..at + window + longest].iter().rev()) {
        *out = *sample;
    }
    // In reversed order the window at `at` ends the line; its start there is `longest`.
    pitch::before(span, longest, window, shortest, longest, rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICKY: Demand = Demand { correlation: 0.9, quiet: 0.0 };

    fn sine(rate: Rate, hz: f64, length: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate.hz());
        (0..length).map(|n| (8_000.0 * (n as f64 * step).sin()).round() as i16).collect()
    }

    #[test]
    fn a_tone_is_cut_and_stretched_by_whole_periods_without_a_seam() {
        for rate in Rate::ALL {
            let ms = rate.hz() as usize / 1000;
            let (at, frame) = (20 * ms, rate.frame());
            for hz in [150.0, 400.0, 1000.0] {
                let line = sine(rate, hz, 80 * ms);
                let slope = 8_000.0 * std::f64::consts::TAU * hz / f64::from(rate.hz());
                for longer in [false, true] {
                    let shift = if longer { lengthen(&line, at, 15 * ms, PICKY, rate) } else { shorten(&line, at, 15 * ms, PICKY, rate) };
                    let shift = shift.unwrap_or_else(|| panic!("{hz} Hz at {rate:?}, longer {longer}"));
                    let periods = shift as f64 * hz / f64::from(rate.hz());
                    assert!((periods - periods.round()).abs() < 0.08, "{hz} Hz at {rate:?}: {periods} periods");
                    let mut out = vec![0; frame];
                    cross(&line, at, if longer { at - shift } else { at + shift }, rate, &mut out);
                    let mut heard = line[..at].to_vec();
                    heard.extend(&out);
                    let rest = if longer { at - shift + frame } else { at + shift + frame };
                    heard.extend(&line[rest..rest + ms]);
                    let step = heard.windows(2).map(|pair| (f64::from(pair[1]) - f64::from(pair[0])).abs()).fold(0.0, f64::max);
                    assert!(step < slope * 1.05 + 2.0, "{hz} Hz at {rate:?}: {step} for {slope}");
                }
            }
        }
    }

    #[test]
    fn noise_is_left_alone_and_quiet_gives_all_that_is_asked() {
        // Seed 3.
        let mut state = 3u32;
        let noise: Vec<i16> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) as i16) / 64
        })
        .take(640)
        .collect();
        assert_eq!(shorten(&noise, 200, 120, PICKY, Rate::Narrow), None);
        assert_eq!(lengthen(&noise, 200, 120, PICKY, Rate::Narrow), None);
        let lenient = Demand { quiet: 400.0 * 400.0, ..PICKY };
        assert_eq!(shorten(&noise, 200, 77, lenient, Rate::Narrow), Some(77));
        assert_eq!(lengthen(&noise, 200, 77, lenient, Rate::Narrow), Some(77));
    }

    #[test]
    fn a_line_that_is_too_short_gives_nothing() {
        assert_eq!(shorten(&[500; 160], 120, 120, PICKY, Rate::Narrow), None);
        assert_eq!(shorten(&[500; 165], 120, 120, PICKY, Rate::Narrow), None);
        assert_eq!(lengthen(&[500; 165], 140, 120, PICKY, Rate::Narrow), None);
        assert_eq!(lengthen(&[500; 165], 0, 120, PICKY, Rate::Narrow), None);
    }
}
