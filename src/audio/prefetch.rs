//! Memory that is wanted soon, asked for now, so that it is on its way while the system call before it runs.
//!
//! A leg's tick touches some four kilobytes, spread over its values. With a thousand legs none of it is in the processor's near caches when its turn
//! comes, and code that waits for one line after the other waits longer than it computes. This changes nothing but time: where the
//! processor has no such instruction, nothing is done.
#![allow(unsafe_code, reason = "the instruction that asks for a line")]

/// Octets that come at once.
const LINE: usize = 64;

/// All lines of a value.
#[inline(always)]
pub fn all<T: ?Sized>(value: &T) {
    first(value, size_of_val(value));
}

/// The lines of the first so many octets of a value. Where the number is known to the compiler, nothing but the instructions that ask is left of it.
#[inline(always)]
pub fn first<T: ?Sized>(value: &T, octets: usize) {
    let length = octets.min(size_of_val(value));
    let start = std::ptr::from_ref(value).cast::<u8>();
    for octet in (0..length).step_by(LINE) {
        ask(start.wrapping_add(octet));
    }
    // What is no larger than its alignment lies on one line; anything else may reach into one more.
    if length > align_of_val(value) {
        ask(start.wrapping_add(length - 1));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn ask(line: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the instruction (SSE, which every x86-64 processor has) loads nothing into registers, and does not fault at any address
    // (Intel SDM 2B, PREFETCHh).
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
fn ask(_: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_value_can_be_asked_for() {
        let sound = [7i16; 960];
        all(&sound);
        all(&sound[1..1]);
        all(&sound[3..4]);
        all(&());
        assert_eq!(sound, [7; 960]);
    }
}
