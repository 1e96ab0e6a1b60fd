//! The legs' sockets as queues.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use ljudbro::bridge::{Ports, ReceivedDatagram, Slot};

/// What waits at a socket: when it came, from where.
type Waiting = VecDeque<(Instant, SocketAddr, Vec<u8>)>;

/// One RTP/RTCP pair.
#[derive(Debug)]
pub struct Pair {
    /// The address of the RTP socket; RTCP is on the next port.
    pub address: SocketAddr,
    pub rtp: Waiting,
    pub rtcp: Waiting,
}

impl Pair {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, rtp: Waiting::new(), rtcp: Waiting::new() }
    }

    pub fn rtcp_address(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.address.port() + 1)
    }
}

/// The pairs of one worker, and what it sent.
#[derive(Default)]
pub struct Queues {
    pub pairs: HashMap<Slot, Pair>,
    pub sent: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

fn take(waiting: &mut Waiting, buffer: &mut [u8]) -> Option<ReceivedDatagram> {
    let (arrived, from, octets) = waiting.pop_front()?;
    let len = octets.len().min(buffer.len());
    buffer[..len].copy_from_slice(&octets[..len]);
    Some(ReceivedDatagram { len, from, arrived })
}

impl Ports for Queues {
    fn receive(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram> {
        take(&mut self.pairs.get_mut(&slot)?.rtp, buffer)
    }

    fn receive_rtcp(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram> {
        take(&mut self.pairs.get_mut(&slot)?.rtcp, buffer)
    }

    fn send(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]) {
        let from = self.pairs[&slot].address;
        self.sent.push((from, to, datagram.to_vec()));
    }

    fn send_rtcp(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]) {
        let from = self.pairs[&slot].rtcp_address();
        self.sent.push((from, to, datagram.to_vec()));
    }
}
