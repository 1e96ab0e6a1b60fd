//! SIP's sockets: datagrams and connections in, octets out. Who may not call ends here ([`Gate`]), before a single octet is parsed.

pub mod tcp;
pub mod udp;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use sipx_sip::Message;
use tokio::sync::mpsc;

use super::counters::Counters;
use crate::sip::{Flow, Transmit, Transport, Trunks};

/// Inputs waiting for the control task. A message is handled in tens of microseconds, so this is some tens of milliseconds of work; beyond
/// it, datagrams wait in the kernel's buffer and are dropped there, and connections are not read.
pub const INBOUND_QUEUE: usize = 1024;

/// To the control task. `Debug` shows no octets.
pub enum Inbound {
    /// One UDP datagram.
    Datagram(Flow, Bytes),
    /// A connection was made; write to it by this queue.
    Opened(Flow, mpsc::Sender<Bytes>),
    /// One message off a connection.
    Message(Flow, Box<Message>),
    /// A connection is gone.
    Closed(Flow),
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datagram(flow, octets) => f.debug_tuple("Datagram").field(flow).field(&octets.len()).finish(),
            Self::Opened(flow, _) => f.debug_tuple("Opened").field(flow).finish_non_exhaustive(),
            Self::Message(flow, _) => f.debug_tuple("Message").field(flow).finish_non_exhaustive(),
            Self::Closed(flow) => f.debug_tuple("Closed").field(flow).finish(),
        }
    }
}

/// Who may call at all. The only place that asks.
#[derive(Debug)]
pub struct Gate {
    trunks: Trunks,
    counters: Arc<Counters>,
}

impl Gate {
    /// For these trunks.
    pub fn new(trunks: Trunks, counters: Arc<Counters>) -> Self {
        Self { trunks, counters }
    }

    /// Whether to listen to this address; a refusal is counted.
    pub fn allows(&self, peer: IpAddr, transport: Transport) -> bool {
        let allowed = self.trunks.allows(peer);
        if !allowed {
            match transport {
                Transport::Udp => self.counters.refused_datagrams.count(),
                Transport::Tcp => self.counters.refused_connections.count(),
            }
        }
        allowed
    }
}

/// The sending side, as the control task has it.
#[derive(Debug)]
pub struct Outbound {
    udp: Vec<Arc<udp::Listener>>,
    connections: HashMap<u64, mpsc::Sender<Bytes>>,
    counters: Arc<Counters>,
}

impl Outbound {
    /// For these listeners, in the order of their ids.
    pub fn new(udp: Vec<Arc<udp::Listener>>, counters: Arc<Counters>) -> Self {
        Self { udp, connections: HashMap::new(), counters }
    }

    /// A connection was made.
    pub fn opened(&mut self, flow: Flow, writer: mpsc::Sender<Bytes>) {
        self.connections.insert(flow.id, writer);
    }

    /// A connection is gone. Whether that is news.
    pub fn closed(&mut self, flow: Flow) -> bool {
        self.connections.remove(&flow.id).is_some()
    }

    /// Send, never wait. `Err`: the flow was a connection and is gone, or its peer does not read.
    pub fn send(&mut self, transmit: Transmit) -> Result<(), Flow> {
        let Transmit { flow, bytes } = transmit;
        match flow.transport {
            Transport::Udp => {
                let sent = usize::try_from(flow.id)
                    .ok()
                    .and_then(|id| self.udp.get(id))
                    .is_some_and(|listener| listener.send(flow, &bytes).is_ok());
                if !sent {
                    // SIP over UDP retransmits what must arrive (RFC 3261 §17).
                    self.counters.datagrams_unsent.count();
                }
                Ok(())
            }
            Transport::Tcp => {
                let Some(writer) = self.connections.get(&flow.id) else { return Err(flow) };
                match writer.try_send(bytes) {
                    Ok(()) => Ok(()),
                    Err(error) => {
                        if matches!(error, mpsc::error::TrySendError::Full(_)) {
                            self.counters.connections_stuck.count();
                        }
                        // Without its queue the connection closes itself, at the latest when its write deadline passes.
                        self.connections.remove(&flow.id);
                        Err(flow)
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_what_comes_in_shows_none_of_it() {
        let flow =
            Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), peer: "192.0.2.7:5060".parse().unwrap(), id: 0 };
        let text =
            "OPTIONS sip:904718263@x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nCall-ID: 904718263\r\nContent-Length: 0\r\n\r\n";
        let message = sipx_sip::parse_datagram(text.into(), &sipx_sip::Limits::datagram()).unwrap();
        for inbound in [Inbound::Datagram(flow, text.into()), Inbound::Message(flow, Box::new(message))] {
            let shown = format!("{inbound:?}");
            // Octets are shown as text or as numbers, where they are.
            assert!(!shown.contains("904718263") && !shown.contains("57, 48, 52"), "{shown}");
        }
    }
}
