//! The engine's clocks: a wake each millisecond by absolute deadlines, and the wall clock that the kernel stamps packets with.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

/// Time between two wakes.
pub const WAKE_NS: u64 = 1_000_000;
/// Wakes that are made up for at once after a stall, 20 ms: one packet of each call. What was missed beyond is left out and said.
const MADE_UP: u64 = 20;

fn read(clock: ClockId) -> u64 {
    // These three clocks can always be read.
    clock_gettime(clock).map(|time| u64::try_from(Duration::from(time).as_nanos()).unwrap_or(u64::MAX)).unwrap_or_default()
}

/// The clock that only goes forward, nanoseconds.
pub fn steady() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// The clock of the kernel's stamps, nanoseconds since 1970.
pub fn wall() -> u64 {
    read(ClockId::CLOCK_REALTIME)
}

/// Processor time of the calling thread, nanoseconds.
pub fn spent() -> u64 {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// One wake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wake {
    /// The how-manieth.
    pub number: u64,
    /// When it should be, on the steady clock.
    pub due: u64,
    /// Wakes left out before it: their numbers are just below.
    pub skipped: u64,
}

/// Counts wakes.
#[derive(Debug)]
pub struct Clock {
    base: u64,
    next: u64,
}

impl Clock {
    /// Wake 0 is a little later than now.
    pub fn new() -> Self {
        Self { base: steady() + WAKE_NS, next: 0 }
    }

    /// Until the next wake, or at once when that is past.
    pub fn sleep(&mut self) -> Wake {
        let wake = self.advance(steady());
        let until = TimeSpec::from_duration(Duration::from_nanos(wake.due));
        // A signal ends a sleep early; the deadline stays what it was.
        while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &until) == Err(Errno::EINTR) {}
        wake
    }

    fn advance(&mut self, now: u64) -> Wake {
        let passed = now.saturating_sub(self.base) / WAKE_NS;
        let skipped = if passed > self.next + MADE_UP { passed - self.next } else { 0 };
        let number = self.next + skipped;
        self.next = number + 1;
        Wake { number, due: self.base + number * WAKE_NS, skipped }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_little_late_is_made_up_for_and_what_is_long_past_is_left_out() {
        let mut clock = Clock { base: 1_000, next: 0 };
        let at = |ms: u64| 1_000 + ms * WAKE_NS;
        assert_eq!(clock.advance(at(0)), Wake { number: 0, due: at(0), skipped: 0 });
        assert_eq!(clock.advance(at(15)), Wake { number: 1, due: at(1), skipped: 0 });
        assert_eq!(clock.advance(at(15)), Wake { number: 2, due: at(2), skipped: 0 });
        assert_eq!(clock.advance(at(100)), Wake { number: 100, due: at(100), skipped: 97 });
        assert_eq!(clock.advance(at(100)), Wake { number: 101, due: at(101), skipped: 0 });
    }
}
