//! The filters by AVX2: sixteen products an instruction, a window loaded once for all phases. A third to a fifth of what `portable` takes
//! (`cargo bench --bench resample`).
//!
//! Unsafe are here: the loads, each from a reference to as many octets as it reads, and the entry, which asks the processor first.
#![allow(unsafe_code, reason = "vector loads, and functions for a processor that was asked whether it has what they need")]

use std::arch::x86_64::{
    __m256i, _mm_add_epi32, _mm_extract_epi32, _mm256_add_epi32, _mm256_add_epi64, _mm256_castsi256_si128, _mm256_cvtepi32_epi64,
    _mm256_extract_epi64, _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_setzero_si256,
};

use super::design::LANES;
use super::{mean, sample};

/// 16-bit numbers in a vector.
const WIDTH: usize = 2 * LANES;

/// As `portable::up`. `false`: this processor has no AVX2, nothing is done.
pub(super) fn up<const L: usize, const T: usize>(table: &[[i16; T]; L], line: &[i16], output: &mut [i16]) -> bool {
    let able = std::arch::is_x86_feature_detected!("avx2");
    if able {
        // SAFETY: the processor has just said that it has AVX2, which is all the function asks for.
        unsafe { wide_up(table, line, output) };
    }
    able
}

/// As `portable::down`. `false`: this processor has no AVX2, nothing is done.
pub(super) fn down<const L: usize, const T: usize>(taps: &[[i16; T]; L], line: &[i16], output: &mut [i16]) -> bool {
    let able = std::arch::is_x86_feature_detected!("avx2");
    if able {
        // SAFETY: the processor has just said that it has AVX2, which is all the function asks for.
        unsafe { wide_down(taps, line, output) };
    }
    able
}

#[target_feature(enable = "avx2")]
fn wide_up<const L: usize, const T: usize>(table: &[[i16; T]; L], line: &[i16], output: &mut [i16]) {
    const { assert!(T.is_multiple_of(WIDTH)) };
    for (out, window) in output.chunks_exact_mut(L).zip(line.windows(T)) {
        let Some(window) = window.first_chunk::<T>() else { return };
        let mut sums = [_mm256_setzero_si256(); L];
        for (at, samples) in window.as_chunks::<WIDTH>().0.iter().enumerate() {
            let samples = load(samples);
            for (sum, taps) in sums.iter_mut().zip(table) {
                // Pairs of products in 32 bits, eight of them; all of a phase stay within 32 bits (`design`).
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, load(&taps.as_chunks::<WIDTH>().0[at])));
            }
        }
        for (out, pair) in out.chunks_mut(2).zip(sums.chunks(2)) {
            // Two vectors of eight become two sums.
            let both = _mm256_hadd_epi32(pair[0], pair[pair.len() - 1]);
            let both = _mm256_hadd_epi32(both, both);
            let both = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256::<1>(both));
            let both = [_mm_extract_epi32::<0>(both), _mm_extract_epi32::<1>(both)];
            for (out, sum) in out.iter_mut().zip(both) {
                *out = sample(sum);
            }
        }
    }
}

#[target_feature(enable = "avx2")]
fn wide_down<const L: usize, const T: usize>(taps: &[[i16; T]; L], line: &[i16], output: &mut [i16]) {
    const { assert!((L * T).is_multiple_of(WIDTH)) };
    let taps = taps.as_flattened();
    for (out, window) in output.iter_mut().zip(line.windows(L * T).step_by(L)) {
        let mut sums = _mm256_setzero_si256();
        for (samples, taps) in window.as_chunks::<WIDTH>().0.iter().zip(taps.as_chunks::<WIDTH>().0) {
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(load(samples), load(taps)));
        }
        // Each of the eight is within 32 bits (`design`), all together may need 33.
        let (low, high) = (_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
        let four = _mm256_add_epi64(_mm256_cvtepi32_epi64(low), _mm256_cvtepi32_epi64(high));
        let two = [
            _mm256_extract_epi64::<0>(four) + _mm256_extract_epi64::<1>(four),
            _mm256_extract_epi64::<2>(four) + _mm256_extract_epi64::<3>(four),
        ];
        *out = mean::<L>(two[0] + two[1]);
    }
}

#[target_feature(enable = "avx2")]
fn load(from: &[i16; WIDTH]) -> __m256i {
    // SAFETY: reads the 32 octets of `from`, from any alignment.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}
