//! Which workers take new calls: not those whose load is near what they can bear, or will be when all who were let in have got where they are going.
//!
//! The load of a worker is the share of time in which something was due and not done: from the instant a wake was due (or the one before it
//! was done) until it was done. That is the time spent in the tick, and besides it the time that the system let the worker wait; it is measured
//! in `run/` and never computed from a number of calls.
//!
//! A measured load is late: it does not hold yet who has just come, nor what those in the menu will cost in their meetings. So what a leg costs, which is
//! measured too ([`LegCost`], on this machine, when the bridge starts), is put on top until the load holds it.

use std::time::{Duration, Instant};

use crate::bridge::LegCost;
use crate::names::WorkerId;

/// An outlook from which on nobody new is let in. A wake may take 5 ms; turns are spread over wakes unevenly (a large meeting is one turn),
/// so the fifth that is left is what keeps the next wake in time.
pub const NEAR: f32 = 0.80;
/// A load below which calls are let in again. The distance to [`NEAR`] is some hundred calls: the few that come when it opens do not close it.
pub const CLEAR: f32 = 0.70;
/// A load from which on nobody is moved here from another worker either, nor told `upptaget`: there is no room for anything more.
pub const BRIM: f32 = 0.90;
/// How long a load that rises is smoothed: a stall of the whole machine of 200 ms does not close a house that is half full.
const RISE: Duration = Duration::from_millis(250);
/// And one that falls: a pause is not the end of it.
const FALL: Duration = Duration::from_secs(1);
/// How long a leg that has come is expected beside the load: as long as that is smoothed, and half of the tenth of a second between two looks.
const EXPECTED: Duration = Duration::from_millis(300);
/// What a worker costs without regard to its legs: its wakes.
const BASE: f32 = 0.05;
/// How long a worker that is near its budget stays closed at least: those who were about to leave have left then.
const CLOSED: Duration = Duration::from_secs(2);
/// Loads that differ by less are the same to a new call; then the legs decide.
const STEP: f32 = 0.05;

/// One worker.
#[derive(Clone, Copy, Default, Debug)]
struct Worker {
    load: f32,
    /// Its legs, smoothed as the load is: those who made it.
    legs: f32,
    /// What will be load in a moment: legs that have just come, or begun to cost more.
    coming: f32,
    /// What its legs in the menu will cost more in their meetings. It is added to and taken from for years: an `f32` would drift.
    promised: f64,
    /// Near its budget since.
    closed: Option<Instant>,
}

/// All workers.
#[derive(Debug)]
pub(super) struct Overload {
    workers: Box<[Worker]>,
}

/// What a measurement changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// It lets nobody new in any more.
    Closes,
    /// It does again.
    Opens,
}

/// What a leg in the menu will cost more in its meeting: room that is kept for it. Given back by [`Overload::forget`] or [`Overload::enters`].
/// The default: none.
#[derive(Default, Debug)]
#[must_use = "room that is never given back is lost"]
pub(super) struct Promise(f64);

impl Overload {
    /// So many workers, without load.
    pub fn new(workers: usize) -> Self {
        Self { workers: vec![Worker::default(); workers].into_boxed_slice() }
    }

    /// In the time `over` something was due and not done for this `share` of it; there are so many `legs` now.
    pub fn measured(&mut self, now: Instant, worker: WorkerId, share: f32, over: Duration, legs: usize) -> Option<Change> {
        let worker = self.workers.get_mut(usize::from(worker.0))?;
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        let weight = weight(over, if share > worker.load { RISE } else { FALL });
        worker.load += (share - worker.load) * weight;
        worker.legs += (legs as f32 - worker.legs) * weight;
        worker.coming -= worker.coming * self::weight(over, EXPECTED);
        match worker.closed {
            None if worker.load >= NEAR => {
                worker.closed = Some(now);
                Some(Change::Closes)
            }
            Some(since) if worker.load < CLEAR && now.saturating_duration_since(since) >= CLOSED => {
                worker.closed = None;
                Some(Change::Opens)
            }
            _ => None,
        }
    }

