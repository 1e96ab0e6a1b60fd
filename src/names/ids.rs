//! Handles: small, random or counted, and safe to log.

use std::fmt;

/// One sound path. Unique for the life of the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LegId(pub u64);

/// One meeting as the media plane and the roster know it: an index, never the samtals-ID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MeetingKey(pub u32);

/// One media worker (thread), from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct WorkerId(pub u16);

/// Ties a finished announcement to the request that started it, so that a late "finished" is told from a current one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct SayToken(pub u32);

/// The random handle a call carries in every log line. It says nothing about who called or whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallHandle(pub u64);

impl fmt::Display for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Sixteen consonants for the sixteen values of four bits: nothing in it can ever look like a samtals-ID or a number.
        f.write_str("c")?;
        (0..12).rev().try_for_each(|place| {
            let letter = b"bcdfghjklmnpqrst"[(self.0 >> (4 * place)) as usize & 0xf];
            write!(f, "{}", letter as char)
        })
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_holds_no_digit_and_tells_calls_apart() {
        assert_eq!(CallHandle(0x0123_4567_89ab_cdef).to_string(), "cghjklmnpqrst");
        let all: std::collections::HashSet<String> = (0..1000u64).map(|n| CallHandle(n).to_string()).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|handle| handle.len() == 13 && handle.bytes().all(|b| b.is_ascii_lowercase())));
    }
}
