//! The fine test: whether a stretch of sound is a key's tone, which, from when to when, and how surely.

use super::bank::{ADVANCE, BLOCK, Block, NOMINAL_HZ};
use super::fit::{Fit, fit};
use super::{HELD, HELD_BLOCKS};
use crate::audio::RATE_HZ;

/// What looks like a tone of a key.
#[derive(Clone, Copy)]
pub struct Sight {
    /// Place of the key on a pad of four by four.
    pub key: u8,
    /// First sample of the tone, counted in what the detector holds.
    pub from: usize,
    /// The sample after its last.
    pub to: usize,
    /// How well it keeps to the limits.
    pub grade: Grade,
}

/// How much a tone is like a key's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub enum Grade {
    /// Within the limits, but it came out of other sound and is not quite pure: to be heard for longer.
    Doubtful,
    /// Within the limits.
    Good,
}

/// Accepted offset of a frequency. ITU-T Q.24: 1.5 % must be accepted, 3.5 % refused; the MF pair of 700 and 1,300 Hz is 2.7 % off.
const OFFSET: f32 = 0.022;
/// Accepted power of the high tone over the low one: ITU-T Q.24 −8…+4 dB, ETSI ES 201 235-3 ±6 dB, and a margin.
const TWIST: (f32, f32) = (0.11, 8.0);
/// Least amplitude of each tone, −43 dBm0. −25 dBm0 must be accepted, −55 refused (ITU-T Q.24).
const LEAST_POWER: f32 = 161.0 * 161.0;
/// Part of the energy that may be something else: noise 10.5 dB below the tones. 15 dB must be accepted.
const REST: f32 = 0.09;

/// Look at the blocks `first..last` (of those held), which all are like a key.
pub fn look(sound: &[f32; HELD], blocks: &[Block; HELD_BLOCKS], first: usize, last: usize) -> Option<Sight> {
    let run = blocks.get(first..last)?;
    let guess = [guess(run, 0), guess(run, 4)];
    let window = sound.get(first * BLOCK..last * BLOCK)?;
    let rough = fit(window, guess, 2, 0.6);
    nearest(rough.sines[0].turn, 0)?;
    nearest(rough.sines[1].turn, 4)?;
    let middle = (first * BLOCK + last * BLOCK) / 2;
    let (from, to) = edges(sound, &rough, middle);
    if to < from + 88 {
        return None;
    }
    let turns = [rough.sines[0].turn, rough.sines[1].turn];
    let fine = fit(sound.get(from + 3..to - 3)?, turns, 2, 0.8);
    let (row, row_off) = nearest(fine.sines[0].turn, 0)?;
    let (column, column_off) = nearest(fine.sines[1].turn, 4)?;
    let powers = [fine.sines[0].power(), fine.sines[1].power()];
    let twist = powers[1] / powers[0].max(f32::MIN_POSITIVE);
    let rest = fine.rest / fine.energy;
    if row_off.abs() > OFFSET || column_off.abs() > OFFSET || twist < TWIST.0 || twist > TWIST.1 || rest > REST {
        return None;
    }
    if powers[0] < LEAST_POWER || powers[1] < LEAST_POWER {
        return None;
    }
    Some(Sight { key: (row * 4 + column) as u8, from, to, grade: Grade::Good })
}

/// First guess at the frequency of the strongest of four: how its phase goes on from block to block. Blocks are added up in twos, in step with
/// the nominal frequency, so that a strong tone of the other group counts for less.
fn guess(run: &[Block], group: usize) -> f32 {
    let mut best = (group, 0.0, (0.0, 0.0));
    for k in group..group + 4 {
        let (cos, sin) = ADVANCE[k];
        let (mut power, mut lag) = (0.0, (0.0, 0.0));
        let mut earlier = None;
        for pair in run.windows(2) {
            let [a, b] = pair else { continue };
            let back = (b.re[k] * cos + b.im[k] * sin, b.im[k] * cos - b.re[k] * sin);
            let sum = (a.re[k] + back.0, a.im[k] + back.1);
            power += sum.0 * sum.0 + sum.1 * sum.1;
            let (from, to) = match (earlier, run.len()) {
                (_, 2) => ((a.re[k], a.im[k]), back),
                (Some(earlier), _) => (earlier, (sum.0 * cos + sum.1 * sin, sum.1 * cos - sum.0 * sin)),
                (None, _) => (sum, sum),
            };
            if run.len() == 2 || earlier.is_some() {
                lag = (lag.0 + to.0 * from.0 + to.1 * from.1, lag.1 + to.1 * from.0 - to.0 * from.1);
            }
            earlier = Some(sum);
        }
        if power > best.1 {
            best = (k, power, lag);
        }
    }
    nominal(best.0) + best.2.1.atan2(best.2.0) / BLOCK as f32
}

/// Radians a sample.
fn nominal(k: usize) -> f32 {
    (std::f64::consts::TAU * NOMINAL_HZ[k] / f64::from(RATE_HZ)) as f32
}

/// The nominal frequency next to `turn` within a group, and by how much of it `turn` is off.
fn nearest(turn: f32, group: usize) -> Option<(usize, f32)> {
    let mut best: Option<(usize, f32)> = None;
    for k in 0..4 {
        let off = turn / nominal(group + k) - 1.0;
        if off.abs() < best.map_or(0.04, |(_, least)| least.abs()) {
            best = Some((k, off));
        }
    }
    best
}

/// From where to where the sines are there: outwards from the middle, as long as taking them out leaves less than there was.
fn edges(sound: &[f32; HELD], fit: &Fit, middle: usize) -> (usize, usize) {
    let power = fit.sines[0].power() + fit.sines[1].power();
    let give_up = -power * 16.0;
    let mut sum = 0.0;
    let (mut best, mut to) = (0.0, middle);
    let mut waves = Walk::new(fit, 1.0);
    for (i, x) in sound.iter().enumerate().skip(middle) {
        let m = waves.next();
        sum += m * (2.0 * x - m);
        if sum > best {
            (best, to) = (sum, i + 1);
        } else if sum < best + give_up {
            break;
        }
    }
    let mut from = middle;
    (sum, best) = (0.0, 0.0);
    let mut waves = Walk::new(fit, -1.0);
    for (i, x) in sound.iter().enumerate().take(middle).rev() {
        let m = waves.next();
        sum += m * (2.0 * x - m);
        if sum > best {
            (best, from) = (sum, i);
        } else if sum < best + give_up {
            break;
        }
    }
    (from, to)
}

/// The two sines, sample by sample away from the middle.
struct Walk {
    now: [(f32, f32); 2],
    step: [(f32, f32); 2],
}

impl Walk {
    fn new(fit: &Fit, direction: f32) -> Self {
        let mut walk = Self { now: [(0.0, 0.0); 2], step: [(0.0, 0.0); 2] };
        for (k, sine) in fit.sines.iter().enumerate() {
            // a·cos + b·sin is the real part of (a − ib)·e^{iωt}.
            let (sin, cos) = (sine.turn * 0.5 * direction).sin_cos();
            walk.now[k] = (sine.cos * cos + sine.sin * sin, sine.cos * sin - sine.sin * cos);
            let (sin, cos) = (sine.turn * direction).sin_cos();
            walk.step[k] = (cos, sin);
        }
        walk
    }

    fn next(&mut self) -> f32 {
        let value = self.now[0].0 + self.now[1].0;
        for (now, step) in self.now.iter_mut().zip(&self.step) {
            *now = (now.0 * step.0 - now.1 * step.1, now.0 * step.1 + now.1 * step.0);
        }
        value
    }
}
