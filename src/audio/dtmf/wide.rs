//! The detector compiled once more, for processors with AVX2, its innermost sums by hand: the compiler takes twice as many instructions for them.
//! The same order of sums, so the same results bit by bit; only more numbers an instruction.
//!
//! Unsafe are the calls, which ask the processor first, and loads and stores, each by a reference to as many octets.
#![allow(unsafe_code, reason = "vector loads, and functions for a processor that was asked whether it has what they need")]

use std::arch::x86_64::{
    __m128, __m256, _mm_add_ps, _mm_loadu_ps, _mm_permute_ps, _mm_storeu_ps, _mm_sub_ps, _mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::bank::{BLOCK, CARRIERS, HALF, Sums, sum};
use super::dial::{END, Swings};
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
    detector.hear_by(frame, |samples| correlate(samples), |end| swings(end))
}

#[target_feature(enable = "avx2")]
fn wide_fit(samples: &[f32], guess: [f32; 2], rounds: usize, hopeless: f32) -> Fit {
    fit_here(samples, guess, rounds, hopeless)
}

/// As [`super::bank::correlate`].
#[target_feature(enable = "avx2")]
fn correlate(samples: &[f32; BLOCK]) -> Sums {
    // In order of distance from the middle. By fours: eights would lie over the edges of what was stored just before, and wait for it.
    let (mut even, mut odd) = ([0.0f32; HALF], [0.0f32; HALF]);
    for at in (0..HALF).step_by(4) {
        let after = load_four(four(samples, HALF + at));
        let before = _mm_permute_ps::<0b00_01_10_11>(load_four(four(samples, HALF - 4 - at)));
        even[at..at + 4].copy_from_slice(&store_four(_mm_add_ps(after, before)));
        odd[at..at + 4].copy_from_slice(&store_four(_mm_sub_ps(after, before)));
    }
    let (mut re, mut im) = (_mm256_setzero_ps(), _mm256_setzero_ps());
    let (mut re_too, mut im_too) = (re, im);
    for n in (0..HALF).step_by(2) {
        re = _mm256_add_ps(re, _mm256_mul_ps(_mm256_set1_ps(even[n]), load(&CARRIERS.cos[n])));
        im = _mm256_sub_ps(im, _mm256_mul_ps(_mm256_set1_ps(odd[n]), load(&CARRIERS.sin[n])));
        re_too = _mm256_add_ps(re_too, _mm256_mul_ps(_mm256_set1_ps(even[n + 1]), load(&CARRIERS.cos[n + 1])));
        im_too = _mm256_sub_ps(im_too, _mm256_mul_ps(_mm256_set1_ps(odd[n + 1]), load(&CARRIERS.sin[n + 1])));
    }
    let (re, im) = (_mm256_add_ps(re, re_too), _mm256_add_ps(im, im_too));
    let mut squares = _mm256_setzero_ps();
    for eight in samples.as_chunks::<8>().0 {
        squares = _mm256_add_ps(squares, square(load(eight)));
    }
    let power = store(_mm256_add_ps(square(re), square(im)));
    Sums { re: store(re), im: store(im), power, energy: sum(store(squares)) }
}

/// As [`super::dial::swings`].
#[target_feature(enable = "avx2")]
fn swings(end: &[f32; END]) -> Swings {
    let (mut changes, mut energies) = (_mm256_setzero_ps(), _mm256_setzero_ps());
    for (early, late) in end.as_chunks::<8>().0.iter().zip(end[1..].as_chunks::<8>().0) {
        let (early, late) = (load(early), load(late));
        changes = _mm256_add_ps(changes, square(_mm256_sub_ps(late, early)));
        energies = _mm256_add_ps(energies, square(late));
    }
    Swings { changes: sum(store(changes)), energy: sum(store(energies)) }
}

#[target_feature(enable = "avx2")]
fn square(x: __m256) -> __m256 {
    _mm256_mul_ps(x, x)
}

/// Four samples from `at` on.
fn four(samples: &[f32; BLOCK], at: usize) -> &[f32; 4] {
    samples[at..].first_chunk().expect("a block holds four samples from here on")
}

#[target_feature(enable = "avx2")]
fn load_four(from: &[f32; 4]) -> __m128 {
    // SAFETY: the reference is to 16 octets, which need not be aligned.
    unsafe { _mm_loadu_ps(from.as_ptr()) }
}

#[target_feature(enable = "avx2")]
fn store_four(x: __m128) -> [f32; 4] {
    let mut to = [0.0; 4];
    // SAFETY: the array has 16 octets, which need not be aligned.
    unsafe { _mm_storeu_ps(to.as_mut_ptr(), x) };
    to
}

#[target_feature(enable = "avx2")]
fn load(from: &[f32; 8]) -> __m256 {
    // SAFETY: the reference is to 32 octets, which need not be aligned.
    unsafe { _mm256_loadu_ps(from.as_ptr()) }
}

#[target_feature(enable = "avx2")]
fn store(x: __m256) -> [f32; 8] {
    let mut to = [0.0; 8];
    // SAFETY: the array has 32 octets, which need not be aligned.
    unsafe { _mm256_storeu_ps(to.as_mut_ptr(), x) };
    to
}
