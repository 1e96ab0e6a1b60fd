//! The sum of a meeting: each speaker hears the sum without its own sound, everybody else one shared sum.
//!
//! Who has been silent for a while is not in the sum and costs nothing there. The threshold is low and the same for all, far below a
//! quiet voice on a poor line: it finds silence, it does not judge speech. Only when more than [`SPEAKERS`] sound at once are the
//! quietest left out. Every entry into the sum and every exit (silence, mute, join, leave) is a fade of 5 ms.
//!
//! ```text
//! begin · per leg: Source::hear, consider · cut · per leg: Source::settle, add · shared and without
//! ```

use crate::audio::level::energy;
use crate::audio::limiter::{Limiter, soften};
use crate::audio::{FRAME, Frame, RATE_HZ};

/// Most legs in a sum. Twenty who speak at once are each heard; beyond that nobody is understood, and line noise adds up (24 lines: 14 dB).
pub const SPEAKERS: usize = 24;

/// Length of a fade, samples: 5 ms, too short to blunt a word, too long to click.
pub const FADE: usize = RATE_HZ as usize / 200;

/// A tick with at least this energy opens: −57 dBov. Speech is at −26, a whisper in a corner at −50, the noise of a line at −60 to −70.
const OPENS: u64 = energy_of(2143);
/// A tick below this energy lets time run towards closing: −63 dBov.
const CLOSES: u64 = energy_of(538);
/// Ticks of silence after which a source closes: 600 ms, longer than the pauses inside a sentence.
const HANG: u8 = 30;
/// Share of the loudness that is left after a tick: it falls by 11 dB a second.
const FORGET: f32 = 0.95;
/// How much louder somebody must be to take a place among the [`SPEAKERS`] (energy: 6 dB).
const INCUMBENT: f32 = 4.0;

/// Energy of a tick with this mean square.
const fn energy_of(mean_square: u64) -> u64 {
    mean_square * FRAME as u64
}

/// A rise from just above 0 to just below 1 in [`FADE`] steps without corners (3t² − 2t³), in 1/32,768.
const RISE: [i32; FADE] = {
    let mut rise = [0; FADE];
    let mut i = 0;
    while i < FADE {
        let (t, whole) = (2 * i as i64 + 1, 2 * FADE as i64);
        rise[i] = ((3 * t * t * whole - 2 * t * t * t) * 32_768 / (whole * whole * whole)) as i32;
        i += 1;
    }
    rise
};

fn fade_in(frame: &mut Frame) {
    for (sample, rise) in frame.iter_mut().zip(&RISE) {
        // The factor is below 1.
        *sample = ((i32::from(*sample) * rise) >> 15) as i16;
    }
}

fn fade_out(frame: &mut Frame) {
    let (fading, after) = frame.split_at_mut(FADE);
    for (sample, fall) in fading.iter_mut().zip(RISE.iter().rev()) {
        *sample = ((i32::from(*sample) * fall) >> 15) as i16;
    }
    after.fill(0);
}

/// One leg's way into the sum.
#[derive(Clone, Debug, Default)]
pub struct Source {
    muted: bool,
    /// Ticks until it closes; 0: closed.
    hang: u8,
    /// Recent peak energy, to rank by.
    loudness: f32,
    /// Whether this tick holds sound.
    sounding: bool,
    /// Whether the last settled tick ended at full gain.
    open: bool,
    /// Whether it is in the sum of this tick.
    audible: bool,
}

impl Source {
    /// Take the leg's sound out of the meeting from the next tick on, or back in.
    pub fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Whether it is muted.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// Whether its sound is in the sum of this tick.
    pub fn is_audible(&self) -> bool {
        self.audible
    }

    /// Out of any sum; a mute stays.
    pub fn reset(&mut self) {
        *self = Self { muted: self.muted, ..Self::default() };
    }

    /// One tick of the leg's sound; `sounding` is false when it is known to be silence. `stays` is false in the last tick before it leaves.
    pub fn hear(&mut self, frame: &Frame, sounding: bool, stays: bool) {
        let energy = if sounding { energy(frame) } else { 0 };
        self.sounding = energy > 0;
        self.loudness = (self.loudness * FORGET).max(energy as f32);
        if energy >= OPENS || (energy >= CLOSES && self.hang > 0) {
            self.hang = HANG;
        } else {
            self.hang = self.hang.saturating_sub(1);
        }
        if self.muted || !stays {
            self.hang = 0;
        }
    }

    /// What it brings to the choice of speakers; `None`: silent.
    fn bid(&self) -> Option<f32> {
        (self.hang > 0).then_some(if self.open { self.loudness * INCUMBENT } else { self.loudness })
    }

    /// Fade this tick in or out as the choice demands; whether it belongs into the sum. `cut` is [`Mixer::cut`]'s.
    pub fn settle(&mut self, cut: f32, frame: &mut Frame) -> bool {
        let (was, is) = (self.open, self.bid().is_some_and(|bid| bid >= cut));
        self.open = is;
        self.audible = self.sounding && (was || is);
        if self.audible {
            match (was, is) {
                (false, true) => fade_in(frame),
                (true, false) => fade_out(frame),
                _ => {}
            }
        }
        self.audible
    }
}

