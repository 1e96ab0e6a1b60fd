//! The one task that owns the control plane: brings it what happens, does what it asks for.
#![allow(clippy::disallowed_methods, reason = "the control clock and its randomness live here")]

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::eventfd::EventFd;
use rand::Rng;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tracing::{error, info, warn};

use super::board::Board;
use super::counters::Counters;
use super::link::{ControlEnd, Given, Order, Report};
use super::port::LegPort;
use super::ports::{PortError, PortPool};
use super::prompts::Watcher;
use super::signals::{Signal, Signals};
use super::sys;
use super::transport::{Inbound, Outbound};
use crate::bridge::{ControlInput, ControlOutput, ControlPlane};
use crate::media::prompt::Shelf;
use crate::media::{Leg, PromptSet};
use crate::names::{LegId, WorkerId};

/// Messages handled before timers and workers are looked at again: a few milliseconds of work.
const IN_A_ROW: usize = 64;
/// The plane says goodbye within 2 s; if it has not, we go without. A process manager waits 3 s.
const STOPPING: Duration = Duration::from_millis(2_500);
/// How often counters are told.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// How often it is seen whether many calls have gone, whose memory the system may have back.
const TRIM_EVERY: Duration = Duration::from_secs(10);
/// Calls fewer than at the last look, beside a fifth of them, for which that is worth while: half a megabyte.
const TRIM_LEAST: usize = 8;
/// Looks for which it is done again: transactions are kept for 32 s after the last call (RFC 3261 §17.2).
const TRIM_AGAIN: u8 = 4;
/// How often what was counted is shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// How often loads are measured while there are calls. At 200 new calls a second 20 come between two looks: half a hundredth of a core.
const MEASURE_EVERY: Duration = Duration::from_millis(100);
/// How soon orders that did not fit a worker's ring are tried again: its next wake.
const AGAIN: Duration = Duration::from_millis(5);

/// What the task works with.
#[derive(Debug)]
pub struct ControlTask {
    plane: ControlPlane,
    outbound: Outbound,
    pool: PortPool,
    /// Bound for legs that are not made yet.
    opened: HashMap<LegId, LegPort>,
    links: Vec<ControlEnd>,
    inputs: VecDeque<ControlInput>,
    shelf: Shelf,
    counters: Arc<Counters>,
    board: Arc<Board>,
    /// When loads were measured last, and how long each worker had been behind then.
    measured: (Instant, Vec<Duration>),
    /// Most calls since the last look at the memory, and how many more looks give back what there is.
    peak: (usize, u8),
    stop_by: Option<Instant>,
    stopped: bool,
    /// A worker has died.
    broken: bool,
}

/// Where things come from.
#[derive(Debug)]
pub struct Sources {
    /// Signalling.
    pub inbound: mpsc::Receiver<Inbound>,
    /// Set when a worker has reports.
    pub told: Arc<EventFd>,
    /// Prompt sets that have passed their check.
    pub prompts: mpsc::Receiver<Arc<PromptSet>>,
    /// Whom to ask to look at the prompts again, where there is a folder to look at.
    pub watcher: Option<Watcher>,
    /// From the operator.
    pub signals: Signals,
}

/// Why the bridge ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// A signal asked for it.
    Asked,
    /// A media worker died: a fault of ours.
    Broken,
}

impl ControlTask {
    /// `links` in the order of the workers' ids, all speaking from `prompts`.
    pub fn new(
        plane: ControlPlane,
        outbound: Outbound,
        pool: PortPool,
        links: Vec<ControlEnd>,
        prompts: &Arc<PromptSet>,
        counters: Arc<Counters>,
        board: Arc<Board>,
    ) -> Self {
        let mut shelf = Shelf::default();
        shelf.keep(prompts);
        Self {
            plane,
            outbound,
            pool,
            opened: HashMap::new(),
            links,
            inputs: VecDeque::new(),
            shelf,
            counters,
            measured: (Instant::now(), vec![Duration::ZERO; board.workers()]),
            board,
            peak: (0, 0),
            stop_by: None,
            stopped: false,
            broken: false,
        }
    }

