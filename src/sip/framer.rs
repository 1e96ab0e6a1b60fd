//! Messages out of a TCP stream, by Content-Length (RFC 3261 §18.3), with keep-alives (RFC 5626 §3.5.1).
//!
//! How long a half message may lie here is the connection's business: it sees that [`Framer::pending`] does not fall.

use bytes::{Bytes, BytesMut};
use sipx_sip::{Limits, Message, parse_datagram};
use thiserror::Error;

use super::lenient::{find, salvage};

/// Longest start line and header fields together: a call through ten proxies has 8 kB of them.
const MAX_HEAD: usize = 32 * 1024;
/// Longest body: the SDP of a room system with four cameras is 8 kB.
const MAX_BODY: usize = 32 * 1024;
/// Most header fields: a message through ten proxies has eighty.
const HEADERS: usize = 256;

/// The bounds of a message, on a stream or in a datagram.
pub fn limits() -> Limits {
    Limits {
        max_message_bytes: MAX_HEAD + MAX_BODY + 4,
        max_body_bytes: MAX_BODY,
        max_headers: HEADERS,
        max_header_bytes: 8 * 1024,
        max_folding_lines: 16,
    }
}

/// The stream cannot be followed any further: close it. Never repeats what came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum FramerError {
    /// The header fields do not end.
    #[error("SIP stream: header fields longer than 32 KiB")]
    HeadTooLong,
    /// The body is longer than we read.
    #[error("SIP stream: body longer than 32 KiB")]
    BodyTooLong,
    /// No Content-Length, or two, or not a number: where the message ends is unknown (RFC 3261 §18.3).
    #[error("SIP stream: no usable Content-Length")]
    NoLength,
    /// Framed, but not SIP.
    #[error("SIP stream: not SIP")]
    NotSip,
}

/// What came out of the stream.
#[derive(Clone)]
pub enum Framed {
    /// A whole message.
    Message(Box<Message>),
    /// A double CRLF: answer it with a single one.
    Ping,
}

impl std::fmt::Debug for Framed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Message(_) => "Message(…)",
            Self::Ping => "Ping",
        })
    }
}

/// Cuts one connection's octets into messages.
#[derive(Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How far the search for the end of the header fields has come, so that a trickle is not searched again and again.
    searched: usize,
    /// Where the message in the buffer ends, once its header fields are whole.
    whole: Option<usize>,
    /// CRLFs between messages since the last message or ping.
    line_ends: u8,
    failed: Option<FramerError>,
}

impl std::fmt::Debug for Framer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer").field("pending", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl Framer {
    /// At the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Octets as they came. After an error every further call fails alike.
    pub fn push(&mut self, octets: &[u8]) -> Result<Vec<Framed>, FramerError> {
        let mut out = Vec::new();
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.buffer.extend_from_slice(octets);
        loop {
            match self.next() {
                Ok(Some(framed)) => out.push(framed),
                Ok(None) => return Ok(out),
                // What was whole before the fault is still worth an answer; the next push reports the fault.
                Err(error) => {
                    self.failed = Some(error);
                    self.buffer.clear();
                    return if out.is_empty() { Err(error) } else { Ok(out) };
                }
            }
        }
    }

    /// Octets of a message that is not whole yet.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    fn next(&mut self) -> Result<Option<Framed>, FramerError> {
        let end = match self.whole {
            Some(end) => end,
            None => {
                // RFC 3261 §7.5: CRLF before the start line is ignored; RFC 5626 §3.5.1: two of them ask for one back.
                while self.buffer.starts_with(b"\r\n") {
                    let _ = self.buffer.split_to(2);
                    self.line_ends += 1;
                    if self.line_ends == 2 {
                        self.line_ends = 0;
                        return Ok(Some(Framed::Ping));
                    }
                }
                let Some(end) = self.find_end()? else { return Ok(None) };
                self.whole = Some(end);
                end
            }
        };
        if self.buffer.len() < end {
            return Ok(None);
        }
        let octets: Bytes = self.buffer.split_to(end).freeze();
        (self.whole, self.searched, self.line_ends) = (None, 0, 0);
        match parse_datagram(octets.clone(), &limits()).ok().or_else(|| salvage(&octets)) {
            Some(message) => Ok(Some(Framed::Message(Box::new(message)))),
            None => Err(FramerError::NotSip),
        }
    }

    fn find_end(&mut self) -> Result<Option<usize>, FramerError> {
        let Some(at) = find(self.buffer.get(self.searched..).unwrap_or_default(), b"\r\n\r\n") else {
            self.searched = self.buffer.len().saturating_sub(3);
            return if self.buffer.len() > MAX_HEAD { Err(FramerError::HeadTooLong) } else { Ok(None) };
        };
        let head = self.searched + at;
        if head > MAX_HEAD {
            return Err(FramerError::HeadTooLong);
        }
        let length = content_length(self.buffer.get(..head).unwrap_or_default()).ok_or(FramerError::NoLength)?;
        if length > MAX_BODY {
            return Err(FramerError::BodyTooLong);
        }
        Ok(Some(head + 4 + length))
    }
}

