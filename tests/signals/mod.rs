//! Signals to try the detector of keys with, all of them made here from seeds, and the score of what it reports. For tests and benches.
//!
//! Samples are `f64` with full scale at 32,768 until [`Law::pass`] makes them what a telephone line delivers.
#![allow(dead_code, missing_docs, reason = "each test and bench uses its own part")]

pub mod damage;
pub mod refused;
pub mod score;
pub mod speech;
pub mod voices;

use std::f64::consts::TAU;

use ljudbro::codec::g711;

pub const RATE: f64 = 8_000.0;
/// Samples in a millisecond.
pub const MS: f64 = 8.0;
pub const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
pub const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
pub const PAD: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Numbers from a seed (splitmix64).
#[derive(Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn range(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

/// Amplitude of a sine of this level (0 dBm0 is −6.15 dBov, ITU-T G.711 §4).
pub fn amplitude(dbm0: f64) -> f64 {
    32_768.0 * 2f64.sqrt() * 10f64.powf((dbm0 - 6.15) / 20.0)
}

/// Root mean square of a sound of this level.
pub fn rms(dbm0: f64) -> f64 {
    amplitude(dbm0) / 2f64.sqrt()
}

/// One press of a key, as somebody's phone sends it.
#[derive(Clone, Copy)]
pub struct Press {
    pub key: char,
    pub hz: [f64; 2],
    pub dbm0: [f64; 2],
    /// Between the half-way points of its edges.
    pub ms: f64,
    /// Length of an edge; ETSI ES 201 235-2 allows 5 ms.
    pub edge_ms: f64,
}

impl Press {
    /// Exact frequencies, −10 dBm0 each.
    pub fn of(row: usize, column: usize, ms: f64) -> Self {
        Self { key: PAD[row][column], hz: [LOW[row], HIGH[column]], dbm0: [-10.0; 2], ms, edge_ms: 0.0 }
    }

    pub fn random(rng: &mut Rng, ms: f64) -> Self {
        Self::of(rng.below(4), rng.below(4), ms)
    }

    /// Both frequencies off, parts of one.
    pub fn off(mut self, low: f64, high: f64) -> Self {
        self.hz = [self.hz[0] * (1.0 + low), self.hz[1] * (1.0 + high)];
        self
    }

    /// The stronger tone at `dbm0`, the high one `twist` dB over the low one.
    pub fn level(mut self, strong_dbm0: f64, twist: f64) -> Self {
        self.dbm0 = if twist > 0.0 { [strong_dbm0 - twist, strong_dbm0] } else { [strong_dbm0, strong_dbm0 + twist] };
        self
    }

    pub fn edge(mut self, ms: f64) -> Self {
        self.edge_ms = ms;
        self
    }

    /// Power of both tones together, as a root mean square.
    pub fn rms(&self) -> f64 {
        (rms(self.dbm0[0]).powi(2) + rms(self.dbm0[1]).powi(2)).sqrt()
    }

    /// Add it, its half-way point at `at` (samples; parts of one count), in a random phase.
    pub fn add(&self, sound: &mut [f64], at: f64, rng: &mut Rng) {
        let phases = [rng.range(0.0, TAU), rng.range(0.0, TAU)];
        self.add_in_phase(sound, at, phases);
    }

    pub fn add_in_phase(&self, sound: &mut [f64], at: f64, phases: [f64; 2]) {
        let (end, edge) = (at + self.ms * MS, (self.edge_ms * MS).max(1e-9));
        let (first, last) = ((at - edge).max(0.0) as usize, (end + edge + 1.0) as usize);
        for (i, sample) in sound.iter_mut().enumerate().take(last).skip(first) {
            let t = i as f64;
            let ramp = |x: f64| 0.5 - 0.5 * (std::f64::consts::PI * (x / edge + 0.5).clamp(0.0, 1.0)).cos();
            let gain = ramp(t - at) * ramp(end - t);
            for ((hz, dbm0), phase) in self.hz.iter().zip(self.dbm0).zip(phases) {
                *sample += gain * amplitude(dbm0) * (TAU * hz * t / RATE + phase).sin();
            }
        }
    }
}

