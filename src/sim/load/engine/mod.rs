//! The engine: one thread that drives all callers by absolute deadlines.
//!
//! It wakes every millisecond. Each caller has a phase of its own in the 20 ms, and on the wake nearest to it sends one packet and reads what has come,
//! without waiting: two system calls a caller and 20 ms. Sockets for sound are never polled, for then the bridge's every send would
//! pay for waking this thread. Nothing is allocated for sound; signalling, which is rare, allocates.
//!
//! - `course.rs`: filling, settling, the steady window, leaving
//! - `script.rs`: what each caller does next
//! - `signals.rs`: signalling in and out
//! - `sound.rs`: packets out and in

mod course;
mod script;
mod signals;
mod sound;

pub use course::{Plan, is_measured};

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::caller::{Caller, Stage};
use super::clock::{self, Clock, Wake};
use super::hearing::Heard;
use super::histogram::Histogram;
use super::marker::Code;
use super::progress::{Progress, Stretch};
use super::repertoire::Repertoire;
use super::settings::Settings;
use super::sockets::{self, Inbox, Pool};
use super::tape::Tape;
use super::wheel::Wheel;

/// Wakes in a packet's time.
pub const SLOTS: usize = 20;
/// Before ordinary threads, and after a bridge's own workers: where the two share a core, it is the generator that is late, which it notices and says.
const PRIORITY: i32 = 10;
/// A wall clock that moves by more than this against the steady one within a wake was set, nanoseconds.
const CLOCK_SET: u64 = 1_000_000;

/// Why a call failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Failure {
    /// The answer to INVITE.
    Refused(u16),
    /// None came.
    NoAnswer,
    /// Nobody listens at the address.
    NobodyThere,
    /// The answer names no codec or address that can be used.
    NoPath,
    /// The bridge hung up.
    HungUp,
    /// A key by INFO was refused, or (408) not answered.
    KeyRefused(u16),
    /// BYE was not answered in time.
    NoGoodbye,
}

/// A marker that left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marked {
    /// When the packet that holds its first sample was sent, nanoseconds of the wall clock.
    pub sent: u64,
    /// How far into the packet it begins, samples of 8 kHz.
    pub sample: u16,
    /// Which it is.
    pub code: Code,
}

/// What the generator says of itself, in the steady window.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// How much later than its caller's moment a packet was sent, nanoseconds; early is 0.
    pub lateness: Histogram,
    /// Packets left out because it came too late.
    pub skipped: u64,
    /// Packets sent.
    pub sent: u64,
    /// Packets held back by `--loss`.
    pub lost: u64,
    /// Sends that the system refused.
    pub refused: u64,
    /// Times the wall clock was set.
    pub clock_set: u64,
    /// Passing calls that were not made because no sockets were left.
    pub no_sockets: u64,
    /// Processor time, nanoseconds.
    pub spent: u64,
    /// Whether it ran before ordinary threads.
    pub first: bool,
}

/// What came of a run, undigested.
#[derive(Debug)]
pub struct Run {
    /// All who stay, in the order they dialled.
    pub callers: Vec<Caller>,
    /// What was kept for them, and then of passing calls.
    pub tapes: Vec<Tape>,
    /// Meetings of the passing calls' tapes, from the first tape after the callers' on.
    pub passing_tapes: Vec<u32>,
    /// Passing calls whose tapes had no room.
    pub passing_unkept: u64,
    /// Markers sent by each talker.
    pub marked: Vec<Vec<Marked>>,
    /// What was heard, in numbers.
    pub heard: Heard,
    /// INVITE to 200 of those who stay, nanoseconds.
    pub set_up: Histogram,
    /// The same of passing calls.
    pub passing_set_up: Histogram,
    /// Passing calls dialled, and gone again as they should.
    pub passing: (u64, u64),
    /// Failures of those who stay.
    pub failures: BTreeMap<Failure, u64>,
    /// Failures of passing calls.
    pub passing_failures: BTreeMap<Failure, u64>,
    /// Calls up when the window began and when it ended.
    pub up: (u64, u64),
    /// The window, wall clock.
    pub window: (u64, u64),
    /// The generator itself.
    pub own: Own,
    /// Somebody ended it early.
    pub stopped: bool,
}

