//! What the bridge shows of itself: written by the workers and the control task, read by anybody, at any time.
//!
//! A media worker only ever stores numbers here, each for itself and without a lock: four at each wake ([`WorkerDesk::woke`]), the rest once a
//! second. Whoever reads may see numbers of two neighbouring moments; each of them is right. The control task is in no such hurry and hands
//! its figures over under a lock.
#![allow(clippy::disallowed_methods, reason = "whether somebody has woken lately is asked of the clock")]

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::counters::Counters;
use crate::bridge::plane::WAKE;
use crate::bridge::{Admission, Burden, ControlFigures, Histogram, MediaFigures};

const US: u64 = 1_000;
const MS: u64 = 1_000 * US;
/// Bounds of the time a wake takes: a wake has 5 ms, then the next one is due.
pub const TICK: [u64; 14] =
    [20 * US, 50 * US, 100 * US, 250 * US, 500 * US, MS, 1_500 * US, 2 * MS, 3 * MS, 4 * MS, 5 * MS, 10 * MS, 20 * MS, u64::MAX];
/// Bounds of how late a wake comes: timers are late by some 50 µs, a callee hears from 20 ms on.
pub const LATENESS: [u64; 12] = [50 * US, 100 * US, 250 * US, 500 * US, MS, 2 * MS, 3 * MS, 5 * MS, 10 * MS, 20 * MS, 40 * MS, u64::MAX];

/// How often a worker publishes all it has.
const PUBLISH: Duration = Duration::from_secs(1);
/// A worker with legs that has not woken for so long does not wake any more: 600 wakes.
const UNWOKEN: Duration = Duration::from_secs(3);
/// A control task that has not turned for so long hangs; it turns at least once a second.
const UNTURNED: Duration = Duration::from_secs(5);

/// What one worker has done.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WorkerFigures {
    /// Its plane.
    pub media: MediaFigures,
    /// Wakes.
    pub wakes: u64,
    /// Wakes left out, because the one before them took too long or came too late.
    pub skipped: u64,
    /// How long each wake took.
    pub tick: Histogram<{ TICK.len() }>,
    /// How late each wake came.
    pub lateness: Histogram<{ LATENESS.len() }>,
}

impl WorkerFigures {
    fn visit(&mut self, see: &mut impl FnMut(&mut u64)) {
        self.media.visit(see);
        see(&mut self.wakes);
        see(&mut self.skipped);
        self.tick.visit(see);
        self.lateness.visit(see);
    }
}

/// What one worker shows.
#[derive(Debug)]
struct WorkerBoard {
    /// All of [`WorkerFigures`].
    cells: Box<[AtomicU64]>,
    /// Legs now.
    legs: AtomicU64,
    /// When the last wake was done, nanoseconds since the board was made.
    woke: AtomicU64,
    /// All time in which something was due and not done, nanoseconds.
    behind: AtomicU64,
    alive: AtomicBool,
    /// Its [`Burden`], numbers as the bits of an `f32`.
    load: AtomicU32,
    outlook: AtomicU32,
    admits: AtomicBool,
}

/// What all show.
#[derive(Debug)]
pub struct Board {
    epoch: Instant,
    started: SystemTime,
    workers: Box<[WorkerBoard]>,
    counters: Arc<Counters>,
    control: Mutex<ControlFigures>,
    /// When the control task turned last, nanoseconds since the board was made.
    turned: AtomicU64,
}

/// What is wrong with the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ailment {
    /// This worker's thread has ended.
    Dead(usize),
    /// This worker has legs and does not wake.
    Unwoken(usize),
    /// The control task hangs.
    Unturned,
}

impl Board {
    /// For so many workers.
    pub fn new(workers: usize, counters: Arc<Counters>) -> Arc<Self> {
        let mut cells = 0;
        WorkerFigures::default().visit(&mut |_| cells += 1);
        let worker = || WorkerBoard {
            cells: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            legs: AtomicU64::new(0),
            woke: AtomicU64::new(0),
            behind: AtomicU64::new(0),
            load: AtomicU32::new(0),
            outlook: AtomicU32::new(0),
            admits: AtomicBool::new(true),
            alive: AtomicBool::new(true),
        };
        Arc::new(Self {
            epoch: Instant::now(),
            started: SystemTime::now(),
            workers: (0..workers).map(|_| worker()).collect(),
            counters,
            control: Mutex::new(ControlFigures::NONE),
            turned: AtomicU64::new(0),
        })
    }