/// The one Content-Length of these header fields, folded or not. `None`: absent, repeated or not a number.
fn content_length(head: &[u8]) -> Option<usize> {
    let mut value: Option<Vec<u8>> = None;
    let mut inside = false;
    for line in head.split(|&b| b == b'\n').skip(1).map(<[u8]>::trim_ascii_end) {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if let (true, Some(value)) = (inside, &mut value) {
                value.extend_from_slice(line);
            }
            continue;
        }
        let colon = line.iter().position(|&b| b == b':')?;
        let (name, rest) = line.split_at_checked(colon)?;
        let name = name.trim_ascii();
        inside = name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l");
        if inside && value.replace(rest.get(1..).unwrap_or_default().to_vec()).is_some() {
            return None;
        }
    }
    let value = value?;
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number too long for usize is certainly too long a body: say so rather than "no length".
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPTIONS: &[u8] = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nl: 4\r\n\r\nbody";

    fn shapes(framed: &[Framed]) -> String {
        framed.iter().map(|f| if matches!(f, Framed::Ping) { 'P' } else { 'M' }).collect()
    }

    #[test]
    fn a_stream_comes_out_the_same_however_it_is_cut() {
        let mut stream = b"\r\n\r\n".to_vec();
        stream.extend_from_slice(OPTIONS);
        stream.extend_from_slice(b"\r\n\r\n");
        stream.extend_from_slice(OPTIONS);
        for size in 1..stream.len() {
            let mut framer = Framer::new();
            let got: Vec<Framed> = stream.chunks(size).flat_map(|chunk| framer.push(chunk).unwrap()).collect();
            assert_eq!(shapes(&got), "PMPM", "cut at {size}");
            assert_eq!(framer.pending(), 0);
        }
    }

    #[test]
    fn a_single_crlf_is_no_ping() {
        let mut framer = Framer::new();
        let mut stream = b"\r\n".to_vec();
        stream.extend_from_slice(OPTIONS);
        stream.extend_from_slice(b"\r\n");
        stream.extend_from_slice(OPTIONS);
        assert_eq!(shapes(&framer.push(&stream).unwrap()), "MM");
    }

    #[test]
    fn a_message_without_an_end_is_an_error_and_stays_one() {
        for (stream, error) in [
            (&b"OPTIONS sip:h SIP/2.0\r\nVia: x\r\n\r\n"[..], FramerError::NoLength),
            (b"OPTIONS sip:h SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\n", FramerError::NoLength),
            (b"OPTIONS sip:h SIP/2.0\r\nl: -1\r\n\r\n", FramerError::NoLength),
            (b"OPTIONS sip:h SIP/2.0\r\nl: 99999999999999999999999\r\n\r\n", FramerError::BodyTooLong),
            (b"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", FramerError::NotSip),
        ] {
            let mut framer = Framer::new();
            assert_eq!(framer.push(stream).unwrap_err(), error);
            assert_eq!(framer.push(OPTIONS).unwrap_err(), error);
        }
        let mut framer = Framer::new();
        let endless = vec![b'a'; MAX_HEAD + 1];
        assert_eq!(framer.push(&endless).unwrap_err(), FramerError::HeadTooLong);
    }

    #[test]
    fn a_folded_length_counts() {
        assert_eq!(content_length(b"X\r\nContent-Length:\r\n 12\r\nTo: a"), Some(12));
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..8)) {
            let mut framer = Framer::new();
            for chunk in chunks {
                let _ = framer.push(&chunk);
            }
        }
    }
}
