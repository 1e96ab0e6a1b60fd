//! Which of the four phases of a round of 20 ms something is mixed on, and when that is next.
//!
//! A wake has a number, counted from the epoch; its phase is the number modulo four.

use std::time::{Duration, Instant};

use super::{PHASES, WAKE};

/// Least wakes between two turns of a leg whose phase changes. A turn that is early makes the far end hold all that follows for as much
/// longer; one that is late is a gap once. So a turn comes at most 5 ms early, and up to 10 ms late.
const LEAST: u64 = PHASES as u64 - 1;

/// Rounds that are made up for at most after a stall: a second. What was longer is not worth pretending about.
const MOST_MISSED: u64 = 50;

/// A phase must be this much better for every packet, microseconds, before it is worth the shift.
const WORTH_US: u32 = 2_000;

/// When a group of legs has its turns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Round {
    /// Of the four.
    pub phase: usize,
    /// Wake of the next turn.
    next: u64,
}

/// A turn that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Turn {
    /// The wake it should have been at; at most three ago.
    pub wake: u64,
    /// The instant of that wake. Play-out goes by this and not by when the worker really woke, so a late wake is no jitter to it.
    pub at: Instant,
}

impl Round {
    /// The first turn on `phase` after the wake `after`.
    pub fn after(after: u64, phase: usize) -> Self {
        Self { phase, next: at_or_after(after + 1, phase) }
    }

    /// The turn that is due at this wake. A late one is taken late; of several that were missed only the last is left.
    pub fn due(&mut self, epoch: Instant, wake: u64) -> Option<Turn> {
        let late = wake.checked_sub(self.next)?;
        let turn = Turn::new(epoch, wake - late % PHASES as u64);
        self.next = turn.wake + PHASES as u64;
        Some(turn)
    }

    /// Change to `phase` after a turn at `last`.
    pub fn shift(&mut self, last: Turn, phase: usize) {
        *self = Self { phase, next: at_or_after(last.wake + LEAST, phase) };
    }
}

impl Turn {
    fn new(epoch: Instant, wake: u64) -> Self {
        // Nanoseconds of 584 years fit.
        Self { wake, at: epoch + Duration::from_nanos(wake.saturating_mul(WAKE.as_nanos() as u64)) }
    }

    /// Whether a leg whose last turn was at `last` lets this one pass: it has just come from another phase.
    pub fn too_early(self, last: u64) -> bool {
        self.wake < last + LEAST
    }

    /// Turns that a leg missed whole since `last`, before this one.
    pub fn missed_since(self, last: u64) -> u64 {
        (self.wake.saturating_sub(last) / PHASES as u64).saturating_sub(1).min(MOST_MISSED)
    }
}

/// The first wake of `phase` from `wake` on.
fn at_or_after(wake: u64, phase: usize) -> u64 {
    let phases = PHASES as u64;
    wake + (phase as u64 + phases - wake % phases) % phases
}

/// The last wake of a leg that comes at the wake `now` and has had none: any next one suits it, and it has missed nothing.
pub(super) fn before_first(now: u64) -> u64 {
    (now + 1).saturating_sub(LEAST)
}

/// The number of the wake that `now` belongs to.
pub(super) fn wake_at(epoch: Instant, now: Instant) -> u64 {
    // Nanoseconds of 584 years fit.
    (now.saturating_duration_since(epoch).as_nanos() / WAKE.as_nanos()) as u64
}

/// The phase on which packets wait least, given how long each speaker's wait on each; `current` unless another is clearly better.
pub(super) fn best(current: usize, waits: impl Iterator<Item = [u32; PHASES]>) -> usize {
    let (mut sums, mut speakers) = ([0u32; PHASES], 0u32);
    for wait in waits {
        for (sum, wait) in sums.iter_mut().zip(wait) {
            *sum = sum.saturating_add(wait);
        }
        speakers = speakers.saturating_add(1);
    }
    let least = sums.iter().enumerate().min_by_key(|(_, sum)| **sum);
    match (least, sums.get(current)) {
        (Some((phase, least)), Some(now)) if now.saturating_sub(*least) > WORTH_US.saturating_mul(speakers) => phase,
        _ => current,
    }
}

/// Mean waits of several legs; `None` of none.
pub(super) fn mean(waits: impl Iterator<Item = [u32; PHASES]>) -> Option<[u32; PHASES]> {
    let (mut sums, mut count) = ([0u64; PHASES], 0);
    for wait in waits {
        for (sum, wait) in sums.iter_mut().zip(wait) {
            *sum += u64::from(wait);
        }
        count += 1;
    }
    // A mean of numbers of 32 bits.
    (count > 0).then(|| sums.map(|sum| (sum / count) as u32))
}

/// Waits on each phase, averaged over looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Average {
    waits: [u32; PHASES],
    /// Looks so far, up to [`LOOKS`].
    looks: u32,
}

