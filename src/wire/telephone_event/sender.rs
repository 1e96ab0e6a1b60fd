//! Sends key presses (RFC 4733 §2.5.1). The packets only; sequence numbers and RTP headers are the caller's.

use super::EventPayload;
use crate::names::Key;

/// The final packet goes out three times, a tick apart (RFC 4733 §2.5.1.4).
const END_PACKETS: u8 = 3;

/// What the tone would be as sound: −10 dBm0, as phones say.
const VOLUME: u8 = 10;

/// One packet to send of a key being pressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// First packet of the event.
    pub marker: bool,
    /// Timestamp of the event's start (or of the segment's, RFC 4733 §2.5.1.3).
    pub timestamp: u32,
    /// Payload. Names a key: no `Debug` shows it.
    pub payload: [u8; 4],
}

impl std::fmt::Debug for EventPacket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventPacket").field("marker", &self.marker).field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// Sends key presses (RFC 4733 §2.5.1): a packet a tick, the end three times. Used by simulated callers.
#[derive(Clone, Debug)]
pub struct EventSender {
    key: Key,
    rate_hz: u32,
    /// Start of the current segment.
    timestamp: u32,
    /// Units of the press reported by former segments.
    reported: u64,
    /// Length of the press, in units.
    total: u64,
    elapsed_ms: u64,
    started: bool,
    ends_left: u8,
}

impl EventSender {
    /// Press `key` at RTP time `timestamp` for `press_ms`, event clock `rate_hz`.
    pub fn new(key: Key, timestamp: u32, press_ms: u32, rate_hz: u32) -> Self {
        // RFC 4733 §2.3.5: a duration of zero means "for ever", so the shortest press is one unit.
        let total = units(press_ms.into(), rate_hz).max(1);
        Self { key, rate_hz, timestamp, reported: 0, total, elapsed_ms: 0, started: false, ends_left: END_PACKETS }
    }

    /// The packet for the tick that has just passed (`tick_ms` long); `None` when the press is over and its end sent three times.
    pub fn next_packet(&mut self, tick_ms: u32) -> Option<EventPacket> {
        if self.ends_left == 0 {
            return None;
        }
        self.elapsed_ms = self.elapsed_ms.saturating_add(tick_ms.into());
        let so_far = units(self.elapsed_ms, self.rate_hz).min(self.total);
        let timestamp = self.timestamp;
        let (duration, end) = match u16::try_from(so_far.saturating_sub(self.reported)) {
            Ok(duration) => (duration, so_far == self.total),
            Err(_) => {
                // RFC 4733 §2.5.1.3: report the longest duration without the end bit, then go on in a new segment that starts where
                // this one ended.
                self.timestamp = self.timestamp.wrapping_add(u16::MAX.into());
                self.reported += u64::from(u16::MAX);
                (u16::MAX, false)
            }
        };
        self.ends_left -= u8::from(end);
        let payload = EventPayload { event: self.key.event(), end, volume: VOLUME, duration }.octets();
        // RFC 4733 §2.5.1.1: the marker is on the first packet of the event, not of a segment.
        Some(EventPacket { marker: !std::mem::replace(&mut self.started, true), timestamp, payload })
    }
}

fn units(ms: u64, rate_hz: u32) -> u64 {
    ms.saturating_mul(rate_hz.into()) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(press_ms: u32, rate_hz: u32) -> Vec<(bool, u32, EventPayload)> {
        let mut sender = EventSender::new(Key::Digit(5), u32::MAX - 100, press_ms, rate_hz);
        std::iter::from_fn(|| sender.next_packet(20)).map(|p| (p.marker, p.timestamp, EventPayload::parse(&p.payload).unwrap())).collect()
    }

    #[test]
    fn a_press_is_a_packet_a_tick_and_its_end_three_times() {
        let packets = press(100, 8000);
        let durations: Vec<_> = packets.iter().map(|(_, _, p)| (p.duration, p.end)).collect();
        assert_eq!(durations, [(160, false), (320, false), (480, false), (640, false), (800, true), (800, true), (800, true)]);
        assert!(packets.iter().all(|(_, timestamp, p)| *timestamp == u32::MAX - 100 && p.event == 5));
        assert_eq!(packets.iter().map(|(marker, ..)| *marker).collect::<Vec<_>>(), [true, false, false, false, false, false, false]);
    }

    #[test]
    fn a_press_shorter_than_a_tick_and_another_clock_are_sent_right() {
        assert_eq!(press(0, 8000).iter().map(|(_, _, p)| (p.duration, p.end)).collect::<Vec<_>>(), [(1, true); 3]);
        assert_eq!(press(40, 48000).iter().map(|(_, _, p)| p.duration).collect::<Vec<_>>(), [960, 1920, 1920, 1920]);
    }

    #[test]
    fn a_long_press_goes_on_in_segments_that_meet_exactly() {
        let packets = press(20_000, 8000);
        let full: Vec<_> = packets.iter().filter(|(_, _, p)| p.duration == u16::MAX).collect();
        assert_eq!(full.len(), 2);
        assert!(full.iter().all(|(_, _, p)| !p.end));
        let (_, last, end) = packets.last().unwrap();
        assert_eq!(*last, (u32::MAX - 100).wrapping_add(2 * 65_535), "timestamps wrap");
        assert_eq!(u32::from(end.duration), 160_000 - 2 * 65_535);
        assert_eq!(packets.iter().filter(|(_, _, p)| p.end).count(), 3);
        assert_eq!(packets.iter().filter(|(marker, ..)| *marker).count(), 1);
    }
}
