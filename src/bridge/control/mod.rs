//! The control plane: signalling, calls, meetings and their place among the media workers. One value, one owner.
//!
//! It decides and never waits: what it wants done comes out of `poll_output`, what came of it goes in again.
//! It knows no sockets, threads or clocks (`run/` has those) and touches no sound (that is the media plane's).
//!
//! - `mod.rs`: inputs in, outputs out, time.
//! - `signalling.rs`: from INVITE to a live call, new offers.
//! - `calls.rs`: what a live call wants done; entering a meeting, moving to its worker; the one teardown.

mod calls;
mod figures;
mod overload;
mod session;
mod signalling;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tracing::{info, warn};

pub use self::figures::{Admission, Burden, ControlFigures, SipFigures};
use self::overload::{Change, Overload};
use self::session::{Ending, KeyPath, Session};
use super::{ControlInput, ControlOutput, ControlSettings, MediaEvent};
use crate::call::Input;
use crate::meeting::{Directory, Meeting};
use crate::names::{CallHandle, LegId, MeetingKey, WorkerId};
use crate::sip::{Agent, AgentEvent, Schedule, SipKey};

/// How long `Stop` waits for BYEs to be answered. A process manager and an operator wait 3 s; the rest is for the sockets.
const STOPPING: Duration = Duration::from_millis(2_000);

/// Everything that decides. Mutate with `handle_input`, then drain `poll_output`.
#[derive(Debug)]
pub struct ControlPlane {
    settings: ControlSettings,
    agent: Agent,
    directory: Directory,
    /// By [`MeetingKey`].
    rooms: Vec<Room>,
    sessions: HashMap<SipKey, Session>,
    by_leg: HashMap<LegId, SipKey>,
    /// Legs whose call is over and whose worker has not given them up yet.
    closing: HashMap<LegId, Closing>,
    /// Legs on each worker, by [`WorkerId`].
    legs: Vec<usize>,
    overload: Overload,
    /// Calls that are not only told that the house is full.
    admitted: usize,
    alarms: Schedule<SipKey>,
    figures: ControlFigures,
    /// What happened to other calls while one was dealt with.
    aside: VecDeque<(SipKey, Input)>,
    random: StdRng,
    next_leg: u64,
    stop: Stop,
    outputs: VecDeque<ControlOutput>,
}

/// A meeting, and where it is mixed while somebody is in it.
#[derive(Debug)]
struct Room {
    meeting: Meeting,
    worker: Option<WorkerId>,
}

/// A leg that outlives its call for a moment.
#[derive(Clone, Copy, Debug)]
struct Closing {
    handle: CallHandle,
    worker: WorkerId,
    /// It is still on its way there: it can be removed when it has come.
    moving: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    Not,
    Until(Instant),
    Done,
}

impl ControlPlane {
    /// `seed` feeds tags, SSRCs and handles; it must be unpredictable. Of meetings with the same name or ID the first counts
    /// (the configuration refuses such a pair).
    pub fn new(settings: ControlSettings, seed: [u8; 32]) -> Self {
        let mut random = StdRng::from_seed(seed);
        let mut directory = Directory::new(random.random());
        let mut rooms = Vec::new();
        for (meeting, key) in settings.meetings.iter().zip((0..).map(MeetingKey)) {
            if !directory.insert(key, &meeting.name, meeting.id) {
                warn!(meeting = key.0, "nobody can enter: its name or ID is taken, or there are too many meetings");
            }
            rooms.push(Room { meeting: Meeting::new(key), worker: None });
        }
        Self {
            agent: Agent::new(settings.agent.clone(), random.random()),
            directory,
            rooms,
            sessions: HashMap::new(),
            by_leg: HashMap::new(),
            closing: HashMap::new(),
            legs: vec![0; usize::from(settings.workers.max(1))],
            overload: Overload::new(usize::from(settings.workers.max(1))),
            admitted: 0,
            alarms: Schedule::default(),
            figures: ControlFigures::NONE,
            aside: VecDeque::new(),
            random,
            next_leg: 1,
            stop: Stop::Not,
            outputs: VecDeque::new(),
            settings,
        }
    }

    /// Something happened.
    pub fn handle_input(&mut self, now: Instant, input: ControlInput) {
        match input {
            ControlInput::Datagram(flow, datagram) => {
                self.figures.came.count(&datagram);
                self.agent.handle_datagram(now, flow, datagram);
            }
            ControlInput::Message(flow, message) => {
                self.figures.came.count_message(&message);
                self.agent.handle_message(now, flow, *message);
            }
            ControlInput::FlowClosed(flow) => self.agent.handle_flow_closed(now, flow),
            ControlInput::PortOpened(leg, address) => self.port_opened(now, leg, address),
            ControlInput::PortFailed(leg) => self.port_failed(now, leg),
            ControlInput::Media(_, event) => self.media_event(now, event),
            ControlInput::LegMoved(leg) => self.leg_moved(now, leg),
            ControlInput::LegRemoved(leg, report) => {
                if let Some(closing) = self.closing.remove(&leg) {
                    self.unload(closing.worker);
                    info!(
                        call = %closing.handle,
                        received = report.received,
                        lost = report.lost,
                        late = report.late,
                        refused = report.refused,
                        sent = report.sent,
                        jitter_us = report.jitter_us,
                        most_delay_ms = report.playout.most_delay / 8,
                        concealed_ms = report.playout.concealed / 8,
                        shed_ms = report.playout.shed / 8,
                        stretched_ms = report.playout.stretched / 8,
                        gaps = report.playout.gaps,
                        "sound closed"
                    );
                }
            }
            ControlInput::LegRefused(leg) => self.leg_refused(now, leg),
            ControlInput::Load { worker, share, over } => self.measured(now, worker, share, over),
            ControlInput::Timeout => self.timeout(now),
            ControlInput::Stop => self.begin_stop(now),
        }
        self.settle(now);
    }

