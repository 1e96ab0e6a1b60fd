//! Telephone events (RFC 4733 §2): keys as named events in RTP. The payload, who hears presses in it, and who sends them.
//!
//! Only the sixteen keys are known; other events are neither heard nor sent.

mod receiver;
mod sender;

pub use receiver::EventReceiver;
pub use sender::{EventPacket, EventSender};

/// The four octets of an event payload (RFC 4733 §2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventPayload {
    /// Event code. Secret when it is a key: no `Debug` shows it.
    pub event: u8,
    /// End bit.
    pub end: bool,
    /// Power of the tone, dBm0 negated, 0 to 63.
    pub volume: u8,
    /// Duration so far, in timestamp units.
    pub duration: u16,
}

impl EventPayload {
    /// Parse; `None` when shorter than four octets. More octets are ignored, and so is the reserved bit (RFC 4733 §2.3.3).
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[event, flags, high, low] = payload.first_chunk::<4>()?;
        Some(Self { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]) })
    }

    /// The four octets.
    pub fn octets(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | self.volume & 0x3f, high, low]
    }
}

impl std::fmt::Debug for EventPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventPayload").field("end", &self.end).field("duration", &self.duration).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_octets_lie_as_the_standard_says() {
        let payload = EventPayload { event: 11, end: true, volume: 10, duration: 1600 };
        assert_eq!(payload.octets(), [11, 0x8a, 0x06, 0x40]);
        assert_eq!(EventPayload::parse(&[11, 0xca, 0x06, 0x40, 9]), Some(payload), "reserved bit and trailing octets do not matter");
        assert_eq!(EventPayload::parse(&[11, 0x8a, 0x06]), None);
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        let shown = format!("{:?}", EventPayload { event: 9, end: false, volume: 9, duration: 160 });
        assert!(!shown.contains('9'), "{shown}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(event in any::<u8>(), end in any::<bool>(), volume in 0u8..64, duration in any::<u16>()) {
            let payload = EventPayload { event, end, volume, duration };
            prop_assert_eq!(EventPayload::parse(&payload.octets()), Some(payload));
        }
    }
}
