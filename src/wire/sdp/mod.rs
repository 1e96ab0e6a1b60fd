//! Session descriptions (RFC 8866), line by line and without loss.
//!
//! Real room systems send what a strict grammar refuses: host names in `c=`, BFCP and image m-lines, Latin-1, bare line feeds, no `s=` or
//! `t=`. So a description is kept as the lines it is, in order, octets and all, and only what is asked for is understood. What the lines mean
//! for a call (which codec, which direction) is not decided here.

mod read;

pub use read::{Connection, Direction, Rtpmap};

use thiserror::Error;

/// Longest description. The longest seen from a room system with four cameras is 6 kB; a UDP datagram ends at 64 kB anyway.
pub const OCTETS: usize = 32 * 1024;
/// Most lines: twice what those 6 kB hold.
pub const LINES: usize = 512;
/// Most m-lines: room systems send up to eight (audio, two videos, BFCP, far-end camera control, image).
pub const STREAMS: usize = 32;

/// Why a body is not a description.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SdpError {
    /// Longer than [`OCTETS`].
    #[error("the description has {0} octets, at most {OCTETS} are read")]
    TooLong(usize),
    /// More than [`LINES`] lines.
    #[error("the description has more than {LINES} lines")]
    TooManyLines,
    /// More than [`STREAMS`] m-lines.
    #[error("the description has more than {STREAMS} m-lines")]
    TooManyStreams,
    /// It does not begin with `v=` (RFC 8866 §5.1).
    #[error("the description does not begin with v=")]
    NoVersion,
    /// A line that is not a letter, `=` and a value.
    #[error("line {0} of the description is not of the form x=value")]
    Line(usize),
    /// An m-line without media, port, protocol and at least one format (RFC 8866 §5.14).
    #[error("line {0} of the description is no complete m-line")]
    Stream(usize),
}

/// One line: `x=value`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// The letter.
    pub kind: u8,
    /// What follows `=`, without the line's end.
    pub value: &'a [u8],
}

/// A whole description.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sdp<'a> {
    /// Lines before the first m-line.
    pub session: Vec<Line<'a>>,
    /// The m-lines, in order.
    pub streams: Vec<Stream<'a>>,
}

/// One m-line with the lines that belong to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream<'a> {
    /// `audio`, `video`, `application`, …
    pub media: &'a [u8],
    /// 0: not wanted (RFC 3264 §5.1).
    pub port: u16,
    /// `RTP/AVP`, …
    pub protocol: &'a [u8],
    /// As they stand.
    pub formats: Vec<&'a [u8]>,
    /// The m-line's whole value.
    pub value: &'a [u8],
    /// Lines after it.
    pub lines: Vec<Line<'a>>,
}

impl<'a> Sdp<'a> {
    /// Read a description. Lines may end in CRLF or LF (RFC 8866 §5); empty ones are passed over.
    pub fn parse(octets: &'a [u8]) -> Result<Self, SdpError> {
        if octets.len() > OCTETS {
            return Err(SdpError::TooLong(octets.len()));
        }
        let mut sdp = Self::default();
        let mut first = true;
        for (number, line) in octets.split(|o| *o == b'\n').enumerate() {
            let number = number + 1;
            if number > LINES {
                return Err(SdpError::TooManyLines);
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let [kind, b'=', value @ ..] = line else {
                return Err(if first { SdpError::NoVersion } else { SdpError::Line(number) });
            };
            if std::mem::take(&mut first) && *kind != b'v' {
                return Err(SdpError::NoVersion);
            }
            let line = Line { kind: *kind, value };
            if *kind == b'm' {
                if sdp.streams.len() == STREAMS {
                    return Err(SdpError::TooManyStreams);
                }
                sdp.streams.push(Stream::parse(value).ok_or(SdpError::Stream(number))?);
            } else {
                match sdp.streams.last_mut() {
                    Some(stream) => stream.lines.push(line),
                    None => sdp.session.push(line),
                }
            }
        }
        if first { Err(SdpError::NoVersion) } else { Ok(sdp) }
    }

    /// The description as it came, with CRLF (RFC 8866 §5).
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |kind: u8, value: &[u8]| {
            out.extend([kind, b'=']);
            out.extend(value);
            out.extend(b"\r\n");
        };
        for line in &self.session {
            put(line.kind, line.value);
        }
        for stream in &self.streams {
            put(b'm', stream.value);
            for line in &stream.lines {
                put(line.kind, line.value);
            }
        }
        out
    }
}

impl<'a> Stream<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        let mut words = value.split(|o| *o == b' ').filter(|word| !word.is_empty());
        let media = words.next()?;
        // RFC 8866 §5.14: `port/number of ports`.
        let port = words.next()?.split(|o| *o == b'/').next()?;
        let port = std::str::from_utf8(port).ok()?.parse().ok()?;
        let protocol = words.next()?;
        let formats: Vec<_> = words.collect();
        (!formats.is_empty()).then_some(Self { media, port, protocol, formats, value, lines: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_description_comes_back_octet_for_octet() {
        let text = b"v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=M\xf6te\r\nc=IN IP4 bro.example.se\r\nm=audio 4000/2 RTP/AVP 8 101\r\na=x-unknown\r\nm=application 0 UDP/BFCP *\r\na=floorctrl:c-s\r\n";
        let sdp = Sdp::parse(text).unwrap();
        assert_eq!(sdp.streams.len(), 2);
        assert_eq!((sdp.streams[0].port, sdp.streams[1].port), (4000, 0));
        assert_eq!(sdp.write(), text);
    }

    #[test]
    fn bare_line_feeds_and_missing_lines_are_taken() {
        let sdp = Sdp::parse(b"v=0\nm=audio 4000 RTP/AVP 8\n\n").unwrap();
        assert_eq!(sdp.streams[0].formats, [b"8"]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        assert_eq!(Sdp::parse(b""), Err(SdpError::NoVersion));
        assert_eq!(Sdp::parse(b"<xml/>"), Err(SdpError::NoVersion));
        assert_eq!(Sdp::parse(b"o=x\r\nv=0"), Err(SdpError::NoVersion));
        assert_eq!(Sdp::parse(b"v=0\r\nhello\r\n"), Err(SdpError::Line(2)));
        assert_eq!(Sdp::parse(b"v=0\r\nm=audio 70000 RTP/AVP 8\r\n"), Err(SdpError::Stream(2)));
        assert_eq!(Sdp::parse(b"v=0\r\nm=audio 4000 RTP/AVP\r\n"), Err(SdpError::Stream(2)));
        assert_eq!(Sdp::parse(&vec![b'x'; OCTETS + 1]), Err(SdpError::TooLong(OCTETS + 1)));
        assert_eq!(Sdp::parse("v=0\n".repeat(LINES + 1).as_bytes()), Err(SdpError::TooManyLines));
        let many = format!("v=0\n{}", "m=audio 1 RTP/AVP 8\n".repeat(STREAMS + 1));
        assert_eq!(Sdp::parse(many.as_bytes()), Err(SdpError::TooManyStreams));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Sdp::parse(&octets);
        }

        #[test]
        fn what_is_read_is_written_as_it_was(lines in prop::collection::vec("[a-ln-z]=[^\r\n]{0,30}", 0..20)) {
            let text = std::iter::once("v=0".to_owned()).chain(lines).map(|line| line + "\r\n").collect::<String>();
            prop_assert_eq!(Sdp::parse(text.as_bytes()).unwrap().write(), text.as_bytes());
        }
    }
}
