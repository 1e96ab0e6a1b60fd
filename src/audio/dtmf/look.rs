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
    /// Squared amplitudes, low and high.
    pub powers: [f32; 2],
    /// How well it keeps to the limits.
    pub grade: Grade,
}

/// How a tone keeps to the limits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// It began out of silence, out of noise no louder than is allowed under a key, or out of itself before a splice.
    Good,
    /// It came out of other sound, or its beginning was long ago; but there is hardly anything beside the tones, and they are steady.
    Pure,
}

/// Accepted offset of a low and of a high frequency. ITU-T Q.24: 1.5 % must be accepted, 3.5 % refused. Echo and noise shift what is measured by
/// some hertz, which are more of a low frequency; the MF pair of 700 and 1,300 Hz (ITU-T Q.320) is 2.7 % off in its high one.
const OFFSETS: [f32; 2] = [0.027, 0.0235];
/// The MF pair that lies within these limits, Hz, and how near it must be met to be taken for what it is. A key has its high tone there only
/// if that is 1.5 % off or more.
const MF_PAIR: ([f32; 2], f32) = ([700.0, 1500.0], 1.6);
/// The nearest to 1,477 Hz that this pair's high tone may come, Hz: what ITU-T Q.24 says must be accepted ends at 1,499.16.
const MF_EDGE: f32 = 1499.35;
/// Accepted power of the high tone over the low one: ITU-T Q.24 −8…+4 dB, ETSI ES 201 235-3 ±6 dB. An echo 10 dB below may take 3 dB from
/// one and give 2 dB to the other.
const TWIST: (f32, f32) = (0.045, 12.0);
/// Least amplitude of each tone, −43 dBm0. −25 dBm0 must be accepted, −55 refused (ITU-T Q.24).
const LEAST_POWER: f32 = 161.0 * 161.0;
/// Part of the energy that may be something else: noise 10.5 dB below the tones. 15 dB must be accepted.
const REST: f32 = 0.09;
/// Power just before a tone, over the power of the tone, that is no louder than noise and echo under a key may be.
const BEFORE: f32 = 0.16;
/// The same in the last 3 ms, so that a short dropout counts, too.
const SHORTLY_BEFORE: f32 = 0.05;
const SHORTLY: usize = 24;
/// How near to the end of a press another may begin for it to be no other sound that comes before this, samples.
const HAND_OVER: i32 = 88;
/// Part of what was just before a tone that may be something else, where it is the same tone before a dropout or a splice.
const SAME_REST: f32 = 0.2;
/// Relative change of both amplitudes from end to end. An echo 10 dB below can make 0.47 of it, an instrument's attack makes more.
const SWELLING: f32 = 0.58;
/// Part of the energy that may be something else in a first fit, before the edges are known.
const HOPELESS: f32 = 0.3;
/// The same where a tone is torn in the middle.
const TORN: f32 = 0.7;
/// Sum of both offsets and the rest, each as a part of its limit: no key is at all of its limits without noise's help.
const DOUBTS: f32 = 2.35;
/// What a tone that came out of other sound must keep to: part of the energy that is something else, an offset, relative change of an amplitude and
/// change of a frequency (radians a sample) from end to end.
const PURE_REST: f32 = 0.03;
const PURE_OFFSET: f32 = 0.018;
const PURE_SLOPE: f32 = 0.3;
const PURE_GLIDE: f32 = 0.0095;

/// What a detector holds.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    pub sound: &'a [f32; HELD],
    pub blocks: &'a [Block; HELD_BLOCKS],
    /// The key that something too short, just before, was like.
    pub piece: Option<u8>,
    /// The sample after the last press's last.
    pub pressed: Option<i32>,
}

/// Most blocks that a fit begins with. Longer ones tell frequencies better, shorter ones get by between dropouts and splices.
const WINDOW: usize = 8;

/// Look at the blocks `first..last` (of those held), which all are like a key.
pub fn look(held: Held, first: usize, last: usize) -> Option<Sight> {
    let first = first.max(last.saturating_sub(WINDOW));
    let mut torn = false;
    let whole = look_at(held, first, last, None, &mut torn);
    let half = last - WINDOW / 2;
    if whole.is_some() || !torn || last - first <= WINDOW / 2 {
        return whole;
    }
    let late = look_at(held, half, last, Some(BLOCK), &mut torn);
    if late.is_some() || half - first < WINDOW / 2 - 1 {
        return late;
    }
    look_at(held, first, half, Some(BLOCK), &mut torn)
}

