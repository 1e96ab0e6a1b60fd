//! What the planes count, as plain numbers: nothing here is shared, locked or allocated. `run/` shows them to the world.
//!
//! Counts only grow; whoever wants a rate asks twice. No figure names a call, a number or a samtals-ID.

use std::ops::AddAssign;

/// Durations by how long they were. The last bound of every histogram is [`u64::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Histogram<const N: usize> {
    /// How many were not above the bound of the same index, and above the one before.
    pub counts: [u64; N],
    /// All together, nanoseconds.
    pub sum: u64,
}

impl<const N: usize> Histogram<N> {
    /// Nothing noted yet.
    pub const EMPTY: Self = Self { counts: [0; N], sum: 0 };

    /// One more, nanoseconds.
    pub fn note(&mut self, bounds: &[u64; N], nanoseconds: u64) {
        // Without a branch for each bound: there are few, and they are looked at all at once.
        let below: usize = bounds.iter().map(|bound| usize::from(*bound < nanoseconds)).sum();
        if let Some(count) = self.counts.get_mut(below) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(nanoseconds);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each number in it, to be written or read.
    pub fn visit(&mut self, see: &mut impl FnMut(&mut u64)) {
        self.counts.iter_mut().for_each(&mut *see);
        see(&mut self.sum);
    }
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> AddAssign<&Self> for Histogram<N> {
    fn add_assign(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.sum = self.sum.saturating_add(other.sum);
    }
}

const US: u64 = 1_000;
const MS: u64 = 1_000 * US;

/// Bounds of the jitter of packets. A wire has less than 1 ms, a mobile network some 10 ms, and from 100 ms on nothing is a conversation.
pub const JITTER: [u64; 12] = [100 * US, 250 * US, 500 * US, MS, 2 * MS, 3 * MS, 5 * MS, 10 * MS, 20 * MS, 40 * MS, 100 * MS, u64::MAX];
/// Bounds of the delay in a buffer: none on a clean line, then ticks.
pub const DELAY: [u64; 12] = [MS, 2 * MS, 5 * MS, 10 * MS, 15 * MS, 20 * MS, 40 * MS, 60 * MS, 100 * MS, 200 * MS, 400 * MS, u64::MAX];
/// Bounds of the wait for a tick, which is at most one.
pub const WAIT: [u64; 9] = [MS, 2 * MS, 3 * MS, 4 * MS, 6 * MS, 8 * MS, 12 * MS, 16 * MS, u64::MAX];

/// What one media plane has done. Legs are looked at once a second each, and when they leave.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct MediaFigures {
    /// Legs now.
    pub legs: u64,
    /// Meetings with somebody in them now.
    pub meetings: u64,
    /// RTP packets taken.
    pub received: u64,
    /// Octets of all datagrams that came.
    pub octets_received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Octets of them.
    pub octets_sent: u64,
    /// Packets missing in their sequence when they were last counted; one that came after that stays in here.
    pub lost: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came behind a newer one.
    pub reordered: u64,
    /// Datagrams that were not taken: foreign, unknown, broken.
    pub refused: u64,
    /// Sound made up in place of what did not come in time, samples at 8 kHz.
    pub concealed: u64,
    /// Sound taken out to shed delay, samples at 8 kHz.
    pub shed: u64,
    /// Sound put in to wait longer, samples at 8 kHz.
    pub stretched: u64,
    /// Stretches of made-up sound.
    pub gaps: u64,
    /// Turns of legs that passed unused because a wake came too late.
    pub turns_missed: u64,
    /// Interarrival jitter (RFC 3550 A.8) of each leg, once a second.
    pub jitter: Histogram<{ JITTER.len() }>,
    /// Sound held in the buffer of each leg after a tick, once a second.
    pub delay: Histogram<{ DELAY.len() }>,
    /// How long a packet of each leg waits for its tick on average, once a second.
    pub wait: Histogram<{ WAIT.len() }>,
}

impl MediaFigures {
    /// Each number in it, always in the same order: to be written or read.
    pub fn visit(&mut self, see: &mut impl FnMut(&mut u64)) {
        let Self {
            legs,
            meetings,
            received,
            octets_received,
            sent,
            octets_sent,
            lost,
            late,
            duplicates,
            reordered,
            refused,
            concealed,
            shed,
            stretched,
            gaps,
            turns_missed,
            jitter,
            delay,
            wait,
        } = self;
        for number in [
            legs,
            meetings,
            received,
            octets_received,
            sent,
            octets_sent,
            lost,
            late,
            duplicates,
            reordered,
            refused,
            concealed,
            shed,
            stretched,
            gaps,
            turns_missed,
        ] {
            see(number);
        }
        jitter.visit(see);
        delay.visit(see);
        wait.visit(see);
    }
}

/// Counts by name. A name that is not in the list counts as the last one there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named<const N: usize> {
    names: &'static [&'static str; N],
    counts: [u64; N],
}

impl<const N: usize> Named<N> {
    /// Nothing counted yet.
    pub const fn new(names: &'static [&'static str; N]) -> Self {
        Self { names, counts: [0; N] }
    }

    /// One more.
    pub fn count(&mut self, name: &str) {
        let at = self.names.iter().position(|known| *known == name).unwrap_or(N.saturating_sub(1));
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
    }

    /// Names and how many of each, those with none too.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.names.iter().copied().zip(self.counts)
    }

    /// All together.
    pub fn sum(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_below_the_first_bound_that_is_not_below_it() {
        let bounds = [10, 20, u64::MAX];
        let mut histogram = Histogram::EMPTY;
        for value in [0, 10, 11, 20, 21, u64::MAX] {
            histogram.note(&bounds, value);
        }
        assert_eq!(histogram.counts, [2, 2, 2]);
        assert_eq!((histogram.count(), histogram.sum), (6, u64::MAX), "the sum stays at the most there is");
    }

    #[test]
    fn histograms_of_several_add_up() {
        let bounds = [10, u64::MAX];
        let mut one = Histogram::EMPTY;
        one.note(&bounds, 3);
        let mut other = Histogram::EMPTY;
        other.note(&bounds, 30);
        one += &other;
        assert_eq!((one.counts, one.sum), ([1, 1], 33));
    }

    #[test]
    fn the_bounds_rise_and_end_with_everything() {
        for bounds in [&JITTER[..], &DELAY[..], &WAIT[..]] {
            assert!(bounds.is_sorted_by(|a, b| a < b) && bounds.last() == Some(&u64::MAX));
        }
    }

    #[test]
    fn what_has_no_name_counts_as_the_last() {
        let mut named = Named::new(&["INVITE", "BYE", "other"]);
        for name in ["BYE", "SUBSCRIBE", "BYE"] {
            named.count(name);
        }
        assert_eq!(named.each().collect::<Vec<_>>(), [("INVITE", 0), ("BYE", 2), ("other", 1)]);
        assert_eq!(named.sum(), 3);
    }
}
