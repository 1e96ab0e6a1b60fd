//! Packets out and in.

use std::net::UdpSocket;
use std::sync::atomic::Ordering;

use rand::Rng;

use super::{Engine, Marked};
use crate::sim::load::caller::{Part, Stage};
use crate::sim::load::clock::{self, Wake};
use crate::sim::load::hearing::Arrival;
use crate::sim::load::sockets::descriptor;
use crate::sim::load::stream::LONGEST;
use crate::sim::load::wheel::Delayed;
use crate::wire::rtp::{Packet, is_rtcp};

/// Datagrams in a read at most.
pub const BATCH: usize = 4;

impl Engine {
    /// One packet of a caller's, if it is to send one.
    pub(super) fn send(&mut self, at: u32, due: u64) {
        let caller = &mut self.callers[at as usize];
        if !caller.sends {
            return;
        }
        let mut packet = [0; LONGEST];
        let sent = caller.stream.tick(&self.repertoire, &mut packet);
        if let Some(key) = sent.info {
            caller.signalling.send_key(Self::instant(), key);
            self.drain(at);
        }
        let Some(octets) = packet.get(..sent.length).filter(|octets| !octets.is_empty()) else { return };
        if self.settings.loss > 0.0 && self.random.random_bool(self.settings.loss) {
            self.run.own.lost += u64::from(self.counting);
            return;
        }
        let caller = &self.callers[at as usize];
        let due = due.saturating_add_signed(i64::from(caller.offset));
        if self.settings.jitter_ms > 0 {
            let late = self.random.random_range(0..=self.settings.jitter_ms as u64);
            let packet = Delayed::new(at, caller.turn, due + late * clock::WAKE_NS, sent.marker, octets);
            self.delayed(late, packet);
            return;
        }
        self.leave(at, due, sent.marker, octets);
    }

    fn delayed(&mut self, late: u64, packet: Delayed) {
        if late == 0 {
            self.leave(packet.caller, packet.due, packet.marker, packet.packet());
        } else {
            self.wheel.put(self.course.wake + late, packet);
        }
    }

    /// Those that were held back until now.
    pub(super) fn send_delayed(&mut self, wake: Wake) {
        self.course.wake = wake.number;
        if self.settings.jitter_ms == 0 {
            return;
        }
        let list = self.wheel.take(wake.number);
        for packet in &list {
            let caller = &self.callers[packet.caller as usize];
            if caller.turn == packet.turn && caller.sends {
                self.leave(packet.caller, packet.due, packet.marker, packet.packet());
            }
        }
        self.wheel.give_back(wake.number, list);
    }

    /// Off it goes.
    fn leave(&mut self, at: u32, due: u64, marker: Option<(crate::sim::load::marker::Code, u16)>, octets: &[u8]) {
        let caller = &self.callers[at as usize];
        let Some(pair) = &caller.pair else { return };
        let now = clock::wall();
        let outcome = pair.rtp.send(octets);
        if self.counting {
            self.run.own.lateness.add(now.saturating_sub(self.wall_ahead).saturating_sub(due));
            self.run.own.sent += 1;
            // An earlier packet met nobody: the bridge has closed its port.
            self.run.own.refused += u64::from(outcome.is_err_and(|error| error.kind() != std::io::ErrorKind::ConnectionRefused));
        }
        if let (Some((code, sample)), Part::Talks(log)) = (marker, caller.part)
            && caller.stage == Stage::Inside
            && let Some(log) = self.run.marked.get_mut(log as usize)
            && log.len() < log.capacity()
        {
            log.push(Marked { sent: now, sample, code });
        }
    }

    /// Read what has come for a caller, up to `most` packets.
    pub(super) fn hear(&mut self, at: u32, most: usize) {
        let Self { callers, rtp_inbox, run, counting, .. } = self;
        let caller = &mut callers[at as usize];
        let Some(socket) = caller.pair.as_ref().map(|pair| descriptor(&pair.rtp)) else { return };
        let keeps = match caller.part {
            Part::Passes => caller.stage == Stage::Inside,
            Part::Listens | Part::Talks(_) => *counting,
        };
        let mut tape = caller.tape.filter(|_| keeps).and_then(|tape| run.tapes.get_mut(tape as usize));
        let counts = *counting && caller.part != Part::Passes;
        let (hearing, heard, clock_hz) = (&mut caller.hearing, &mut run.heard, caller.clock_hz);
        // An error is the echo of a packet that met nobody; what came is read next time.
        let _ = rtp_inbox.read(socket, most, |stamp, octets| {
            if is_rtcp(octets) {
                return;
            }
            let Ok(packet) = Packet::parse(octets) else { return };
            if counts {
                let Packet { ssrc, sequence, timestamp, .. } = packet;
                hearing.packet(Arrival { stamp, ssrc, sequence, timestamp }, clock_hz, heard);
            }
            if let Some(tape) = &mut tape {
                tape.keep(stamp, &packet);
            }
        });
    }

    /// Throw away what lies at a socket.
    pub(super) fn empty(&mut self, socket: &UdpSocket) {
        // A call leaves at most a few packets behind; more than this are somebody else's.
        for _ in 0..16 {
            if !matches!(self.rtp_inbox.read(descriptor(socket), BATCH, |_, _| {}), Ok(1..)) {
                break;
            }
        }
    }

    /// A caller is over: its sockets rest.
    pub(super) fn forget(&mut self, at: u32) {
        let caller = &mut self.callers[at as usize];
        caller.sends = false;
        self.by_call_id.remove(caller.signalling.call_id());
        let passes = caller.part == Part::Passes;
        if let Some(pair) = caller.pair.take() {
            self.pool.give_back(pair);
        }
        if passes {
            self.free.push(at);
            self.run.passing.1 += 1;
            self.progress.passed.fetch_add(1, Ordering::Relaxed);
        }
    }
}
