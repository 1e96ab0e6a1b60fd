//! Which workers take new calls: not those whose measured load is near what they can bear.
//!
//! The load of a worker is the share of time in which something was due and not done: from the instant a wake was due (or the one before it
//! was done) until it was done. That is the time spent in the tick, and besides it the time that the system let the worker wait; it is measured
//! in `run/` and never computed from a number of calls. It knows nothing of calls: it is fed with loads and says who admits.

use std::time::{Duration, Instant};

use crate::names::WorkerId;

/// A load from which on nobody new is let in. A wake may take 5 ms; turns are spread over wakes unevenly (a large meeting is one turn),
/// so the fifth that is left is what keeps the next wake in time.
pub const NEAR: f32 = 0.80;
/// A load below which calls are let in again. The distance to [`NEAR`] is some hundred calls: the few that come when it opens do not close it.
pub const CLEAR: f32 = 0.70;
/// A load from which on nobody is moved here from another worker either, nor told `upptaget`: there is no room for anything more.
pub const BRIM: f32 = 0.90;
/// How long a load that rises is smoothed: a stall of the whole machine of 200 ms does not close a house that is half full, and forty new calls a
/// second of the dearest kind (Opus in the menu, each with an encoder of its own: 0.7 % of a core) are seen before they are too many.
const RISE: Duration = Duration::from_millis(250);
/// And one that falls: a pause is not the end of it.
const FALL: Duration = Duration::from_secs(1);
/// What a worker costs without regard to its legs: its wakes.
const BASE: f32 = 0.05;
/// How long a worker that is near its budget stays closed at least: those who were about to leave have left then.
const CLOSED: Duration = Duration::from_secs(2);
/// Loads that differ by less are the same to a new call; then the legs decide.
const STEP: f32 = 0.05;

/// One worker.
#[derive(Clone, Copy, Debug)]
struct Worker {
    load: f32,
    /// Its legs, smoothed as the load is: those who made it.
    legs: f32,
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

impl Overload {
    /// So many workers, without load.
    pub fn new(workers: usize) -> Self {
        Self { workers: vec![Worker { load: 0.0, legs: 0.0, closed: None }; workers].into_boxed_slice() }
    }

    /// In the time `over` something was due and not done for this `share` of it; there are so many `legs` now.
    pub fn measured(&mut self, now: Instant, worker: WorkerId, share: f32, over: Duration, legs: usize) -> Option<Change> {
        let worker = self.workers.get_mut(usize::from(worker.0))?;
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        let smooth = if share > worker.load { RISE } else { FALL };
        let weight = over.as_secs_f32() / (smooth + over).as_secs_f32();
        worker.load += (share - worker.load) * weight;
        worker.legs += (legs as f32 - worker.legs) * weight;
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

    /// The smoothed load of a worker, 0 to 1.
    pub fn load(&self, worker: WorkerId) -> f32 {
        self.workers.get(usize::from(worker.0)).map_or(0.0, |worker| worker.load)
    }

    /// Whether it takes new calls, with so many `legs` now: those who have come since cost what the others were measured to.
    pub fn admits(&self, worker: WorkerId, legs: usize) -> bool {
        self.workers.get(usize::from(worker.0)).is_some_and(|worker| worker.admits(legs))
    }

    /// Whether it takes no leg at all any more.
    pub fn is_brimful(&self, worker: WorkerId) -> bool {
        self.load(worker) >= BRIM
    }

    /// Whether any of them takes new calls.
    pub fn any_admits(&self, legs: &[usize]) -> bool {
        self.workers.iter().zip(legs).any(|(worker, legs)| worker.admits(*legs))
    }

    /// Whether all of them are without load, so that nothing needs to be measured.
    pub fn is_quiet(&self) -> bool {
        self.workers.iter().all(|worker| worker.closed.is_none() && worker.load < STEP)
    }

    /// The worker for one leg more: one that admits, with the least load, and of those with about the same the one with the fewest `legs`.
    pub fn lightest(&self, legs: &[usize]) -> WorkerId {
        let place = self.workers.iter().zip(legs).enumerate().min_by_key(|(_, (worker, legs))| {
            // A share of time in steps: a small whole number.
            (!worker.admits(**legs), (worker.load / STEP) as u32, **legs)
        });
        WorkerId(place.and_then(|(place, _)| u16::try_from(place).ok()).unwrap_or(0))
    }
}

impl Worker {
    fn admits(&self, legs: usize) -> bool {
        let each = (self.load - BASE).max(0.0) / self.legs.max(1.0);
        self.closed.is_none() && self.load + each * (legs as f32 - self.legs).max(0.0) < NEAR
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_millis(100);
    const LEGS: usize = 100;

    /// Two workers and a clock.
    struct Bench {
        overload: Overload,
        now: Instant,
        changes: Vec<(u128, Change)>,
        start: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let now = Instant::now();
            Self { overload: Overload::new(2), now, changes: Vec::new(), start: now }
        }

        /// This load on the first worker for so many looks.
        fn run(&mut self, share: f32, looks: u32) {
            for _ in 0..looks {
                self.now += LOOK;
                let change = self.overload.measured(self.now, WorkerId(0), share, LOOK, LEGS);
                self.changes.extend(change.map(|change| ((self.now - self.start).as_millis(), change)));
            }
        }

        fn closed(&self) -> bool {
            !self.overload.admits(WorkerId(0), LEGS)
        }
    }