/// Drives all callers.
pub struct Engine {
    settings: Settings,
    repertoire: Repertoire,
    progress: Arc<Progress>,
    random: StdRng,
    sip: UdpSocket,
    /// Taken out while it is read.
    sip_inbox: Option<Box<Inbox<8, 8_192>>>,
    rtp_inbox: Box<Inbox<4, 2_048>>,
    pool: Pool,
    wheel: Wheel,
    callers: Vec<Caller>,
    /// Places of passing calls that are free.
    free: Vec<u32>,
    slots: [Vec<u32>; SLOTS],
    by_call_id: HashMap<String, u32>,
    /// Heard only while this is set.
    counting: bool,
    course: course::Course,
    run: Run,
    /// The wall clock less the steady one, at the last wake.
    wall_ahead: u64,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("calls", &self.settings.calls).finish_non_exhaustive()
    }
}

impl Engine {
    /// Sockets and memory for the whole run. Errors: too few ports or open files, no route.
    pub fn new(settings: Settings, repertoire: Repertoire, progress: Arc<Progress>) -> io::Result<Self> {
        let mut random = StdRng::seed_from_u64(settings.seed);
        let sip = sockets::signalling(settings.server)?;
        let ip = sip.local_addr()?.ip();
        let places = settings.calls + settings.passing_at_once();
        let pool = Pool::open(ip, places, random.random())?;
        let plan = Plan::new(&settings);
        Ok(Self {
            wheel: Wheel::new(places, settings.jitter_ms),
            sip,
            sip_inbox: Some(Box::default()),
            rtp_inbox: Box::default(),
            pool,
            callers: Vec::with_capacity(places),
            free: Vec::with_capacity(places),
            slots: std::array::from_fn(|_| Vec::with_capacity(places)),
            by_call_id: HashMap::with_capacity(places),
            counting: false,
            course: course::Course::new(),
            run: plan.run(),
            wall_ahead: clock::wall().saturating_sub(clock::steady()),
            settings,
            repertoire,
            progress,
            random,
        })
    }

    /// The whole run, on the calling thread.
    pub fn run(mut self) -> Run {
        self.run.own.first = crate::run::schedule_first(PRIORITY).is_ok();
        // Without it, each sleep ends up to 50 µs late.
        let _ = nix::sys::prctl::set_timerslack(1);
        if let Some(cpu) = self.settings.cpu {
            let mut set = nix::sched::CpuSet::new();
            // The command line has checked the number; a core that is not ours is passed over.
            let _ = set.set(cpu).and_then(|()| nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set));
        }
        let mut clock = Clock::new();
        self.progress.set_stretch(Stretch::Filling);
        while self.progress.stretch() != Stretch::Over {
            let wake = clock.sleep();
            self.wake(wake);
        }
        self.run.callers = self.callers;
        self.run.callers.truncate(self.settings.calls);
        self.run
    }

    fn wake(&mut self, wake: Wake) {
        let now = clock::steady();
        self.compare_clocks(now);
        if wake.skipped > 0 {
            self.skip(wake);
        }
        self.read_signalling();
        self.proceed(now);
        self.send_delayed(wake);
        let slot = (wake.number % SLOTS as u64) as usize;
        let mut at = 0;
        while let Some(&caller) = self.slots[slot].get(at) {
            self.step(caller, now, wake.due);
            if self.callers[caller as usize].stage == Stage::Gone {
                self.slots[slot].swap_remove(at);
                self.forget(caller);
            } else {
                at += 1;
            }
        }
    }

    /// One caller's turn.
    fn step(&mut self, caller: u32, now: u64, due: u64) {
        self.script(caller, now);
        // As many packets come as go out, and the kernel has stamped them: one is read a turn, and what piled up every fourth turn. Looking each
        // time whether there is one more would cost as much again.
        let turn = self.course.wake / SLOTS as u64 + u64::from(caller);
        self.hear(caller, if turn.is_multiple_of(4) { sound::BATCH } else { 1 });
        self.send(caller, due);
    }

    /// Wakes that were missed: their callers' time goes on without packets.
    fn skip(&mut self, wake: Wake) {
        // Every slot has been missed if it is many.
        for number in wake.number.saturating_sub(wake.skipped.min(10_000))..wake.number {
            for &caller in &self.slots[(number % SLOTS as u64) as usize] {
                self.callers[caller as usize].stream.skip();
                self.run.own.skipped += u64::from(self.counting);
            }
        }
    }

    fn compare_clocks(&mut self, now: u64) {
        let ahead = clock::wall().saturating_sub(now);
        self.run.own.clock_set += u64::from(self.counting && ahead.abs_diff(self.wall_ahead) > CLOCK_SET);
        self.wall_ahead = ahead;
    }

    fn fail(&mut self, caller: u32, why: Failure) {
        let passes = self.callers[caller as usize].part == super::caller::Part::Passes;
        let table = if passes { &mut self.run.passing_failures } else { &mut self.run.failures };
        *table.entry(why).or_default() += 1;
        self.progress.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn instant() -> Instant {
        Instant::now()
    }
}