/// The end of a sound that was cut off: its last 5 ms mirrored in time and faded, so that a leg which is suddenly gone does not click.
#[derive(Clone, Debug)]
pub struct Tail {
    samples: [i32; FADE],
    /// How many sounds die away in it.
    streams: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Self { samples: [0; FADE], streams: 0 }
    }
}

impl Tail {
    /// Let what `source` put into the sum in its last tick die away; the source is out of the sum then.
    pub fn take(&mut self, source: &mut Source, last: &Frame) {
        if source.audible && source.open {
            let mirrored = last.iter().rev().zip(RISE.iter().rev());
            for (tail, (sample, fall)) in self.samples.iter_mut().zip(mirrored) {
                *tail += (i32::from(*sample) * fall) >> 15;
            }
            self.streams += 1;
        }
        source.reset();
    }
}

/// The sum of one tick. One mixer serves all meetings of a worker, one after the other.
#[derive(Debug)]
pub struct Mixer {
    sum: [i32; FRAME],
    streams: usize,
    bids: Vec<f32>,
}

impl Mixer {
    /// For meetings of at most `legs` legs; all memory is allocated here.
    pub fn new(legs: usize) -> Self {
        Self { sum: [0; FRAME], streams: 0, bids: Vec::with_capacity(legs) }
    }

    /// A new tick.
    pub fn begin(&mut self) {
        self.bids.clear();
        if self.streams > 0 {
            self.sum.fill(0);
            self.streams = 0;
        }
    }

    /// Let a source that has heard this tick bid for a place in the sum.
    pub fn consider(&mut self, source: &Source) {
        // More than there was room made for cannot all be speakers anyway.
        if let Some(bid) = source.bid().filter(|_| self.bids.len() < self.bids.capacity()) {
            self.bids.push(bid);
        }
    }

    /// The least that gets a source into the sum.
    pub fn cut(&mut self) -> f32 {
        if self.bids.len() <= SPEAKERS {
            return 0.0;
        }
        *self.bids.select_nth_unstable_by(SPEAKERS - 1, |a, b| b.total_cmp(a)).1
    }

    /// Add a sound. At most 65,535 fit without overflow; there are [`SPEAKERS`], a tone and a tail (and those fading out).
    pub fn add(&mut self, frame: &Frame) {
        for (sum, sample) in self.sum.iter_mut().zip(frame) {
            *sum += i32::from(*sample);
        }
        self.streams += 1;
    }

    /// Add what is left of legs that are gone.
    pub fn add_tail(&mut self, tail: &mut Tail) {
        if tail.streams > 0 {
            for (sum, sample) in self.sum.iter_mut().zip(&tail.samples) {
                *sum += sample;
            }
            self.streams += tail.streams;
            *tail = Tail::default();
        }
    }

    /// How many sounds are in the sum.
    pub fn streams(&self) -> usize {
        self.streams
    }

    /// What everybody hears who is not in the sum.
    pub fn shared(&self, limiter: &mut Limiter, out: &mut Frame) {
        settle_bounds(&self.sum, self.streams, limiter, out);
    }

    /// What a speaker hears whose own sound in the sum is `own`.
    pub fn without(&self, own: &Frame, limiter: &mut Limiter, out: &mut Frame) {
        let mut others = self.sum;
        for (sum, sample) in others.iter_mut().zip(own) {
            *sum -= i32::from(*sample);
        }
        settle_bounds(&others, self.streams.saturating_sub(1), limiter, out);
    }
}

/// One stream alone fits as it is; more need the limiter.
fn settle_bounds(sum: &[i32; FRAME], streams: usize, limiter: &mut Limiter, out: &mut Frame) {
    if streams > 1 || !limiter.is_open() {
        limiter.limit(sum, out);
    } else {
        for (out, sample) in out.iter_mut().zip(sum) {
            // One stream of 16 bits, or none.
            *out = *sample as i16;
        }
    }
}

/// What one leg hears of its meeting: 1 is all of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Hearing(f32);

impl Hearing {
    /// The meeting under a prompt: −12 dB.
    pub const DUCKED: Self = Self(0.251);
    /// All of the meeting.
    pub const FULL: Self = Self(1.0);
    /// Nothing of it: before it joins, after it leaves.
    pub const NOTHING: Self = Self(0.0);
    /// Most the gain rises in a tick: from nothing to all in 80 ms, from under a prompt in 60.
    const RISE: f32 = 0.25;

    /// Scale one tick on the way to `target`: down in 5 ms (a prompt begins now), up gently.
    pub fn toward(&mut self, target: Self, frame: &mut Frame) {
        let from = self.0;
        let to = target.0.min(from + Self::RISE);
        let steps = if to < from { FADE } else { FRAME };
        let step = (to - from) / steps as f32;
        for (i, sample) in frame.iter_mut().enumerate() {
            // The gain is at most 1.
            *sample = (f32::from(*sample) * (from + step * steps.min(i + 1) as f32)) as i16;
        }
        self.0 = to;
    }
}

/// Speech over what is already in `frame`.
pub fn speak_over(frame: &mut Frame, speech: &Frame) {
    for (sample, speech) in frame.iter_mut().zip(speech) {
        *sample = soften(i32::from(*sample) + i32::from(*speech));
    }
}

#[cfg(test)]
#[path = "mixer_tests.rs"]
mod tests;
