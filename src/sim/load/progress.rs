//! What others may see of a running engine: a few numbers, without locks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stretch {
    /// Sound is prepared, sockets are opened.
    Preparing,
    /// Calls are dialled.
    Filling,
    /// All are in; announcements end.
    Settling,
    /// Everything counts.
    Steady,
    /// All hang up.
    Leaving,
    /// The last is gone.
    Over,
}

impl Stretch {
    const ALL: [Self; 6] = [Self::Preparing, Self::Filling, Self::Settling, Self::Steady, Self::Leaving, Self::Over];
}

/// Written by the engine, read by others; and one wish the other way.
#[derive(Debug, Default)]
pub struct Progress {
    stretch: AtomicU64,
    /// Calls dialled, of those that stay.
    pub dialled: AtomicU64,
    /// Calls up, passing ones too.
    pub up: AtomicU64,
    /// Calls that failed.
    pub failed: AtomicU64,
    /// Passing calls that have come and gone.
    pub passed: AtomicU64,
    /// When the steady window began, steady clock; 0: not yet.
    pub began: AtomicU64,
    /// When it ended.
    pub ended: AtomicU64,
    /// End the run early.
    stop: AtomicBool,
}

impl Progress {
    /// How far it is.
    pub fn stretch(&self) -> Stretch {
        let at = self.stretch.load(Ordering::Acquire) as usize;
        Stretch::ALL.get(at).copied().unwrap_or(Stretch::Over)
    }

    /// It goes on.
    pub fn set_stretch(&self, stretch: Stretch) {
        self.stretch.store(stretch as u64, Ordering::Release);
    }

    /// The steady window, nanoseconds of the steady clock; zeros where it has not been.
    pub fn window(&self) -> (u64, u64) {
        (self.began.load(Ordering::Acquire), self.ended.load(Ordering::Acquire))
    }

    /// Ask the engine to hang up and end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked for the end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
