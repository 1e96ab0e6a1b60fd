//! Telephone events (RFC 4733 §2): keys as named events in RTP.

use crate::names::Key;

/// The four octets of an event payload (RFC 4733 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPayload {
    /// Event code.
    pub event: u8,
    /// End bit.
    pub end: bool,
    /// Power of the tone, dBm0 negated, 0 to 63.
    pub volume: u8,
    /// Duration so far, in timestamp units.
    pub duration: u16,
}

impl EventPayload {
    /// Parse; `None` when shorter than four octets.
    pub fn parse(_payload: &[u8]) -> Option<Self> {
        todo!()
    }

    /// The four octets.
    pub fn octets(self) -> [u8; 4] {
        todo!()
    }
}

/// Turns event packets into key presses: one [`Key`] per press, whatever gateways do.
#[derive(Clone, Debug, Default)]
pub struct EventReceiver {}

impl EventReceiver {
    /// Feed one event packet (its RTP sequence, timestamp, SSRC, the event clock in Hz, and payload). A key comes out once per press,
    /// as early as possible (on the first packet seen of it, not on its end).
    pub fn receive(&mut self, _sequence: u16, _timestamp: u32, _ssrc: u32, _rate_hz: u32, _payload: &[u8]) -> Option<Key> {
        todo!()
    }
}

/// One packet to send of a key being pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPacket {
    /// First packet of the event.
    pub marker: bool,
    /// Timestamp of the event's start (or of the segment's, RFC 4733 §2.5.1.3).
    pub timestamp: u32,
    /// Payload.
    pub payload: [u8; 4],
}

/// Sends key presses (RFC 4733 §2.5.1): a packet a tick, the end three times. Used by simulated callers.
#[derive(Clone, Debug)]
pub struct EventSender {}

impl EventSender {
    /// Press `key` at RTP time `timestamp` for `press_ms`, event clock `rate_hz`.
    pub fn new(_key: Key, _timestamp: u32, _press_ms: u32, _rate_hz: u32) -> Self {
        todo!()
    }

    /// The packet for the tick that has just passed (`tick_ms` long); `None` when the press is over and its end sent three times.
    pub fn next_packet(&mut self, _tick_ms: u32) -> Option<EventPacket> {
        todo!()
    }
}
