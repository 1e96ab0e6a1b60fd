//! The cheap first pass over everything that is heard: eight correlations for every block of 5 ms, and which blocks could be a key.

use super::super::{FRAME, RATE_HZ};

/// Frequencies of the keypad, Hz: four rows, then four columns (ITU-T Q.23 §6).
pub const NOMINAL_HZ: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];

/// Samples in a block: 5 ms, a quarter of a tick. Shorter ones do not tell rows from columns.
pub const BLOCK: usize = 40;
/// A block without sound.
pub const SILENCE: [i16; BLOCK] = [0; BLOCK];
/// Blocks in a tick.
pub const BLOCKS: usize = FRAME / BLOCK;

/// Pairs of samples in a block.
const PAIRS: usize = BLOCK / 2;
/// Correlation of a sine with itself over a block, for an amplitude of 1.
const GAIN: f32 = BLOCK as f32 / 2.0;

/// Amplitude of the carriers: the largest power of two with which no sum over a block leaves 32 bits. Rounding them leaves less than −80 dB.
const CARRIER: f64 = 2048.0;

/// A carrier's values at two successive samples, for each nominal frequency.
pub type Pairs = [[i16; 2]; 8];

/// Cosine and negative sine of each nominal frequency, phase counted from the middle of a block.
pub struct Carriers {
    pub cos: [Pairs; PAIRS],
    pub sin: [Pairs; PAIRS],
}

pub static CARRIERS: Carriers = carriers();

/// Turns of each nominal frequency from the middle of one block to the middle of the next, as cosine and sine.
pub static ADVANCE: [(f32, f32); 8] = advance();

/// What was heard in one block.
#[derive(Clone, Copy)]
pub struct Block {
    /// Correlations with the nominal frequencies, phase counted from the block's middle.
    pub re: [f32; 8],
    pub im: [f32; 8],
    /// Squared magnitudes of the strongest row's and column's.
    pub strongest: [f32; 2],
    /// Sum of the squares of the samples.
    pub energy: f32,
    /// The strongest row and column, as the place of the key on a pad of four by four.
    pub key: u8,
    /// Whether the block could be part of that key.
    pub like_a_key: bool,
    /// Not correlated yet.
    pub unheard: bool,
}

impl Block {
    /// Nothing was heard.
    pub const SILENT: Self =
        Self { re: [0.0; 8], im: [0.0; 8], strongest: [0.0; 2], energy: 0.0, key: 0, like_a_key: false, unheard: false };

    /// Something of this energy was there, and was not looked at.
    pub const fn unheard(energy: f32) -> Self {
        Self { energy, unheard: true, ..Self::SILENT }
    }

    /// Squared magnitude of the correlation with nominal frequency `k`.
    pub fn power(&self, k: usize) -> f32 {
        self.re[k] * self.re[k] + self.im[k] * self.im[k]
    }

    /// Part of its energy that the strongest row and column explain: about 1 in a tone, more where they overlap.
    pub fn explained(&self) -> f32 {
        (self.strongest[0] + self.strongest[1]) / GAIN / self.energy.max(1.0)
    }
}

/// The least energy of a block that may belong to a key.
const LEAST_ENERGY: f32 = 40.0 * 100.0 * 100.0;
/// Part of a block's energy that two nominal frequencies must explain. A block that is two thirds tone and one third silence
/// reaches this.
const EXPLAINED: f32 = 0.6;
/// How much weaker, in power, one of two tones may look in a block. Crosstalk of the stronger makes this look worse than it is.
const LOPSIDED: f32 = 0.025;

/// What a block is made of.
pub struct Sums {
    pub re: [f32; 8],
    pub im: [f32; 8],
    /// The strongest row and column, as the place of the key on a pad of four by four.
    pub key: u8,
    /// Squared magnitudes of these two.
    pub strongest: [f32; 2],
}

/// Hear a block of this energy by means of `correlate`: [`correlate`] or what does the same. Inlined into a caller for this processor.
#[inline(always)]
pub fn listen(samples: &[i16; BLOCK], energy: f32, correlate: impl Fn(&[i16; BLOCK]) -> Sums) -> Block {
    let Sums { re, im, key, strongest } = correlate(samples);
    let [low, high] = strongest;
    // A tone of amplitude a has the energy a²·BLOCK/2 and the correlation a·GAIN.
    let explained = low + high > EXPLAINED * GAIN * energy;
    let balanced = low > high * LOPSIDED && high > low * LOPSIDED;
    let like_a_key = energy > LEAST_ENERGY && explained && balanced;
    Block { re, im, strongest, energy, key, like_a_key, unheard: false }
}

