//! Codecs, telephone events, comfort noise and redundancy that a stream and we have in common.

use std::fmt;
use std::ops::RangeInclusive;

use arrayvec::ArrayVec;

use crate::codec::Codec;
use crate::media::EventFormat;
use crate::media::setup::{EVENT_FORMATS, EXTRA_FORMATS, FORMATS};
use crate::wire::sdp::{Media, RtpMap};

/// Clocks of telephone events taken, Hz: from narrowband to the highest of any codec (RFC 4733 §2.1 binds the event clock to the codec's).
const EVENT_CLOCKS_HZ: RangeInclusive<u32> = 8_000..=192_000;
/// Static payload type of comfort noise at 8 kHz (RFC 3551 §6).
const COMFORT_NOISE: u8 = 13;
/// Bitrates of Opus that a peer may ask for (RFC 7587 §6.1, `maxaveragebitrate`).
const OPUS_BITRATES: RangeInclusive<u32> = 6_000..=510_000;

/// Whose order of codecs counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Ours, of an offer: RFC 3264 §6.1 wants the offer's order kept unless there is a reason; ours is that wideband is heard better, and
    /// that the operator says so.
    Ours,
    /// Theirs, of an answer: its first is what we should send (RFC 3264 §6.1).
    Theirs,
}

/// What a stream and we have in common.
pub(super) struct Formats<'s> {
    /// Never empty; what is to be sent first.
    pub(super) codecs: ArrayVec<(u8, Codec), FORMATS>,
    /// Those on the first codec's clock first, else in the stream's order.
    pub(super) events: ArrayVec<(EventFormat, EventSet), EVENT_FORMATS>,
    /// Comfort noise.
    pub(super) comfort_noise: ArrayVec<Extra<'s>, EXTRA_FORMATS>,
    /// Redundancy of the first codec.
    pub(super) redundancy: ArrayVec<Extra<'s>, EXTRA_FORMATS>,
    /// Most bits a second of Opus, where the first codec is that and a limit is named.
    pub(super) opus_bitrate: Option<u32>,
}

/// A format beside the codecs.
#[derive(Clone, Copy)]
pub(super) struct Extra<'s> {
    pub(super) payload_type: u8,
    pub(super) name: &'static str,
    pub(super) clock_hz: u32,
    pub(super) channels: u8,
    pub(super) parameters: Option<&'s [u8]>,
}

impl<'s> Formats<'s> {
    /// `None` without a common codec. What is beyond the limits of a leg is passed over.
    pub(super) fn common(media: &Media<'s>, ours: &[Codec], order: Order) -> Option<Self> {
        let mut codecs: ArrayVec<_, FORMATS> = media
            .payload_types()
            .filter_map(|payload_type| {
                let map = media.rtpmap(payload_type);
                let codec = ours.iter().find(|codec| match map {
                    Some(map) => is_codec(map, **codec),
                    // RFC 3551 §6: static types need no rtpmap.
                    None => Some(payload_type) == codec.static_payload_type(),
                })?;
                fits(media, *codec).then_some((payload_type, *codec))
            })
            .take(FORMATS)
            .collect();
        if order == Order::Ours {
            // Stable: of two numbers for one codec the stream's first stays first.
            codecs.sort_by_key(|(_, codec)| ours.iter().position(|own| own == codec));
        }
        let &(number, first) = codecs.first()?;
        let on_its_clock = |event: &EventFormat| event.rate_hz == first.clock_hz();
        let events = events(media)
            .filter(|(event, _)| on_its_clock(event))
            .chain(events(media).filter(|(event, _)| !on_its_clock(event)))
            .take(EVENT_FORMATS)
            .collect();
        let comfort_noise = media.payload_types().filter_map(|number| comfort_noise(media, number)).take(EXTRA_FORMATS).collect();
        let redundancy = media.payload_types().filter_map(|red| redundancy(media, red, number, first)).take(EXTRA_FORMATS).collect();
        let opus_bitrate = if first == Codec::Opus { opus_bitrate(media.fmtp(number)) } else { None };
        Some(Self { codecs, events, comfort_noise, redundancy, opus_bitrate })
    }

    /// The events to answer: on the codec's clock if they are offered so (RFC 4733 §2.4.1), else the first that are.
    pub(super) fn answered_events(&self, codec: Codec) -> &[(EventFormat, EventSet)] {
        let fitting = self.events.iter().filter(|(event, _)| event.rate_hz == codec.clock_hz()).count();
        self.events.get(..fitting.max(1)).unwrap_or_default()
    }

    /// What else to answer. Comfort noise belongs to codecs that have none of their own (RFC 3389 §1), on their clock (§4).
    pub(super) fn answered_extras(&self, codec: Codec) -> impl Iterator<Item = Extra<'s>> {
        let noise = self.comfort_noise.iter().filter(move |noise| codec != Codec::Opus && noise.clock_hz == codec.clock_hz());
        noise.chain(&self.redundancy).copied()
    }
}

/// RFC 7587 §7 wants two channels; some leave them out.
fn is_codec(map: RtpMap<'_>, codec: Codec) -> bool {
    let channels = map.channels == codec.rtpmap_channels() || codec == Codec::Opus && map.channels == 1;
    map.encoding.eq_ignore_ascii_case(codec.name().as_bytes()) && map.clock_hz == codec.clock_hz() && channels
}

/// Opus goes out in packets of 20 ms: not to somebody who takes only shorter ones.
fn fits(media: &Media<'_>, codec: Codec) -> bool {
    codec.is_octet_stream() || media.maxptime_ms().is_none_or(|most| most >= u32::from(super::PTIME_MS))
}

/// RFC 3389 §4: `CN` under the static type, or under a dynamic one with its clock.
fn comfort_noise<'s>(media: &Media<'s>, payload_type: u8) -> Option<Extra<'s>> {
    let clock_hz = match media.rtpmap(payload_type) {
        Some(map) => map.encoding.eq_ignore_ascii_case(b"CN").then_some(map.clock_hz).filter(|hz| [8_000, 16_000].contains(hz))?,
        None if payload_type == COMFORT_NOISE => 8_000,
        None => return None,
    };
    Some(Extra { payload_type, name: "CN", clock_hz, channels: 1, parameters: None })
}

/// RFC 2198 §5: `red` on the codec's clock, whose parameters name nothing but the codec's number, as in `111/111`.
fn redundancy<'s>(media: &Media<'s>, payload_type: u8, number: u8, codec: Codec) -> Option<Extra<'s>> {
    let map = media.rtpmap(payload_type).filter(|map| map.encoding.eq_ignore_ascii_case(b"red") && map.clock_hz == codec.clock_hz())?;
    let parameters = media.fmtp(payload_type)?;
    let mut names = parameters.split(|octet| *octet == b'/');
    let ours = names.all(|name| std::str::from_utf8(name.trim_ascii()).ok().and_then(|name| name.parse().ok()) == Some(number));
    ours.then_some(Extra { payload_type, name: "red", clock_hz: map.clock_hz, channels: map.channels, parameters: Some(parameters) })
}

/// Of the parameters of Opus (RFC 7587 §6.1) only this one changes what is sent. We always send mono and never DTX, FEC that a receiver
/// does not use does no harm, and one who plays less than 48 kHz can decode what we send all the same.
fn opus_bitrate(parameters: Option<&[u8]>) -> Option<u32> {
    let text = std::str::from_utf8(parameters?).ok()?;
    text.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().parse().ok().filter(|bitrate| OPUS_BITRATES.contains(bitrate));
        value.filter(|_| name.trim().eq_ignore_ascii_case("maxaveragebitrate"))
    })
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