    /// When it was made.
    pub fn started(&self) -> SystemTime {
        self.started
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// What a worker has done, as of a second ago at most.
    pub fn worker(&self, worker: usize) -> WorkerFigures {
        let mut figures = WorkerFigures::default();
        if let Some(board) = self.workers.get(worker) {
            let mut cells = board.cells.iter();
            figures.visit(&mut |number| {
                if let Some(cell) = cells.next() {
                    *number = cell.load(Ordering::Relaxed);
                }
            });
        }
        figures
    }

    /// Whether a worker's thread is there.
    pub fn is_alive(&self, worker: usize) -> bool {
        self.workers.get(worker).is_some_and(|board| board.alive.load(Ordering::Relaxed))
    }

    /// All time up to `now` in which a worker had something due and not done. A wake that is overdue counts already: whoever hangs is loaded.
    pub fn behind(&self, worker: usize, now: Instant) -> Duration {
        let Some(board) = self.workers.get(worker) else { return Duration::ZERO };
        // Legs are read before the wake, and written after it: one that has just come is not taken to have waited since the last one went.
        let legs = board.legs.load(Ordering::Acquire);
        let done = Duration::from_nanos(board.behind.load(Ordering::Relaxed));
        let since = self.nanoseconds(now).saturating_sub(board.woke.load(Ordering::Relaxed));
        let overdue = if legs > 0 { Duration::from_nanos(since).saturating_sub(WAKE) } else { Duration::ZERO };
        done + overdue
    }

    /// How loaded a worker is.
    pub fn burden(&self, worker: usize) -> Burden {
        self.workers.get(worker).map_or(Burden { load: 0.0, outlook: 0.0, admits: false }, |board| Burden {
            load: f32::from_bits(board.load.load(Ordering::Relaxed)),
            outlook: f32::from_bits(board.outlook.load(Ordering::Relaxed)),
            admits: board.admits.load(Ordering::Relaxed),
        })
    }

    /// The control plane has judged a worker.
    pub fn judge(&self, worker: usize, burden: Burden) {
        if let Some(board) = self.workers.get(worker) {
            board.load.store(burden.load.to_bits(), Ordering::Relaxed);
            board.outlook.store(burden.outlook.to_bits(), Ordering::Relaxed);
            board.admits.store(burden.admits, Ordering::Relaxed);
        }
    }

    /// What went wrong or was turned away.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the control plane has counted, as of a second ago at most.
    pub fn control(&self) -> ControlFigures {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The control task turns.
    pub fn turn(&self, figures: &ControlFigures) {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = *figures;
        self.turned.store(self.nanoseconds(Instant::now()), Ordering::Relaxed);
    }

    /// Whether new calls are let in.
    pub fn admission(&self) -> Admission {
        self.control().admission
    }

    /// What is wrong, if anything is.
    pub fn ailment(&self) -> Option<Ailment> {
        let now = self.nanoseconds(Instant::now());
        let since = |then: &AtomicU64| Duration::from_nanos(now.saturating_sub(then.load(Ordering::Relaxed)));
        for (worker, board) in self.workers.iter().enumerate() {
            if !board.alive.load(Ordering::Relaxed) {
                return Some(Ailment::Dead(worker));
            }
            // Legs are read before the wake, and written after it.
            if board.legs.load(Ordering::Acquire) > 0 && since(&board.woke) > UNWOKEN {
                return Some(Ailment::Unwoken(worker));
            }
        }
        (since(&self.turned) > UNTURNED).then_some(Ailment::Unturned)
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        // 584 years fit.
        now.saturating_duration_since(self.epoch).as_nanos() as u64
    }
}

/// A worker's own place at the board. When it is dropped, the worker is gone.
#[derive(Debug)]
pub struct WorkerDesk {
    board: Arc<Board>,
    worker: usize,
    figures: WorkerFigures,
    publish: Instant,
    /// When the last wake was done.
    done: Instant,
    behind: Duration,
}

impl WorkerDesk {
    /// Of this worker.
    pub fn new(board: Arc<Board>, worker: usize) -> Self {
        let epoch = board.epoch;
        Self { publish: epoch, done: epoch, behind: Duration::ZERO, board, worker, figures: WorkerFigures::default() }
    }

    /// A wake that was due at `due`, began at `began` and is done at `done`, after `skipped` that were left out. `plane` is asked for its
    /// figures once a second.
    pub fn woke<'a>(
        &mut self,
        (due, began, done): (Instant, Instant, Instant),
        skipped: u64,
        legs: usize,
        plane: impl FnOnce() -> &'a MediaFigures,
    ) {
        let span = |from: Instant, to: Instant| to.saturating_duration_since(from).as_nanos() as u64;
        self.figures.wakes += 1;
        self.figures.skipped += skipped;
        self.figures.tick.note(&TICK, span(began, done));
        self.figures.lateness.note(&LATENESS, span(due, began));
        let Some(board) = self.board.workers.get(self.worker) else { return };
        // What the last wake took is counted there, though it made this one late.
        self.behind += done.saturating_duration_since(due.max(self.done));
        self.done = done;
        board.behind.store(self.behind.as_nanos() as u64, Ordering::Relaxed);
        board.woke.store(self.board.nanoseconds(done), Ordering::Relaxed);
        board.legs.store(legs as u64, Ordering::Release);
        if done >= self.publish {
            self.publish = done + PUBLISH;
            self.publish(plane());
        }
    }

    /// The worker rests: nothing of it moves until its next wake.
    pub fn rests(&mut self, plane: &MediaFigures) {
        if let Some(board) = self.board.workers.get(self.worker) {
            board.legs.store(0, Ordering::Release);
        }
        self.publish(plane);
    }

    fn publish(&mut self, plane: &MediaFigures) {
        self.figures.media = *plane;
        let Some(board) = self.board.workers.get(self.worker) else { return };
        let mut cells = board.cells.iter();
        self.figures.visit(&mut |number| {
            if let Some(cell) = cells.next() {
                cell.store(*number, Ordering::Relaxed);
            }
        });
    }
}

impl Drop for WorkerDesk {
    fn drop(&mut self) {
        if let Some(board) = self.board.workers.get(self.worker) {
            board.alive.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_has_done_is_seen_whole_after_a_second_and_when_it_rests() {
        let board = Board::new(2, Arc::default());
        let mut desk = WorkerDesk::new(board.clone(), 1);
        let start = board.epoch;
        let at = |us| start + Duration::from_micros(us);
        let plane = MediaFigures { received: 7, turns_missed: 3, ..MediaFigures::default() };
        desk.woke((at(0), at(60), at(360)), 0, 4, || &plane);
        let first = board.worker(1);
        assert_eq!((first.wakes, first.media.received, first.media.turns_missed), (1, 7, 3));
        assert_eq!((first.tick.sum, first.tick.count(), first.tick.counts[4]), (300_000, 1, 1));
        assert_eq!((first.lateness.sum, first.lateness.counts[1]), (60_000, 1));
        desk.woke((at(5_000), at(25_000), at(25_100)), 4, 4, || panic!("asked again within a second"));
        assert_eq!(board.worker(1), first, "not yet");
        desk.rests(&MediaFigures { received: 9, ..plane });
        let last = board.worker(1);
        assert_eq!((last.wakes, last.skipped, last.media.received, last.lateness.counts[9]), (2, 4, 9, 1));
        assert_eq!(board.worker(0), WorkerFigures::default(), "each for itself");
    }

    #[test]
    fn a_worker_is_behind_from_when_a_wake_is_due_until_it_is_done_and_no_time_counts_twice() {
        let board = Board::new(1, Arc::default());
        let mut desk = WorkerDesk::new(board.clone(), 0);
        let plane = MediaFigures::default();
        let at = |ms: u64| board.epoch + Duration::from_millis(ms);
        let ms = Duration::from_millis;
        desk.woke((at(5), at(6), at(13)), 0, 1, || &plane);
        assert_eq!(board.behind(0, at(13)), ms(8));
        // The next wake was due meanwhile.
        desk.woke((at(10), at(13), at(14)), 0, 1, || &plane);
        assert_eq!(board.behind(0, at(19)), ms(9), "and none is due before 19");
        assert_eq!(board.behind(0, at(500)), ms(490), "one that hangs is behind");
        desk.rests(&plane);
        assert_eq!(board.behind(0, at(500)), ms(9), "one that rests is not");
        assert_eq!(board.behind(7, at(500)), ms(0));
        let near = Burden { load: 0.5, outlook: 0.9, admits: false };
        board.judge(0, near);
        assert_eq!((board.burden(0), board.burden(9).admits), (near, false));
    }

    #[test]
    fn a_worker_that_is_gone_or_does_not_wake_is_an_ailment_and_one_that_rests_is_none() {
        let board = Board::new(1, Arc::default());
        assert_eq!(board.ailment(), None);
        let mut desk = WorkerDesk::new(board.clone(), 0);
        let plane = MediaFigures::default();
        let now = Instant::now();
        desk.woke((now, now, now), 0, 1, || &plane);
        assert_eq!(board.ailment(), None);
        // As if it had been long ago.
        let mut board = board;
        drop(desk);
        let old = Arc::get_mut(&mut board).unwrap();
        old.workers[0].alive = AtomicBool::new(true);
        old.epoch = now - Duration::from_secs(4);
        assert_eq!(board.ailment(), Some(Ailment::Unwoken(0)));
        let mut desk = WorkerDesk::new(board.clone(), 0);
        desk.rests(&plane);
        assert_eq!(board.ailment(), None, "nobody is there to be heard");
        drop(desk);
        assert_eq!(board.ailment(), Some(Ailment::Dead(0)));
    }

    #[test]
    fn a_control_task_that_hangs_is_an_ailment() {
        let mut board = Board::new(0, Arc::default());
        Arc::get_mut(&mut board).unwrap().epoch -= Duration::from_secs(6);
        assert_eq!(board.ailment(), Some(Ailment::Unturned));
        board.turn(&ControlFigures::NONE);
        assert_eq!(board.ailment(), None);
    }
}
