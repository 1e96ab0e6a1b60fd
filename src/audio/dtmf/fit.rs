//! The fine test's arithmetic: the two steady sines that explain a stretch of sound best, with their frequencies, and what is left.
//!
//! Gauss-Newton from a first guess within half a period of the truth. All times are counted from the middle of the stretch: there even and odd
//! parts do not see each other, so that four unknown amplitudes are two and two.

/// Most samples in a stretch: 60 ms.
pub const LONGEST: usize = 480;
const MOST: usize = LONGEST / 2;

/// One sine of a fit: `cos`·cos(ωt) + `sin`·sin(ωt), t in samples from the middle.
#[derive(Clone, Copy, Default)]
pub struct Sine {
    /// Radians a sample.
    pub turn: f32,
    pub cos: f32,
    pub sin: f32,
}

impl Sine {
    /// Squared amplitude.
    pub fn power(&self) -> f32 {
        self.cos * self.cos + self.sin * self.sin
    }
}

/// Two sines, and how well they explain the stretch.
#[derive(Clone, Copy)]
pub struct Fit {
    pub sines: [Sine; 2],
    /// Sum of the squares of what was heard.
    pub energy: f32,
    /// Sum of the squares of what the sines leave.
    pub rest: f32,
    /// Relative change of each amplitude from one end of the stretch to the other.
    pub slope: [f32; 2],
    /// Change of each frequency from one end to the other, radians a sample.
    pub glide: [f32; 2],
}

/// Even and odd part of a stretch; index i is the time i + ½.
struct Folded {
    even: [f32; MOST],
    odd: [f32; MOST],
    half: usize,
}

/// Cosine and sine of one frequency at the same times.
struct Wave {
    cos: [f32; MOST],
    sin: [f32; MOST],
}

impl Wave {
    fn new() -> Self {
        Self { cos: [0.0; MOST], sin: [0.0; MOST] }
    }

    /// Four chains of rotations beside each other, so that none waits for itself.
    #[inline(always)]
    fn fill(&mut self, turn: f32, half: usize) {
        let (half_sin, half_cos) = (turn * 0.5).sin_cos();
        let one = (half_cos * half_cos - half_sin * half_sin, 2.0 * half_sin * half_cos);
        let (mut cos, mut sin) = ([half_cos; 4], [half_sin; 4]);
        for lane in 1..4 {
            (cos[lane], sin[lane]) = (cos[lane - 1] * one.0 - sin[lane - 1] * one.1, sin[lane - 1] * one.0 + cos[lane - 1] * one.1);
        }
        let two = (one.0 * one.0 - one.1 * one.1, 2.0 * one.0 * one.1);
        let (step_cos, step_sin) = (two.0 * two.0 - two.1 * two.1, 2.0 * two.0 * two.1);
        for (c, s) in self.cos.chunks_exact_mut(4).zip(self.sin.chunks_exact_mut(4)).take(half.div_ceil(4)) {
            for lane in 0..4 {
                (c[lane], s[lane]) = (cos[lane], sin[lane]);
                (cos[lane], sin[lane]) = (cos[lane] * step_cos - sin[lane] * step_sin, sin[lane] * step_cos + cos[lane] * step_sin);
            }
        }
    }
}

/// Sum of a product, eight lanes wide.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (a_parts, b_parts) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f32 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_parts.zip(b_parts) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// The Dirichlet kernel: Σ cos(ωt) over all times of a stretch of `length` samples.
fn kernel(turn: f32, length: f32) -> f32 {
    let half = turn / 2.0;
    if half.abs() < 1e-4 { length } else { (half * length).sin() / half.sin() }
}

/// Solve [a b; b c]·x = y. The frequencies of a row and a column are always far enough apart for this.
fn solve(a: f32, b: f32, c: f32, y: [f32; 2]) -> [f32; 2] {
    let det = (a * c - b * b).max(1e-3 * a * c).max(f32::MIN_POSITIVE);
    [(c * y[0] - b * y[1]) / det, (a * y[1] - b * y[0]) / det]
}

/// Fit two sines to `samples` (32 to [`LONGEST`]; of an odd number the last is left out), from frequencies guessed at (radians a sample).
/// Stops early, with what it has, when less than `hopeless` of the energy is explained.
pub fn fit(samples: &[f32], guess: [f32; 2], rounds: usize, hopeless: f32) -> Fit {
    #[cfg(target_arch = "x86_64")]
    if let Some(fit) = super::wide::fit(samples, guess, rounds, hopeless) {
        return fit;
    }
    fit_here(samples, guess, rounds, hopeless)
}

