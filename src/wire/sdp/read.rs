//! What single lines of a description say, understood only when asked.

use std::net::IpAddr;

use super::{Line, Sdp, Stream};

/// Direction attribute, seen from whoever wrote it (RFC 8866 §6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// `sendrecv`, also where none is written.
    SendReceive,
    /// `sendonly`
    SendOnly,
    /// `recvonly`
    ReceiveOnly,
    /// `inactive`
    Inactive,
}

/// A `c=` line (RFC 8866 §5.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    /// An address.
    Address(IpAddr),
    /// `0.0.0.0` or `::`: send nothing (RFC 3264 §8.4, the hold of RFC 2543).
    Hold,
    /// A host name, a multicast address or nonsense: nothing we send to.
    Unusable,
}

/// An `a=rtpmap` line (RFC 8866 §6.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rtpmap<'a> {
    /// Encoding name; compare without case.
    pub name: &'a str,
    /// Clock, Hz.
    pub rate_hz: u32,
    /// Channels, 1 where none are written.
    pub channels: u8,
}

fn text(octets: &[u8]) -> Option<&str> {
    std::str::from_utf8(octets).ok().map(str::trim)
}

/// The value of `a=name:value`, or the empty value of `a=name`.
fn attribute<'a>(lines: &[Line<'a>], name: &str) -> Option<&'a [u8]> {
    attributes(lines, name).next()
}

fn attributes<'a, 'l>(lines: &'l [Line<'a>], name: &'l str) -> impl Iterator<Item = &'a [u8]> + 'l {
    lines.iter().filter(|line| line.kind == b'a').filter_map(move |line| {
        let (head, rest) = line.value.split_at_checked(name.len())?;
        if !head.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        match rest {
            [] => Some(rest),
            [b':', value @ ..] => Some(value),
            _ => None,
        }
    })
}

fn direction(lines: &[Line<'_>]) -> Option<Direction> {
    lines.iter().filter(|line| line.kind == b'a').find_map(|line| match text(line.value)?.to_ascii_lowercase().as_str() {
        "sendrecv" => Some(Direction::SendReceive),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::ReceiveOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    })
}

fn address(network: &str) -> Connection {
    // `IN IP4 192.0.2.1`, with `/ttl` behind a multicast address.
    let mut words = network.split_ascii_whitespace();
    let (Some(_), Some(_), Some(host)) = (words.next(), words.next(), words.next()) else { return Connection::Unusable };
    match host.split('/').next().unwrap_or(host).parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => Connection::Hold,
        Ok(address) if !address.is_multicast() => Connection::Address(address),
        _ => Connection::Unusable,
    }
}

