//! A run of lines: the session part, or what belongs to one `m=` line.

use std::fmt;
use std::net::IpAddr;

use super::{Line, words};

/// Which way media flows, as seen by who wrote it (RFC 8866 §6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Both ways: also what no attribute means (RFC 8866 §6.7).
    #[default]
    SendRecv,
    /// The writer only sends.
    SendOnly,
    /// The writer only receives.
    RecvOnly,
    /// Neither way.
    Inactive,
}

/// What a `c=` line names (RFC 8866 §5.7).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// An address.
    Address(IpAddr),
    /// A host name, or something unknown. Nobody resolves it here.
    Unresolved,
}

impl Connection {
    /// From `IN IP4 192.0.2.1/127`: network and family are not looked at (peers mix them up), the address is; TTL and count are cut off.
    pub(super) fn parse<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let host = parts.nth(2)?;
        let host = host.split(|octet| *octet == b'/').next()?;
        let address = std::str::from_utf8(host).ok().and_then(|host| host.parse::<IpAddr>().ok());
        // An IPv4 address written as an IPv6 one is still reached by IPv4.
        Some(address.map_or(Self::Unresolved, |address| Self::Address(address.to_canonical())))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address(_) => "Address(…)",
            Self::Unresolved => "Unresolved",
        })
    }
}

/// A run of lines.
#[derive(Clone, Copy)]
pub struct Section<'s> {
    lines: &'s [Line<'s>],
}

impl<'s> Section<'s> {
    pub(super) fn new(lines: &'s [Line<'s>]) -> Self {
        Self { lines }
    }

    /// Every line, in order.
    pub fn lines(&self) -> &'s [Line<'s>] {
        self.lines
    }

    /// The values of the lines of one kind.
    pub fn values(&self, kind: u8) -> impl Iterator<Item = &'s [u8]> + use<'s> {
        self.lines.iter().filter(move |line| line.is(kind)).map(Line::value)
    }

    /// The values of all attributes of a name, whatever its case; a flag has an empty value.
    pub fn attributes(&self, name: &'static str) -> impl Iterator<Item = &'s [u8]> + use<'s> {
        self.values(b'a').filter_map(move |text| {
            let (own, value) = text.split_at_checked(text.iter().position(|octet| *octet == b':').unwrap_or(text.len()))?;
            own.eq_ignore_ascii_case(name.as_bytes()).then(|| value.strip_prefix(b":").unwrap_or(value).trim_ascii())
        })
    }

    /// The value of the first attribute of a name.
    pub fn attribute(&self, name: &'static str) -> Option<&'s [u8]> {
        self.attributes(name).next()
    }

    /// The first `c=` line.
    pub fn connection(&self) -> Option<Connection> {
        self.values(b'c').find_map(|value| Connection::parse(words(value)))
    }

    /// The first direction named.
    pub fn direction(&self) -> Option<Direction> {
        self.values(b'a').find_map(|text| {
            const NAMES: [(&str, Direction); 4] = [
                ("sendrecv", Direction::SendRecv),
                ("sendonly", Direction::SendOnly),
                ("recvonly", Direction::RecvOnly),
                ("inactive", Direction::Inactive),
            ];
            NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes())).map(|(_, direction)| *direction)
        })
    }
}

impl fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}
