//! Play-out: decides how many samples to take from the jitter buffer, and renders exactly one tick of them.
//!
//! Usually it takes 160 for 160. When the delay leaves its band round the target (clocks drift, routes change), it takes a few
//! more or fewer and stretches them over the tick by interpolation: one sample in 160 is a tenth of a semitone for 20 ms, which nobody hears, and
//! no edge in the sound that anybody could. In quiet moments it moves at least four times as fast, and where nothing came at all, at once.
//!
//! Missing sound is faded out in 5 ms and in again, so that nothing clicks; what was missing is silence. Nothing is invented here.

use std::time::Instant;

use super::jitter::{JitterBuffer, MISSING};
use crate::audio::{FRAME, Frame};

/// Length of a fade, samples: 5 ms.
const FADE: usize = 40;
/// How far the delay may be from the target before anything is done, samples: 5 ms. Less is the unsteadiness of the measure itself.
const BAND: i32 = 40;
/// Delay over the target that is cut off at once, whatever it costs, samples: 100 ms.
const CAP: i32 = 800;
/// Most samples taken more or fewer in a tick of sound.
const PACE: i32 = 4;
/// The same in a quiet tick: there a tenth is not heard.
const QUIET_PACE: i32 = 16;
/// Loudest sample of a quiet tick: −54 dBov.
const QUIET: u16 = 64;
/// Missing samples in a row counted as concealed: 100 ms. A longer pause is a caller who sends nothing.
const COUNTED: u32 = 800;
/// A tick, with the most that is taken for it.
const REACH: usize = FRAME + QUIET_PACE as usize;

/// Renders one stream.
pub struct Playout {
    /// The last sample taken from the buffer, for the interpolation.
    before: i16,
    /// The last samples rendered.
    past: [i16; FADE],
    /// What was heard last, backwards and ever softer: continues where sound is missing.
    tail: [i16; FADE],
    /// How much of the tail is used up.
    tail_at: usize,
    /// How far in the sound is faded: 0 (missing) to [`FADE`] (full).
    rise: usize,
    /// Missing samples in a row.
    gap: u32,
    concealed: u64,
    shed: u64,
    most_delay: u32,
}

impl Default for Playout {
    fn default() -> Self {
        Self { before: 0, past: [0; FADE], tail: [0; FADE], tail_at: FADE, rise: 0, gap: COUNTED, concealed: 0, shed: 0, most_delay: 0 }
    }
}

impl Playout {
    /// The next tick of `buffer`, as of `now`.
    pub fn render(&mut self, now: Instant, buffer: &mut JitterBuffer, frame: &mut Frame) {
        buffer.tick(now);
        let mut surplus = buffer.surplus().unwrap_or(0);
        self.most_delay = self.most_delay.max(buffer.held());
        if surplus > CAP {
            self.skip(buffer, surplus.unsigned_abs());
            self.fade_out(0, frame);
            surplus = 0;
        }

        // One sample before what is next, and two behind the most that is taken, for the interpolation.
        let mut input = [MISSING; REACH + 3];
        input[0] = self.before;
        buffer.peek(&mut input[1..]);
        let next = &input[1..];
        let missing = next[..FRAME].iter().filter(|sample| **sample == MISSING).count();

        let pace = if missing == FRAME {
            // Nothing is heard either way: wait for what is late as long as it takes.
            pace(surplus, FRAME as i32).min(whole(&next[FRAME..REACH]))
        } else if missing > 0 || !self.is_plain() {
            0
        } else {
            let quiet = next[..FRAME].iter().all(|sample| sample.unsigned_abs() <= QUIET);
            pace(surplus, if quiet { QUIET_PACE } else { PACE }).min(present(&next[FRAME..REACH]))
        };
        if missing > 0 || !self.is_plain() {
            self.join(next, frame);
        } else if pace == 0 {
            frame.copy_from_slice(&next[..FRAME]);
            self.gap = 0;
        } else {
            stretch(&mut input, pace, frame);
            self.gap = 0;
        }

        let taken = FRAME as i32 + pace;
        self.before = match taken {
            0 => self.before,
            // At most all of `next`, which begins at 1.
            taken => input[taken as usize],
        };
        if self.before == MISSING {
            self.before = 0;
        }
        buffer.advance(taken.unsigned_abs());
        buffer.delay_grew(-pace);
        self.shed += u64::from(pace.max(0).unsigned_abs());
        self.past.copy_from_slice(&frame[FRAME - FADE..]);
    }