/// Add a sine throughout.
pub fn add_sine(sound: &mut [f64], hz: f64, dbm0: f64, phase: f64) {
    for (i, sample) in sound.iter_mut().enumerate() {
        *sample += amplitude(dbm0) * (TAU * hz * i as f64 / RATE + phase).sin();
    }
}

/// Add white noise.
pub fn add_noise(sound: &mut [f64], rms: f64, rng: &mut Rng) {
    for sample in sound {
        *sample += rms * rng.normal();
    }
}

/// How samples come through the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Law {
    Linear,
    A,
    Mu,
}

impl Law {
    pub const ALL: [Self; 3] = [Self::Linear, Self::A, Self::Mu];

    pub fn pass(self, sound: &[f64]) -> Vec<i16> {
        let linear: Vec<i16> = sound.iter().map(|s| s.round().clamp(-32_768.0, 32_767.0) as i16).collect();
        let mut octets = vec![0; linear.len()];
        let mut out = vec![0; linear.len()];
        match self {
            Self::Linear => return linear,
            Self::A => {
                g711::encode_alaw(&linear, &mut octets);
                g711::decode_alaw(&octets, &mut out);
            }
            Self::Mu => {
                g711::encode_ulaw(&linear, &mut octets);
                g711::decode_ulaw(&octets, &mut out);
            }
        }
        out
    }
}

/// Two poles, two zeros.
#[derive(Clone, Copy)]
pub struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    z: [f64; 2],
}

impl Biquad {
    pub fn high_pass(hz: f64, q: f64) -> Self {
        let w = TAU * hz / RATE;
        let (alpha, cos) = (w.sin() / (2.0 * q), w.cos());
        let a0 = 1.0 + alpha;
        Self {
            b: [(1.0 + cos) / 2.0 / a0, -(1.0 + cos) / a0, (1.0 + cos) / 2.0 / a0],
            a: [-2.0 * cos / a0, (1.0 - alpha) / a0],
            z: [0.0; 2],
        }
    }

    pub fn low_pass(hz: f64, q: f64) -> Self {
        let w = TAU * hz / RATE;
        let (alpha, cos) = (w.sin() / (2.0 * q), w.cos());
        let a0 = 1.0 + alpha;
        Self {
            b: [(1.0 - cos) / 2.0 / a0, (1.0 - cos) / a0, (1.0 - cos) / 2.0 / a0],
            a: [-2.0 * cos / a0, (1.0 - alpha) / a0],
            z: [0.0; 2],
        }
    }

    /// A resonance of unit gain at zero frequency: one formant.
    pub fn formant(hz: f64, bandwidth: f64) -> Self {
        let r = (-std::f64::consts::PI * bandwidth / RATE).exp();
        let a = [-2.0 * r * (TAU * hz / RATE).cos(), r * r];
        Self { b: [1.0 + a[0] + a[1], 0.0, 0.0], a, z: [0.0; 2] }
    }

    pub fn step(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.z[0];
        self.z = [self.b[1] * x - self.a[0] * y + self.z[1], self.b[2] * x - self.a[1] * y];
        y
    }
}

/// What a telephone network leaves: 300 to 3,400 Hz.
pub fn telephone_band(sound: &mut [f64]) {
    let mut filters =
        [Biquad::high_pass(300.0, 0.54), Biquad::high_pass(300.0, 1.3), Biquad::low_pass(3400.0, 0.54), Biquad::low_pass(3400.0, 1.3)];
    for sample in sound {
        *sample = filters.iter_mut().fold(*sample, |x, filter| filter.step(x));
    }
}

/// Bring a sound to a level over its loud parts.
pub fn to_level(sound: &mut [f64], dbm0: f64) {
    let blocks: Vec<f64> = sound.chunks(400).map(|c| c.iter().map(|x| x * x).sum::<f64>() / c.len() as f64).collect();
    let loudest = blocks.iter().fold(0.0f64, |a, b| a.max(*b));
    let loud: Vec<f64> = blocks.into_iter().filter(|b| *b > loudest / 300.0).collect();
    let mean = (loud.iter().sum::<f64>() / loud.len().max(1) as f64).sqrt();
    if mean > 0.0 {
        let gain = rms(dbm0) / mean;
        sound.iter_mut().for_each(|s| *s *= gain);
    }
}
