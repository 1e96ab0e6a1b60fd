//! The course of a run: the house fills, settles, everything counts for a while, all leave.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::{Engine, Failure, Marked, Own, Run, Stretch};
use crate::sim::load::caller::{Part, Stage};
use crate::sim::load::clock;
use crate::sim::load::hearing::Heard;
use crate::sim::load::histogram::Histogram;
use crate::sim::load::settings::{ANSWER, GOODBYE, HANG_UPS, Settings};
use crate::sim::load::tape::Tape;

/// Packets of a caller that is only asked whether it got in: three seconds, in which a talker of ours sends two markers at least.
const EXCERPT: usize = 150;
/// Packets of a listener whose delay is measured, at most: two minutes.
const MEASURED: usize = 6_000;
/// Tapes for passing calls: so many are asked whether they got in.
const PASSING_TAPES: usize = 3_000;
/// Octets of a packet, on average: G.711 and G.722 have 160, Opus less.
const OCTETS: usize = 160;
/// Markers of a talker that are remembered: half an hour's.
const MARKED: usize = 2_600;
/// Calls dialled in one wake at most: what a stall kept back does not come all at once.
const DIALS: usize = 4;
/// The microphone is off from this part of the window on, and on again from that.
const MUTED: [f64; 2] = [0.3, 0.65];
const SECOND: u64 = 1_000_000_000;

/// Who plays which part.
#[derive(Debug)]
pub struct Plan {
    talkers: usize,
    tapes: Vec<Tape>,
    passing_tapes: usize,
}

impl Plan {
    /// With all its memory.
    pub fn new(settings: &Settings) -> Self {
        let calls = settings.calls;
        let long = MEASURED.min((settings.seconds as usize + 2) * 50);
        let mut tapes: Vec<Tape> = Vec::new();
        for call in 0..calls {
            tapes.push(Tape::new(if is_measured(settings, call) { long } else { EXCERPT.min(long) }, OCTETS));
        }
        let passing_tapes = PASSING_TAPES.min((settings.churn * settings.seconds as f64).ceil() as usize);
        let passing = EXCERPT.max((settings.passing.as_secs_f64() * 50.0) as usize).min(2 * EXCERPT);
        tapes.extend((0..passing_tapes).map(|_| Tape::new(passing, OCTETS)));
        Self { talkers: settings.meetings() * settings.talkers, tapes, passing_tapes }
    }

    /// A run in which nothing has happened.
    pub fn run(self) -> Run {
        Run {
            callers: Vec::new(),
            tapes: self.tapes,
            passing_tapes: Vec::with_capacity(self.passing_tapes),
            passing_unkept: 0,
            marked: (0..self.talkers).map(|_| Vec::<Marked>::with_capacity(MARKED)).collect(),
            heard: Heard::default(),
            set_up: Histogram::default(),
            passing_set_up: Histogram::default(),
            passing: (0, 0),
            failures: BTreeMap::new(),
            passing_failures: BTreeMap::new(),
            up: (0, 0),
            window: (0, 0),
            own: Own::default(),
            stopped: false,
        }
    }
}

/// The last of each meeting are measured: one of each, or two, as far as they go round.
pub fn is_measured(settings: &Settings, call: usize) -> bool {
    let (meetings, per) = (settings.meetings().max(1), settings.per_meeting.max(1));
    let (meeting, place) = (call / per, call % per);
    // The last meeting may be smaller.
    let size = per.min(settings.calls - meeting * per);
    let from_last = size - 1 - place;
    let each = settings.measured / meetings;
    let more = settings.measured % meetings;
    from_last < each + usize::from(meeting < more)
}

/// Where the run is, and what is due when. Times are on the steady clock.
#[derive(Debug)]
pub struct Course {
    /// Number of the wake.
    pub wake: u64,
    /// The kernel's stamp of the signalling that is being read.
    pub stamp: u64,
    /// Somebody said that nobody listens there.
    pub refused: bool,
    began: u64,
    dialled: usize,
    until: u64,
    passing: u64,
    hung_up: usize,
}

impl Course {
    /// At the start.
    pub fn new() -> Self {
        Self { wake: 0, stamp: 0, refused: false, began: 0, dialled: 0, until: 0, passing: 0, hung_up: 0 }
    }
}

impl Engine {
    /// What the whole house does now.
    pub(super) fn proceed(&mut self, now: u64) {
        if self.progress.is_stopped() && self.progress.stretch() < Stretch::Leaving {
            self.run.stopped = true;
            self.end_window(now);
        }
        match self.progress.stretch() {
            Stretch::Preparing | Stretch::Over => {}
            Stretch::Filling => self.fill(now),
            Stretch::Settling if now >= self.course.until => self.begin_window(now),
            Stretch::Settling => {}
            Stretch::Steady if now >= self.course.until => self.end_window(now),
            Stretch::Steady => self.let_pass(now),
            Stretch::Leaving => self.empty_house(now),
        }
    }

