//! Sound in place of lost sound: the last periods of what was heard go on, and fade (in the manner of ITU-T G.711 Appendix I).
//!
//! The period is the lag at which the last 20 ms are most like what came before. At first one period is repeated, after 10 ms two,
//! after 20 ms three, so that a long loss does not buzz; sound without a period is repeated three at a time from the start. Every seam is
//! a crossfade of a quarter period. After 10 ms it fades, by 60 ms it is silent. Coming back, the real sound is crossfaded in.
//! Works at any of the rates; codecs that conceal by themselves (Opus) are not its business.

use super::pitch::{self, LONGEST_MS};
use super::{Rate, silence};

/// How much of the past is needed, ms: three of the longest periods and a quarter (Appendix I keeps 48.75 ms).
pub const PAST_MS: usize = 49;
/// The same in samples at the highest rate.
pub const PAST: usize = PAST_MS * 48;

/// Shortest period looked for, ms: 200 Hz (Appendix I). Higher voices are repeated two periods at a time.
const SHORTEST_MS: usize = 5;
/// Stretch that must be alike, ms.
const WINDOW_MS: usize = 20;
/// Full loudness for this long, ms, then a linear fade (Appendix I §I.2.7).
const FULL_MS: usize = 10;
/// Silent from here on, ms.
const SILENT_MS: usize = 60;
/// Longest crossfade back into real sound, ms (Appendix I §I.2.8).
pub const LONGEST_MERGE_MS: usize = 10;
/// Below this likeness sound has no period worth the name: hiss, a consonant.
const VOICED: f32 = 0.5;

/// Makes up sound from the past. All memory is in it.
#[derive(Clone)]
pub struct Concealer {
    rate: Rate,
    /// The last periods, their seam already smoothed for the count in use: `cycle` samples from the end.
    past: Box<[i16]>,
    /// Samples in `past`, at its start.
    length: usize,
    /// One period.
    period: usize,
    /// Samples that go round.
    cycle: usize,
    /// The next of them.
    at: usize,
    /// Made so far.
    made: usize,
    voiced: bool,
    /// The next seam: what the former cycle would have gone on with.
    seam: Box<[i16]>,
    seam_at: usize,
    seam_length: usize,
}

impl Concealer {
    /// For sound at rates up to this one.
    pub fn new(top: Rate) -> Self {
        let ms = top.hz() as usize / 1000;
        Self {
            rate: Rate::Narrow,
            past: silence(PAST_MS * ms),
            length: 0,
            period: 1,
            cycle: 1,
            at: 0,
            made: 0,
            voiced: false,
            seam: silence(LONGEST_MS * ms / 4),
            seam_at: 0,
            seam_length: 0,
        }
    }

    /// Go on as `other`, which is for lower rates, would have.
    pub fn take_over(&mut self, other: &Self) {
        self.past[..other.past.len()].copy_from_slice(&other.past);
        self.seam[..other.seam.len()].copy_from_slice(&other.seam);
        let Self { rate, length, period, cycle, at, made, voiced, seam_at, seam_length, past: _, seam: _ } = *other;
        (self.rate, self.length, self.period, self.cycle, self.at) = (rate, length, period, cycle, at);
        (self.made, self.voiced, self.seam_at, self.seam_length) = (made, voiced, seam_at, seam_length);
    }

    /// A loss begins after `past`, the last sound heard, newest last; at most [`PAST_MS`] of it are used.
    pub fn begin(&mut self, past: &[i16], rate: Rate) {
        let ms = rate.hz() as usize / 1000;
        let most = (PAST_MS * ms).min(self.past.len());
        let past = &past[past.len().saturating_sub(most)..];
        self.rate = rate;
        self.length = past.len();
        self.past[..past.len()].copy_from_slice(past);
        let at = past.len().saturating_sub(WINDOW_MS * ms);
        let found = pitch::before(past, at, WINDOW_MS * ms, SHORTEST_MS * ms, LONGEST_MS * ms, rate);
        self.voiced = found.correlation >= VOICED;
        // The seam needs a quarter period before the first period.
        let room = past.len() * 4 / 5;
        self.period = if self.voiced { found.lag } else { LONGEST_MS * ms }.min(room).max(1);
        self.made = 0;
        self.seam_length = 0;
        self.seam_at = 0;
        self.go_round(if self.voiced { 1 } else { 3 });
        self.at = 0;
    }

