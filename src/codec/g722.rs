//! G.722 (ITU-T G.722, 11/1988 and later) at 64 kbit/s: sound to 7 kHz in two bands, each a difference coder that follows its signal.
//!
//! Written from the recommendation; block names and variables in comments are its own. Octets are as RFC 3551 §4.5.2 puts them: the two
//! bits of the upper band on top, six of the lower. The state is small and is copied by value; nothing is allocated. The auxiliary data
//! channel (modes 2 and 3, 56 and 48 kbit/s) is not in RTP.

/// Impulse response of the two quadrature mirror filters, §5.2.1 table 11: of 24 taps, the 12 that differ, times 4096.
const QMF: [i16; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Taps.
const TAPS: usize = 24;

/// The whole response, in the order of samples: odd taps are the even ones backwards.
const BOTH: [i16; TAPS] = taps(true, true);
/// For the upper band: of the first of two samples with the sign turned.
const DIFFERENCE: [i16; TAPS] = {
    let mut taps = BOTH;
    let mut at = 0;
    while at < TAPS {
        taps[at] = -taps[at];
        at += 2;
    }
    taps
};
const EVEN: [i16; TAPS] = taps(true, false);
const ODD: [i16; TAPS] = taps(false, true);

const fn taps(even: bool, odd: bool) -> [i16; TAPS] {
    let mut taps = [0; TAPS];
    let mut at = 0;
    while at < QMF.len() {
        if even {
            taps[2 * at] = QMF[at];
        }
        if odd {
            taps[2 * at + 1] = QMF[QMF.len() - 1 - at];
        }
        at += 1;
    }
    taps
}

/// Decision levels of the lower band's 60-level quantizer (table 14, Q6), for positive numbers; the rest is filled up for vectors.
const LEVELS: [i16; 32] = [
    35,
    72,
    110,
    150,
    190,
    233,
    276,
    323,
    370,
    422,
    473,
    530,
    587,
    650,
    714,
    786,
    858,
    940,
    1023,
    1121,
    1219,
    1339,
    1458,
    1612,
    1765,
    1980,
    2195,
    2557,
    2919,
    i16::MAX,
    i16::MAX,
    i16::MAX,
];
/// Output of the 60-level quantizer (table 19, QM6) by its code of six bits; the four codes no coder sends are as the smallest.
const LOW_60: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856, -7192, -6576,
    -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984,
    13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040,
    728, 432, 136, -432, -136,
];
/// Output of the 15-level quantizer that both predictors follow (table 17, QM4), by the code's upper four bits.
const LOW_15: [i32; 16] = [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
/// How the lower band's scale grows (tables 15 and 16, WL by RL42), by the code's upper four bits.
const LOW_GROWTH: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
/// Output of the upper band's quantizer (table 18, QM2), by its two bits.
const HIGH_4: [i32; 4] = [-7408, -1616, 7408, 1616];
/// How the upper band's scale grows (tables 15 and 16, WH by RH2), by its two bits.
const HIGH_GROWTH: [i32; 4] = [798, -214, 798, -214];
/// The upper band's one decision level (table 14, Q2).
const HIGH_LEVEL: i32 = 564;
/// 2^(i/32), times 2048 (table 13, ILB).
const POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025, 3091, 3158, 3228,
    3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// One received stream.
#[derive(Clone, Copy)]
pub struct Decoder {
    low: Band,
    high: Band,
    past: [i16; TAPS],
}

/// One sent stream.
#[derive(Clone, Copy)]
pub struct Encoder {
    low: Band,
    high: Band,
    past: [i16; TAPS],
}

impl Decoder {
    /// At reset (§5.2.8 of the recommendation: 32 and 8 for the scales, zero for everything else).
    pub fn new() -> Self {
        Self { low: Band::LOW, high: Band::HIGH, past: [0; TAPS] }
    }

    /// Two samples at 16 kHz an octet; as many as both slices hold.
    pub fn decode(&mut self, octets: &[u8], out: &mut [i16]) {
        for (octet, pair) in octets.iter().zip(out.chunks_exact_mut(2)) {
            let low = self.low.take_low(*octet & 0x3f);
            let high = self.high.take_high(octet >> 6);
            // RECA and RECB: both fit, for either band is limited to 15 bits (LIMIT).
            push(&mut self.past, (low + high) as i16, (low - high) as i16);
            // SELECT and the receiving filters.
            let first = dot(&self.past, &ODD) >> 11;
            let second = dot(&self.past, &EVEN) >> 11;
            if let [a, b] = pair {
                (*a, *b) = (saturated(first) as i16, saturated(second) as i16);
            }
        }
    }
}

impl Encoder {
    /// At reset.
    pub fn new() -> Self {
        Self { low: Band::LOW, high: Band::HIGH, past: [0; TAPS] }
    }

    /// An octet for two samples at 16 kHz; as many as both slices hold.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) {
        for (pair, octet) in samples.chunks_exact(2).zip(out) {
            if let [first, second] = pair {
                push(&mut self.past, *first, *second);
            }
            // LOWT and HIGHT.
            let low = dot(&self.past, &BOTH) >> 14;
            let high = dot(&self.past, &DIFFERENCE) >> 14;
            *octet = self.high.give_high(high) << 6 | self.low.give_low(low);
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// One band of either end: the scale of its quantizer and the predictor, both steered by what was sent.
#[derive(Clone, Copy)]
struct Band {
    /// Scale factor, DET: at least 8, at most 32,064.
    scale: i32,
    /// Its logarithm, NB.
    log_scale: i32,
    /// The predicted signal, S, and the part of it the zeros predict, SZ.
    predicted: i32,
    by_zeros: i32,
    /// Coefficients of the two poles, A1 and A2.
    poles: [i32; 2],
    /// Coefficients of the six zeros, B1 to B6 (two more for vectors; their differences are 0).
    zeros: [i32; 8],
    /// The last differences, D1 to D6.
    differences: [i32; 8],
    /// The last reconstructed signal, R1 and R2.
    signal: [i32; 2],
    /// The last of it without the poles' part, P1 and P2.
    partial: [i32; 2],
}

impl Band {
    const LOW: Self = Self::reset(32);
    const HIGH: Self = Self::reset(8);

    const fn reset(scale: i32) -> Self {
        Self {
            scale,
            log_scale: 0,
            predicted: 0,
            by_zeros: 0,
            poles: [0; 2],
            zeros: [0; 8],
            differences: [0; 8],
            signal: [0; 2],
            partial: [0; 2],
        }
    }

    /// The lower band's encoder: its code for a sample.
    fn give_low(&mut self, sample: i32) -> u8 {
        // SUBTRA, QUANTL. A level is passed when level · scale >> 12 is at most the difference; so is every level up to this one.
        let difference = saturated(sample - self.predicted);
        let magnitude = difference ^ (difference >> 31);
        let passed = ((((magnitude + 1) << 12) - 1) / self.scale).min(i32::from(i16::MAX) - 1) as i16;
        let interval = LEVELS.iter().map(|level| i16::from(*level <= passed)).sum::<i16>() as u8;
        // The codes run down from the smallest difference; the two smallest negative ones are out of the row (table 14).
        let code = match (difference < 0, interval) {
            (false, _) => 61 - interval,
            (true, 0 | 1) => 63 - interval,
            (true, _) => 33 - interval,
        };
        self.adapt_low(code);
        code
    }

    /// The lower band's decoder: the sample of a code.
    fn take_low(&mut self, code: u8) -> i32 {
        // INVQBL, RECONS, LIMIT.
        let difference = (self.scale * LOW_60[usize::from(code & 0x3f)]) >> 15;
        let sample = (self.predicted + difference).clamp(-16_384, 16_383);
        self.adapt_low(code);
        sample
    }

    fn adapt_low(&mut self, code: u8) {
        // INVQAL, LOGSCL, SCALEL.
        let class = usize::from(code >> 2 & 15);
        let difference = (self.scale * LOW_15[class]) >> 15;
        self.rescale(LOW_GROWTH[class], 18_432, 8);
        self.predict(difference);
    }

    /// The upper band's encoder.
    fn give_high(&mut self, sample: i32) -> u8 {
        // SUBTRA, QUANTH.
        let difference = saturated(sample - self.predicted);
        let magnitude = difference ^ (difference >> 31);
        let large = magnitude >= (HIGH_LEVEL * self.scale) >> 12;
        let code = match (difference < 0, large) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.take_high(code);
        code
    }

    /// The upper band's decoder; its encoder does the same.
    fn take_high(&mut self, code: u8) -> i32 {
        // INVQAH, RECONS, LIMIT, LOGSCH, SCALEH.
        let code = usize::from(code & 3);
        let difference = (self.scale * HIGH_4[code]) >> 15;
        let sample = (self.predicted + difference).clamp(-16_384, 16_383);
        self.rescale(HIGH_GROWTH[code], 22_528, 10);
        self.predict(difference);
        sample
    }

    /// The scale forgets by 1/128 and grows with the size of what was sent; its exponent is counted from `shift`.
    fn rescale(&mut self, growth: i32, most: i32, shift: i32) {
        self.log_scale = (((self.log_scale * 127) >> 7) + growth).clamp(0, most);
        let power = POWERS[(self.log_scale >> 6 & 31) as usize];
        let down = shift - (self.log_scale >> 11);
        self.scale = if down < 0 { power << -down } else { power >> down } << 2;
    }

    /// Adapt the predictor to a difference and predict the next sample.
    fn predict(&mut self, difference: i32) {
        // RECONS, PARREC.
        let signal = saturated(self.predicted + difference);
        let partial = saturated(self.by_zeros + difference);
        let like = |other: i32| (partial ^ other) >= 0;
        let [first, second] = self.partial;

        // UPPOL2.
        let [pole_1, pole_2] = self.poles;
        let push = saturated(pole_1 << 2);
        let push = if like(first) { (-push).min(32_767) } else { push };
        let pole_2 = ((push >> 7) + if like(second) { 128 } else { -128 } + ((pole_2 * 32_512) >> 15)).clamp(-12_288, 12_288);
        // UPPOL1.
        let most = 15_360 - pole_2;
        let pole_1 = (if like(first) { 192 } else { -192 } + ((pole_1 * 32_640) >> 15)).clamp(-most, most);
        self.poles = [pole_1, pole_2];

        // UPZERO.
        let step = if difference == 0 { 0 } else { 128 };
        for (zero, past) in self.zeros.iter_mut().zip(&self.differences) {
            let turned = (past ^ difference) >> 31;
            *zero = saturated(((step ^ turned) - turned) + ((*zero * 32_640) >> 15));
        }

        // DELAYA. The two lanes beyond the six zeros stay out of the sum.
        self.differences.copy_within(0..5, 1);
        self.differences[0] = difference;
        self.signal = [signal, self.signal[0]];
        self.partial = [partial, first];

        // FILTEP, FILTEZ, PREDIC.
        let by_poles = ((pole_1 * saturated(2 * self.signal[0])) >> 15) + ((pole_2 * saturated(2 * self.signal[1])) >> 15);
        let by_zeros: i32 = self.zeros.iter().zip(&self.differences).map(|(zero, past)| (zero * saturated(2 * past)) >> 15).sum();
        self.by_zeros = saturated(by_zeros);
        self.predicted = saturated(saturated(by_poles) + self.by_zeros);
    }
}

/// To 16 bits.
fn saturated(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

/// Two more samples, the oldest out.
fn push(past: &mut [i16; TAPS], first: i16, second: i16) {
    past.copy_within(2.., 0);
    past[TAPS - 2] = first;
    past[TAPS - 1] = second;
}

fn dot(past: &[i16; TAPS], taps: &[i16; TAPS]) -> i32 {
    past.iter().zip(taps).map(|(sample, tap)| i32::from(*sample) * i32::from(*tap)).sum()
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.write_str("g722::Decoder")
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("g722::Encoder")
    }
}
