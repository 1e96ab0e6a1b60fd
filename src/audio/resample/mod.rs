//! Sound from one of the three rates to another, tick by tick: 8, 16 and 48 kHz, whose ratios are whole (2, 3 and 6).
//!
//! A polyphase FIR filter: a windowed sinc (`design`), worked out at compile time, one table for each ratio, the same for up and down.
//! Flat within 0.5 dB to 3.4 kHz where 8 kHz takes part, to 7 kHz between 16 and 48; what lies at or above half the lower rate comes
//! through more than 70 dB down, as image or as alias. Delay: 3.9 to 4.0 ms with 8 kHz, 2.5 ms between 16 and 48.
//!
//! Products of 16-bit numbers are summed in whole numbers, so `portable` and `avx2` agree bit by bit. Odd rates of prompt files are
//! another matter (`media/prompt`, at load time).

#[cfg(target_arch = "x86_64")]
mod avx2;
mod design;
mod portable;

use self::design::{ONE, in_order, table};
use super::limiter::nearest;
use super::{Rate, Sound};

/// Taps of a phase where the lower rate is 8 kHz.
const TAPS_NARROW: usize = 64;
/// Taps of a phase between 16 and 48 kHz: the room between 7 and 8 kHz is narrower there, measured by the rate.
const TAPS_WIDE: usize = 80;

/// Cutoff (−6 dB), as a share of the lower rate; the stop band begins at half of it.
const CUTOFF_NARROW: f64 = 3_665.0 / 8_000.0;
const CUTOFF_WIDE: f64 = 7_460.0 / 16_000.0;

/// Up by so much: a row for each phase.
static BY_2: [[i16; TAPS_NARROW]; 2] = table(CUTOFF_NARROW);
static BY_6: [[i16; TAPS_NARROW]; 6] = table(CUTOFF_NARROW);
static BY_3: [[i16; TAPS_WIDE]; 3] = table(CUTOFF_WIDE);

/// Down by so much: the same taps, in the order of the samples they meet.
static TO_HALF: [[i16; TAPS_NARROW]; 2] = in_order(&BY_2);
static TO_SIXTH: [[i16; TAPS_NARROW]; 6] = in_order(&BY_6);
static TO_THIRD: [[i16; TAPS_WIDE]; 3] = in_order(&BY_3);

/// Samples of the past that the longest filter needs.
const HISTORY: usize = 6 * (TAPS_NARROW - 1);

/// The way of one sound to another rate. Its state is the end of the tick before; what it is asked most lies first.
#[derive(Clone)]
#[repr(C)]
pub struct Resampler {
    from: Rate,
    to: Rate,
    ringing: bool,
    history: [i16; HISTORY],
}

impl Resampler {
    /// To `to`, from whatever rate comes; silence before.
    pub const fn new(to: Rate) -> Self {
        Self { from: to, to, ringing: false, history: [0; HISTORY] }
    }

    /// As if silence had come before.
    pub fn reset(&mut self) {
        if self.ringing {
            self.history.fill(0);
            self.ringing = false;
        }
    }

    /// Whether something of the last tick is still to come, even if silence follows.
    pub fn is_ringing(&self) -> bool {
        self.ringing
    }

    /// One tick out after the sound has ended: what was still under way.
    pub fn run_out(&mut self, out: &mut Sound) {
        self.run(&Sound::silence(self.from), out);
    }

    /// From now on to this rate. Another than before begins anew.
    pub fn aim(&mut self, to: Rate) {
        if to != self.to {
            self.reset();
            self.to = to;
        }
    }

    /// One tick in, one tick out. A sound at another rate than the last begins anew; one at the rate asked for passes as it is.
    pub fn run(&mut self, sound: &Sound, out: &mut Sound) {
        if sound.rate() != self.from {
            self.reset();
            self.from = sound.rate();
        }
        out.set_rate(self.to);
        let (input, output) = (sound.samples(), out.samples_mut());
        match (self.from, self.to) {
            (Rate::Narrow, Rate::Wide) => up(&BY_2, &mut self.history, input, output),
            (Rate::Narrow, Rate::Full) => up(&BY_6, &mut self.history, input, output),
            (Rate::Wide, Rate::Full) => up(&BY_3, &mut self.history, input, output),
            (Rate::Wide, Rate::Narrow) => down(&BY_2, &TO_HALF, &mut self.history, input, output),
            (Rate::Full, Rate::Narrow) => down(&BY_6, &TO_SIXTH, &mut self.history, input, output),
            (Rate::Full, Rate::Wide) => down(&BY_3, &TO_THIRD, &mut self.history, input, output),
            (Rate::Narrow, Rate::Narrow) | (Rate::Wide, Rate::Wide) | (Rate::Full, Rate::Full) => {
                output.copy_from_slice(input);
                return;
            }
        }
        // Beyond what the present filter needs the history is zero since the last reset.
        self.ringing = self.history.iter().any(|&sample| sample != 0);
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Resampler").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// Each sample in gives one of each phase out.
fn up<const L: usize, const T: usize>(table: &[[i16; T]; L], history: &mut [i16; HISTORY], input: &[i16], output: &mut [i16]) {
    let past = T - 1;
    let mut line = [0; TAPS_WIDE - 1 + Rate::Wide.frame()];
    line[..past].copy_from_slice(&history[..past]);
    line[past..][..input.len()].copy_from_slice(input);
    let line = &line[..past + input.len()];
    #[cfg(target_arch = "x86_64")]
    let done = avx2::up(table, line, output);
    #[cfg(not(target_arch = "x86_64"))]
    let done = false;
    if !done {
        portable::up(table, line, output);
    }
    history[..past].copy_from_slice(&line[input.len()..]);
}

/// Every `L` samples in give one out. `taps`: the table once more, in order.
fn down<const L: usize, const T: usize>(
    table: &[[i16; T]; L],
    taps: &[[i16; T]; L],
    history: &mut [i16; HISTORY],
    input: &[i16],
    output: &mut [i16],
) {
    let past = L * (T - 1);
    let mut line = [0; HISTORY + Rate::Full.frame()];
    line[..past].copy_from_slice(&history[..past]);
    line[past..][..input.len()].copy_from_slice(input);
    let line = &line[..past + input.len()];
    #[cfg(target_arch = "x86_64")]
    let done = avx2::down(taps, line, output);
    #[cfg(not(target_arch = "x86_64"))]
    let done = false;
    if !done {
        portable::down(table, line, output);
    }
    history[..past].copy_from_slice(&line[input.len()..]);
}

/// A sum of products of one phase, as a sample.
fn sample(sum: i32) -> i16 {
    let value = (sum + (ONE >> 1)) >> ONE.trailing_zeros();
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// A sum of products of `L` phases, as a sample.
fn mean<const L: usize>(sum: i64) -> i16 {
    let scale = 1.0 / (ONE as f32 * L as f32);
    nearest((sum as f32 * scale).clamp(-32_768.0, 32_767.0))
}

#[cfg(test)]
mod tests;