/// Look at one stretch. `part`: what was found in a longer one did not fit together; how far out of this one it is looked. `torn`: it may be so here.
fn look_at(held: Held, first: usize, last: usize, part: Option<usize>, torn: &mut bool) -> Option<Sight> {
    let Held { sound, blocks, piece, pressed } = held;
    let run = blocks.get(first..last)?;
    *torn = false;
    let guess = [guess(run, 0)?, guess(run, 4)?];
    let window = sound.get(first * BLOCK..last * BLOCK)?;
    let rough = fit(window, guess, 2, 0.5);
    if rough.rest > HOPELESS * rough.energy {
        // Two parts of one tone in opposite phase leave this.
        *torn = rough.rest < TORN * rough.energy && run.iter().all(|block| block.key == run[0].key);
        return None;
    }
    *torn = true;
    nearest(rough.sines[0].turn, 0)?;
    nearest(rough.sines[1].turn, 4)?;
    // Out from the block that the sines explain best: it lies in no dropout.
    let inside = run.iter().map(|block| block.strongest.iter().sum());
    let strongest = inside.enumerate().fold((0, 0.0f32), |best, (i, power): (usize, f32)| if power > best.1 { (i, power) } else { best }).0;
    let (from, to) = edges(sound, &rough, (first + last) * BLOCK / 2, (first + strongest) * BLOCK + BLOCK / 2);
    let (from, to) = part.map_or((from, to), |out| (from.max((first * BLOCK).saturating_sub(out)), to.min(last * BLOCK + out)));
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
    if row_off.abs() > OFFSETS[0] || column_off.abs() > OFFSETS[1] || twist < TWIST.0 || twist > TWIST.1 || rest > REST {
        return None;
    }
    if powers[0] < LEAST_POWER || powers[1] < LEAST_POWER {
        return None;
    }
    let swelling = (fine.slope[0] + fine.slope[1]).abs() / 2.0;
    let doubts = row_off.abs() / OFFSETS[0] + column_off.abs() / OFFSETS[1] + rest / REST;
    if swelling > SWELLING || doubts > DOUBTS || is_mf(&fine) {
        return None;
    }
    // Some milliseconds just before the edge, where those are held.
    let key = (row * 4 + column) as u8;
    let before = from.checked_sub(88).and_then(|start| sound.get(start..from - 12));
    let during = fine.energy / (to - from) as f32;
    // One key right after another.
    let handed_over = pressed.is_some_and(|end| (end - from as i32).abs() < HAND_OVER);
    let sudden = before.is_some_and(|before| {
        let (power, shortly) = (power(before), power(&before[before.len() - SHORTLY..]));
        let same = || piece == Some(key) && fit(before, turns, 0, 0.0).rest < SAME_REST * power * before.len() as f32;
        power < BEFORE * during || shortly < SHORTLY_BEFORE * during || handed_over || same()
    });
    let pure = rest < PURE_REST
        && fine.slope.iter().all(|slope| slope.abs() < PURE_SLOPE)
        && fine.glide.iter().all(|glide| glide.abs() < PURE_GLIDE)
        && row_off.abs().max(column_off.abs()) < PURE_OFFSET;
    let grade = match sudden {
        true if pure || part.is_none() => Grade::Good,
        false if pure && from > 0 => Grade::Pure,
        _ => return None,
    };
    Some(Sight { key, from, to, powers, grade })
}

/// How far off a guess at a frequency may be, parts of one: noise and crosstalk shift it.
const GUESSED_OFF: f32 = 0.045;

/// Mean square.
fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|x| x * x).sum::<f32>() / samples.len().max(1) as f32
}

/// Whether this is 700 and 1,500 Hz exactly, as exchanges send them.
fn is_mf(fit: &Fit) -> bool {
    let hz = fit.sines.map(|sine| sine.turn * RATE_HZ as f32 / std::f32::consts::TAU);
    let ([low, high], near) = MF_PAIR;
    (hz[0] - low).abs() < near && hz[1] > MF_EDGE && hz[1] < high + near
}

/// First guess at the frequency of the strongest of four: how its phase goes on from block to block. Blocks are added up in twos, in step with
/// the nominal frequency, so that a strong tone of the other group counts for less.
fn guess(run: &[Block], group: usize) -> Option<f32> {
    let mut best = (group, 0.0, (0.0, 0.0));
    for (k, &(cos, sin)) in ADVANCE.iter().enumerate().skip(group).take(4) {
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
    let (k, _, (re, im)) = best;
    let off = im.atan2(re) / BLOCK as f32;
    (off.abs() < GUESSED_OFF * nominal(k)).then_some(nominal(k) + off)
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

/// From where to where the sines, fitted about `middle`, are there: outwards from `start`, as long as taking them out leaves less than there was.
fn edges(sound: &[f32; HELD], fit: &Fit, middle: usize, start: usize) -> (usize, usize) {
    let power = fit.sines[0].power() + fit.sines[1].power();
    // Where the sines are not, 1¼ ms lose this much; noise does not.
    let give_up = -power * 5.0;
    let mut sum = 0.0;
    let (mut best, mut to) = (0.0, start);
    let away = start as f32 - middle as f32;
    let mut waves = Walk::new(fit, away, 1.0);
    for (i, x) in sound.iter().enumerate().skip(start) {
        let m = waves.next();
        sum += m * (2.0 * x - m);
        if sum > best {
            (best, to) = (sum, i + 1);
        } else if sum < best + give_up {
            break;
        }
    }
    let mut from = start;
    (sum, best) = (0.0, 0.0);
    let mut waves = Walk::new(fit, away, -1.0);
    for (i, x) in sound.iter().enumerate().take(start).rev() {
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

/// The two sines, sample by sample onwards or back.
struct Walk {
    now: [(f32, f32); 2],
    step: [(f32, f32); 2],
}

impl Walk {
    fn new(fit: &Fit, away: f32, direction: f32) -> Self {
        let mut walk = Self { now: [(0.0, 0.0); 2], step: [(0.0, 0.0); 2] };
        for (k, sine) in fit.sines.iter().enumerate() {
            // a·cos + b·sin is the real part of (a − ib)·e^{iωt}.
            let (sin, cos) = (sine.turn * (away + 0.5 * direction)).sin_cos();
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
