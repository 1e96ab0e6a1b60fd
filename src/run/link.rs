//! What joins the control side to one media worker: two wait-free rings and two event descriptors.
//!
//! The worker never waits and never loses a leg: an order is taken only when there is room to report on it. The control side keeps what does
//! not fit, in order. Legs, sockets, codecs and prompt sets that a worker is done with come back here to be freed.

use std::collections::VecDeque;
use std::sync::Arc;

use nix::sys::eventfd::{EfdFlags, EventFd};
use rtrb::{Consumer, Producer, RingBuffer};

use super::counters::Counters;
use super::port::LegPort;
use crate::bridge::{MediaCommand, MediaEvent};
use crate::media::{Codecs, Leg, PromptSet};
use crate::names::{LegId, WorkerId};

/// Orders under way to a worker. It takes them every 5 ms: this is a burst of five hundred calls that all begin or end at once.
const ORDERS: usize = 2048;
/// Reports under way from a worker; the control task takes them as they come.
const REPORTS: usize = 2048;
/// Places of the report ring that events leave free, so that orders are obeyed while events pile up.
const FOR_LEGS: usize = 256;
/// Commands kept when the ring is full, before they are dropped. A worker so far behind has not woken for seconds.
const KEPT_COMMANDS: usize = 8192;

/// To a worker.
#[derive(Debug)]
pub enum Order {
    /// Take a leg and its sockets. `moved`: it comes from another worker, which is to be reported.
    Add {
        /// The leg.
        leg: Box<Leg>,
        /// Its sockets.
        port: LegPort,
        /// From another worker.
        moved: bool,
    },
    /// Give a leg up, to be carried to another worker.
    Release(LegId, WorkerId),
    /// Say RTCP BYE and give a leg up.
    Remove(LegId),
    /// For the plane.
    Media(MediaCommand),
    /// Speak from these from the next utterance on.
    Prompts(Arc<PromptSet>),
    /// End the thread.
    Stop,
}

/// A leg and its sockets, given up by a worker.
#[derive(Debug)]
pub struct Given {
    /// The leg.
    pub leg: Box<Leg>,
    /// Its sockets.
    pub port: LegPort,
}

/// From a worker.
#[derive(Debug)]
pub enum Report {
    /// No room for a leg.
    Refused(Given),
    /// A leg has come from another worker.
    Moved(LegId),
    /// To be carried to another worker. `None`: there was no such leg.
    Released(LegId, WorkerId, Option<Given>),
    /// To be freed. `None`: there was no such leg.
    Removed(LegId, Option<Given>),
    /// From the plane.
    Event(MediaEvent),
    /// A set that is not spoken from any more.
    Retired(Arc<PromptSet>),
    /// What a leg's codecs remembered before it changed them, to be freed.
    Replaced(Box<Codecs>),
}

/// The control side's end.
#[derive(Debug)]
pub struct ControlEnd {
    orders: Producer<Order>,
    kept: VecDeque<Order>,
    /// Of `kept`, those that may be dropped.
    kept_commands: usize,
    reports: Consumer<Report>,
    wake: Arc<EventFd>,
    to_wake: bool,
    counters: Arc<Counters>,
}

/// The worker's end.
#[derive(Debug)]
pub struct WorkerEnd {
    orders: Consumer<Order>,
    reports: Producer<Report>,
    wake: Arc<EventFd>,
    told: Arc<EventFd>,
    to_tell: bool,
}

/// The descriptor all workers tell the control side by.
pub fn told() -> nix::Result<Arc<EventFd>> {
    Ok(Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
}

/// The two ends for one worker.
pub fn link(told: Arc<EventFd>, counters: Arc<Counters>) -> nix::Result<(ControlEnd, WorkerEnd)> {
    let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?);
    let (orders, orders_out) = RingBuffer::new(ORDERS);
    let (reports_in, reports) = RingBuffer::new(REPORTS);
    let control = ControlEnd { orders, kept: VecDeque::new(), kept_commands: 0, reports, wake: wake.clone(), to_wake: false, counters };
    Ok((control, WorkerEnd { orders: orders_out, reports: reports_in, wake, told, to_tell: false }))
}

impl ControlEnd {
    /// Give an order; it goes out with [`ControlEnd::flush`]. Commands to a worker that takes none are dropped in the end, legs never.
    pub fn send(&mut self, order: Order) {
        self.pump();
        if self.kept.is_empty() {
            match self.orders.push(order) {
                Ok(()) => self.to_wake = true,
                Err(rtrb::PushError::Full(order)) => self.keep(order),
            }
        } else {
            self.keep(order);
        }
    }

    /// Send what was kept, and wake the worker if there is anything new for it.
    pub fn flush(&mut self) {
        self.pump();
        if std::mem::take(&mut self.to_wake) {
            // Fails only when the counter is full, and then the worker is awake.
            let _ = self.wake.write(1);
        }
    }

    /// Whether orders wait for room.
    pub fn waits(&self) -> bool {
        !self.kept.is_empty()
    }