    /// A leg has come to the menu of a worker, to enter a meeting there later.
    pub fn comes(&mut self, worker: WorkerId, cost: LegCost) -> Promise {
        self.expect(worker, cost.menu);
        let more = f64::from((cost.meeting - cost.menu).max(0.0));
        if let Some(worker) = self.workers.get_mut(usize::from(worker.0)) {
            worker.promised += more;
        }
        Promise(more)
    }

    /// A leg has come that stays where it is, or one will cost so much more from now on.
    pub fn expect(&mut self, worker: WorkerId, cost: f32) {
        if let Some(worker) = self.workers.get_mut(usize::from(worker.0)) {
            worker.coming += cost.max(worker.each());
        }
    }

    /// A leg leaves the menu of the worker `from` for a meeting on `to`.
    pub fn enters(&mut self, promise: Promise, cost: LegCost, (from, to): (WorkerId, WorkerId)) {
        let more = promise.0;
        self.forget(from, promise);
        match self.workers.get_mut(usize::from(to.0)) {
            // A share of time, of an `f32`.
            Some(worker) if from == to => worker.coming += more as f32,
            _ => self.expect(to, cost.meeting),
        }
    }

    /// A leg will not enter a meeting.
    pub fn forget(&mut self, worker: WorkerId, promise: Promise) {
        if let Some(worker) = self.workers.get_mut(usize::from(worker.0)) {
            // A sum of many small numbers may end a little below nothing.
            worker.promised = (worker.promised - promise.0).max(0.0);
        }
    }

    /// The smoothed load of a worker, 0 to 1.
    pub fn load(&self, worker: WorkerId) -> f32 {
        self.workers.get(usize::from(worker.0)).map_or(0.0, |worker| worker.load)
    }

    /// What its load will be when all who were let in have got where they are going; it may be above 1.
    pub fn outlook(&self, worker: WorkerId) -> f32 {
        self.workers.get(usize::from(worker.0)).map_or(0.0, Worker::outlook)
    }

    /// Whether it takes new calls.
    pub fn admits(&self, worker: WorkerId) -> bool {
        self.workers.get(usize::from(worker.0)).is_some_and(Worker::admits)
    }

    /// Whether it takes no leg at all any more, not even one that is in the house already.
    pub fn is_brimful(&self, worker: WorkerId) -> bool {
        self.workers.get(usize::from(worker.0)).is_some_and(|worker| worker.load + worker.coming >= BRIM)
    }

    /// Whether one more may hear `upptaget` there, without taking the room of those who are to enter.
    pub fn spares(&self, worker: WorkerId) -> bool {
        self.outlook(worker) < BRIM
    }

    /// Whether any of them takes new calls.
    pub fn any_admits(&self) -> bool {
        self.workers.iter().any(Worker::admits)
    }

    /// Whether all of them are without load, so that nothing needs to be measured.
    pub fn is_quiet(&self) -> bool {
        self.workers.iter().all(|worker| worker.closed.is_none() && worker.outlook() < STEP)
    }

    /// The worker for one leg more: one that admits, with the least outlook, and of those with about the same the one with the fewest `legs`.
    pub fn lightest(&self, legs: &[usize]) -> WorkerId {
        let place = self.workers.iter().zip(legs).enumerate().min_by_key(|(_, (worker, legs))| {
            // A share of time in steps: a small whole number.
            (!worker.admits(), (worker.outlook() / STEP) as u32, **legs)
        });
        WorkerId(place.and_then(|(place, _)| u16::try_from(place).ok()).unwrap_or(0))
    }
}

impl Worker {
    fn outlook(&self) -> f32 {
        // A few legs' worth is seen in an `f32`.
        self.load + self.coming + self.promised as f32
    }

    fn admits(&self) -> bool {
        self.closed.is_none() && self.outlook() < NEAR
    }

    /// What a leg of those it has costs. Where they cost more than they should, the next one is expected to as well.
    fn each(&self) -> f32 {
        (self.load - BASE).max(0.0) / self.legs.max(1.0)
    }
}

/// How much of a step is taken in a time, with a time constant.
fn weight(over: Duration, smooth: Duration) -> f32 {
    over.as_secs_f32() / (smooth + over).as_secs_f32()
}

#[cfg(test)]
#[path = "overload_tests.rs"]
mod tests;
