//! RTP packets (RFC 3550 §5.1), without allocation.
//!
//! The fixed header is read and written by the `rtp` crate. CSRCs and header extensions would make that crate allocate, and nothing
//! here needs them, so they are hidden from it and skipped by hand. What the payload means is not known here.

use rtp::header::Header;
use thiserror::Error;
use webrtc_util::marshal::{Marshal, Unmarshal};

/// Octets of the fixed header.
pub const HEADER: usize = 12;

/// Version, padding, extension and CSRC count share the first octet.
const VERSION_2: u8 = 2;
const PADDING_BIT: u8 = 0x20;
const EXTENSION_BIT: u8 = 0x10;
const CSRC_COUNT: u8 = 0x0f;

/// Why a datagram is not an RTP packet we take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum RtpError {
    /// Shorter than its own header says.
    #[error("datagram of {0} octets is shorter than its RTP header")]
    Short(usize),
    /// Not version 2 (RFC 3550 §5.1).
    #[error("not RTP version 2")]
    Version,
    /// The padding count is zero or larger than the payload.
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
    pub fn parse(datagram: &'a [u8]) -> Result<Self, RtpError> {
        let short = RtpError::Short(datagram.len());
        let (fixed, mut rest) = datagram.split_first_chunk::<HEADER>().ok_or(short)?;
        let first = fixed[0];
        if first >> 6 != VERSION_2 {
            return Err(RtpError::Version);
        }
        // The crate sees a header without CSRCs and extension: it then makes two empty vectors, which do not allocate.
        let mut bare = *fixed;
        bare[0] &= !(CSRC_COUNT | EXTENSION_BIT);
        let header = Header::unmarshal(&mut bare.as_slice()).map_err(|_| short)?;

        // RFC 3550 §5.1: the CSRC list, four octets each.
        rest = rest.get(usize::from(first & CSRC_COUNT) * 4..).ok_or(short)?;
        if first & EXTENSION_BIT != 0 {
            // RFC 3550 §5.3.1: profile (16 bits), length in 32-bit words without these four octets.
            let (extension, after) = rest.split_first_chunk::<4>().ok_or(short)?;
            let words = u16::from_be_bytes([extension[2], extension[3]]);
            rest = after.get(usize::from(words) * 4..).ok_or(short)?;
        }
        if first & PADDING_BIT != 0 {
            // RFC 3550 §5.1: the last octet counts the padding, itself included, so zero is impossible.
            let count = usize::from(*rest.last().ok_or(RtpError::Padding)?);
            let kept = rest.len().checked_sub(count).filter(|_| count > 0).ok_or(RtpError::Padding)?;
            rest = rest.get(..kept).ok_or(RtpError::Padding)?;
        }
        Ok(Self {
            marker: header.marker,
            payload_type: header.payload_type,
            sequence: header.sequence_number,
            timestamp: header.timestamp,
            ssrc: header.ssrc,
            payload: rest,
        })
    }

    /// Write header and payload into `out`; the number of octets written. `out` holds at least `HEADER + payload.len()`; into a shorter
    /// one nothing is written and 0 returned.
    pub fn write(&self, out: &mut [u8]) -> usize {
        let Some((head, body)) = out.split_first_chunk_mut::<HEADER>() else { return 0 };
        let Some(body) = body.get_mut(..self.payload.len()) else { return 0 };
        let header = Header {
            version: VERSION_2,
            marker: self.marker,
            // The crate ors the marker into this octet unmasked.
            payload_type: self.payload_type & 0x7f,
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            ..Header::default()
        };
        if header.marshal_to(head).is_err() {
            return 0;
        }
        body.copy_from_slice(self.payload);
        HEADER + self.payload.len()
    }
}

