//! Who is in one meeting.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::names::{LegId, MeetingKey};

/// Most participants. A meeting lives on one core, and a core carries a thousand calls.
pub const PARTICIPANTS: usize = 1_000;

/// Up to here every coming and going sounds.
const SMALL: usize = 8;

/// In a meeting bigger than that a tone sounds at most so often: at nine o'clock fifty people come within a minute, and somebody is speaking.
const TONE_AGAIN: Duration = Duration::from_secs(10);

/// What entering did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entered {
    /// Participants now, including the new one.
    pub participants: usize,
    /// Whether the join tone sounds (it is rate-limited in big meetings).
    pub tone: bool,
}

/// What leaving did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    /// Participants now.
    pub participants: usize,
    /// Whether the leave tone sounds.
    pub tone: bool,
    /// The one who is alone now, if somebody is.
    pub alone: Option<LegId>,
}

/// One meeting's roster.
#[derive(Debug)]
pub struct Meeting {
    key: MeetingKey,
    legs: BTreeSet<LegId>,
    tone_at: Option<Instant>,
}

impl Meeting {
    /// An empty meeting.
    pub fn new(key: MeetingKey) -> Self {
        Self { key, legs: BTreeSet::new(), tone_at: None }
    }

    /// Its name among the planes.
    pub fn key(&self) -> MeetingKey {
        self.key
    }

    /// Somebody enters. `None` when it is full.
    pub fn enter(&mut self, now: Instant, leg: LegId) -> Option<Entered> {
        if self.legs.len() >= PARTICIPANTS && !self.legs.contains(&leg) {
            return None;
        }
        let new = self.legs.insert(leg);
        // Nobody is there to hear the first one come.
        let tone = new && self.legs.len() > 1 && self.tone(now, self.legs.len());
        Some(Entered { participants: self.legs.len(), tone })
    }

    /// Somebody leaves. `None` when they were not in.
    pub fn leave(&mut self, now: Instant, leg: LegId) -> Option<Left> {
        let before = self.legs.len();
        if !self.legs.remove(&leg) {
            return None;
        }
        let tone = !self.legs.is_empty() && self.tone(now, before);
        let alone = if self.legs.len() == 1 { self.legs.first().copied() } else { None };
        Some(Left { participants: self.legs.len(), tone, alone })
    }

    /// How many are in.
    pub fn participants(&self) -> usize {
        self.legs.len()
    }

    fn tone(&mut self, now: Instant, size: usize) -> bool {
        let sounds = size <= SMALL || self.tone_at.is_none_or(|at| at + TONE_AGAIN <= now);
        if sounds {
            self.tone_at = Some(now);
        }
        sounds
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use super::*;

    #[test]
    fn every_coming_and_going_sounds_in_a_small_meeting() {
        let (mut meeting, now) = (Meeting::new(MeetingKey(0)), Instant::now());
        assert_eq!(meeting.enter(now, LegId(1)), Some(Entered { participants: 1, tone: false }));
        assert_eq!(meeting.enter(now, LegId(2)), Some(Entered { participants: 2, tone: true }));
        assert_eq!(meeting.leave(now, LegId(1)), Some(Left { participants: 1, tone: true, alone: Some(LegId(2)) }));
        assert_eq!(meeting.leave(now, LegId(1)), None);
        assert_eq!(meeting.leave(now, LegId(2)), Some(Left { participants: 0, tone: false, alone: None }));
    }

    #[test]
    fn in_a_big_meeting_tones_are_rare() {
        let (mut meeting, start) = (Meeting::new(MeetingKey(0)), Instant::now());
        // Fifty people, one a second.
        let tones = (0..50).filter(|n| meeting.enter(start + Duration::from_secs(*n), LegId(*n)).unwrap().tone).count();
        // Seven in the small meeting, then one in ten seconds.
        assert_eq!(tones, 7 + 4);
        assert_eq!(meeting.participants(), 50);
    }

    #[test]
    fn a_full_meeting_takes_nobody_more_until_somebody_leaves() {
        let (mut meeting, now) = (Meeting::new(MeetingKey(3)), Instant::now());
        for leg in 0..PARTICIPANTS as u64 {
            assert!(meeting.enter(now, LegId(leg)).is_some());
        }
        assert_eq!(meeting.enter(now, LegId(5_000)), None);
        assert!(meeting.leave(now, LegId(0)).is_some());
        assert!(meeting.enter(now, LegId(5_000)).is_some());
        assert_eq!(meeting.key(), MeetingKey(3));
    }
}
