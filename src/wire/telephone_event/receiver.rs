//! Hears key presses (RFC 4733 §2.5.2): one [`Key`] per press, whatever gateways do.
//!
//! A packet either belongs to a press already heard, or it is a new press. The receiver remembers the last presses, each with its
//! SSRC, its event, and the stretch of RTP time it is known to cover. It never looks at the marker bit, needs neither a start nor an
//! end packet, and asks only these questions of a packet with the same SSRC and event as a remembered press:
//!
//! - *Same timestamp as the press or its current segment?* The same press: an update, a repeated end, a late duplicate.
//! - *The press has not ended, and the timestamp lies in its stretch or follows it at once?* The same press: a segment of a long press
//!   (RFC 4733 §2.5.1.3), or a gateway that moves the timestamp on with each packet. "At once" allows less than the shortest pause
//!   between two presses ([`SHORTEST_PAUSE_MS`]), so that such a gateway may lose a packet; a press that comes after a real pause is a new
//!   one even where every end packet was lost or none is ever sent.
//! - *The press has ended, and this is an end packet in or at its stretch?* The same press: a gateway that moves the timestamp on with
//!   each repeated end.
//! - *The press has ended, and this is no end packet, in its stretch, but sent before the end?* The same press, reordered. Sent after
//!   the end, by its sequence number, it is a new press: some phones stop their clock while a key is down, and then the next press
//!   starts inside the stretch of the former one.
//! - *It ends where the press begins, and was sent before it?* The same press: its first packets came in the wrong order.
//!
//! Anything else is a new press. What this cannot tell apart: a second press of the same key in the first one's SSRC with the very same
//! timestamp (a clock that never moves), for RFC 4733 §2.5.1.2 makes that one event.

use arrayvec::ArrayVec;

use super::EventPayload;
use crate::names::Key;

/// Presses remembered, so that late packets of them are known: at the fastest dialling allowed (Q.24, 93 ms a digit) they are the last
/// 1.5 s, and no network reorders by more.
const REMEMBERED: usize = 16;

/// Shortest pause between two presses, ms (Q.24). A smaller gap in RTP time is no pause but a lost packet.
const SHORTEST_PAUSE_MS: u32 = 40;

/// Turns event packets into key presses: one [`Key`] per press, whatever gateways do.
#[derive(Clone, Default)]
pub struct EventReceiver {
    /// Oldest first.
    presses: ArrayVec<Press, REMEMBERED>,
}

impl EventReceiver {
    /// Feed one event packet (its RTP sequence, timestamp, SSRC, the event clock in Hz, and payload). A key comes out once per press,
    /// as early as possible (on the first packet seen of it, not on its end).
    pub fn receive(&mut self, sequence: u16, timestamp: u32, ssrc: u32, rate_hz: u32, payload: &[u8]) -> Option<Key> {
        let EventPayload { event, end, duration, .. } = EventPayload::parse(payload)?;
        // Events above 15 are no keys (RFC 4733 §3.2): flash, fax and modem tones.
        let key = Key::from_event(event)?;
        let slack = rate_hz / 1000 * SHORTEST_PAUSE_MS;
        let packet = Heard { ssrc, event, sequence, timestamp, end, duration: duration.into(), slack };
        if let Some(press) = self.presses.iter_mut().rev().find(|press| press.has(&packet)) {
            press.update(&packet);
            return None;
        }
        if self.presses.is_full() {
            self.presses.remove(0);
        }
        self.presses.push(Press::new(&packet));
        Some(key)
    }
}

impl std::fmt::Debug for EventReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventReceiver").finish_non_exhaustive()
    }
}

/// What one packet says.
struct Heard {
    ssrc: u32,
    event: u8,
    sequence: u16,
    timestamp: u32,
    end: bool,
    duration: u32,
    /// A gap in RTP time below this is no pause.
    slack: u32,
}

/// A press heard, and the stretch of RTP time it is known to cover. Times are kept as distances from `start`, so that they compare
/// across the wrap of timestamps.
#[derive(Clone)]
struct Press {
    ssrc: u32,
    event: u8,
    /// Earliest timestamp seen.
    start: u32,
    /// Sequence number of the packet first seen.
    first_sequence: u16,
    /// Newest timestamp seen, from `start`.
    newest: u32,
    /// From where the newest durations count, from `start`: the segment's beginning.
    segment: u32,
    /// Longest duration seen in this segment.
    duration: u32,
    /// Sequence number of the first end packet seen.
    ended: Option<u16>,
}

impl Press {
    fn new(packet: &Heard) -> Self {
        Self {
            ssrc: packet.ssrc,
            event: packet.event,
            start: packet.timestamp,
            first_sequence: packet.sequence,
            newest: 0,
            segment: 0,
            duration: packet.duration,
            ended: packet.end.then_some(packet.sequence),
        }
    }

    /// Length of the stretch.
    fn covered(&self) -> u32 {
        self.segment.saturating_add(self.duration).max(self.newest)
    }

    /// Whether the packet is part of this press; the module's head says why.
    fn has(&self, packet: &Heard) -> bool {
        if (self.ssrc, self.event) != (packet.ssrc, packet.event) {
            return false;
        }
        let at = packet.timestamp.wrapping_sub(self.start);
        if at == 0 || at == self.newest || at == self.segment {
            return true;
        }
        let covered = self.covered();
        let follows = at < covered.saturating_add(packet.slack);
        let precedes = {
            let before = at.wrapping_neg();
            before < packet.duration.saturating_add(packet.slack) && older(packet.sequence, self.first_sequence)
        };
        let inside = match self.ended {
            None => follows,
            Some(_) if packet.end => follows,
            Some(ended) => at < covered && older(packet.sequence, ended),
        };
        inside || precedes
    }

    fn update(&mut self, packet: &Heard) {
        if packet.end && self.ended.is_none() {
            self.ended = Some(packet.sequence);
        }
        let at = packet.timestamp.wrapping_sub(self.start);
        if at > self.covered().saturating_add(packet.slack) {
            // Before the start, first packets in the wrong order.
            let earlier = at.wrapping_neg();
            self.start = packet.timestamp;
            self.newest = self.newest.saturating_add(earlier);
            self.segment = self.segment.saturating_add(earlier);
        } else if at > self.newest {
            // A duration that grows with the timestamp counts from where it did: the gateway only moves the timestamp on. One that does
            // not grow counts from the new timestamp.
            if packet.duration <= self.duration {
                self.segment = at;
            }
            self.newest = at;
            self.duration = packet.duration;
        } else if at == self.newest {
            self.duration = self.duration.max(packet.duration);
        }
    }
}

/// Whether sequence number `a` was sent before `b`, across the wrap (RFC 3550 A.1).
fn older(a: u16, b: u16) -> bool {
    b.wrapping_sub(a).wrapping_sub(1) < 0x7fff
}

#[cfg(test)]
mod tests;
