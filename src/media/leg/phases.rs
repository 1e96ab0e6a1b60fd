//! When in the 20 ms of a tick a caller's packets come: a worker puts a meeting on the phase that lets them wait least.

use std::time::{Duration, Instant};

/// A tick, µs.
const TICK_US: u64 = 20_000;
/// Columns of the histogram: 625 µs each, an eighth of a phase.
const COLUMNS: usize = 32;
const COLUMN_US: u64 = TICK_US / COLUMNS as u64;
/// A packet that comes this close before a phase may miss it the next time, and then waits for a whole tick, µs.
const GUARD_US: u64 = 1_000;
/// Fewer packets than this tell nothing.
const FEWEST: u32 = 10;
/// At this many packets all counts are halved: the last 1 to 3 s of 20 ms packets rule. A clock that is 500 ppm off drifts by less than
/// [`GUARD_US`] in them.
const MOST: u32 = 128;

/// Histogram of arrivals, modulo a tick.
#[derive(Debug)]
pub(super) struct Phases {
    base: Instant,
    counts: [u16; COLUMNS],
    total: u32,
    /// Packets ever, up to [`FEWEST`].
    seen: u32,
}

impl Phases {
    pub(super) fn new(base: Instant) -> Self {
        Self { base, counts: [0; COLUMNS], total: 0, seen: 0 }
    }

    /// A packet came.
    pub(super) fn note(&mut self, arrived: Instant) {
        let column = (offset_us(self.base, arrived) / COLUMN_US) as usize;
        if let Some(count) = self.counts.get_mut(column) {
            *count += 1;
            self.total += 1;
            self.seen = (self.seen + 1).min(FEWEST);
        }
        if self.total >= MOST {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|count| u32::from(*count)).sum();
        }
    }

    /// Average wait for a tick on each of the four phases, µs.
    pub(super) fn waits(&self, epoch: Instant) -> Option<[u32; 4]> {
        if self.seen < FEWEST || self.total == 0 {
            return None;
        }
        let base = offset_us(epoch, self.base);
        Some([0, 1, 2, 3].map(|phase: u64| {
            let wait = |column: usize| {
                let came = base + column as u64 * COLUMN_US + COLUMN_US / 2;
                (phase * (TICK_US / 4) + 3 * TICK_US - came - GUARD_US) % TICK_US + GUARD_US
            };
            let sum: u64 = self.counts.iter().enumerate().map(|(column, count)| u64::from(*count) * wait(column)).sum();
            // An average of waits below 21,000.
            (sum / u64::from(self.total)) as u32
        }))
    }
}

/// Where in the ticks that begin at `from` the instant `to` lies (before or after), µs.
fn offset_us(from: Instant, to: Instant) -> u64 {
    let rest = |span: Duration| (span.as_micros() % u128::from(TICK_US)) as u64;
    if to >= from { rest(to.duration_since(from)) } else { (TICK_US - rest(from.duration_since(to))) % TICK_US }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn packets_that_come_just_before_a_phase_wait_least_for_it() {
        let epoch = start() + Duration::from_secs(5);
        // The leg may be older or younger than the epoch.
        for base in [epoch - Duration::from_micros(3_123_456), epoch + Duration::from_micros(777)] {
            let mut phases = Phases::new(base);
            let first = epoch + Duration::from_secs(10) + Duration::from_micros(8_000);
            for n in 0..9 {
                phases.note(first + Duration::from_millis(n * 20));
                assert_eq!(phases.waits(epoch), None);
            }
            phases.note(first + Duration::from_millis(180));
            // Came 8 ms after phase 0: 2 ms before phase 2.
            let waits = phases.waits(epoch).unwrap();
            for (wait, expected) in waits.into_iter().zip([12_000u32, 17_000, 2_000, 7_000]) {
                assert!(wait.abs_diff(expected) <= 625, "{waits:?}");
            }
        }
    }

    #[test]
    fn a_caller_whose_clock_drifts_is_followed() {
        let base = start();
        let mut phases = Phases::new(base);
        for n in 0..1000 {
            phases.note(base + Duration::from_millis(n * 20 + 1));
        }
        for n in 1000..1600 {
            phases.note(base + Duration::from_millis(n * 20 + 13));
        }
        let waits = phases.waits(base).unwrap();
        assert!(waits[3] < 3_000 && waits[0] > 5_000, "{waits:?}");
    }
}