/// Looks that an average goes back: a quarter of a minute of speech.
const LOOKS: u32 = 16;

impl Average {
    /// Of one look.
    pub fn of(waits: [u32; PHASES]) -> Self {
        Self { waits, looks: 1 }
    }

    /// One look more. Of few, each counts the same: the first may have been at somebody who only cleared his throat.
    pub fn follow(&mut self, now: [u32; PHASES]) {
        self.looks = (self.looks + 1).min(LOOKS);
        let (before, looks) = (self.waits, u64::from(self.looks));
        // A mean of numbers of 32 bits.
        self.waits = std::array::from_fn(|phase| ((u64::from(before[phase]) * (looks - 1) + u64::from(now[phase])) / looks) as u32);
    }

    /// It.
    pub fn waits(&self) -> [u32; PHASES] {
        self.waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn epoch() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_round_comes_every_fourth_wake_and_a_late_one_is_taken_late() {
        let epoch = epoch();
        let turn = |wake| Turn::new(epoch, wake);
        let mut round = Round::after(100, 2);
        let turns: Vec<_> = (101..112).filter_map(|wake| round.due(epoch, wake).map(|turn| (wake, turn.wake, turn.at))).collect();
        assert_eq!(turns, [102, 106, 110].map(|wake| (wake, wake, epoch + WAKE * wake as u32)));
        assert_eq!(round.due(epoch, 117), Some(turn(114)), "three wakes late");
        assert_eq!(round.due(epoch, 117), None);
        assert_eq!(round.due(epoch, 140), Some(turn(138)), "one turn for all that was missed");
        assert_eq!(turn(138).missed_since(114), 5);
        assert_eq!(turn(118).missed_since(114), 0);
        assert_eq!(turn(121).missed_since(114), 0, "a leg that changed its phase has missed nothing");
        assert_eq!(turn(1 << 30).missed_since(114), MOST_MISSED);
    }

    #[test]
    fn a_shift_is_at_most_one_wake_early_and_two_late() {
        let epoch = epoch();
        let turn = |wake| Turn::new(epoch, wake);
        for phase in 0..PHASES {
            let mut round = Round::after(99, 0);
            let last = round.due(epoch, 100).unwrap();
            round.shift(last, phase);
            assert!((103..=106).contains(&round.next) && round.next % 4 == phase as u64, "{phase}: {}", round.next);
        }
        for wake in 101..=104 {
            let next = turn(wake);
            assert!(!next.too_early(before_first(100)) && next.missed_since(before_first(100)) == 0);
        }
        assert!(turn(102).too_early(100) && !turn(103).too_early(100));
    }

    #[test]
    fn the_phase_follows_the_speakers_only_when_it_is_worth_it() {
        assert_eq!(best(3, std::iter::empty()), 3);
        assert_eq!(best(0, [[16_000, 1_000, 6_000, 11_000]].into_iter()), 1);
        assert_eq!(best(2, [[9_000, 8_000, 9_500, 9_500]].into_iter()), 2);
        assert_eq!(best(0, [[16_000, 1_000, 6_000, 11_000], [3_000, 8_000, 13_000, 18_000]].into_iter()), 1);
        assert_eq!(best(1, [[u32::MAX; PHASES]; 3].into_iter()), 1);
    }

    #[test]
    fn speakers_in_turn_do_not_drive_a_meeting_to_and_fro() {
        let speakers = [[3_000, 8_000, 13_000, 18_000], [14_000, 19_000, 4_000, 9_000]];
        assert_eq!(mean(speakers.into_iter()), Some([8_500, 13_500, 8_500, 13_500]));
        assert_eq!(mean(std::iter::empty()), None);
        let (mut waits, mut at, mut shifts) = (Average::of(speakers[0]), 0, 0);
        for look in 0..400 {
            waits.follow(speakers[look / 4 % 2]);
            let phase = best(at, std::iter::once(waits.waits()));
            shifts += usize::from(phase != at);
            at = phase;
        }
        assert!(shifts <= 3, "{shifts}");
        for _ in 0..40 {
            waits.follow(speakers[1]);
        }
        assert_eq!(best(at, std::iter::once(waits.waits())), 2, "but one who goes on speaking is followed");
    }

    #[test]
    fn a_first_look_at_somebody_else_is_soon_outweighed() {
        let mut waits = Average::of([3_000, 8_000, 13_000, 18_000]);
        for _ in 0..3 {
            waits.follow([18_000, 3_000, 8_000, 13_000]);
        }
        assert_eq!(best(0, std::iter::once(waits.waits())), 1);
    }

    #[test]
    fn wakes_are_counted_from_the_epoch() {
        let epoch = epoch();
        assert_eq!(wake_at(epoch, epoch), 0);
        assert_eq!(wake_at(epoch, epoch + WAKE * 7 + WAKE / 2), 7);
        assert_eq!(wake_at(epoch + WAKE, epoch), 0);
    }
}
