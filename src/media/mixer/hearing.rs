//! What one leg hears of its meeting while it is spoken to, comes or goes.

use super::fade;
use crate::audio::limiter::soften;

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
    pub fn toward(&mut self, target: Self, samples: &mut [i16]) {
        let from = self.0;
        let to = target.0.min(from + Self::RISE);
        let steps = if to < from { fade(samples.len()) } else { samples.len() };
        let step = (to - from) / steps as f32;
        for (i, sample) in samples.iter_mut().enumerate() {
            // The gain is at most 1.
            *sample = (f32::from(*sample) * (from + step * steps.min(i + 1) as f32)) as i16;
        }
        self.0 = to;
    }
}

/// Speech over what is already in `samples`.
pub fn speak_over(samples: &mut [i16], speech: &[i16]) {
    for (sample, speech) in samples.iter_mut().zip(speech) {
        *sample = soften(i32::from(*sample) + i32::from(*speech));
    }
}
