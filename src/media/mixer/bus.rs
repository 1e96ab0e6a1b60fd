//! One sum, and what is heard of it.

use crate::audio::limiter::Limiter;
use crate::audio::{LONGEST_FRAME, Rate};

/// A sum at each rate.
#[derive(Debug)]
pub struct Sums {
    narrow: [i32; Rate::Narrow.frame()],
    wide: [i32; Rate::Wide.frame()],
    full: [i32; Rate::Full.frame()],
}

impl Default for Sums {
    fn default() -> Self {
        Self { narrow: [0; Rate::Narrow.frame()], wide: [0; Rate::Wide.frame()], full: [0; Rate::Full.frame()] }
    }
}

impl Sums {
    pub fn get(&self, rate: Rate) -> &[i32] {
        match rate {
            Rate::Narrow => &self.narrow,
            Rate::Wide => &self.wide,
            Rate::Full => &self.full,
        }
    }

    pub fn get_mut(&mut self, rate: Rate) -> &mut [i32] {
        match rate {
            Rate::Narrow => &mut self.narrow,
            Rate::Wide => &mut self.wide,
            Rate::Full => &mut self.full,
        }
    }
}

/// The sum at one rate.
#[derive(Debug)]
pub struct Bus {
    /// Somebody hears it in this tick.
    pub wanted: bool,
    /// How many sounds are in it.
    pub streams: usize,
    /// As many as a tick has at its rate are in use.
    sum: [i32; LONGEST_FRAME],
}

impl Default for Bus {
    fn default() -> Self {
        Self { wanted: false, streams: 0, sum: [0; LONGEST_FRAME] }
    }
}

impl Bus {
    pub fn clear(&mut self) {
        self.wanted = false;
        if self.streams > 0 {
            self.sum.fill(0);
            self.streams = 0;
        }
    }

    /// At most 65,535 fit without overflow; there are a few speakers (and those fading out), a tone and a tail.
    pub fn add(&mut self, samples: &[i16]) {
        for (sum, sample) in self.sum.iter_mut().zip(samples) {
            *sum += i32::from(*sample);
        }
        self.streams += 1;
    }

    pub fn add_sum(&mut self, samples: &[i32], streams: usize) {
        for (sum, sample) in self.sum.iter_mut().zip(samples) {
            *sum += sample;
        }
        self.streams += streams;
    }

    pub fn shared(&self, rate: Rate, limiter: &mut Limiter, out: &mut [i16]) {
        settle_bounds(&self.sum[..rate.frame()], self.streams, limiter, out);
    }

    pub fn without(&self, rate: Rate, own: &[i16], limiter: &mut Limiter, out: &mut [i16]) {
        let mut others = self.sum;
        let others = &mut others[..rate.frame()];
        for (sum, sample) in others.iter_mut().zip(own) {
            *sum -= i32::from(*sample);
        }
        settle_bounds(others, self.streams.saturating_sub(1), limiter, out);
    }
}

/// One stream alone fits as it is; more need the limiter.
fn settle_bounds(sum: &[i32], streams: usize, limiter: &mut Limiter, out: &mut [i16]) {
    if streams > 1 || !limiter.is_open() {
        limiter.limit(sum, out);
    } else {
        for (out, sample) in out.iter_mut().zip(sum) {
            // One stream of 16 bits, or none.
            *out = *sample as i16;
        }
    }
}