    /// Until a signal asks for the end and everybody has been told goodbye.
    pub async fn run(mut self, sources: Sources) -> io::Result<Ended> {
        let Sources { mut inbound, told, mut prompts, watcher, mut signals } = sources;
        let told = sys::Watched::new(told)?;
        let mut telling = interval(TELL_EVERY);
        telling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut showing = interval(SHOW_EVERY);
        showing.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut measuring = interval(MEASURE_EVERY);
        measuring.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut trimming = interval(TRIM_EVERY);
        trimming.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.stopped {
            tokio::select! {
                biased;
                signal = signals.next() => self.signal(signal, watcher.as_ref()),
                outcome = told.set() => {
                    outcome?;
                    self.reports();
                }
                () = sleep_until(self.deadline().into()) => self.timeout(),
                // Before the calls: under a flood of them it is most wanted.
                _ = measuring.tick(), if self.plane.wants_loads() => self.measure(),
                _ = showing.tick() => self.show(),
                Some(set) = prompts.recv() => self.new_prompts(set),
                Some(first) = inbound.recv() => {
                    self.inbound(first);
                    for _ in 1..IN_A_ROW {
                        let Ok(next) = inbound.try_recv() else { break };
                        self.inbound(next);
                    }
                }
                _ = telling.tick() => self.tell(),
                _ = trimming.tick() => self.trim(),
            }
            self.settle();
        }
        self.tell();
        for link in &mut self.links {
            link.send(Order::Stop);
            link.flush();
        }
        Ok(if self.broken { Ended::Broken } else { Ended::Asked })
    }

