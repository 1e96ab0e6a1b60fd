//! Signalling in and out: one socket for all calls, as a trunk has; calls are told apart by their Call-ID.

use std::sync::atomic::Ordering;

use nix::errno::Errno;

use super::{Engine, Failure};
use crate::sim::load::caller::{Part, Stage};
use crate::sim::load::clock;
use crate::sim::load::sockets::descriptor;
use crate::sim::phone::{Ended, Message, PhoneEvent, Signal};

/// Reads in a wake at most: what a burst brings beyond is read a millisecond later.
const READS: usize = 8;
/// Datagrams in a read.
const BATCH: usize = 8;

impl Engine {
    /// All signalling that has come.
    pub(super) fn read_signalling(&mut self) {
        let Some(mut inbox) = self.sip_inbox.take() else { return };
        for _ in 0..READS {
            let read = inbox.read(descriptor(&self.sip), BATCH, |stamp, octets| self.signalled(stamp, octets));
            match read {
                Ok(BATCH) => {}
                Err(Errno::ECONNREFUSED) => self.course.refused = true,
                Ok(_) | Err(_) => break,
            }
        }
        self.sip_inbox = Some(inbox);
    }

    fn signalled(&mut self, stamp: u64, datagram: &[u8]) {
        let Some(message) = Message::parse(datagram) else { return };
        let found = message.header("call-id").and_then(|call_id| self.by_call_id.get(call_id)).copied();
        // What belongs to no call is answered so by whoever is there.
        let Some(at) = found.or_else(|| self.by_call_id.values().next().copied()) else { return };
        self.course.stamp = stamp;
        self.callers[at as usize].signalling.handle_message(Self::instant(), &message);
        self.drain(at);
    }

    /// Do what a caller's signalling wants.
    pub(super) fn drain(&mut self, at: u32) {
        while let Some(signal) = self.callers[at as usize].signalling.poll_output() {
            let caller = &mut self.callers[at as usize];
            match signal {
                // What cannot be sent is as lost as on the wire: it is repeated.
                Signal::Send(_, octets) => {
                    let _ = self.sip.send(&octets);
                }
                Signal::Path(path) => {
                    let connected = path.zip(caller.pair.as_ref()).filter(|(path, pair)| pair.rtp.connect(path.remote).is_ok());
                    caller.sends = connected.is_some();
                    if let Some((path, _)) = connected {
                        caller.stream.set_path(&path);
                        caller.clock_hz = path.codec.clock_hz();
                    }
                }
                Signal::KeyAnswered => caller.stream.key_answered(),
                Signal::Stop => caller.sends = false,
                Signal::Event(event) => self.happened(at, event),
            }
        }
    }

    fn happened(&mut self, at: u32, event: PhoneEvent) {
        match event {
            PhoneEvent::Answered => self.answered(at),
            PhoneEvent::KeyRefused(status) => self.fail(at, Failure::KeyRefused(status)),
            PhoneEvent::Ended(why) => self.ended(at, why),
            PhoneEvent::Progress(_) | PhoneEvent::Changed | PhoneEvent::ChangeRefused(_) | PhoneEvent::LastKey => {}
        }
    }

    fn answered(&mut self, at: u32) {
        let stamp = if self.course.stamp > 0 { self.course.stamp } else { clock::wall() };
        let caller = &mut self.callers[at as usize];
        caller.answered = true;
        let set_up = stamp.saturating_sub(caller.dialled);
        match caller.part {
            Part::Passes => self.run.passing_set_up.add(set_up),
            Part::Listens | Part::Talks(_) => self.run.set_up.add(set_up),
        }
        if !caller.sends {
            self.fail(at, Failure::NoPath);
            self.hang_up(at);
            return;
        }
        self.progress.up.fetch_add(1, Ordering::Relaxed);
        self.begin_listening(at);
    }

    fn ended(&mut self, at: u32, why: Ended) {
        let was_up = self.callers[at as usize].is_up();
        let leaving = matches!(self.callers[at as usize].stage, Stage::Leaving(_));
        let failure = match why {
            Ended::ByUs | Ended::Cancelled => None,
            Ended::ByBridge => (!leaving).then_some(Failure::HungUp),
            Ended::Refused(status) => Some(Failure::Refused(status)),
            Ended::NoAnswer if self.course.refused => Some(Failure::NobodyThere),
            Ended::NoAnswer => Some(Failure::NoAnswer),
        };
        if let Some(failure) = failure {
            self.fail(at, failure);
            // Who was sent away may have keyed into the words that said so: it is among the failures, not among those who surely were in.
            self.callers[at as usize].inside = 0;
        }
        if was_up {
            self.progress.up.fetch_sub(1, Ordering::Relaxed);
        }
        self.callers[at as usize].stage = Stage::Gone;
    }

    /// BYE, or CANCEL.
    pub(super) fn hang_up(&mut self, at: u32) {
        let until = clock::steady() + crate::sim::load::settings::GOODBYE.as_nanos() as u64;
        let caller = &mut self.callers[at as usize];
        if matches!(caller.stage, Stage::Leaving(_) | Stage::Gone) {
            return;
        }
        if caller.is_up() {
            self.progress.up.fetch_sub(1, Ordering::Relaxed);
        }
        caller.stage = Stage::Leaving(until);
        caller.signalling.hang_up(Self::instant());
        self.drain(at);
    }
}