fn connection(lines: &[Line<'_>]) -> Option<Connection> {
    let line = lines.iter().find(|line| line.kind == b'c')?;
    Some(text(line.value).map_or(Connection::Unusable, address))
}

fn milliseconds(lines: &[Line<'_>], name: &str) -> Option<u32> {
    // Some write fractions ("20.0").
    let value = text(attribute(lines, name)?)?;
    value.split('.').next()?.parse().ok()
}

impl<'a> Sdp<'a> {
    /// Direction of a stream: its own attribute, else the session's, else both ways (RFC 8866 §6.7).
    pub fn direction(&self, stream: &Stream<'a>) -> Direction {
        direction(&stream.lines).or_else(|| direction(&self.session)).unwrap_or(Direction::SendReceive)
    }

    /// Where a stream's packets go: its own `c=`, else the session's (RFC 8866 §5.7).
    pub fn connection(&self, stream: &Stream<'a>) -> Connection {
        connection(&stream.lines).or_else(|| connection(&self.session)).unwrap_or(Connection::Unusable)
    }

    /// Packet length wished, milliseconds (RFC 8866 §6.4).
    pub fn ptime_ms(&self, stream: &Stream<'a>) -> Option<u32> {
        milliseconds(&stream.lines, "ptime").or_else(|| milliseconds(&self.session, "ptime"))
    }

    /// Longest packet, milliseconds (RFC 8866 §6.5).
    pub fn maxptime_ms(&self, stream: &Stream<'a>) -> Option<u32> {
        milliseconds(&stream.lines, "maxptime").or_else(|| milliseconds(&self.session, "maxptime"))
    }
}

impl<'a> Stream<'a> {
    /// `a=rtpmap` of a format, if it has one.
    pub fn rtpmap(&self, format: &[u8]) -> Option<Rtpmap<'a>> {
        attributes(&self.lines, "rtpmap").find_map(|value| {
            let mut words = text(value)?.split_ascii_whitespace();
            if words.next()?.as_bytes() != format {
                return None;
            }
            let mut parts = words.next()?.split('/');
            let (name, rate) = (parts.next()?, parts.next()?.parse().ok()?);
            let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
            Some(Rtpmap { name, rate_hz: rate, channels })
        })
    }

    /// RTCP on the RTP port is offered (RFC 5761 §5.1.1).
    pub fn rtcp_mux(&self) -> bool {
        attribute(&self.lines, "rtcp-mux").is_some()
    }

    /// `a=rtcp:port`, with an address of its own or none (RFC 3605 §2.1).
    pub fn rtcp(&self) -> Option<(u16, Option<Connection>)> {
        let value = text(attribute(&self.lines, "rtcp")?)?;
        let (port, rest) = value.split_once(' ').unwrap_or((value, ""));
        let port = port.parse().ok()?;
        Some((port, (!rest.trim().is_empty()).then(|| address(rest))))
    }

    /// Identification of the stream (RFC 5888 §4).
    pub fn mid(&self) -> Option<&'a [u8]> {
        attribute(&self.lines, "mid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Sdp<'_> {
        Sdp::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_streams_own_lines_go_before_the_sessions() {
        let sdp = parse(
            "v=0\nc=IN IP4 192.0.2.1\na=inactive\na=ptime:30\nm=audio 1 RTP/AVP 8\nm=audio 2 RTP/AVP 8\nc=IN IP6 2001:db8::1\na=SENDONLY\na=ptime:20.0\na=maxptime:40\n",
        );
        let [first, second] = &sdp.streams[..] else { panic!() };
        assert_eq!(sdp.connection(first), Connection::Address("192.0.2.1".parse().unwrap()));
        assert_eq!(sdp.connection(second), Connection::Address("2001:db8::1".parse().unwrap()));
        assert_eq!((sdp.direction(first), sdp.direction(second)), (Direction::Inactive, Direction::SendOnly));
        assert_eq!((sdp.ptime_ms(first), sdp.ptime_ms(second)), (Some(30), Some(20)));
        assert_eq!((sdp.maxptime_ms(first), sdp.maxptime_ms(second)), (None, Some(40)));
    }

    #[test]
    fn connections_are_addresses_hold_or_nothing_to_send_to() {
        for (line, expected) in [
            ("IN IP4 0.0.0.0", Connection::Hold),
            ("IN IP6 ::", Connection::Hold),
            ("IN IP4 224.2.1.1/127", Connection::Unusable),
            ("IN IP4 bro.example.se", Connection::Unusable),
            ("IN IP4", Connection::Unusable),
        ] {
            let text = format!("v=0\nc={line}\nm=audio 1 RTP/AVP 8\n");
            let sdp = parse(&text);
            assert_eq!(sdp.connection(&sdp.streams[0]), expected, "{line}");
        }
    }

    #[test]
    fn attributes_of_a_stream_are_understood_when_asked() {
        let sdp = parse(
            "v=0\nm=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\na=rtpmap:8 pcma/8000/1\na=rtcp-mux\na=rtcp:4005 IN IP4 192.0.2.9\na=mid:0\n",
        );
        let stream = &sdp.streams[0];
        assert_eq!(stream.rtpmap(b"101"), Some(Rtpmap { name: "telephone-event", rate_hz: 8000, channels: 1 }));
        assert_eq!(stream.rtpmap(b"8").map(|map| map.name), Some("pcma"));
        assert_eq!(stream.rtpmap(b"10"), None);
        assert_eq!(stream.rtcp(), Some((4005, Some(Connection::Address("192.0.2.9".parse().unwrap())))));
        assert!(stream.rtcp_mux());
        assert_eq!(stream.mid(), Some(&b"0"[..]));
    }
}
