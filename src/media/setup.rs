//! What signalling tells a leg: the outcome of offer and answer, in plain values.

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;

use super::Codecs;
use super::playout::Counts;
use crate::codec::Codec;
use crate::names::LegId;

/// Which way sound flows, seen from the bridge (RFC 3264 §6.1, §8.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendReceive,
    /// We send, the caller does not (the caller said `recvonly`). Where it sends all the same, it is listened to for keys.
    SendOnly,
    /// The caller sends music or nothing (it holds us with `sendonly`): we listen for keys only, and contribute nothing of it.
    ReceiveOnly,
    /// Neither way. Where the caller sends all the same, as some do, it is listened to for keys.
    Inactive,
}

impl Direction {
    /// Whether sound of the caller may enter the meeting.
    pub fn contributes(self) -> bool {
        self == Self::SendReceive
    }

    /// Whether we send RTP.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether the caller has put us on hold: the media watchdog pauses.
    pub fn held(self) -> bool {
        self != Self::SendReceive
    }
}

/// A telephone-event payload type and its clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventFormat {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Clock, Hz: 8000, or 16000/48000 where the offer names it.
    pub rate_hz: u32,
}

/// Most receive formats of a leg: four codecs, each under a static and a dynamic payload type, or two dynamic ones.
pub const FORMATS: usize = 8;
/// Most formats of comfort noise or of redundancy of a leg: one on each clock, 8 kHz and the codec's.
pub const EXTRA_FORMATS: usize = 2;
/// Most telephone-event formats of a leg: one a clock rate (8, 16, 32, 48 kHz).
pub const EVENT_FORMATS: usize = 4;

/// What an offer and its answer agreed on: the part of a leg that a new offer can change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegUpdate {
    /// What we send.
    pub codec: Codec,
    /// Under this payload type.
    pub payload_type: u8,
    /// What we take, payload type and codec: what the answer names, and what else the offer did.
    pub receive: ArrayVec<(u8, Codec), FORMATS>,
    /// Telephone events we take, those on the codec's clock first: a phone that sends another of its own formats is heard too. Empty: none
    /// negotiated.
    pub events: ArrayVec<EventFormat, EVENT_FORMATS>,
    /// Comfort noise we take (RFC 3389): payload types.
    pub comfort_noise: ArrayVec<u8, EXTRA_FORMATS>,
    /// Redundant audio we take (RFC 2198): payload types. We never send it.
    pub redundancy: ArrayVec<u8, EXTRA_FORMATS>,
    /// Most bits a second of Opus the other side wants (RFC 7587 §7.1, `maxaveragebitrate`).
    pub opus_bitrate: Option<u32>,
    /// Length of the packets we send, milliseconds: a multiple of 10 from 10 to 60. Opus always goes out every 20.
    pub ptime_ms: u8,
    /// Where the SDP says RTP goes; `None` when it names no address we can use (0.0.0.0, a host name).
    pub remote: Option<SocketAddr>,
    /// Where RTCP goes; ignored with `rtcp_mux`.
    pub remote_rtcp: Option<SocketAddr>,
    /// RTCP shares the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Address the signalling came from: with the SDP's address the only ones RTP is accepted from.
    pub signalled_from: IpAddr,
    /// Which way sound flows.
    pub direction: Direction,
}

/// Everything a new leg needs. Random values come from outside.
#[derive(Debug)]
pub struct LegSetup {
    /// Unique name.
    pub leg: LegId,
    /// Our SSRC (RFC 3550 §8: random).
    pub ssrc: u32,
    /// First sequence number (RFC 3550 §5.1: random).
    pub first_sequence: u16,
    /// First timestamp (RFC 3550 §5.1: random).
    pub first_timestamp: u32,
    /// Random canonical name, sixteen hexadecimal digits (RFC 7022 §4.2).
    pub cname: [u8; 16],
    /// What a new offer can change.
    pub media: LegUpdate,
    /// What its codecs remember, for all that `media` names.
    pub codecs: Box<Codecs>,
}

/// Totals of a leg, for the log and the figures at the end of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LegReport {
    /// RTP packets taken.
    pub received: u64,
    /// Octets of all datagrams that came to the RTP port.
    pub octets_received: u64,
    /// Missing in the sequence.
    pub lost: u64,
    /// Came after their play-out time.
    pub late: u64,
    /// Came before.
    pub duplicates: u64,
    /// Came behind a newer one.
    pub reordered: u64,
    /// Dropped: foreign source, unknown payload type, not RTP.
    pub refused: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Octets of them, headers and all.
    pub octets_sent: u64,
    /// Interarrival jitter at the end, microseconds (RFC 3550 A.8).
    pub jitter_us: u32,
    /// Sound that waits in the buffer after the last tick, samples at 8 kHz.
    pub held: u32,
    /// What play-out had to do.
    pub playout: Counts,
}