    /// Samples made since [`Concealer::begin`].
    pub fn made(&self) -> usize {
        self.made
    }

    /// Whether nothing is left to be heard of it.
    pub fn is_silent(&self) -> bool {
        self.made >= SILENT_MS * self.ms()
    }

    /// The next samples.
    pub fn render(&mut self, out: &mut [i16]) {
        let ms = self.ms();
        for sample in out {
            if self.voiced && (self.made == 10 * ms || self.made == 20 * ms) {
                self.lengthen();
            }
            *sample = self.next_sample(ms);
        }
    }

    /// Come back to real sound, whose first samples are `real`: crossfades them with what would have gone on.
    /// At most the first 10 ms are touched; `real` should be as long as that where it can.
    pub fn merge(&mut self, real: &mut [i16]) {
        let ms = self.ms();
        // A quarter period, and 4 ms more for every 10 ms lost beyond the first (Appendix I §I.2.8).
        let lost = (self.made / ms).saturating_sub(10) / 10;
        let length = (self.period / 4 + 4 * ms * lost).clamp(ms, LONGEST_MERGE_MS * ms).min(real.len());
        for (n, sample) in real.iter_mut().take(length).enumerate() {
            let made = i32::from(self.next_sample(ms));
            let (up, whole) = (n as i32 + 1, length as i32 + 1);
            // A mean of two samples is within their range.
            *sample = ((i32::from(*sample) * up + made * (whole - up)) / whole) as i16;
        }
    }

    /// Samples to make beyond `made()` until the cycle is where the loss began, so that the very next real sample fits on:
    /// for sound that was late, not lost. 0 where there is no period, or nothing to be heard any more.
    pub fn to_whole_period(&self) -> usize {
        if !self.voiced || self.is_silent() {
            return 0;
        }
        (self.period - self.made % self.period) % self.period
    }

    fn ms(&self) -> usize {
        self.rate.hz() as usize / 1000
    }

    fn next_sample(&mut self, ms: usize) -> i16 {
        if self.made >= SILENT_MS * ms {
            return 0;
        }
        let start = self.length.saturating_sub(self.cycle);
        let mut value = self.past.get(start + self.at).map_or(0, |&sample| i32::from(sample));
        if self.seam_at < self.seam_length {
            let (up, whole) = (self.seam_at as i32 + 1, self.seam_length as i32 + 1);
            value = (value * up + i32::from(self.seam[self.seam_at]) * (whole - up)) / whole;
            self.seam_at += 1;
        }
        self.at += 1;
        if self.at >= self.cycle {
            self.at = 0;
        }
        let (full, silent) = (FULL_MS * ms, SILENT_MS * ms);
        if self.made > full {
            value = value * (silent - self.made) as i32 / (silent - full) as i32;
        }
        self.made += 1;
        // Weighted means of samples.
        value as i16
    }

    /// One period more goes round from here on.
    fn lengthen(&mut self) {
        let quarter = (self.period / 4).min(self.seam.len());
        // What the present cycle goes on with, to come over from it.
        let start = self.length.saturating_sub(self.cycle);
        for n in 0..quarter {
            let at = (self.at + n) % self.cycle;
            self.seam[n] = self.past.get(start + at).copied().unwrap_or(0);
        }
        (self.seam_at, self.seam_length) = (0, quarter);
        let phase = self.at % self.period;
        if self.go_round(self.cycle / self.period + 1) {
            // The same place within a period, in the oldest one.
            self.at = phase;
        }
    }

    /// Let as many periods go round as the past holds, at most `count`: its last quarter period is crossfaded with the one before its first.
    fn go_round(&mut self, count: usize) -> bool {
        let quarter = self.period / 4;
        let count = count.min(self.length.saturating_sub(quarter) / self.period);
        if count == 0 {
            self.cycle = self.period.min(self.length).max(1);
            return false;
        }
        self.cycle = count * self.period;
        let end = self.length;
        for n in 0..quarter {
            let (old, new) = (self.past[end - quarter + n], self.past[end - quarter - self.cycle + n]);
            let (up, whole) = (n as i32 + 1, quarter as i32 + 1);
            self.past[end - quarter + n] = ((i32::from(old) * (whole - up) + i32::from(new) * up) / whole) as i16;
        }
        true
    }
}

