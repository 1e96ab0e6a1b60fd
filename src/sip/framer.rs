//! Messages out of a TCP stream, by Content-Length (RFC 3261 §18.3), with keep-alives (RFC 5626 §3.5.1). To be written.

use sipx_sip::Message;
use thiserror::Error;

/// The stream cannot be followed any further: close it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("SIP stream: {0}")]
pub struct FramerError(pub String);

/// What came out of the stream.
#[derive(Clone, Debug)]
pub enum Framed {
    /// A whole message.
    Message(Box<Message>),
    /// A double CRLF: answer it with a single one.
    Ping,
}

/// Cuts one connection's octets into messages.
#[derive(Debug)]
pub struct Framer {}

impl Framer {
    /// At the start of a connection.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        todo!()
    }

    /// Octets as they came.
    pub fn push(&mut self, _octets: &[u8]) -> Result<Vec<Framed>, FramerError> {
        todo!()
    }

    /// Octets of a message that is not whole yet.
    pub fn pending(&self) -> usize {
        todo!()
    }
}