    /// The next report.
    pub fn take(&mut self) -> Option<Report> {
        self.reports.pop().ok()
    }

    /// The worker's thread has ended.
    pub fn is_dead(&self) -> bool {
        self.reports.is_abandoned()
    }

    fn keep(&mut self, order: Order) {
        self.counters.rings_full.count();
        if matches!(order, Order::Media(_)) {
            if self.kept_commands >= KEPT_COMMANDS {
                self.counters.commands_dropped.count();
                return;
            }
            self.kept_commands += 1;
        }
        self.kept.push_back(order);
    }

    fn pump(&mut self) {
        while !self.kept.is_empty() && !self.orders.is_full() {
            let Some(order) = self.kept.pop_front() else { return };
            if matches!(order, Order::Media(_)) {
                self.kept_commands -= 1;
            }
            // There was room, and nobody else pushes.
            if self.orders.push(order).is_ok() {
                self.to_wake = true;
            }
        }
    }
}

impl WorkerEnd {
    /// The next order, if there is one and room for a report on it.
    pub fn order(&mut self) -> Option<Order> {
        if self.reports.is_full() {
            return None;
        }
        self.orders.pop().ok()
    }

    /// Room for an event, beside what orders need.
    pub fn has_room(&self) -> bool {
        self.reports.slots() > FOR_LEGS
    }

    /// Report: on an order just taken, or an event there was room for.
    pub fn report(&mut self, report: Report) {
        // Whoever keeps to the rule above always has room. The control side has gone otherwise, and nobody cares.
        if self.reports.push(report).is_ok() {
            self.to_tell = true;
        }
    }

    /// Tell the control side, if there is anything new for it.
    pub fn flush(&mut self) {
        if std::mem::take(&mut self.to_tell) {
            let _ = self.told.write(1);
        }
    }

    /// Sleep until there may be orders.
    pub fn wait(&self) {
        // Interrupted by a signal: the caller looks for orders and comes back.
        let _ = self.wake.read();
    }

    /// The control side has gone.
    pub fn is_abandoned(&self) -> bool {
        self.orders.is_abandoned()
    }
}

impl Drop for ControlEnd {
    fn drop(&mut self) {
        // A worker that sleeps finds its link abandoned, once the fields are dropped; it may look before that, so it is given an order to find.
        let _ = self.orders.push(Order::Stop);
        let _ = self.wake.write(1);
    }
}

impl Drop for WorkerEnd {
    fn drop(&mut self) {
        // The end of a worker, by order or by a panic, is news too.
        let _ = self.told.write(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> (ControlEnd, WorkerEnd, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let (control, worker) = link(told().unwrap(), counters.clone()).unwrap();
        (control, worker, counters)
    }

    #[test]
    fn orders_that_do_not_fit_are_kept_in_order() {
        let (mut control, mut worker, counters) = ends();
        for leg in 0..3000 {
            control.send(Order::Remove(LegId(leg)));
        }
        control.flush();
        assert_eq!(counters.rings_full.get(), 3000 - ORDERS as u64);
        let mut next = 0;
        while next < 3000 {
            match worker.order() {
                Some(Order::Remove(leg)) => {
                    assert_eq!(leg, LegId(next));
                    next += 1;
                }
                other => {
                    assert!(other.is_none());
                    assert!(control.waits());
                    control.flush();
                }
            }
        }
        assert!(!control.waits());
    }

    #[test]
    fn a_worker_that_takes_nothing_loses_commands_but_no_legs() {
        let (mut control, mut worker, counters) = ends();
        for _ in 0..ORDERS + KEPT_COMMANDS + 5 {
            control.send(Order::Media(MediaCommand::Hush(LegId(1))));
        }
        control.send(Order::Remove(LegId(1)));
        assert_eq!(counters.commands_dropped.get(), 5);
        let mut removed = 0;
        for _ in 0..10 {
            while let Some(order) = worker.order() {
                removed += usize::from(matches!(order, Order::Remove(_)));
            }
            control.flush();
        }
        assert_eq!(removed, 1);
    }

    #[test]
    fn events_leave_room_for_reports_on_orders() {
        let (mut control, mut worker, _) = ends();
        let mut events = 0;
        while worker.has_room() {
            worker.report(Report::Event(MediaEvent::Dead(LegId(events))));
            events += 1;
        }
        for leg in 0..300 {
            control.send(Order::Remove(LegId(leg)));
        }
        control.flush();
        let mut obeyed = 0;
        while let Some(Order::Remove(leg)) = worker.order() {
            worker.report(Report::Removed(leg, None));
            obeyed += 1;
        }
        assert_eq!(obeyed, FOR_LEGS, "then orders wait: nothing is taken that could not be reported");
        let mut reports = 0;
        while control.take().is_some() {
            reports += 1;
        }
        assert_eq!(reports, REPORTS);
        assert!(worker.order().is_some());
    }

    #[test]
    fn the_end_of_a_worker_is_noticed() {
        let (control, worker, _) = ends();
        assert!(!control.is_dead());
        drop(worker);
        assert!(control.is_dead());
    }
}