impl std::fmt::Debug for Concealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Concealer").field("made", &self.made).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::level_dbov;
    use super::*;

    fn sine(rate: Rate, hz: f64, from: usize, length: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate.hz());
        (from..from + length).map(|n| (8_000.0 * (n as f64 * step).sin()).round() as i16).collect()
    }

    #[test]
    fn a_tone_goes_on_as_if_nothing_had_been_lost() {
        for rate in Rate::ALL {
            let ms = rate.hz() as usize / 1000;
            for hz in [150.0, 440.0, 1000.0, 1004.0] {
                let past = sine(rate, hz, 0, PAST_MS * ms);
                let real = sine(rate, hz, past.len(), 10 * ms);
                let mut concealer = Concealer::new(Rate::Full);
                concealer.begin(&past, rate);
                let mut made = vec![0; 10 * ms];
                concealer.render(&mut made);
                let error: Vec<i16> = made.iter().zip(&real).map(|(a, b)| a - b).collect();
                let snr = level_dbov(&real) - level_dbov(&error);
                // Periods are whole samples: at 8 kHz that alone is an error of −13 dB for some of these.
                assert!(snr > 13.0, "{hz} Hz at {rate:?}: {snr} dB");
            }
        }
    }

    #[test]
    fn a_long_loss_fades_evenly_and_is_silent_by_60_ms() {
        for rate in Rate::ALL {
            let ms = rate.hz() as usize / 1000;
            let past = sine(rate, 200.0, 0, PAST_MS * ms);
            let mut concealer = Concealer::new(Rate::Full);
            concealer.begin(&past, rate);
            let mut last = f32::MAX;
            for step in 0..6 {
                let mut made = vec![0; 10 * ms];
                concealer.render(&mut made);
                let level = level_dbov(&made);
                assert!(level < last + 0.1, "step {step} at {rate:?}");
                last = level;
            }
            assert!(concealer.is_silent());
            let mut made = vec![1; 10 * ms];
            concealer.render(&mut made);
            assert!(made.iter().all(|&sample| sample == 0));
        }
    }

    #[test]
    fn nothing_clicks_from_the_past_through_the_loss_into_the_real_sound() {
        for (hz, lost_ms) in [(110.0, 20), (250.0, 20), (440.0, 40), (1000.0, 30)] {
            let past = sine(Rate::Narrow, hz, 0, 390);
            // The steepest step of the tone itself.
            let slope = 8_000.0 * std::f64::consts::TAU * hz / 8_000.0;
            let mut concealer = Concealer::new(Rate::Full);
            concealer.begin(&past, Rate::Narrow);
            let mut heard = past.clone();
            let mut made = vec![0; lost_ms * 8];
            concealer.render(&mut made);
            heard.extend(made);
            let mut real = sine(Rate::Narrow, hz, 390 + lost_ms * 8, 160);
            concealer.merge(&mut real);
            heard.extend(real);
            let step = heard.windows(2).map(|pair| (f64::from(pair[1]) - f64::from(pair[0])).abs()).fold(0.0, f64::max);
            assert!(step < slope * 1.35 + 8.0, "{hz} Hz: a step of {step}, the tone's own is {slope}");
        }
    }

    #[test]
    fn after_a_whole_number_of_periods_late_sound_fits_on() {
        let past = sine(Rate::Narrow, 100.0, 0, 390);
        let mut concealer = Concealer::new(Rate::Full);
        concealer.begin(&past, Rate::Narrow);
        let mut made = vec![0; 60];
        concealer.render(&mut made);
        let more = concealer.to_whole_period();
        assert_eq!((60 + more) % 80, 0);
    }

    #[test]
    fn hardly_any_past_is_no_reason_to_fail() {
        for length in [0usize, 1, 2, 5, 39, 40, 80, 200] {
            for rate in Rate::ALL {
                let past = vec![1000; length];
                let mut concealer = Concealer::new(Rate::Full);
                concealer.begin(&past, rate);
                let mut made = vec![0; 6000];
                concealer.render(&mut made);
                concealer.merge(&mut made);
            }
        }
    }
}