    /// Samples of silence in place of sound that did not come. Of a long pause only the first 100 ms count.
    pub fn concealed(&self) -> u64 {
        self.concealed
    }

    /// Samples taken out to shed delay.
    pub fn shed(&self) -> u64 {
        self.shed
    }

    /// Most samples held at a tick.
    pub fn most_delay(&self) -> u32 {
        self.most_delay
    }

    /// Neither fading in nor out.
    fn is_plain(&self) -> bool {
        self.rise == FADE && self.tail_at == FADE
    }

    /// Leave out sound to be rid of delay.
    fn skip(&mut self, buffer: &mut JitterBuffer, count: u32) {
        buffer.advance(count);
        buffer.delay_grew(-(count as i32));
        self.shed += u64::from(count);
    }

    /// A tick with holes, or with the end of a fade in it.
    fn join(&mut self, next: &[i16], frame: &mut Frame) {
        for at in 0..FRAME {
            let sample = next[at];
            let mut value = 0;
            if sample == MISSING {
                if self.rise > 0 {
                    self.fade_out(at, frame);
                }
                self.concealed += u64::from(self.gap < COUNTED);
                self.gap = self.gap.saturating_add(1);
            } else {
                self.gap = 0;
                self.rise = (self.rise + 1).min(FADE);
                value = i32::from(sample) * self.rise as i32 / FADE as i32;
            }
            if let Some(tail) = self.tail.get(self.tail_at) {
                value += i32::from(*tail);
                self.tail_at += 1;
            }
            frame[at] = value.clamp(i32::from(MISSING + 1), i32::from(i16::MAX)) as i16;
        }
    }

    /// The sound ends before the sample `at`: what was heard last goes on backwards, ever softer.
    fn fade_out(&mut self, at: usize, frame: &Frame) {
        for (back, tail) in self.tail.iter_mut().enumerate() {
            let heard = match at.checked_sub(back + 1) {
                Some(at) => frame[at],
                None => self.past[FADE + at - back - 1],
            };
            *tail = (i32::from(heard) * (FADE - back) as i32 / (FADE as i32 + 1)) as i16;
        }
        self.tail_at = 0;
        self.rise = 0;
    }
}

impl std::fmt::Debug for Playout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Playout").field("concealed", &self.concealed).field("shed", &self.shed).finish_non_exhaustive()
    }
}

/// How many samples to take more (or fewer) than a tick's, at most `most`: one near the band, more farther out.
fn pace(surplus: i32, most: i32) -> i32 {
    let over = surplus.abs() - BAND;
    if over <= 0 {
        return 0;
    }
    let gentle = match over {
        ..=80 => 1,
        81..=240 => 2,
        _ => 4,
    };
    surplus.signum() * if most > PACE { over.min(most) } else { gentle }
}

/// How many samples from the first on are there.
fn present(samples: &[i16]) -> i32 {
    samples.iter().take_while(|sample| **sample != MISSING).count() as i32
}

/// How many samples from the first on are missing.
fn whole(samples: &[i16]) -> i32 {
    samples.iter().take_while(|sample| **sample == MISSING).count() as i32
}

/// Stretch `FRAME + pace` samples from `input[1]` on over a tick. `input` has one sample before them and two after; those that are missing
/// are taken to be as their neighbour.
fn stretch(input: &mut [i16; REACH + 3], pace: i32, frame: &mut Frame) {
    for at in 1..input.len() {
        if input[at] == MISSING {
            input[at] = input[at - 1];
        }
    }
    let step = (FRAME as i32 + pace) as f32 / FRAME as f32;
    for (n, out) in frame.iter_mut().enumerate() {
        let position = n as f32 * step;
        // At most FRAME + pace − 1, so that three more are within `input`.
        let at = position as usize;
        let x = position - at as f32;
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| f32::from(input[at + k]));
        // Catmull and Rom's cubic: through every sample, smooth in its slope.
        let value = b + 0.5 * x * (c - a + x * (2.0 * a - 5.0 * b + 4.0 * c - d + x * (3.0 * (b - c) + d - a)));
        // Casting saturates; the value for missing is kept free.
        *out = (value.round() as i16).max(MISSING + 1);
    }
}

#[cfg(test)]
mod tests;
