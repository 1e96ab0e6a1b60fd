//! Messages out of a TCP stream, by Content-Length (RFC 3261 §18.3), with keep-alives (RFC 5626 §3.5.1).
//!
//! How long a half message may take is the connection's business (`run/`).

use sipx_sip::{Limits, Message, StreamParser};
use thiserror::Error;

/// The stream cannot be followed any further: close it. Never says what was in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum FramerError {
    /// Something that is not SIP, has no Content-Length, or is too long; there is no telling where the next message begins.
    #[error("the stream holds no SIP message, one without Content-Length, or one that is too long")]
    Lost,
}

/// What came out of the stream.
#[derive(Clone, Debug)]
pub enum Framed {
    /// A whole message.
    Message(Box<Message>),
    /// A double CRLF: answer it with a single one.
    Ping,
}

/// Longest head and body of a message: a room system's INVITE with four cameras is 8 kB.
pub const MESSAGE: usize = 64 * 1024;
/// Most header fields: a message through ten proxies has eighty.
const HEADERS: usize = 256;

/// The bounds of a message, on a stream or in a datagram.
pub fn limits() -> Limits {
    Limits { max_message_bytes: MESSAGE, max_body_bytes: MESSAGE, max_headers: HEADERS, max_header_bytes: 8 * 1024, max_folding_lines: 16 }
}

/// Cuts one connection's octets into messages.
#[derive(Debug)]
pub struct Framer {
    parser: StreamParser,
    /// CRLFs between messages, of which two are a ping. Lone ones (RFC 3261 §7.5) add up to an answer too many once in a while, which
    /// hurts nobody.
    crlfs: usize,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// At the start of a connection.
    pub fn new() -> Self {
        Self { parser: StreamParser::new(limits()), crlfs: 0 }
    }

    /// Octets as they came.
    pub fn push(&mut self, octets: &[u8]) -> Result<Vec<Framed>, FramerError> {
        let messages = self.parser.push(octets).map_err(|_| FramerError::Lost)?;
        let mut framed: Vec<Framed> = messages.into_iter().map(|message| Framed::Message(Box::new(message))).collect();
        self.crlfs += self.parser.take_keepalives();
        while self.crlfs >= 2 {
            self.crlfs -= 2;
            framed.push(Framed::Ping);
        }
        Ok(framed)
    }

    /// Octets of a message that is not whole yet.
    pub fn pending(&self) -> usize {
        self.parser.pending()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPTIONS: &[u8] = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nContent-Length: 4\r\n\r\nbody";

    fn count(framed: &[Framed]) -> (usize, usize) {
        let pings = framed.iter().filter(|f| matches!(f, Framed::Ping)).count();
        (framed.len() - pings, pings)
    }

    #[test]
    fn messages_are_cut_by_content_length_however_the_stream_is_cut() {
        let stream = [OPTIONS, b"\r\n\r\n", OPTIONS].concat();
        for cut in 0..stream.len() {
            let mut framer = Framer::new();
            let mut framed = framer.push(&stream[..cut]).unwrap();
            framed.extend(framer.push(&stream[cut..]).unwrap());
            assert_eq!(count(&framed), (2, 1), "cut at {cut}");
            assert_eq!(framer.pending(), 0);
        }
    }

    #[test]
    fn a_double_crlf_is_a_ping_and_a_single_one_is_nothing() {
        let mut framer = Framer::new();
        assert_eq!(count(&framer.push(b"\r\n\r\n").unwrap()), (0, 1));
        assert_eq!(count(&framer.push(b"\r\n").unwrap()), (0, 0));
        assert_eq!(count(&framer.push(OPTIONS).unwrap()), (1, 0));
    }

    #[test]
    fn a_stream_that_cannot_be_followed_is_given_up() {
        assert_eq!(Framer::new().push(b"GET / HTTP/1.1\r\n\r\n").unwrap_err(), FramerError::Lost);
        assert_eq!(Framer::new().push(b"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n").unwrap_err(), FramerError::Lost);
        assert!(Framer::new().push(&vec![b'x'; MESSAGE + 2]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Framer::new().push(&octets);
        }
    }
}
