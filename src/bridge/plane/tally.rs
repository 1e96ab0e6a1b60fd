//! What the legs of a plane have done, summed: each leg's totals are looked at once a second and when it leaves, and what is new is added.
//! So nothing is counted here on the way of a packet.

use super::Slot;
use crate::bridge::figures::{DELAY, JITTER, MediaFigures, WAIT};
use crate::media::{Leg, LegReport};

/// Nanoseconds of a sample at 8 kHz.
const SAMPLE_NS: u64 = 125_000;

/// The sums, and what of each leg is in them. All memory is allocated in [`Tally::new`].
#[derive(Debug)]
pub(super) struct Tally {
    seen: Box<[LegReport]>,
    /// The sums.
    pub figures: MediaFigures,
}

impl Tally {
    /// Room for `capacity` legs.
    pub fn new(capacity: usize) -> Self {
        Self { seen: vec![LegReport::default(); capacity].into_boxed_slice(), figures: MediaFigures::default() }
    }

    /// A leg has come. What it did before, on another worker, is counted there.
    pub fn begin(&mut self, slot: Slot, leg: &Leg) {
        if let Some(seen) = self.seen.get_mut(slot.0 as usize) {
            *seen = leg.report();
        }
    }

    /// Add what a leg has done since it was last looked at.
    pub fn add(&mut self, slot: Slot, leg: &Leg) {
        let Some(seen) = self.seen.get_mut(slot.0 as usize) else { return };
        let report = leg.report();
        let (before, sums) = (*seen, &mut self.figures);
        *seen = report;
        // What was missing may come after all. Counts do not fall: then nothing is added until more is missing than ever.
        seen.lost = report.lost.max(before.lost);
        sums.received += report.received - before.received;
        sums.octets_received += report.octets_received - before.octets_received;
        sums.sent += report.sent - before.sent;
        sums.octets_sent += report.octets_sent - before.octets_sent;
        sums.lost += report.lost.saturating_sub(before.lost);
        sums.late += report.late - before.late;
        sums.duplicates += report.duplicates - before.duplicates;
        sums.reordered += report.reordered - before.reordered;
        sums.refused += report.refused - before.refused;
        sums.concealed += report.playout.concealed - before.playout.concealed;
        sums.shed += report.playout.shed - before.playout.shed;
        sums.stretched += report.playout.stretched - before.playout.stretched;
        sums.gaps += report.playout.gaps - before.playout.gaps;
    }

    /// Once a second: the same, and how the leg is now, if anything came since. `wait_us`: how long its packets wait for their tick.
    pub fn look(&mut self, slot: Slot, leg: &Leg, wait_us: Option<u32>) {
        let before = self.figures.received;
        self.add(slot, leg);
        let Some(seen) = self.seen.get(slot.0 as usize).filter(|_| self.figures.received > before) else { return };
        self.figures.jitter.note(&JITTER, u64::from(seen.jitter_us) * 1_000);
        self.figures.delay.note(&DELAY, u64::from(seen.held) * SAMPLE_NS);
        if let Some(wait_us) = wait_us {
            self.figures.wait.note(&WAIT, u64::from(wait_us) * 1_000);
        }
    }
}
