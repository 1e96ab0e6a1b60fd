//! The media plane of one worker: legs, meetings, and the tick.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{MediaCommand, MediaEvent};
use crate::media::{Leg, PromptSet};
use crate::names::LegId;

/// Four phases of 5 ms in a tick of 20 ms: a worker wakes every 5 ms, a meeting is mixed on one of the four.
pub const PHASES: usize = 4;
/// Time between two wakes of a worker.
pub const WAKE: Duration = Duration::from_millis(5);

/// Place of a leg in its worker; the worker keeps the leg's port under the same number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slot(pub u32);

/// One received datagram; its octets are in the buffer given.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedDatagram {
    /// Octets.
    pub len: usize,
    /// From where.
    pub from: SocketAddr,
    /// When the kernel got it.
    pub arrived: Instant,
}

/// The legs' sockets, as the plane sees them: real ones in `run/`, queues in tests and benches. Must neither block nor allocate.
pub trait Ports {
    /// The next RTP datagram waiting at a leg's port.
    fn receive(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram>;
    /// The next RTCP datagram waiting (read once a second).
    fn receive_rtcp(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram>;
    /// Send from a leg's RTP port.
    fn send(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]);
    /// Send from a leg's RTCP port.
    fn send_rtcp(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]);
}

/// All sound of one worker.
#[derive(Debug)]
pub struct MediaPlane {}

impl MediaPlane {
    /// Room for `capacity` legs is allocated here. `epoch` is the instant of a wake of phase 0.
    pub fn new(_epoch: Instant, _capacity: usize, _prompts: Arc<PromptSet>) -> Self {
        todo!()
    }

    /// Take a leg over; it sends and receives from the next wake on. Gives it back when the plane is full.
    pub fn add(&mut self, _now: Instant, _leg: Box<Leg>) -> Result<Slot, Box<Leg>> {
        todo!()
    }

    /// Give a leg up (to move it to another worker): out of its meeting, nothing said on the wire.
    pub fn release(&mut self, _leg: LegId) -> Option<(Slot, Box<Leg>)> {
        todo!()
    }

    /// Give a leg up for good: RTCP BYE, then as `release`.
    pub fn remove<P: Ports>(&mut self, _now: Instant, _leg: LegId, _ports: &mut P) -> Option<(Slot, Box<Leg>)> {
        todo!()
    }

    /// A command about a leg or a meeting here. Unknown legs are ignored: they may just have gone.
    pub fn command(&mut self, _now: Instant, _command: MediaCommand) {
        todo!()
    }

    /// Use this set from the next utterance on; the old one is given back for its owner to free.
    pub fn set_prompts(&mut self, _prompts: Arc<PromptSet>) -> Arc<PromptSet> {
        todo!()
    }

    /// One wake, the `wake`-th since `epoch`: receive, mix and send all that is due on phase `wake % 4`, and a share of the slow work.
    pub fn tick<P: Ports>(&mut self, _now: Instant, _wake: u64, _ports: &mut P) {
        todo!()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        todo!()
    }

    /// No leg: no wake-ups needed.
    pub fn is_idle(&self) -> bool {
        todo!()
    }

    /// Legs now.
    pub fn legs(&self) -> usize {
        todo!()
    }
}
