//! Who is in one meeting.

use std::time::Instant;

use crate::names::{LegId, MeetingKey};

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
pub struct Meeting {}

impl Meeting {
    /// An empty meeting.
    pub fn new(_key: MeetingKey) -> Self {
        todo!()
    }

    /// Somebody enters. `None` when it is full.
    pub fn enter(&mut self, _now: Instant, _leg: LegId) -> Option<Entered> {
        todo!()
    }

    /// Somebody leaves. `None` when they were not in.
    pub fn leave(&mut self, _now: Instant, _leg: LegId) -> Option<Left> {
        todo!()
    }

    /// How many are in.
    pub fn participants(&self) -> usize {
        todo!()
    }
}