    /// What to do next; `None` when nothing is left.
    pub fn poll_output(&mut self) -> Option<ControlOutput> {
        self.outputs.pop_front()
    }

    /// After a rush: give up the room of calls that are over.
    pub fn tidy(&mut self) {
        self.agent.tidy();
        self.alarms.tidy();
        self.sessions.shrink_to(2 * self.sessions.len());
        self.by_leg.shrink_to(2 * self.by_leg.len());
        self.closing.shrink_to(2 * self.closing.len());
        self.aside.shrink_to(2 * self.aside.len());
        self.outputs.shrink_to(2 * self.outputs.len());
    }

    /// When to feed [`ControlInput::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let stop = match self.stop {
            Stop::Until(at) => Some(at),
            _ => None,
        };
        [self.agent.poll_timeout(), self.alarms.next(), stop].into_iter().flatten().min()
    }

    /// Calls now.
    pub fn calls(&self) -> usize {
        self.sessions.len()
    }

    /// Whether new calls are let in.
    pub fn admission(&self) -> Admission {
        if self.stop != Stop::Not {
            Admission::Stopping
        } else if self.admitted >= self.settings.max_calls {
            Admission::Full
        } else if !self.overload.any_admits() {
            Admission::Overloaded
        } else {
            Admission::Open
        }
    }

    /// How loaded a worker is.
    pub fn burden(&self, worker: WorkerId) -> Burden {
        Burden { load: self.overload.load(worker), outlook: self.overload.outlook(worker), admits: self.overload.admits(worker) }
    }

    /// Whether [`ControlInput::Load`] is wanted: somebody is there, or was a moment ago.
    pub fn wants_loads(&self) -> bool {
        !self.sessions.is_empty() || !self.overload.is_quiet()
    }

    /// What it has counted, and how things stand now. Looks at every call: to be asked once a second or so.
    pub fn figures(&mut self) -> &ControlFigures {
        self.figures.admission = self.admission();
        self.figures.most_calls = self.settings.max_calls as u64;
        self.figures.participants = self.participants() as u64;
        self.figures.look(self.sessions.values());
        &self.figures
    }

    /// Participants of all meetings now.
    pub fn participants(&self) -> usize {
        self.rooms.iter().map(|room| room.meeting.participants()).sum()
    }

    /// Take up what one input set off, until all is quiet.
    fn settle(&mut self, now: Instant) {
        loop {
            if let Some(event) = self.agent.poll_event() {
                self.agent_event(now, event);
            } else if let Some((key, input)) = self.aside.pop_front() {
                self.drive(now, key, input);
            } else {
                break;
            }
        }
        while let Some(transmit) = self.agent.poll_transmit() {
            self.figures.sent.count(&transmit.bytes);
            self.outputs.push_back(ControlOutput::Transmit(transmit));
        }
        if let Stop::Until(at) = self.stop {
            let quiet = self.sessions.is_empty() && self.closing.is_empty() && self.agent.is_idle();
            if quiet || now >= at {
                self.stop = Stop::Done;
                self.outputs.push_back(ControlOutput::Stopped);
            }
        }
    }

    fn agent_event(&mut self, now: Instant, event: AgentEvent) {
        match event {
            AgentEvent::Invite(invite) => self.invite(now, *invite),
            AgentEvent::Acked { key, answer } => self.acked(now, key, answer),
            AgentEvent::Offer { key, sdp } => self.offer(now, key, sdp),
            AgentEvent::Key { key, pressed } => self.key(now, key, KeyPath::Info, pressed),
            AgentEvent::Ended { key, why } => self.end(now, key, Ending::Signalling(why)),
        }
    }

    fn media_event(&mut self, now: Instant, event: MediaEvent) {
        // An event of a leg whose call is over may still be on its way.
        let (MediaEvent::FirstPacket(leg) | MediaEvent::Key(leg, _) | MediaEvent::Said(leg, _) | MediaEvent::Dead(leg)) = event;
        let Some(&key) = self.by_leg.get(&leg) else { return };
        match event {
            MediaEvent::FirstPacket(_) => self.drive(now, key, Input::FirstPacket),
            MediaEvent::Key(_, pressed) => self.key(now, key, KeyPath::Media, pressed),
            MediaEvent::Said(_, token) => self.said(now, key, token),
            MediaEvent::Dead(_) => self.end(now, key, Ending::DeadMedia),
        }
    }

    fn measured(&mut self, now: Instant, worker: WorkerId, share: f32, over: Duration) {
        let legs = self.legs.get(usize::from(worker.0)).copied().unwrap_or(0);
        match self.overload.measured(now, worker, share, over, legs) {
            Some(Change::Closes) => warn!(worker = worker.0, "near its budget: takes no new calls"),
            Some(Change::Opens) => info!(worker = worker.0, "takes new calls again"),
            None => {}
        }
    }

    fn timeout(&mut self, now: Instant) {
        if self.agent.poll_timeout().is_some_and(|at| at <= now) {
            self.agent.handle_timeout(now);
        }
        while let Some(key) = self.alarms.pop_due(now) {
            self.wake(now, key);
        }
    }

    fn begin_stop(&mut self, now: Instant) {
        if self.stop != Stop::Not {
            return;
        }
        info!(calls = self.sessions.len(), "stopping: saying goodbye to everybody");
        self.stop = Stop::Until(now + STOPPING);
        let mut keys: Vec<SipKey> = self.sessions.keys().copied().collect();
        // A map's order is not repeatable, and tests repeat.
        keys.sort_unstable();
        for key in keys {
            self.end(now, key, Ending::Stop);
        }
    }
}
