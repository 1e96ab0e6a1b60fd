//! One media worker: a thread that wakes every 5 ms, lets its plane receive, mix and send, and sleeps for good while it has no legs.
#![allow(clippy::disallowed_methods, reason = "the media thread and its clock live here")]

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::board::{Board, WorkerDesk};
use super::counters::Counters;
use super::link::{Given, Order, Report, WorkerEnd};
use super::machine;
use super::port::PortTable;
use super::sys;
use super::ticker::Ticker;
use crate::bridge::{MediaPlane, Slot};
use crate::media::mixer::MixSettings;
use crate::media::{Leg, PromptSet};
use crate::names::WorkerId;

/// Before ordinary threads, after the kernel's own (50 and above).
const PRIORITY: i32 = 20;

/// What a worker starts with.
#[derive(Debug)]
pub struct WorkerSetup {
    /// Its name.
    pub id: WorkerId,
    /// Most legs.
    pub capacity: usize,
    /// An instant that has been: wakes are counted from it.
    pub epoch: Instant,
    /// How it mixes.
    pub mix: MixSettings,
    /// What it speaks from.
    pub prompts: Arc<PromptSet>,
    /// To the control side.
    pub link: WorkerEnd,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// Where it shows what it does.
    pub board: Arc<Board>,
}

/// Start the thread. It ends on [`Order::Stop`], or when the control side is gone.
pub fn start(setup: WorkerSetup) -> io::Result<JoinHandle<()>> {
    let ticker = Ticker::new(setup.epoch)?;
    std::thread::Builder::new().name(format!("media-{}", setup.id.0)).spawn(move || {
        hurry(setup.id);
        let plane = MediaPlane::new(setup.epoch, setup.capacity, setup.prompts, setup.mix);
        let ports = PortTable::new(setup.capacity, setup.counters.clone());
        let desk = WorkerDesk::new(setup.board, usize::from(setup.id.0));
        Worker { plane, ports, link: setup.link, ticker, counters: setup.counters, desk }.run();
    })
}

/// Ask for punctual wakes and a core. Without the right to come first (CAP_SYS_NICE), timer slack still takes 50 µs off each wake.
fn hurry(id: WorkerId) {
    if let Err(error) = sys::schedule_first(PRIORITY) {
        tracing::warn!(worker = id.0, %error, "media runs at ordinary priority; with CAP_SYS_NICE (LimitRTPRIO= in systemd) its wakes would be more punctual");
    }
    if let Err(error) = machine::stay_on_core(usize::from(id.0)) {
        tracing::warn!(worker = id.0, %error, "media is not kept on a core of its own");
    }
    if let Err(error) = nix::sys::prctl::set_timerslack(1) {
        tracing::debug!(worker = id.0, %error, "timer slack stays as it is");
    }
}

struct Worker {
    plane: MediaPlane,
    ports: PortTable,
    link: WorkerEnd,
    ticker: Ticker,
    counters: Arc<Counters>,
    desk: WorkerDesk,
}

impl Worker {
    fn run(mut self) {
        loop {
            if self.plane.is_idle() {
                // Orders that came before this are found here; one that comes after has set the descriptor.
                if !self.obey(Instant::now()) {
                    return;
                }
                self.tell();
                if self.plane.is_idle() {
                    self.desk.rests(self.plane.figures());
                    self.link.wait();
                    continue;
                }
                self.ticker.restart(Instant::now());
            }
            let wake = self.ticker.sleep();
            if wake.skipped > 0 {
                self.counters.wakes_skipped.add(wake.skipped);
            }
            let now = Instant::now();
            if !self.obey(now) {
                return;
            }
            self.ports.wake(now);
            self.plane.tick(now, wake.number, &mut self.ports);
            self.tell();
            let legs = self.plane.legs();
            self.desk.woke((wake.due, now, Instant::now()), wake.skipped, legs, || self.plane.figures());
        }
    }

    /// Take all orders. `false`: the last one.
    fn obey(&mut self, now: Instant) -> bool {
        while let Some(order) = self.link.order() {
            match order {
                Order::Add { leg, port, moved } => {
                    let id = leg.id();
                    match self.plane.add(now, leg) {
                        Ok(slot) => match self.ports.put(slot, port) {
                            Ok(()) if moved => self.link.report(Report::Moved(id)),
                            Ok(()) => {}
                            Err(port) => {
                                // Plane and table have the same capacity, so this does not happen; if it does, the leg is not heard of again.
                                if let Some((_, leg)) = self.plane.release(id) {
                                    self.link.report(Report::Refused(Given { leg, port }));
                                }
                            }
                        },
                        Err(leg) => self.link.report(Report::Refused(Given { leg, port })),
                    }
                }
                Order::Release(id, to) => {
                    let given = self.plane.release(id).and_then(|(slot, leg)| self.give(slot, leg));
                    self.link.report(Report::Released(id, to, given));
                }
                Order::Remove(id) => {
                    self.ports.wake(now);
                    let given = self.plane.remove(now, id, &mut self.ports).and_then(|(slot, leg)| self.give(slot, leg));
                    self.link.report(Report::Removed(id, given));
                }
                Order::Media(command) => {
                    if let Some(codecs) = self.plane.command(now, command) {
                        self.link.report(Report::Replaced(codecs));
                    }
                }
                Order::Prompts(set) => {
                    let old = self.plane.set_prompts(set);
                    self.link.report(Report::Retired(old));
                }
                Order::Stop => return false,
            }
        }
        !self.link.is_abandoned()
    }

    fn give(&mut self, slot: Slot, leg: Box<Leg>) -> Option<Given> {
        Some(Given { leg, port: self.ports.take(slot)? })
    }

    fn tell(&mut self) {
        while self.link.has_room() {
            let Some(event) = self.plane.poll_event() else { break };
            self.link.report(Report::Event(event));
        }
        self.link.flush();
        for (counter, more) in
            [(&self.counters.turns_missed, self.plane.take_missed()), (&self.counters.media_events_lost, self.plane.take_lost_events())]
        {
            if more > 0 {
                counter.add(more);
            }
        }
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
