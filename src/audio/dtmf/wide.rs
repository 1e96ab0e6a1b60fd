//! The detector compiled once more, for processors with AVX2. The same source and the same order of sums, so the same results bit by bit;
//! only more numbers an instruction.
//!
//! Unsafe are the two calls alone: the processor is asked first.
#![allow(unsafe_code, reason = "functions for a processor that was asked whether it has what they need")]

use super::fit::{Fit, fit_here};
use super::{DtmfDetector, Heard};
use crate::audio::Frame;

/// `None`: this processor has no AVX2, nothing is done.
pub(super) fn hear(detector: &mut DtmfDetector, frame: &Frame) -> Option<Heard> {
    // SAFETY: the processor has just said that it has AVX2, which is all the function asks for.
    std::arch::is_x86_feature_detected!("avx2").then(|| unsafe { wide_hear(detector, frame) })
}

/// `None`: this processor has no AVX2, nothing is done.
pub(super) fn fit(samples: &[f32], guess: [f32; 2], rounds: usize, hopeless: f32) -> Option<Fit> {
    // SAFETY: the processor has just said that it has AVX2, which is all the function asks for.
    std::arch::is_x86_feature_detected!("avx2").then(|| unsafe { wide_fit(samples, guess, rounds, hopeless) })
}

#[target_feature(enable = "avx2")]
fn wide_hear(detector: &mut DtmfDetector, frame: &Frame) -> Heard {
    detector.hear_here(frame)
}

#[target_feature(enable = "avx2")]
fn wide_fit(samples: &[f32], guess: [f32; 2], rounds: usize, hopeless: f32) -> Fit {
    fit_here(samples, guess, rounds, hopeless)
}
