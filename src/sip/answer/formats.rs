//! Codecs and telephone events that a stream and we have in common.

use std::fmt;
use std::ops::RangeInclusive;

use arrayvec::ArrayVec;

use crate::codec::Codec;
use crate::media::EventFormat;
use crate::media::setup::{EVENT_FORMATS, FORMATS};
use crate::wire::sdp::{Media, RtpMap};

/// Clocks of telephone events taken, Hz: from narrowband to the highest of any codec (RFC 4733 §2.1 binds the event clock to the codec's).
const EVENT_CLOCKS_HZ: RangeInclusive<u32> = 8_000..=192_000;

/// What a stream and we have in common, in the stream's order.
pub(super) struct Formats {
    /// Never empty.
    pub(super) codecs: ArrayVec<(u8, Codec), FORMATS>,
    /// Those on the first codec's clock first.
    pub(super) events: ArrayVec<(EventFormat, EventSet), EVENT_FORMATS>,
}

impl Formats {
    /// `None` without a common codec. What is beyond the limits of a leg is passed over.
    pub(super) fn common(media: &Media<'_>, ours: &[Codec]) -> Option<Self> {
        let codecs: ArrayVec<_, FORMATS> = media
            .payload_types()
            .filter_map(|payload_type| {
                let map = media.rtpmap(payload_type);
                let codec = ours.iter().find(|codec| match map {
                    Some(map) => is_codec(map, **codec),
                    // RFC 3551 §6: static types need no rtpmap.
                    None => Some(payload_type) == codec.static_payload_type(),
                })?;
                Some((payload_type, *codec))
            })
            .take(FORMATS)
            .collect();
        let (_, first) = codecs.first()?;
        let on_its_clock = |event: &EventFormat| event.rate_hz == first.clock_hz();
        let events = events(media)
            .filter(|(event, _)| on_its_clock(event))
            .chain(events(media).filter(|(event, _)| !on_its_clock(event)))
            .take(EVENT_FORMATS)
            .collect();
        Some(Self { codecs, events })
    }

    /// The events to answer: on the codec's clock if they are offered so (RFC 4733 §2.4.1), else the first that are.
    pub(super) fn answered_events(&self, codec: Codec) -> &[(EventFormat, EventSet)] {
        let fitting = self.events.iter().filter(|(event, _)| event.rate_hz == codec.clock_hz()).count();
        self.events.get(..fitting.max(1)).unwrap_or_default()
    }
}

fn is_codec(map: RtpMap<'_>, codec: Codec) -> bool {
    map.encoding.eq_ignore_ascii_case(codec.name().as_bytes()) && map.clock_hz == codec.clock_hz() && map.channels == 1
}

fn events<'s>(media: &Media<'s>) -> impl Iterator<Item = (EventFormat, EventSet)> + use<'s> {
    let media = *media;
    media.payload_types().filter_map(move |payload_type| {
        let map = media.rtpmap(payload_type).filter(|map| map.encoding.eq_ignore_ascii_case(b"telephone-event"))?;
        let set = EventSet::parse(media.fmtp(payload_type));
        let of_use = EVENT_CLOCKS_HZ.contains(&map.clock_hz) && set != EventSet::NONE;
        of_use.then_some((EventFormat { payload_type, rate_hz: map.clock_hz }, set))
    })
}

/// Which events of 0 to 16 (the keys, and flash) a format carries: the parameter of RFC 4733 §2.4.1. `Display` writes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct EventSet(u32);

impl EventSet {
    const NONE: Self = Self(0);
    /// The sixteen keys: what no parameter means (RFC 4733 §2.4.1).
    const KEYS: Self = Self(0xffff);
    /// What we offer. Flash does nothing here, but `0-16` is what gateways know.
    pub(super) const KEYS_AND_FLASH: Self = Self(0x1_ffff);

    /// From `0-15,66` or `events=0-15`; what we have no use for falls out, what is unreadable means all keys.
    fn parse(parameter: Option<&[u8]>) -> Self {
        let Some(text) = parameter.and_then(|octets| std::str::from_utf8(octets).ok()) else { return Self::KEYS };
        let mut set = 0;
        for part in text.trim_start_matches("events=").split([',', ';']) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Ok(first), Ok(last)) = (first.trim().parse::<u8>(), last.trim().parse::<u8>()) else { return Self::KEYS };
            for event in first..=last.min(16) {
                set |= 1 << event;
            }
        }
        Self(set)
    }

    fn has(self, event: u32) -> bool {
        event <= 16 && self.0 & 1 << event != 0
    }
}

impl fmt::Display for EventSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for first in (0..=16).filter(|&event| self.has(event) && (event == 0 || !self.has(event - 1))) {
            let last = (first..=16).take_while(|&event| self.has(event)).last().unwrap_or(first);
            if first == last {
                write!(f, "{separator}{first}")?;
            } else {
                write!(f, "{separator}{first}-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_events_offered_those_of_use_are_answered() {
        for (offered, answered) in [
            (None, "0-15"),
            (Some("0-15"), "0-15"),
            (Some("0-16"), "0-16"),
            (Some("0-11,16"), "0-11,16"),
            (Some("0-15,66,70"), "0-15"),
            (Some("events=0-15"), "0-15"),
            (Some("0,1,2, 3 ,5"), "0-3,5"),
            (Some("0-255"), "0-16"),
            (Some("32-36"), ""),
            (Some("9-3"), ""),
            (Some("0-999"), "0-15"),
            (Some("nonsense"), "0-15"),
            (Some(""), "0-15"),
        ] {
            assert_eq!(EventSet::parse(offered.map(str::as_bytes)).to_string(), answered, "{offered:?}");
        }
    }
}