/// Inlined, with the loops it calls, into a caller for this processor.
#[inline(always)]
pub(super) fn fit_here(samples: &[f32], guess: [f32; 2], rounds: usize, hopeless: f32) -> Fit {
    let half = (samples.len() / 2).min(MOST);
    let mut folded = Folded { even: [0.0; MOST], odd: [0.0; MOST], half };
    let mut energy = 0.0;
    let (before, after) = samples.split_at(half);
    for (i, (late, early)) in after.iter().zip(before.iter().rev()).enumerate().take(half) {
        (folded.even[i], folded.odd[i]) = (late + early, late - early);
        energy += late * late + early * early;
    }
    let mut waves = [Wave::new(), Wave::new()];
    let mut turns = guess;
    let mut fit = Fit { sines: [Sine::default(); 2], energy, rest: energy, slope: [0.0; 2], glide: [0.0; 2] };
    for round in 0..=rounds {
        waves[0].fill(turns[0], half);
        waves[1].fill(turns[1], half);
        amplitudes(&folded, &waves, turns, &mut fit);
        if fit.rest > (1.0 - hopeless) * energy {
            return fit;
        }
        let steps = improve(&mut folded, &waves, &mut fit, round == rounds);
        if round < rounds {
            turns = [turns[0] + steps[0], turns[1] + steps[1]];
            restore(&mut folded, &waves, &fit);
        }
    }
    fit
}

/// Least squares for the amplitudes at fixed frequencies.
#[inline(always)]
fn amplitudes(folded: &Folded, waves: &[Wave; 2], turns: [f32; 2], fit: &mut Fit) {
    let half = folded.half;
    let length = 2.0 * half as f32;
    let even = [dot(&folded.even[..half], &waves[0].cos[..half]), dot(&folded.even[..half], &waves[1].cos[..half])];
    let odd = [dot(&folded.odd[..half], &waves[0].sin[..half]), dot(&folded.odd[..half], &waves[1].sin[..half])];
    let twice = [kernel(2.0 * turns[0], length), kernel(2.0 * turns[1], length)];
    let (less, more) = (kernel(turns[1] - turns[0], length), kernel(turns[1] + turns[0], length));
    let cos = solve((length + twice[0]) / 2.0, (less + more) / 2.0, (length + twice[1]) / 2.0, even);
    let sin = solve((length - twice[0]) / 2.0, (less - more) / 2.0, (length - twice[1]) / 2.0, odd);
    for k in 0..2 {
        fit.sines[k] = Sine { turn: turns[k], cos: cos[k], sin: sin[k] };
    }
    let explained = cos[0] * even[0] + cos[1] * even[1] + sin[0] * odd[0] + sin[1] * odd[1];
    fit.rest = (fit.energy - explained).max(0.0);
}

/// Take the sines out of the folded sound; how far the frequencies are off. With `last`, also how steady the sines are.
#[inline(always)]
fn improve(folded: &mut Folded, waves: &[Wave; 2], fit: &mut Fit, last: bool) -> [f32; 2] {
    let half = folded.half;
    let [a, b] = fit.sines;
    let (mut times, mut curved) = ([0.0f32; MOST], [0.0f32; MOST]);
    let length = 2.0 * half as f32;
    let mean = length * length / 12.0;
    for i in 0..half {
        let time = i as f32 + 0.5;
        folded.even[i] -= 2.0 * (a.cos * waves[0].cos[i] + b.cos * waves[1].cos[i]);
        folded.odd[i] -= 2.0 * (a.sin * waves[0].sin[i] + b.sin * waves[1].sin[i]);
        times[i] = time;
        curved[i] = time * time - mean;
    }
    let mut steps = [0.0; 2];
    // Products of the rest with t, then with t² − its mean.
    let (mut even_t, mut odd_t) = ([0.0f32; MOST], [0.0f32; MOST]);
    for i in 0..half {
        (even_t[i], odd_t[i]) = (folded.even[i] * times[i], folded.odd[i] * times[i]);
    }
    let weight = length * length * length / 24.0;
    for k in 0..2 {
        let Sine { cos, sin, .. } = fit.sines[k];
        let power = fit.sines[k].power().max(1e-9);
        let (even_sin, odd_cos) = (dot(&even_t[..half], &waves[k].sin[..half]), dot(&odd_t[..half], &waves[k].cos[..half]));
        steps[k] = (sin * odd_cos - cos * even_sin) / (power * weight);
        if last {
            fit.slope[k] = (cos * odd_cos + sin * even_sin) / (power * weight) * length;
        }
    }
    if last {
        for i in 0..half {
            (even_t[i], odd_t[i]) = (folded.even[i] * curved[i], folded.odd[i] * curved[i]);
        }
        let weight = length.powi(5) / 360.0;
        for (k, wave) in waves.iter().enumerate() {
            let Sine { cos, sin, .. } = fit.sines[k];
            let power = fit.sines[k].power().max(1e-9);
            let bend = sin * dot(&even_t[..half], &wave.cos[..half]) - cos * dot(&odd_t[..half], &wave.sin[..half]);
            fit.glide[k] = bend / (power * weight) * 2.0 * length;
        }
    }
    steps
}

/// Put the sines back.
#[inline(always)]
fn restore(folded: &mut Folded, waves: &[Wave; 2], fit: &Fit) {
    let [a, b] = fit.sines;
    for i in 0..folded.half {
        folded.even[i] += 2.0 * (a.cos * waves[0].cos[i] + b.cos * waves[1].cos[i]);
        folded.odd[i] += 2.0 * (a.sin * waves[0].sin[i] + b.sin * waves[1].sin[i]);
    }
}