/// Undoes the carriers' amplitude.
pub const SCALE: f32 = 1.0 / CARRIER as f32;

/// Correlate a block, in whole numbers: no order of summing gives another result.
pub fn correlate(samples: &[i16; BLOCK]) -> Sums {
    let (mut re, mut im) = ([0i32; 8], [0i32; 8]);
    for ([early, late], (cos, sin)) in samples.as_chunks().0.iter().zip(CARRIERS.cos.iter().zip(&CARRIERS.sin)) {
        let (early, late) = (i32::from(*early), i32::from(*late));
        for k in 0..8 {
            re[k] += early * i32::from(cos[k][0]) + late * i32::from(cos[k][1]);
            im[k] += early * i32::from(sin[k][0]) + late * i32::from(sin[k][1]);
        }
    }
    let (re, im) = (re.map(|sum| sum as f32 * SCALE), im.map(|sum| sum as f32 * SCALE));
    let power: [f32; 8] = std::array::from_fn(|k| re[k] * re[k] + im[k] * im[k]);
    let (row, low) = strongest([power[0], power[1], power[2], power[3]]);
    let (column, high) = strongest([power[4], power[5], power[6], power[7]]);
    Sums { re, im, key: row * 4 + column, strongest: [low, high] }
}

/// Squares are summed in these units, so that a block's sum stays within 32 bits.
pub const UNIT: u32 = 16;

/// Sum of the squares of the difference of two blocks, each pair's rounded down to whole [`UNIT`]s.
pub fn energy(samples: &[i16; BLOCK], others: &[i16; BLOCK]) -> f32 {
    let square = |x: i16, y: i16| u32::from(x.saturating_sub(y).unsigned_abs()).pow(2);
    let pairs = samples.as_chunks::<2>().0.iter().zip(others.as_chunks::<2>().0);
    let units: u32 = pairs.map(|(x, y)| (square(x[0], y[0]) + square(x[1], y[1])) / UNIT).sum();
    units as f32 * UNIT as f32
}

fn strongest(power: [f32; 4]) -> (u8, f32) {
    let mut best = (0, power[0]);
    for (k, &p) in power.iter().enumerate().skip(1) {
        if p > best.1 {
            best = (k as u8, p);
        }
    }
    best
}

const fn carriers() -> Carriers {
    let mut carriers = Carriers { cos: [[[0; 2]; 8]; PAIRS], sin: [[[0; 2]; 8]; PAIRS] };
    let mut k = 0;
    while k < 8 {
        let (mut most_cos, mut most_sin) = (0, 0);
        let mut n = 0;
        while n < BLOCK {
            let (cos, sin) = cos_sin(turn(k) * (n as f64 - (BLOCK - 1) as f64 / 2.0));
            let (cos, sin) = (round(cos * CARRIER), round(-sin * CARRIER));
            carriers.cos[n / 2][k][n % 2] = cos;
            carriers.sin[n / 2][k][n % 2] = sin;
            most_cos += cos.unsigned_abs() as u32;
            most_sin += sin.unsigned_abs() as u32;
            n += 1;
        }
        // Samples are at most 2¹⁵, a sum of 32 bits at most 2³¹ − 1.
        assert!(most_cos < 1 << 16 && most_sin < 1 << 16, "a sum over a block must fit 32 bits");
        k += 1;
    }
    carriers
}

/// To the nearest whole number.
const fn round(x: f64) -> i16 {
    (if x < 0.0 { x - 0.5 } else { x + 0.5 }) as i16
}

const fn advance() -> [(f32, f32); 8] {
    let mut advance = [(0.0, 0.0); 8];
    let mut k = 0;
    while k < 8 {
        let (cos, sin) = cos_sin(turn(k) * BLOCK as f64);
        advance[k] = (cos as f32, sin as f32);
        k += 1;
    }
    advance
}

/// Radians a sample.
const fn turn(k: usize) -> f64 {
    std::f64::consts::TAU * NOMINAL_HZ[k] / RATE_HZ as f64
}

/// At compile time, where the library's functions cannot be called: a power series, after whole turns are taken off.
const fn cos_sin(angle: f64) -> (f64, f64) {
    let turns = angle / std::f64::consts::TAU;
    let x = (turns - (turns as i64) as f64) * std::f64::consts::TAU;
    let (mut cos, mut sin, mut term, mut i) = (0.0, 0.0, 1.0, 0);
    while i < 40 {
        match i % 4 {
            0 => cos += term,
            1 => sin += term,
            2 => cos -= term,
            _ => sin -= term,
        }
        i += 1;
        term *= x / i as f64;
    }
    (cos, sin)
}
