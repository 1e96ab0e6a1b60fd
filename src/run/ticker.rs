//! When a media worker wakes: every 5 ms by absolute deadlines, so that no delay adds up.
//!
//! A wake that comes late stands for all that were due by then: they are counted and left out, and what each leg should have done at them is
//! done once, now (`bridge/plane/phase.rs`). Nothing is replayed in a burst, which would be late all the same and make the next wake late too.
#![allow(clippy::disallowed_methods, reason = "this is the media clock")]

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

use crate::bridge::plane::WAKE;

/// Counts wakes since an epoch.
#[derive(Debug)]
pub struct Ticker {
    epoch: Instant,
    /// The epoch on `CLOCK_MONOTONIC`, by which the system sleeps.
    clock: Duration,
    next: u64,
}

/// The next wake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wake {
    /// The how-manieth since the epoch.
    pub number: u64,
    /// Wakes that were left out before it.
    pub skipped: u64,
    /// When it was due; of several, the first.
    pub due: Instant,
}

impl Ticker {
    /// Wake 0 is at `epoch`, which has been. The first wake is the next that comes.
    pub fn new(epoch: Instant) -> nix::Result<Self> {
        let now = Instant::now();
        // `Instant` is this very clock on Linux, but does not show its value.
        let clock = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC)?).saturating_sub(now.saturating_duration_since(epoch));
        let mut ticker = Self { epoch, clock, next: 0 };
        ticker.restart(now);
        Ok(ticker)
    }

    /// After a rest without wakes: the next wake is the first from now on, and none was missed.
    pub fn restart(&mut self, now: Instant) {
        self.next = self.wakes_by(now) + 1;
    }

    /// Sleep until the next wake, or not at all when it is due.
    pub fn sleep(&mut self) -> Wake {
        let wake = self.advance(Instant::now());
        let until = TimeSpec::from_duration(self.clock + WAKE * u32::try_from(wake.number).unwrap_or(u32::MAX));
        // A signal ends a sleep early; the deadline stays what it was.
        while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &until) == Err(Errno::EINTR) {}
        wake
    }

    fn advance(&mut self, now: Instant) -> Wake {
        let first = self.next;
        let number = first.max(self.wakes_by(now));
        self.next = number + 1;
        Wake { number, skipped: number - first, due: self.deadline(first) }
    }

    fn deadline(&self, wake: u64) -> Instant {
        // Nanoseconds of 584 years fit.
        self.epoch + Duration::from_nanos(wake.saturating_mul(WAKE.as_nanos() as u64))
    }

    fn wakes_by(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.epoch).as_nanos() / WAKE.as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticker() -> Ticker {
        let mut ticker = Ticker::new(Instant::now()).unwrap();
        ticker.next = 1;
        ticker
    }

    /// Number and how many were left out.
    fn advance(ticker: &mut Ticker, now: Instant) -> (u64, u64) {
        let wake = ticker.advance(now);
        assert_eq!(wake.due, ticker.epoch + WAKE * (wake.number - wake.skipped) as u32);
        (wake.number, wake.skipped)
    }

    #[test]
    fn a_late_wake_stands_for_all_that_were_due_and_none_is_replayed() {
        let mut ticker = ticker();
        let at = |wakes: u32| ticker.epoch + WAKE * wakes + Duration::from_micros(100);
        let (early, late, later, stalled) = (at(0), at(1), at(5), at(1000));
        assert_eq!(advance(&mut ticker, early), (1, 0), "slept for");
        assert_eq!(advance(&mut ticker, late), (2, 0));
        assert_eq!(advance(&mut ticker, later), (5, 2));
        assert_eq!(advance(&mut ticker, later), (6, 0), "and then in time again");
        assert_eq!(advance(&mut ticker, stalled), (1000, 993));
        assert_eq!(advance(&mut ticker, stalled), (1001, 0));
    }

    #[test]
    fn after_a_rest_nothing_was_missed() {
        let mut ticker = ticker();
        let later = ticker.epoch + WAKE * 500;
        ticker.restart(later);
        assert_eq!(advance(&mut ticker, later), (501, 0));
    }

    #[test]
    fn it_wakes_at_its_deadline_and_not_before() {
        let epoch = Instant::now();
        let mut ticker = Ticker::new(epoch).unwrap();
        for _ in 0..3 {
            let wake = ticker.sleep();
            assert!(Instant::now() >= epoch + WAKE * wake.number as u32 - Duration::from_micros(50));
        }
    }
}
