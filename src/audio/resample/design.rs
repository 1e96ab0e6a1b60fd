//! The filters: a sinc under a Kaiser window, cut into phases. Worked out by the compiler.
//!
//! Where cutoff and length come from: a Kaiser window of N taps and attenuation A (dB) needs A − 7.95 = 2.285·N·Δω of room between pass band
//! and stop band (Kaiser, 1974). 85 dB leave 15 for the rounding of the taps.

/// A tap of 1: 14 bits, so that a phase whose magnitudes add up to nearly 4 stays in 32 bits with any samples.
pub(super) const ONE: i32 = 1 << 14;

/// Shape of the window: 0.1102·(A − 8.7) for A = 85 dB.
const BETA: f64 = 8.41;

/// `L` phases of `T` taps, oldest sample first. `cutoff` in shares of the lower rate. Each phase adds up to exactly [`ONE`]: a constant
/// comes out as the same constant, without a ripple from phase to phase.
pub(super) const fn table<const L: usize, const T: usize>(cutoff: f64) -> [[i16; T]; L] {
    let mut table = [[0; T]; L];
    let mut p = 0;
    while p < L {
        table[p] = phase(p, L, cutoff);
        p += 1;
    }
    table
}

/// Sums side by side that `in_order` is made for: pairs of products in 32 bits, eight of them.
pub(super) const LANES: usize = 8;

/// The taps of all phases in the order of the samples at the higher rate, oldest first. Of the `L` samples of a group the last is the newest:
/// it meets the first phase. Each of the [`LANES`] sums stays in 32 bits with any samples.
pub(super) const fn in_order<const L: usize, const T: usize>(table: &[[i16; T]; L]) -> [[i16; T]; L] {
    let (mut flat, mut magnitudes, mut at) = ([[0; T]; L], [0; LANES], 0);
    while at < L * T {
        let tap = table[L - 1 - at % L][at / L];
        flat[at / T][at % T] = tap;
        let lane = at / 2 % LANES;
        magnitudes[lane] += tap.unsigned_abs() as i32;
        assert!(magnitudes[lane] < 4 * ONE, "a sum of products could leave 32 bits");
        at += 1;
    }
    flat
}

const fn phase<const T: usize>(phase: usize, phases: usize, cutoff: f64) -> [i16; T] {
    let (mut exact, mut sum) = ([0.0; T], 0.0);
    let half = (phases * T) as f64 / 2.0;
    let mut i = 0;
    while i < T {
        // Distance from the middle of the filter, samples of the higher rate.
        let at = ((T - 1 - i) * phases + phase) as f64 + 0.5 - half;
        exact[i] = sinc(2.0 * cutoff * at / phases as f64) * kaiser(at / half);
        sum += exact[i];
        i += 1;
    }
    rounded(&exact, ONE as f64 / sum)
}

/// Whole taps that add up to [`ONE`]: what rounding leaves over goes, one each, to those that were rounded farthest the other way.
const fn rounded<const T: usize>(exact: &[f64; T], scale: f64) -> [i16; T] {
    let (mut taps, mut total, mut magnitude, mut i) = ([0; T], 0, 0, 0);
    while i < T {
        let tap = round(exact[i] * scale);
        taps[i] = tap as i16;
        total += tap;
        i += 1;
    }
    while total != ONE {
        let step = if total < ONE { 1 } else { -1 };
        let (mut best, mut most, mut i) = (0, f64::MIN, 0);
        while i < T {
            let missing = (exact[i] * scale - taps[i] as f64) * step as f64;
            if missing > most {
                (best, most) = (i, missing);
            }
            i += 1;
        }
        taps[best] += step as i16;
        total += step;
    }
    i = 0;
    while i < T {
        magnitude += taps[i].unsigned_abs() as i32;
        i += 1;
    }
    assert!(magnitude < 4 * ONE, "a sum of products could leave 32 bits");
    taps
}

const fn round(value: f64) -> i32 {
    if value < 0.0 { (value - 0.5) as i32 } else { (value + 0.5) as i32 }
}

/// sin(πx) / πx.
const fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    // sin(π(n + y)) = ±sin(πy), with y between −½ and ½, where the series is exact after 14 terms.
    let whole = round(x);
    let y = (x - whole as f64) * std::f64::consts::PI;
    let (mut sine, mut term, mut n) = (0.0, y, 1);
    while n < 28 {
        sine += term;
        term *= -y * y / ((n + 1) * (n + 2)) as f64;
        n += 2;
    }
    let sine = if whole % 2 == 0 { sine } else { -sine };
    sine / (std::f64::consts::PI * x)
}

/// The Kaiser window, from −1 to 1: I₀(β√(1 − r²)) / I₀(β).
const fn kaiser(r: f64) -> f64 {
    bessel(1.0 - r * r) / bessel(1.0)
}

/// I₀(β√s) by its series, which has no root in it.
const fn bessel(s: f64) -> f64 {
    let quarter = BETA * BETA / 4.0 * s;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1);
    while k < 40 {
        term *= quarter / (k * k) as f64;
        sum += term;
        k += 1;
    }
    sum
}
