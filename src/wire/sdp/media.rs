//! One media section: an `m=` line with what follows, on the background of the session part.

use std::fmt;

use super::{Connection, Direction, Line, Section, leading_number, number, words};

/// An `a=rtpmap` line (RFC 8866 §6.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpMap<'s> {
    /// Encoding name; compare without case.
    pub encoding: &'s [u8],
    /// RTP clock, Hz; 8000 when the line leaves it out.
    pub clock_hz: u32,
    /// Channels of sound; 1 when the line leaves it out.
    pub channels: u8,
}

/// An `a=rtcp` line (RFC 3605).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtcpAddress {
    /// UDP port.
    pub port: u16,
    /// Only where it differs from the `c=` line.
    pub connection: Option<Connection>,
}

/// One media section.
#[derive(Clone, Copy)]
pub struct Media<'s> {
    session: Section<'s>,
    line: &'s Line<'s>,
    own: Section<'s>,
}

impl<'s> Media<'s> {
    pub(super) fn new(session: Section<'s>, line: &'s Line<'s>, own: Section<'s>) -> Self {
        Self { session, line, own }
    }

    fn word(&self, index: usize) -> &'s [u8] {
        words(self.line.value()).nth(index).unwrap_or_default()
    }

    /// The `m=` line itself.
    pub fn line(&self) -> &'s Line<'s> {
        self.line
    }

    /// What follows the `m=` line.
    pub fn section(&self) -> Section<'s> {
        self.own
    }

    /// `audio`, `video`, `application`, …; empty on a broken line.
    pub fn kind(&self) -> &'s [u8] {
        self.word(0)
    }

    /// The port; 0: refused or taken out. `None` on a broken line.
    pub fn port(&self) -> Option<u16> {
        // `49170/2` asks for two pairs of ports (RFC 8866 §5.14): the first is enough for a telephone.
        number(self.word(1).split(|octet| *octet == b'/').next()?)
    }

    /// `RTP/AVP`, `UDP/BFCP`, …; empty on a broken line.
    pub fn protocol(&self) -> &'s [u8] {
        self.word(2)
    }

    /// The formats as they stand: numbers for RTP, other words else.
    pub fn formats(&self) -> impl Iterator<Item = &'s [u8]> + use<'s> {
        words(self.line.value()).skip(3)
    }

    /// The RTP payload types, 0 to 127, in the writer's order, each once.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + use<'s> {
        let mut seen = 0_u128;
        self.formats().filter_map(number::<u8>).filter(move |&payload_type| {
            let bit = 1_u128.checked_shl(payload_type.into()).unwrap_or(0);
            let new = bit != 0 && seen & bit == 0;
            seen |= bit;
            new
        })
    }

    /// The `a=rtpmap` of a payload type.
    pub fn rtpmap(&self, payload_type: u8) -> Option<RtpMap<'s>> {
        self.of_payload_type("rtpmap", payload_type).and_then(|map| {
            let mut parts = words(map).next()?.split(|octet| *octet == b'/');
            let encoding = parts.next()?;
            // RFC 8866 §6.6 wants a clock; 8000 is what all of telephony means by leaving it out.
            let clock_hz = parts.next().map_or(Some(8_000), number)?;
            let channels = parts.next().map_or(Some(1), number)?;
            Some(RtpMap { encoding, clock_hz, channels })
        })
    }

    /// The parameters in the `a=fmtp` of a payload type.
    pub fn fmtp(&self, payload_type: u8) -> Option<&'s [u8]> {
        self.of_payload_type("fmtp", payload_type)
    }

    /// The text after the payload type, of the first attribute of this name for this payload type.
    fn of_payload_type(&self, name: &'static str, payload_type: u8) -> Option<&'s [u8]> {
        self.own.attributes(name).find_map(|value| {
            let end = value.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(value.len());
            let (own, rest) = value.split_at_checked(end)?;
            (number(own) == Some(payload_type)).then(|| rest.trim_ascii())
        })
    }

    /// The section's direction, else the session's, else both ways (RFC 8866 §6.7).
    pub fn direction(&self) -> Direction {
        self.own.direction().or_else(|| self.session.direction()).unwrap_or_default()
    }

    /// The section's `c=` line, else the session's (RFC 8866 §5.7).
    pub fn connection(&self) -> Option<Connection> {
        self.own.connection().or_else(|| self.session.connection())
    }

    /// Packet length wished for, milliseconds (RFC 8866 §6.4). A media attribute; some phones write it for the whole session.
    pub fn ptime_ms(&self) -> Option<u32> {
        self.milliseconds("ptime")
    }

    /// Longest packet taken, milliseconds (RFC 8866 §6.5).
    pub fn maxptime_ms(&self) -> Option<u32> {
        self.milliseconds("maxptime")
    }

    fn milliseconds(&self, name: &'static str) -> Option<u32> {
        self.own.attribute(name).or_else(|| self.session.attribute(name)).and_then(leading_number).filter(|&ms| ms > 0)
    }

    /// Where RTCP goes, if it is said (RFC 3605).
    pub fn rtcp(&self) -> Option<RtcpAddress> {
        let value = self.own.attribute("rtcp")?;
        let port = number(words(value).next()?).filter(|&port| port != 0)?;
        Some(RtcpAddress { port, connection: Connection::parse(words(value).skip(1)) })
    }

    /// RTCP may share the RTP port (RFC 5761 §5.1.1), or must (RFC 8858).
    pub fn rtcp_mux(&self) -> bool {
        self.own.attribute("rtcp-mux").or_else(|| self.own.attribute("rtcp-mux-only")).is_some()
    }

    /// The section's name (RFC 5888 §4): one word.
    pub fn mid(&self) -> Option<&'s [u8]> {
        words(self.own.attribute("mid")?).next()
    }

    /// Whether its name stands in a group of this kind (RFC 5888 §5).
    pub fn is_grouped(&self, semantics: &str) -> bool {
        let Some(mid) = self.mid() else { return false };
        self.session.attributes("group").any(|group| {
            let mut group = words(group);
            group.next().is_some_and(|kind| kind.eq_ignore_ascii_case(semantics.as_bytes())) && group.any(|name| name == mid)
        })
    }
}

impl fmt::Debug for Media<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("lines", &self.own.lines().len()).finish_non_exhaustive()
    }
}
