//! The filters on any processor. Written so that the optimiser makes multiply-and-add of pairs of it, as every x86-64 has.

use super::{TAPS_WIDE, mean, sample};
use crate::audio::Rate;

/// A tick at the lower rate, the longest there is.
const TICK: usize = Rate::Wide.frame();
/// The same behind the past of one phase, for the longest of both.
const WINDOW: usize = TAPS_WIDE - 1 + TICK;

/// `L` samples out for each window of `T` samples of `line`.
pub(super) fn up<const L: usize, const T: usize>(table: &[[i16; T]; L], line: &[i16], output: &mut [i16]) {
    let mut sums = [[0; TICK]; L];
    for (sums, phase) in sums.iter_mut().zip(table) {
        convolve(phase, line, sums);
    }
    for (at, out) in output.chunks_exact_mut(L).enumerate() {
        for (out, sums) in out.iter_mut().zip(&sums) {
            *out = sample(sums[at]);
        }
    }
}

/// One sample out for each window of `L·T` samples of `line`, `L` apart. The samples of each phase are laid side by side first, so that they
/// meet the table in order.
pub(super) fn down<const L: usize, const T: usize>(table: &[[i16; T]; L], line: &[i16], output: &mut [i16]) {
    let mut phases = [[0; WINDOW]; L];
    for (at, group) in line.chunks_exact(L).enumerate().take(WINDOW) {
        for (phase, sample) in phases.iter_mut().zip(group) {
            phase[at] = *sample;
        }
    }
    let (mut sums, mut totals) = ([0; TICK], [0; TICK]);
    let totals = &mut totals[..output.len()];
    // The last sample of a group is the newest: it meets the first phase.
    for (line, phase) in phases.iter().rev().zip(table) {
        convolve(phase, line, &mut sums[..totals.len()]);
        for (total, sum) in totals.iter_mut().zip(&sums) {
            *total += i64::from(*sum);
        }
    }
    for (out, total) in output.iter_mut().zip(totals) {
        *out = mean::<L>(*total);
    }
}

/// One phase along a line. A plain sum over a window of known length is what the optimiser takes by pairs; kept out of its callers, where
/// it would take the tables apart instead. Never beyond 32 bits: `design` holds the magnitudes of a phase below 4 × `ONE` = 2¹⁶, and a
/// sample is at most 2¹⁵.
#[inline(never)]
pub(super) fn convolve<const T: usize>(phase: &[i16; T], line: &[i16], out: &mut [i32]) {
    for (out, window) in out.iter_mut().zip(line.windows(T)) {
        let Some(window) = window.first_chunk::<T>() else { return };
        *out = window.iter().zip(phase).map(|(sample, tap)| i32::from(*sample) * i32::from(*tap)).sum();
    }
}