    fn deadline(&self) -> Instant {
        let again = self.links.iter().any(ControlEnd::waits).then(|| Instant::now() + AGAIN);
        // Nothing to wait for: an hour is as good as never.
        [self.plane.poll_timeout(), self.stop_by, again]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    fn timeout(&mut self) {
        let now = Instant::now();
        if self.plane.poll_timeout().is_some_and(|at| at <= now) {
            self.inputs.push_back(ControlInput::Timeout);
        }
        if self.stop_by.is_some_and(|at| at <= now) {
            warn!("not everybody could be told goodbye in time");
            self.stopped = true;
        }
    }

    fn measure(&mut self) {
        let now = Instant::now();
        let over = now.saturating_duration_since(std::mem::replace(&mut self.measured.0, now));
        if over.is_zero() {
            return;
        }
        for (index, before) in self.measured.1.iter_mut().enumerate() {
            let Ok(worker) = u16::try_from(index).map(WorkerId) else { return };
            let behind = self.board.behind(index, now);
            // An overdue wake is estimated, and what it was is known later: time does not go back.
            let share = behind.saturating_sub(*before).as_secs_f32() / over.as_secs_f32();
            *before = behind.max(*before);
            self.plane.handle_input(now, ControlInput::Load { worker, share, over });
            self.board.judge(index, self.plane.burden(worker));
        }
    }

    fn show(&mut self) {
        self.peak.0 = self.peak.0.max(self.plane.calls());
        self.board.turn(self.plane.figures());
    }

    /// After a rush, and for a while: what belongs to calls is not freed all at once.
    fn trim(&mut self) {
        let calls = self.plane.calls();
        let (peak, again) = self.peak;
        let left = if peak.saturating_sub(calls) >= TRIM_LEAST + peak / 5 { TRIM_AGAIN + 1 } else { again };
        if left > 0 {
            self.plane.tidy();
            self.opened.shrink_to(2 * self.opened.len());
            self.inputs.shrink_to(2 * self.inputs.len());
            sys::trim_memory();
        }
        self.peak = (calls, left.saturating_sub(1));
    }

    fn signal(&mut self, signal: Signal, watcher: Option<&Watcher>) {
        match signal {
            Signal::Stop if self.stop_by.is_some() => {
                warn!("asked twice to stop: at once then");
                self.stopped = true;
            }
            Signal::Stop => {
                info!(calls = self.plane.calls(), "stopping");
                self.stop();
            }
            Signal::Reload => match watcher {
                Some(watcher) => watcher.reload(),
                None => info!("asked to look at the prompts: there is no folder, the built-in ones are in use"),
            },
        }
    }

    fn stop(&mut self) {
        self.stop_by = Some(Instant::now() + STOPPING);
        self.plane.handle_input(Instant::now(), ControlInput::Stop);
        // Whoever sends calls here shall know at once.
        self.board.turn(self.plane.figures());
    }

    fn inbound(&mut self, inbound: Inbound) {
        let input = match inbound {
            Inbound::Datagram(flow, octets) => ControlInput::Datagram(flow, octets),
            Inbound::Message(flow, message) => ControlInput::Message(flow, message),
            Inbound::Opened(flow, writer) => return self.outbound.opened(flow, writer),
            // The plane has been told already when a write failed.
            Inbound::Closed(flow) if !self.outbound.closed(flow) => return,
            Inbound::Closed(flow) => ControlInput::FlowClosed(flow),
        };
        self.inputs.push_back(input);
        // One by one: an answer goes out before the next message is read.
        self.settle();
    }

    fn new_prompts(&mut self, set: Arc<PromptSet>) {
        self.shelf.keep(&set);
        for link in &mut self.links {
            link.send(Order::Prompts(set.clone()));
        }
    }

    fn reports(&mut self) {
        for index in 0..self.links.len() {
            let Ok(id) = u16::try_from(index).map(WorkerId) else { return };
            while let Some(report) = self.links.get_mut(index).and_then(ControlEnd::take) {
                self.report(id, report);
            }
            if !self.stopped && !self.broken && self.links.get(index).is_some_and(ControlEnd::is_dead) {
                error!(worker = id.0, "a media worker has died; the bridge stops, so that it can be started afresh");
                self.broken = true;
                if self.stop_by.is_none() {
                    self.stop();
                }
            }
        }
    }

    fn report(&mut self, worker: WorkerId, report: Report) {
        let input = match report {
            Report::Event(event) => ControlInput::Media(worker, event),
            Report::Moved(leg) => ControlInput::LegMoved(leg),
            Report::Refused(Given { leg, port }) => {
                self.pool.close(port);
                ControlInput::LegRefused(leg.id())
            }
            Report::Removed(leg, given) => {
                // Without a leg there is nothing to total; the plane waits for the answer all the same.
                let totals = given.map(|Given { leg, port }| {
                    self.pool.close(port);
                    leg.report()
                });
                ControlInput::LegRemoved(leg, totals.unwrap_or_default())
            }
            Report::Released(_, to, Some(Given { leg, port })) => return self.order(to, Order::Add { leg, port, moved: true }),
            Report::Released(leg, _, None) => ControlInput::LegRefused(leg),
            Report::Retired(set) => {
                drop(set);
                return self.shelf.sweep();
            }
            Report::Replaced(codecs) => return drop(codecs),
        };
        self.inputs.push_back(input);
    }

    /// Feed the plane, do what it asks for, until both are quiet.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.plane.poll_output() {
                self.perform(output);
            }
            let Some(input) = self.inputs.pop_front() else { break };
            self.plane.handle_input(Instant::now(), input);
        }
        for link in &mut self.links {
            link.flush();
        }
    }

    fn perform(&mut self, output: ControlOutput) {
        match output {
            ControlOutput::Transmit(transmit) => {
                if let Err(flow) = self.outbound.send(transmit) {
                    self.inputs.push_back(ControlInput::FlowClosed(flow));
                }
            }
            ControlOutput::OpenPort(leg, seen) => {
                let input = match self.pool.open(seen, rand::rng().random()) {
                    Ok((port, named)) => {
                        self.opened.insert(leg, port);
                        ControlInput::PortOpened(leg, named)
                    }
                    Err(reason) => {
                        self.counters.ports_exhausted.count();
                        if let PortError::Refused(reason) = reason {
                            warn!(%reason, "no ports for sound can be bound");
                        }
                        ControlInput::PortFailed(leg)
                    }
                };
                self.inputs.push_back(input);
            }
            ControlOutput::ClosePort(leg) => {
                if let Some(port) = self.opened.remove(&leg) {
                    self.pool.close(port);
                }
            }
            ControlOutput::AddLeg(worker, setup) => {
                let id = setup.leg;
                match self.opened.remove(&id) {
                    // All memory of a leg is allocated here and not on the media thread.
                    Some(port) => {
                        let leg = Box::new(Leg::new(Instant::now(), *setup));
                        self.order(worker, Order::Add { leg, port, moved: false });
                    }
                    None => self.inputs.push_back(ControlInput::LegRefused(id)),
                }
            }
            ControlOutput::MoveLeg { leg, from, to } => self.order(from, Order::Release(leg, to)),
            ControlOutput::RemoveLeg(worker, leg) => self.order(worker, Order::Remove(leg)),
            ControlOutput::Media(worker, command) => self.order(worker, Order::Media(command)),
            ControlOutput::Stopped => self.stopped = true,
        }
    }

    fn order(&mut self, worker: WorkerId, order: Order) {
        match self.links.get_mut(usize::from(worker.0)) {
            Some(link) => link.send(order),
            None => error!(worker = worker.0, "an order to a worker that is not there"),
        }
    }

    fn tell(&mut self) {
        self.shelf.sweep();
        for (what, more, all) in self.counters.moved() {
            info!(what, more, all, "counted");
        }
    }
}
