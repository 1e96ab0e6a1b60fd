//! Offer and answer (RFC 3264) on top of `wire::sdp`. To be written.

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;
use bytes::Bytes;
use thiserror::Error;

use crate::codec::Codec;
use crate::media::{Direction, EventFormat};

/// Our side of the media.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// What `c=` says.
    pub address: IpAddr,
    /// RTP port; RTCP is the next.
    pub port: u16,
    /// `o=` session id: random, constant in a session.
    pub session_id: u64,
    /// `o=` version: one more with each SDP we send in a session (RFC 3264 §8).
    pub version: u64,
    /// Codecs we speak, our preference first.
    pub codecs: ArrayVec<Codec, 4>,
}

/// What both sides agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// What we send.
    pub codec: Codec,
    /// Under this payload type.
    pub payload_type: u8,
    /// What we take.
    pub receive: ArrayVec<(u8, Codec), 6>,
    /// Telephone events we take.
    pub events: ArrayVec<EventFormat, 4>,
    /// Packet length we send, milliseconds, a multiple of 10 from 10 to 60.
    pub ptime_ms: u8,
    /// Where RTP goes, if the SDP names a usable address.
    pub remote: Option<SocketAddr>,
    /// Where RTCP goes (RFC 3605, else port + 1).
    pub remote_rtcp: Option<SocketAddr>,
    /// RTCP on the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Seen from us.
    pub direction: Direction,
}

/// Why there is no agreement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AnswerError {
    /// Not SDP at all: 400.
    #[error("the body is not SDP")]
    NotSdp,
    /// No audio stream we can take, or no common codec: 488.
    #[error("no audio stream with PCMA or PCMU in the offer")]
    NoCommonCodec,
}

/// Answer an offer: every m-line in its place (RFC 3264 §6), the first usable audio stream taken, all others with port 0.
pub fn answer(_offer: &[u8], _local: &Local) -> Result<(Bytes, Agreed), AnswerError> {
    todo!()
}

/// Make an offer.
pub fn offer(_local: &Local) -> Bytes {
    todo!()
}

/// Read the answer to our `offer`.
pub fn read_answer(_answer: &[u8], _local: &Local) -> Result<Agreed, AnswerError> {
    todo!()
}