    #[test]
    fn a_worker_near_its_budget_closes_and_opens_again_when_the_load_has_gone() {
        let mut bench = Bench::new();
        bench.run(0.6, 100);
        assert!((bench.overload.load(WorkerId(0)) - 0.6).abs() < 0.01);
        bench.run(0.95, 30);
        assert!(bench.closed() && bench.overload.any_admits(&[LEGS, 0]), "the other one is free");
        assert_eq!(bench.overload.lightest(&[0, 500]), WorkerId(1));
        bench.run(0.3, 30);
        assert!(!bench.closed());
        let (closed, opened) = (bench.changes[0].0, bench.changes[1].0);
        assert!((10_000..11_500).contains(&closed) && (13_000..15_000).contains(&opened), "{:?}", bench.changes);
    }

    #[test]
    fn calls_that_are_not_measured_yet_count_as_those_before_them() {
        let mut bench = Bench::new();
        bench.run(0.45, 50);
        assert!(bench.overload.admits(WorkerId(0), 180), "100 legs cost 0.40, and 80 more 0.32");
        assert!(!bench.overload.admits(WorkerId(0), 200));
        assert_eq!(bench.changes, [], "it is not closed: it has room for them, one after the other");
        assert!(Bench::new().overload.admits(WorkerId(0), 5_000), "of a burst at the beginning nothing is known");
    }

    #[test]
    fn forty_dear_calls_a_second_are_stopped_before_they_are_too_many() {
        let mut bench = Bench::new();
        // Each costs 0.7 % of a core, from half a second after it came.
        let mut came = vec![0usize; 5];
        for _ in 0..100 {
            let legs = came[came.len() - 1];
            let worth = came[came.len() - 5] as f32 * 0.007;
            bench.now += LOOK;
            let _ = bench.overload.measured(bench.now, WorkerId(0), worth, LOOK, legs);
            came.push(legs + if bench.overload.admits(WorkerId(0), legs) { 4 } else { 0 });
        }
        let load = came[came.len() - 1] as f32 * 0.007;
        // What came in the last half second was not known yet; it still fits.
        assert!((0.7..1.0).contains(&load), "{load}");
    }

    #[test]
    fn a_load_that_hangs_about_the_limit_does_not_open_and_close() {
        let mut bench = Bench::new();
        for turn in 0..200 {
            bench.run(if turn % 2 == 0 { 0.86 } else { 0.76 }, 5);
        }
        assert_eq!(bench.changes.len(), 1, "{:?}", bench.changes);
        // Nor does one that falls and rises with those who come and go.
        let mut bench = Bench::new();
        let mut calls = 0.5;
        for _ in 0..1_000 {
            calls += if bench.closed() { -0.01 } else { 0.02 };
            bench.run(calls, 1);
        }
        let shortest = bench.changes.windows(2).map(|pair| pair[1].0 - pair[0].0).min().unwrap();
        assert!(shortest >= 1_000 && bench.changes.len() < 70, "{:?}", bench.changes);
    }

    #[test]
    fn a_short_stall_of_a_house_that_is_half_full_closes_nothing() {
        let mut bench = Bench::new();
        bench.run(0.5, 50);
        // A wake that is overdue counts while it is: 200 ms.
        bench.run(1.0, 2);
        bench.run(0.5, 50);
        assert_eq!(bench.changes, []);
        bench.run(1.0, 10);
        assert!(bench.closed(), "a whole second of it does");
        bench.run(0.5, 30);
        assert!(!bench.closed());
    }

    #[test]
    fn a_worker_that_closed_a_moment_ago_stays_closed_for_two_seconds() {
        let mut bench = Bench::new();
        bench.run(1.0, 8);
        bench.run(0.0, 14);
        assert!(bench.closed() && bench.overload.load(WorkerId(0)) < CLEAR);
        bench.run(0.0, 8);
        assert!(!bench.closed());
    }

    #[test]
    fn the_least_loaded_takes_the_next_call_and_among_equals_the_one_with_the_fewest_legs() {
        let mut bench = Bench::new();
        assert_eq!(bench.overload.lightest(&[3, 2]), WorkerId(1));
        assert_eq!(bench.overload.lightest(&[2, 2]), WorkerId(0));
        bench.run(0.4, 50);
        assert_eq!(bench.overload.lightest(&[1, 900]), WorkerId(1), "few legs of a dear codec are more than many of a cheap one");
        assert!(!bench.overload.is_quiet());
        bench.run(0.0, 50);
        assert!(bench.overload.is_quiet());
    }

    #[test]
    fn nonsense_is_taken_for_a_full_load_and_unknown_workers_for_none() {
        let mut bench = Bench::new();
        bench.run(f32::NAN, 100);
        assert!(bench.closed());
        assert_eq!(bench.overload.measured(bench.now, WorkerId(9), 1.0, LOOK, 1), None);
        assert!(!bench.overload.admits(WorkerId(9), 0) && bench.overload.load(WorkerId(9)) == 0.0);
        bench.run(-5.0, 100);
        assert_eq!(bench.overload.load(WorkerId(0)).round(), 0.0);
    }
}
