//! Offers and answers as a phone writes and reads them (RFC 8866, RFC 3264): one audio stream, telephone events.
//!
//! Deliberately not the bridge's code, as with [`super::message`].

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::Hold;
use crate::codec::Codec;

/// The payload types a phone offers telephone events under, and their clocks, Hz; an answer takes the offerer's numbers.
pub const EVENTS: [(u8, u32); 2] = [(101, 8_000), (102, 48_000)];

/// What a phone says of itself.
#[derive(Clone, Debug)]
pub struct Own {
    /// Where it wants RTP.
    pub rtp: SocketAddr,
    /// `o=` session id.
    pub session: u64,
    /// `o=` version.
    pub version: u64,
    /// Packet length it asks for, milliseconds.
    pub ptime_ms: u8,
    /// How it holds the other side, if it does.
    pub hold: Option<Hold>,
}

/// What the other side says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Theirs {
    /// Where it wants RTP; `None` when it wants none (port 0).
    pub remote: Option<SocketAddr>,
    /// Codecs in its order, under these payload types.
    pub codecs: Vec<(u8, Codec)>,
    /// Its payload types for telephone events, and their clocks, Hz.
    pub events: Vec<(u8, u32)>,
    /// Its direction attribute: `sendrecv` where none is.
    pub direction: String,
}

/// An offer (or, with one codec, an answer) of `codecs`, with telephone events under `events`.
pub fn write(own: &Own, codecs: &[(u8, Codec)], events: &[(u8, u32)]) -> Vec<u8> {
    let address = match own.hold {
        // RFC 3264 §8.4: the old way to hold.
        Some(Hold::ZeroAddress) => IpAddr::from([0, 0, 0, 0]),
        _ => own.rtp.ip(),
    };
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    let direction = match own.hold {
        Some(Hold::SendOnly) => "sendonly",
        Some(Hold::Inactive) => "inactive",
        _ => "sendrecv",
    };
    let mut formats = String::new();
    let mut maps = String::new();
    // Writing into a String cannot fail.
    for (number, codec) in codecs {
        let _ = write!(formats, " {number}");
        let channels = if *codec == Codec::Opus { "/2" } else { "" };
        let _ = write!(maps, "a=rtpmap:{number} {}/{}{channels}\r\n", codec.name(), codec.clock_hz());
    }
    for (number, rate_hz) in events {
        let _ = write!(formats, " {number}");
        let _ = write!(maps, "a=rtpmap:{number} telephone-event/{rate_hz}\r\na=fmtp:{number} 0-15\r\n");
    }
    format!(
        "v=0\r\no=- {session} {version} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP{formats}\r\n{maps}a=ptime:{ptime}\r\na={direction}\r\n",
        session = own.session,
        version = own.version,
        port = own.rtp.port(),
        ptime = own.ptime_ms,
    )
    .into_bytes()
}

/// Read the first audio stream. `None`: there is none, or it is not SDP.
pub fn read(body: &[u8]) -> Option<Theirs> {
    let text = std::str::from_utf8(body).ok()?;
    let mut address = None;
    let mut audio: Option<(u16, Vec<u8>)> = None;
    let mut ended = false;
    let mut direction = "sendrecv".to_owned();
    let mut maps: Vec<(u8, String)> = vec![(0, "PCMU/8000".into()), (8, "PCMA/8000".into()), (9, "G722/8000".into())];
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("m=") {
            if audio.is_some() {
                ended = true;
            } else if let Some(rest) = value.strip_prefix("audio ") {
                let mut words = rest.split_ascii_whitespace();
                let port = words.next()?.parse().ok()?;
                audio = Some((port, words.skip(1).filter_map(|word| word.parse().ok()).collect()));
            }
        }
        if ended {
            continue;
        }
        if let Some(value) = line.strip_prefix("c=IN ") {
            address = value.split_ascii_whitespace().nth(1).and_then(|address| address.parse::<IpAddr>().ok());
        } else if let Some(map) = line.strip_prefix("a=rtpmap:")
            && let Some((number, name)) = map.split_once(' ')
            && let Ok(number) = number.parse()
        {
            maps.retain(|(known, _)| *known != number);
            maps.push((number, name.trim().to_ascii_uppercase()));
        } else if let Some(value @ ("sendrecv" | "sendonly" | "recvonly" | "inactive")) = line.strip_prefix("a=") {
            direction = value.to_owned();
        }
    }
    let (port, formats) = audio?;
    let named = |format: &u8| maps.iter().find(|(number, _)| number == format).map(|(_, name)| name.as_str());
    let codec = |format: &u8| match named(format)? {
        "PCMA/8000" | "PCMA/8000/1" => Some((*format, Codec::Pcma)),
        "PCMU/8000" | "PCMU/8000/1" => Some((*format, Codec::Pcmu)),
        "G722/8000" | "G722/8000/1" => Some((*format, Codec::G722)),
        "OPUS/48000/2" => Some((*format, Codec::Opus)),
        _ => None,
    };
    let event = |format: &u8| Some((*format, named(format)?.strip_prefix("TELEPHONE-EVENT/")?.parse().ok()?));
    Some(Theirs {
        remote: address.filter(|_| port != 0).map(|address| SocketAddr::new(address, port)),
        codecs: formats.iter().filter_map(codec).collect(),
        events: formats.iter().filter_map(event).collect(),
        direction,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_phone_writes_another_reads() {
        let rtp: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        let own = Own { rtp, session: 1, version: 2, ptime_ms: 20, hold: Some(Hold::SendOnly) };
        let codecs = vec![(0, Codec::Pcmu), (98, Codec::Opus), (9, Codec::G722), (8, Codec::Pcma)];
        let events = vec![(97, 48_000), (101, 8_000)];
        let theirs = read(&write(&own, &codecs, &events)).unwrap();
        assert_eq!(theirs, Theirs { remote: Some(rtp), codecs, events, direction: "sendonly".into() });
    }

    #[test]
    fn a_refused_stream_and_junk_lead_nowhere() {
        let theirs = read(b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 0 RTP/AVP 8\r\nm=video 9 RTP/AVP 8\r\na=sendonly\r\n").unwrap();
        assert_eq!((theirs.remote, theirs.direction.as_str()), (None, "sendrecv"));
        assert_eq!(read(b"m=audio x RTP/AVP 8"), None);
        assert_eq!(read(b"\xff"), None);
        assert_eq!(read(b""), None);
    }
}
