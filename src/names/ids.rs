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
        // Hexadecimal with a letter in front: no nine-digit run can ever look like a samtals-ID.
        write!(f, "c{:012x}", self.0 & 0xffff_ffff_ffff)
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