/// Whether a datagram on a port shared by RTP and RTCP is RTCP (RFC 5761 §4): its second octet is a packet type from 192 to 223, which
/// as RTP would be the payload types 64 to 95, and those must not be used. Only tells the two apart; neither is checked any further.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == VERSION_2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A packet with CSRCs, an extension of `words` words, and padding, as a mixer behind a strange gateway may send it.
    fn full(csrcs: u8, words: u16, payload: &[u8], padding: u8) -> Vec<u8> {
        let mut octets = vec![0x80 | EXTENSION_BIT | csrcs, 0x80 | 8, 0x12, 0x34, 0, 0, 0, 160, 1, 2, 3, 4];
        octets.extend(std::iter::repeat_n(7, usize::from(csrcs) * 4));
        octets.extend([0xbe, 0xde]);
        octets.extend(words.to_be_bytes());
        octets.extend(std::iter::repeat_n(0xff, usize::from(words) * 4));
        octets.extend(payload);
        if padding > 0 {
            octets[0] |= PADDING_BIT;
            octets.extend(std::iter::repeat_n(0, usize::from(padding) - 1));
            octets.push(padding);
        }
        octets
    }

    #[test]
    fn csrcs_extension_and_padding_are_no_part_of_the_payload() {
        for (csrcs, words, padding) in [(0, 0, 0), (15, 0, 1), (1, 3, 4), (15, 2, 255)] {
            let octets = full(csrcs, words, b"sound", padding);
            let packet = Packet::parse(&octets).unwrap();
            assert_eq!(packet.payload, b"sound");
            assert_eq!((packet.marker, packet.payload_type, packet.sequence), (true, 8, 0x1234));
            assert_eq!((packet.timestamp, packet.ssrc), (160, 0x0102_0304));
        }
    }

    #[test]
    fn a_header_longer_than_its_datagram_is_refused() {
        let octets = full(15, 3, b"", 0);
        for length in 0..octets.len() {
            assert_eq!(Packet::parse(&octets[..length]), Err(RtpError::Short(length)));
        }
        assert!(Packet::parse(&octets).is_ok());
    }

    #[test]
    fn wrong_version_and_wrong_padding_are_refused() {
        let mut octets = full(0, 0, b"sound", 3);
        *octets.last_mut().unwrap() = 0;
        assert_eq!(Packet::parse(&octets), Err(RtpError::Padding));
        *octets.last_mut().unwrap() = 9;
        assert_eq!(Packet::parse(&octets), Err(RtpError::Padding));
        // Padding that leaves nothing is legal: some phones keep a port open so.
        *octets.last_mut().unwrap() = 8;
        assert_eq!(Packet::parse(&octets).unwrap().payload, b"");
        octets[0] &= 0x3f;
        assert_eq!(Packet::parse(&octets), Err(RtpError::Version));
    }

    #[test]
    fn nothing_is_written_where_there_is_no_room() {
        let packet = Packet { marker: false, payload_type: 0, sequence: 0, timestamp: 0, ssrc: 0, payload: &[1; 160] };
        assert_eq!(packet.write(&mut [0; 171]), 0);
        assert_eq!(packet.write(&mut [0; 172]), 172);
    }

    #[test]
    fn rtcp_is_told_from_rtp_on_one_port() {
        assert!(is_rtcp(&[0x80, 200, 0, 6]));
        assert!(is_rtcp(&[0x81, 201, 0, 7]));
        assert!(!is_rtcp(&[0x80, 8]));
        assert!(!is_rtcp(&[0x80, 0x80 | 8]), "a marker bit does not make RTCP");
        assert!(!is_rtcp(&[0x80, 0x80 | 101]));
        assert!(!is_rtcp(&[0x00, 200]), "STUN and the like are neither");
        assert!(!is_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn any_octets_parse_or_are_refused_without_panic(octets in proptest::collection::vec(any::<u8>(), 0..200), version in any::<bool>()) {
            let mut octets = octets;
            if let (true, Some(first)) = (version, octets.first_mut()) {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(packet) = Packet::parse(&octets) {
                prop_assert!(packet.payload.len() + HEADER <= octets.len());
            }
            let _ = is_rtcp(&octets);
        }

        #[test]
        fn what_is_written_reads_back_the_same(
            marker in any::<bool>(), payload_type in 0u8..128, sequence in any::<u16>(), timestamp in any::<u32>(), ssrc in any::<u32>(),
            payload in proptest::collection::vec(any::<u8>(), 0..500),
        ) {
            let packet = Packet { marker, payload_type, sequence, timestamp, ssrc, payload: &payload };
            let mut out = [0; 512];
            let length = packet.write(&mut out);
            prop_assert_eq!(length, HEADER + payload.len());
            prop_assert_eq!(Packet::parse(&out[..length]), Ok(packet));
        }
    }
}
