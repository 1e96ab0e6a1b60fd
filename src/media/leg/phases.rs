//! When in the 20 ms of a tick a caller's packets come: a worker puts a meeting on the phase that lets them wait least.

use std::time::{Duration, Instant};

/// A tick, µs.
const TICK_US: u64 = 20_000;
/// Columns of the histogram: 625 µs each, an eighth of a phase.
const COLUMNS: usize = 32;
const COLUMN_US: u64 = TICK_US / COLUMNS as u64;
/// A packet that comes this close before a phase may miss it the next time, µs.
const GUARD_US: u64 = 1_000;
/// Share of packets that may be late, a twenty-fifth: play-out allows for no more ([`crate::media::jitter`]), and holds all others back for them.
const LATE: u32 = 25;
/// A column with fewer than this share of all packets is empty, a fiftieth: the odd one that was held up.
const EMPTY: u32 = 50;
/// Fewer packets than this tell nothing.
const FEWEST: u32 = 10;
/// At this many packets all counts are halved: the last 1 to 3 s of 20 ms packets rule. A clock that is 500 ppm off drifts by about
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

    /// How long packets wait on average on each of the four phases, µs: for the first tick that all but a few are in time for.
    pub(super) fn waits(&self, epoch: Instant) -> Option<[u32; 4]> {
        if self.seen < FEWEST || self.total == 0 {
            return None;
        }
        let first = self.earliest();
        let (mut sum, mut so_far, mut latest) = (0, 0, 0);
        for after in 0..COLUMNS {
            let count = u32::from(self.counts[(first + after) % COLUMNS]);
            sum += u64::from(count) * (after as u64 * COLUMN_US + COLUMN_US / 2);
            if so_far * LATE < self.total * (LATE - 1) {
                latest = after as u64 * COLUMN_US + COLUMN_US / 2;
            }
            so_far += count;
        }
        let mean = sum / u64::from(self.total);
        let begin = offset_us(epoch, self.base) + first as u64 * COLUMN_US;
        Some([0, 1, 2, 3].map(|phase: u64| {
            let ready = begin + latest + GUARD_US;
            let tick = ready + (phase * (TICK_US / 4) + 4 * TICK_US - ready % TICK_US) % TICK_US;
            // Within a tick of the latest packet, which is within a tick of the mean.
            (tick - begin).saturating_sub(mean) as u32
        }))
    }

    /// The column with which the arrivals begin: the one after the longest time in which hardly any come.
    fn earliest(&self) -> usize {
        let (mut longest, mut first, mut run) = (0, 0, 0);
        for column in 0..2 * COLUMNS {
            if u32::from(self.counts[column % COLUMNS]) * EMPTY < self.total {
                run += 1;
                if run > longest && run < COLUMNS {
                    (longest, first) = (run, (column + 1) % COLUMNS);
                }
            } else {
                run = 0;
            }
        }
        first
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
    fn where_some_packets_would_miss_a_phase_all_wait_for_the_next_one() {
        let epoch = start();
        let mut phases = Phases::new(epoch);
        // One of ten comes just after phase 1, the others 2 ms before it.
        for n in 0..100 {
            phases.note(epoch + Duration::from_millis(n * 20 + if n % 10 == 0 { 6 } else { 3 }));
        }
        let waits = phases.waits(epoch).unwrap();
        for (wait, expected) in waits.into_iter().zip([16_700u32, 21_700, 6_700, 11_700]) {
            assert!(wait.abs_diff(expected) <= 625, "{waits:?}");
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
