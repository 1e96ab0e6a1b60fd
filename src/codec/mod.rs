//! Speech codecs. One enum names them; each has its file.

pub mod g711;

/// A codec a leg can use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// G.711 A-law, static payload type 8 (RFC 3551 §6).
    Pcma,
    /// G.711 µ-law, static payload type 0 (RFC 3551 §6).
    Pcmu,
}

impl Codec {
    /// The encoding name in `a=rtpmap` (RFC 3551 §6); compare without case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }

    /// The static payload type (RFC 3551 §6, table 4).
    pub fn static_payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    /// RTP clock, Hz.
    pub fn clock_hz(self) -> u32 {
        8_000
    }

    /// The octet of digital silence.
    pub fn silence(self) -> u8 {
        match self {
            Self::Pcma => 0xd5,
            Self::Pcmu => 0xff,
        }
    }

    /// Encode linear samples, one octet a sample. `out` and `samples` have the same length.
    pub fn encode(self, samples: &[i16], out: &mut [u8]) {
        match self {
            Self::Pcma => g711::encode_alaw(samples, out),
            Self::Pcmu => g711::encode_ulaw(samples, out),
        }
    }

    /// Decode octets to linear samples, one sample an octet. `out` and `octets` have the same length.
    pub fn decode(self, octets: &[u8], out: &mut [i16]) {
        match self {
            Self::Pcma => g711::decode_alaw(octets, out),
            Self::Pcmu => g711::decode_ulaw(octets, out),
        }
    }
}
