//! RTP packets (RFC 3550 §5.1), without allocation.

use thiserror::Error;

/// Octets of the fixed header.
pub const HEADER: usize = 12;

/// Why a datagram is not an RTP packet we take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum RtpError {
    /// Shorter than its own header says.
    #[error("datagram of {0} octets is shorter than its RTP header")]
    Short(usize),
    /// Not version 2 (RFC 3550 §5.1).
    #[error("not RTP version 2")]
    Version,
    /// The padding count is larger than the payload.
    #[error("RTP padding is longer than the payload")]
    Padding,
}

/// One RTP packet; the payload is borrowed, without padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Start of a talk spurt or of an event.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Rises by one a packet, wraps.
    pub sequence: u16,
    /// In the payload's clock, wraps.
    pub timestamp: u32,
    /// Source of the stream.
    pub ssrc: u32,
    /// What follows header, CSRCs and extension.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Parse a datagram. CSRCs and header extensions are skipped, padding is removed.
    pub fn parse(_datagram: &'a [u8]) -> Result<Self, RtpError> {
        todo!()
    }

    /// Write header and payload into `out`; the number of octets written. `out` holds at least `HEADER + payload.len()`.
    pub fn write(&self, _out: &mut [u8]) -> usize {
        todo!()
    }
}
