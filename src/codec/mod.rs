//! Speech codecs. One enum names them; each has its file.
//!
//! G.711 has no memory and is a function. G.722 and Opus remember what went before: [`Decoders`] holds that for one received stream and
//! [`Encoders`] for one sent stream. Both allocate when they are made and never after, so the media tick may use them.

mod decoders;
mod encoders;
pub mod g711;
pub mod g722;
mod opus;

use std::fmt;

use thiserror::Error;

pub use decoders::Decoders;
pub use encoders::Encoders;
pub use opus::OpusSettings;

/// A codec a leg can use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    /// G.711 A-law, static payload type 8 (RFC 3551 §6).
    Pcma,
    /// G.711 µ-law, static payload type 0 (RFC 3551 §6).
    Pcmu,
    /// G.722 at 64 kbit/s, static payload type 9 (RFC 3551 §4.5.2): sound to 7 kHz.
    G722,
    /// Opus, mono (RFC 6716, RFC 7587): sound to 20 kHz.
    Opus,
}

/// Longest sound in one packet that is taken, milliseconds: what the longest Opus packet holds (RFC 6716 §3.2.5).
pub const LONGEST_PACKET_MS: u32 = 120;

impl Codec {
    /// All of them, the best sound first.
    pub const ALL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];

    /// The encoding name in `a=rtpmap` (RFC 3551 §6, RFC 7587 §7); compare without case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// The codec of this name, in whatever case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// The static payload type (RFC 3551 §6, table 4), if it has one.
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcma => Some(8),
            Self::Pcmu => Some(0),
            Self::G722 => Some(9),
            Self::Opus => None,
        }
    }

    /// The payload type in our own offers: the static one, or 111, by which everybody else offers Opus too.
    pub fn usual_payload_type(self) -> u8 {
        self.static_payload_type().unwrap_or(111)
    }

    /// RTP clock, Hz. G.722's is 8000 by an old mistake that was kept (RFC 3551 §4.5.2); Opus's is 48000 whatever it carries (RFC 7587 §4.1).
    pub fn clock_hz(self) -> u32 {
        match self {
            Self::Pcma | Self::Pcmu | Self::G722 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// Sampling rate of the linear sound, Hz: 8000, 16000 or 48000.
    pub fn rate_hz(self) -> u32 {
        match self {
            Self::Pcma | Self::Pcmu => 8_000,
            Self::G722 => 16_000,
            Self::Opus => 48_000,
        }
    }

    /// What `a=rtpmap` says of channels: Opus always two, whatever is sent (RFC 7587 §7).
    pub fn rtpmap_channels(self) -> u8 {
        match self {
            Self::Pcma | Self::Pcmu | Self::G722 => 1,
            Self::Opus => 2,
        }
    }

    /// Whether its octets can be cut and joined anywhere, an octet an eighth of a millisecond: all but Opus.
    pub fn is_octet_stream(self) -> bool {
        self != Self::Opus
    }

    /// G.711: no memory, an octet a sample.
    pub fn is_law(self) -> bool {
        matches!(self, Self::Pcma | Self::Pcmu)
    }

    /// The octet of digital silence: of G.711 at any time, of G.722 in a stream that was silent before. Opus has none; silence has to be encoded.
    pub fn silence(self) -> u8 {
        match self {
            Self::Pcma => 0xd5,
            Self::Pcmu => 0xff,
            Self::G722 => 0xfa,
            Self::Opus => 0,
        }
    }

    /// G.711: encode linear samples, one octet a sample, as many as the shorter slice holds. The others need [`Encoders`]; nothing is written.
    pub fn encode(self, samples: &[i16], out: &mut [u8]) {
        match self {
            Self::Pcma => g711::encode_alaw(samples, out),
            Self::Pcmu => g711::encode_ulaw(samples, out),
            Self::G722 | Self::Opus => {}
        }
    }

    /// G.711: decode octets to linear samples, one sample an octet, as many as the shorter slice holds. The others need [`Decoders`]; nothing
    /// is written.
    pub fn decode(self, octets: &[u8], out: &mut [i16]) {
        match self {
            Self::Pcma => g711::decode_alaw(octets, out),
            Self::Pcmu => g711::decode_ulaw(octets, out),
            Self::G722 | Self::Opus => {}
        }
    }
}

/// libopus did not do what it was asked for at the start: it has no memory left, or a setting is out of its range.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("libopus makes no {part}: {reason}")]
pub struct CodecError {
    part: &'static str,
    reason: String,
}

/// Octets of the longest tick. G.711 and G.722 take 160; Opus at the highest bitrate of [`OpusSettings`] takes 160 on average, and a tick
/// that is harder than others may take twice that.
pub const LONGEST_PAYLOAD: usize = 320;

/// One tick (20 ms) of encoded sound. Empty where there was no encoder for it.
#[derive(Clone)]
pub struct Payload {
    length: usize,
    octets: [u8; LONGEST_PAYLOAD],
}

impl Payload {
    /// Nothing.
    pub const EMPTY: Self = Self { length: 0, octets: [0; LONGEST_PAYLOAD] };

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    /// As many of these as there is room for.
    pub fn set(&mut self, octets: &[u8]) {
        self.length = octets.len().min(LONGEST_PAYLOAD);
        for (out, octet) in self.octets.iter_mut().zip(octets) {
            *out = *octet;
        }
    }

    /// `length` octets (as many as there is room for), to be written.
    fn room(&mut self, length: usize) -> &mut [u8] {
        self.length = length.min(LONGEST_PAYLOAD);
        self.octets.get_mut(..self.length).unwrap_or_default()
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the sound.
        f.debug_struct("Payload").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
