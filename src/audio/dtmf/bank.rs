//! The cheap first pass over everything that is heard: eight correlations for every block of 5 ms, and which blocks could be a key.

use super::super::{FRAME, RATE_HZ};

/// Frequencies of the keypad, Hz: four rows, then four columns (ITU-T Q.23 §6).
pub const NOMINAL_HZ: [f64; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];

/// Samples in a block: 5 ms, a quarter of a tick. Shorter ones do not tell rows from columns.
pub const BLOCK: usize = 40;
/// Blocks in a tick.
pub const BLOCKS: usize = FRAME / BLOCK;

/// Samples on either side of a block's middle.
pub const HALF: usize = BLOCK / 2;
/// Correlation of a sine with itself over a block, for an amplitude of 1.
const GAIN: f32 = HALF as f32;

/// Cosine and sine of each nominal frequency at the times ½, 1½, 2½ … samples from the middle of a block.
pub struct Carriers {
    pub cos: [[f32; 8]; HALF],
    pub sin: [[f32; 8]; HALF],
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
    /// Their squared magnitudes.
    power: [f32; 8],
    /// Sum of the squares.
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
    pub const SILENT: Self = Self { re: [0.0; 8], im: [0.0; 8], power: [0.0; 8], energy: 0.0, key: 0, like_a_key: false, unheard: false };

    /// Something was there, and was not looked at.
    pub const UNHEARD: Self = Self { unheard: true, ..Self::SILENT };

    /// Squared magnitude of the correlation with nominal frequency `k`.
    pub fn power(&self, k: usize) -> f32 {
        self.power[k]
    }

    /// The strongest row and column.
    pub fn strongest(&self) -> [usize; 2] {
        [usize::from(self.key / 4), 4 + usize::from(self.key % 4)]
    }

    /// Part of its energy that the strongest row and column explain: about 1 in a tone, more where they overlap.
    pub fn explained(&self) -> f32 {
        let [row, column] = self.strongest();
        (self.power(row) + self.power(column)) / GAIN / self.energy.max(1.0)
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
    /// `re`² + `im`².
    pub power: [f32; 8],
    /// Sum of the squares of the samples.
    pub energy: f32,
}

/// Hear a block by means of `correlate`: [`correlate`] or what does the same. Inlined into a caller for this processor.
#[inline(always)]
pub fn listen(samples: &[f32; BLOCK], correlate: impl Fn(&[f32; BLOCK]) -> Sums) -> Block {
    let Sums { re, im, power, energy } = correlate(samples);
    let (row, low) = strongest([power[0], power[1], power[2], power[3]]);
    let (column, high) = strongest([power[4], power[5], power[6], power[7]]);
    // A tone of amplitude a has the energy a²·BLOCK/2 and the correlation a·GAIN.
    let explained = (low + high) / GAIN;
    let balanced = low > high * LOPSIDED && high > low * LOPSIDED;
    let like_a_key = energy > LEAST_ENERGY && explained > EXPLAINED * energy && balanced;
    Block { re, im, power, energy, key: row * 4 + column, like_a_key, unheard: false }
}

/// Correlate a block. Folded about its middle, cosines see the even part and sines the odd part only: half the work.
pub fn correlate(samples: &[f32; BLOCK]) -> Sums {
    // Two sums each, taken in turn: one addition need not wait for the one before.
    let (mut re, mut im) = ([[0.0f32; 8]; 2], [[0.0f32; 8]; 2]);
    for n in 0..HALF {
        let (after, before) = (samples[HALF + n], samples[HALF - 1 - n]);
        for k in 0..8 {
            re[n % 2][k] += (after + before) * CARRIERS.cos[n][k];
            im[n % 2][k] -= (after - before) * CARRIERS.sin[n][k];
        }
    }
    let (re, im) = (lanes(re[0], re[1], |a, b| a + b), lanes(im[0], im[1], |a, b| a + b));
    let mut squares = [0.0f32; 8];
    for eight in samples.as_chunks::<8>().0 {
        squares = lanes(squares, *eight, |sum, sample| sum + sample * sample);
    }
    Sums { re, im, power: lanes(re, im, |re, im| re * re + im * im), energy: sum(squares) }
}

/// Lane by lane.
pub fn lanes(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    std::array::from_fn(|k| f(a[k], b[k]))
}

/// Sum of eight lanes: of halves, halves again. The order is that of the vector instructions.
#[inline(always)]
pub fn sum(x: [f32; 8]) -> f32 {
    ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
}

#[inline(always)]
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
    let mut carriers = Carriers { cos: [[0.0; 8]; HALF], sin: [[0.0; 8]; HALF] };
    let mut n = 0;
    while n < HALF {
        let mut k = 0;
        while k < 8 {
            let (cos, sin) = cos_sin(turn(k) * (n as f64 + 0.5));
            carriers.cos[n][k] = cos as f32;
            carriers.sin[n][k] = sin as f32;
            k += 1;
        }
        n += 1;
    }
    carriers
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