    fn fill(&mut self, now: u64) {
        if self.course.began == 0 {
            self.course.began = now;
        }
        let due = (now - self.course.began) as f64 / SECOND as f64 * self.settings.rate;
        let mut dials = 0;
        while self.course.dialled < self.settings.calls && self.course.dialled as f64 <= due && dials < DIALS {
            let call = self.course.dialled;
            let (meeting, place) = (call / self.settings.per_meeting, call % self.settings.per_meeting);
            let talks = place < self.settings.talkers;
            let part = if talks { Part::Talks((meeting * self.settings.talkers + place) as u32) } else { Part::Listens };
            // There is a pair for each.
            let _ = self.dial(part, meeting as u32, Some(call as u32));
            self.course.dialled += 1;
            dials += 1;
        }
        self.progress.dialled.store(self.course.dialled as u64, Ordering::Relaxed);
        // Looked at ten times a second: it is a walk over all.
        if self.course.dialled < self.settings.calls || !self.course.wake.is_multiple_of(100) {
            return;
        }
        let waiting = |stage: Stage| matches!(stage, Stage::Dialling(_) | Stage::Prompt(_) | Stage::Keying);
        if self.callers.iter().any(|caller| waiting(caller.stage)) {
            return;
        }
        if self.callers.iter().all(|caller| caller.stage != Stage::Inside) {
            // Nobody is in: there is nothing to measure.
            self.end_window(now);
            return;
        }
        self.course.until = now + self.settings.settle.as_nanos() as u64;
        self.progress.set_stretch(Stretch::Settling);
    }

    fn begin_window(&mut self, now: u64) {
        let seconds = self.settings.seconds;
        self.course.until = now + seconds * SECOND;
        for caller in &mut self.callers {
            caller.hearing.begin();
        }
        self.plan_mutes(now);
        self.run.own.spent = clock::spent();
        self.run.window.0 = clock::wall();
        self.run.up.0 = self.up();
        self.counting = true;
        self.progress.began.store(now, Ordering::Release);
        self.progress.set_stretch(Stretch::Steady);
    }

    /// The first talkers of meetings all over the house turn their microphones off and on.
    fn plan_mutes(&mut self, now: u64) {
        let (mutes, meetings) = (self.settings.mutes.min(self.settings.meetings()), self.settings.meetings());
        if mutes == 0 || self.settings.mute_keys.is_empty() {
            return;
        }
        let seconds = self.settings.seconds as f64;
        for n in 0..mutes {
            let call = n * meetings / mutes * self.settings.per_meeting;
            if let Some(caller) = self.callers.get_mut(call).filter(|caller| matches!(caller.part, Part::Talks(_))) {
                caller.mutes_at = Some(MUTED.map(|part| now + (part * seconds * SECOND as f64) as u64));
            }
        }
    }

    fn up(&self) -> u64 {
        self.callers.iter().filter(|caller| caller.is_up()).count() as u64
    }

    /// Calls that come and go.
    fn let_pass(&mut self, now: u64) {
        let since = now.saturating_sub(self.progress.began.load(Ordering::Relaxed)) as f64 / SECOND as f64;
        let due = (since * self.settings.churn) as u64;
        let mut dials = 0;
        while self.course.passing < due && dials < DIALS {
            let meeting = (self.course.passing % self.settings.meetings() as u64) as u32;
            let tape = self.settings.calls + self.run.passing_tapes.len();
            let tape = (tape < self.run.tapes.len()).then_some(tape as u32);
            if self.dial(Part::Passes, meeting, tape) {
                self.run.passing.0 += 1;
                match tape {
                    Some(_) => self.run.passing_tapes.push(meeting),
                    None => self.run.passing_unkept += 1,
                }
            } else {
                self.run.own.no_sockets += 1;
            }
            self.course.passing += 1;
            dials += 1;
        }
    }

    /// Nothing counts any longer, and all hang up.
    fn end_window(&mut self, now: u64) {
        if self.counting {
            for caller in 0..self.callers.len() as u32 {
                self.hear(caller, super::sound::BATCH);
            }
            self.counting = false;
            let wall = clock::wall();
            self.run.window.1 = wall;
            self.run.up.1 = self.up_of_those_who_stay();
            self.run.own.spent = clock::spent().saturating_sub(self.run.own.spent);
            for caller in self.callers.iter_mut().filter(|caller| caller.part != Part::Passes && caller.is_up()) {
                caller.hearing.end(wall, &mut self.run.heard);
            }
            self.progress.ended.store(now, Ordering::Release);
        }
        let count = self.callers.len() as u64;
        self.course.until = now + (GOODBYE + ANSWER).as_nanos() as u64 + count * SECOND / HANG_UPS;
        self.progress.set_stretch(Stretch::Leaving);
    }

    fn up_of_those_who_stay(&self) -> u64 {
        self.callers.iter().filter(|caller| caller.part != Part::Passes && caller.is_up()).count() as u64
    }

    fn empty_house(&mut self, now: u64) {
        // One a wake is a thousand a second.
        if self.course.hung_up < self.callers.len() {
            let at = self.course.hung_up as u32;
            self.course.hung_up += 1;
            self.hang_up(at);
            return;
        }
        if self.callers.iter().all(|caller| caller.stage == Stage::Gone) || now >= self.course.until {
            self.progress.set_stretch(Stretch::Over);
        }
    }
}

impl Failure {
    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Refused(status) => {
                let meaning = match status {
                    403 => " (not allowed)",
                    404 => " (no such number or meeting)",
                    480 | 486 | 600 => " (busy)",
                    488 => " (no common codec)",
                    503 => " (overloaded or stopping)",
                    _ => "",
                };
                format!("refused: {status}{meaning}")
            }
            Self::NoAnswer => "no answer to INVITE".to_owned(),
            Self::NobodyThere => "nobody listens there".to_owned(),
            Self::NoPath => "no usable codec or address in the answer".to_owned(),
            Self::HungUp => "the bridge hung up".to_owned(),
            Self::KeyRefused(status) => format!("a key by INFO was refused: {status}"),
            Self::NoGoodbye => "BYE was not answered".to_owned(),
        }
    }
}
