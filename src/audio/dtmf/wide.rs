//! The detector compiled once more, for processors with AVX2, its innermost sums by hand: the compiler takes twice as many instructions for them.
//! Sums of whole numbers, so the same results bit by bit; only more numbers an instruction.
//!
//! Unsafe are the calls, which ask the processor first, and loads and stores, each by a reference to as many octets.
#![allow(unsafe_code, reason = "vector loads, and functions for a processor that was asked whether it has what they need")]

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _CMP_EQ_OQ, _mm_add_epi32, _mm_cvtsi128_si32, _mm_hadd_epi32, _mm_loadu_si128, _mm_madd_epi16,
    _mm_srli_epi32, _mm_subs_epi16, _mm256_add_epi32, _mm256_add_ps, _mm256_castsi256_si128, _mm256_cmp_ps, _mm256_cvtepi32_ps,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_ps, _mm256_movemask_ps, _mm256_mul_ps, _mm256_permute_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256, _mm256_srli_epi32, _mm256_storeu_ps, _mm256_subs_epi16,
};

use super::bank::{BLOCK, CARRIERS, Pairs, SCALE, Sums, UNIT};
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
    detector.hear_by(frame, |samples| correlate(samples), |samples, others| energy(samples, others))
}

#[target_feature(enable = "avx2")]
fn wide_fit(samples: &[f32], guess: [f32; 2], rounds: usize, hopeless: f32) -> Fit {
    fit_here(samples, guess, rounds, hopeless)
}

/// As [`super::bank::correlate`].
#[target_feature(enable = "avx2")]
fn correlate(samples: &[i16; BLOCK]) -> Sums {
    let (mut re, mut im) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    // Four pairs a round: the compiler does not unroll it by itself, and counting would cost half as much again.
    let carriers = CARRIERS.cos.as_chunks::<4>().0.iter().zip(CARRIERS.sin.as_chunks::<4>().0);
    for (pairs, (cos, sin)) in samples.as_chunks::<2>().0.as_chunks::<4>().0.iter().zip(carriers) {
        for n in 0..4 {
            let pair = _mm256_set1_epi32(i32::from(pairs[n][0]) & 0xffff | i32::from(pairs[n][1]) << 16);
            re = _mm256_add_epi32(re, _mm256_madd_epi16(pair, carrier(&cos[n])));
            im = _mm256_add_epi32(im, _mm256_madd_epi16(pair, carrier(&sin[n])));
        }
    }
    let scale = _mm256_set1_ps(SCALE);
    let (re, im) = (_mm256_mul_ps(_mm256_cvtepi32_ps(re), scale), _mm256_mul_ps(_mm256_cvtepi32_ps(im), scale));
    let power = _mm256_add_ps(_mm256_mul_ps(re, re), _mm256_mul_ps(im, im));
    // Rows are one half of the vector, columns the other; each half's greatest goes to all of its places.
    let most = _mm256_max_ps(power, _mm256_permute_ps::<0b10_11_00_01>(power));
    let most = _mm256_max_ps(most, _mm256_permute_ps::<0b01_00_11_10>(most));
    let which = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(power, most)) as u32;
    let (row, column) = (which.trailing_zeros(), (which >> 4).trailing_zeros());
    let most = store(most);
    Sums { re: store(re), im: store(im), key: (row * 4 + column) as u8, strongest: [most[0], most[4]] }
}

/// As [`super::bank::energy`].
#[target_feature(enable = "avx2")]
fn energy(samples: &[i16; BLOCK], others: &[i16; BLOCK]) -> f32 {
    const DOWN: i32 = UNIT.trailing_zeros() as i32;
    let ((samples, last), (others, other_last)) = (samples.as_chunks(), others.as_chunks());
    let squares = |n: usize| {
        let left = _mm256_subs_epi16(sixteen(&samples[n]), sixteen(&others[n]));
        _mm256_srli_epi32::<DOWN>(_mm256_madd_epi16(left, left))
    };
    let units = _mm256_add_epi32(squares(0), squares(1));
    let units = _mm_add_epi32(_mm256_castsi256_si128(units), _mm256_extracti128_si256::<1>(units));
    let left = _mm_subs_epi16(eight(last), eight(other_last));
    let units = _mm_add_epi32(units, _mm_srli_epi32::<DOWN>(_mm_madd_epi16(left, left)));
    let units = _mm_hadd_epi32(units, units);
    let units = _mm_hadd_epi32(units, units);
    _mm_cvtsi128_si32(units) as u32 as f32 * UNIT as f32
}

#[target_feature(enable = "avx2")]
fn carrier(from: &Pairs) -> __m256i {
    // SAFETY: the reference is to 32 octets, which need not be aligned.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn sixteen(from: &[i16; 16]) -> __m256i {
    // SAFETY: the reference is to 32 octets, which need not be aligned.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

/// The first eight of at least as many.
#[target_feature(enable = "avx2")]
fn eight(from: &[i16]) -> __m128i {
    let from: &[i16; 8] = from.first_chunk().expect("a block is twice sixteen samples and eight");
    // SAFETY: the reference is to 16 octets, which need not be aligned.
    unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn store(x: __m256) -> [f32; 8] {
    let mut to = [0.0; 8];
    // SAFETY: the array has 32 octets, which need not be aligned.
    unsafe { _mm256_storeu_ps(to.as_mut_ptr(), x) };
    to
}
