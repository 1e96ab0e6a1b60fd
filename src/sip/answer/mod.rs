//! Offer and answer (RFC 3264) on top of `wire::sdp`.
//!
//! One audio stream is taken; every other m-line is answered in its place with port 0. What a stream is called for, and what the media
//! plane makes of it, is not known here.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;
use bytes::Bytes;
use thiserror::Error;

use crate::codec::Codec;
use crate::media::setup::{EVENT_FORMATS, FORMATS};
use crate::media::{Direction, EventFormat};
use crate::wire::sdp::{self, Connection, Sdp, Stream};

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

/// Payload type of telephone events in our own offers (dynamic, RFC 3551 §6; 101 is what everybody uses).
const OUR_EVENTS: u8 = 101;
/// Packet length where the caller names none: what Swedish trunks use (RFC 3551 §4.2 has the same default).
const PTIME_MS: u8 = 20;
/// Packet lengths we send, milliseconds.
const PTIMES: std::ops::RangeInclusive<u32> = 10..=60;

/// Answer an offer: every m-line in its place (RFC 3264 §6), the first usable audio stream taken, all others with port 0.
pub fn answer(offer: &[u8], local: &Local) -> Result<(Bytes, Agreed), AnswerError> {
    let offer = Sdp::parse(offer).map_err(|_| AnswerError::NotSdp)?;
    let (place, stream, formats) = offer
        .streams
        .iter()
        .enumerate()
        .filter(|(_, stream)| usable(stream))
        .find_map(|(place, stream)| Formats::common(stream, local).map(|formats| (place, stream, formats)))
        .ok_or(AnswerError::NoCommonCodec)?;
    let agreed = agree(&offer, stream, formats.codecs.clone(), formats.events.clone());

    let mut out = head(local);
    // RFC 3264 §6: the answer's t= line is the offer's.
    let time = offer.session.iter().find(|line| line.kind == b't').map_or(&b"0 0"[..], |line| line.value);
    put(&mut out, b"t=", time);
    for (other, offered) in offer.streams.iter().enumerate() {
        if other == place {
            write_stream(&mut out, stream, local, &formats, &agreed);
        } else {
            // RFC 3264 §6: a stream not wanted has port 0; its formats are kept.
            let mut line = Vec::from(offered.media);
            line.extend(b" 0 ");
            line.extend(offered.protocol);
            for format in &offered.formats {
                line.push(b' ');
                line.extend(*format);
            }
            put(&mut out, b"m=", &line);
        }
    }
    Ok((out.into(), agreed))
}

/// Make an offer.
pub fn offer(local: &Local) -> Bytes {
    let mut out = head(local);
    put(&mut out, b"t=", b"0 0");
    let types: Vec<String> = local.codecs.iter().map(|codec| codec.static_payload_type().to_string()).collect();
    put(&mut out, b"m=", format!("audio {} RTP/AVP {} {OUR_EVENTS}", local.port, types.join(" ")).as_bytes());
    for codec in &local.codecs {
        put_rtpmap(&mut out, codec.static_payload_type(), codec.name(), codec.clock_hz());
    }
    put_events(&mut out, EventFormat { payload_type: OUR_EVENTS, rate_hz: 8_000 });
    put(&mut out, b"a=ptime:", PTIME_MS.to_string().as_bytes());
    put(&mut out, b"a=", b"rtcp-mux");
    put(&mut out, b"a=", b"sendrecv");
    out.into()
}

/// Read the answer to our `offer`.
pub fn read_answer(answer: &[u8], local: &Local) -> Result<Agreed, AnswerError> {
    let answer = Sdp::parse(answer).map_err(|_| AnswerError::NotSdp)?;
    // We offered one stream, so the first is the answer to it (RFC 3264 §6).
    let stream = answer.streams.first().filter(|stream| usable(stream)).ok_or(AnswerError::NoCommonCodec)?;
    let answered = Formats::common(stream, local).ok_or(AnswerError::NoCommonCodec)?;
    let mut agreed = agree(&answer, stream, answered.codecs, answered.events);
    // What they send bears the numbers of our offer, whatever theirs are for the other way (RFC 3264 §5.1).
    for codec in &local.codecs {
        let ours = (codec.static_payload_type(), *codec);
        if !agreed.receive.contains(&ours) {
            let _ = agreed.receive.try_push(ours);
        }
    }
    Ok(agreed)
}

/// What a stream and we have in common, in the caller's order.
struct Formats {
    /// Never empty.
    codecs: ArrayVec<(u8, Codec), FORMATS>,
    events: ArrayVec<EventFormat, EVENT_FORMATS>,
}

fn usable(stream: &Stream<'_>) -> bool {
    // Encrypted profiles (RTP/SAVP) are refused, not answered in the clear.
    let plain = [&b"RTP/AVP"[..], b"RTP/AVPF"].iter().any(|profile| stream.protocol.eq_ignore_ascii_case(profile));
    stream.media.eq_ignore_ascii_case(b"audio") && stream.port != 0 && plain
}

impl Formats {
    fn common(stream: &Stream<'_>, local: &Local) -> Option<Self> {
        let mut formats = Self { codecs: ArrayVec::new(), events: ArrayVec::new() };
        for format in &stream.formats {
            let Some(payload_type) =
                std::str::from_utf8(format).ok().and_then(|text| text.parse::<u8>().ok()).filter(|number| *number < 128)
            else {
                continue;
            };
            match stream.rtpmap(format) {
                Some(map) if map.name.eq_ignore_ascii_case("telephone-event") => {
                    let event = EventFormat { payload_type, rate_hz: map.rate_hz };
                    if map.rate_hz > 0 && !formats.events.contains(&event) {
                        let _ = formats.events.try_push(event);
                    }
                }
                map => {
                    let codec = local.codecs.iter().copied().find(|codec| match map {
                        Some(map) => map.name.eq_ignore_ascii_case(codec.name()) && map.rate_hz == codec.clock_hz() && map.channels == 1,
                        // RFC 3551 §6: static types need no rtpmap.
                        None => payload_type == codec.static_payload_type(),
                    });
                    if let Some(codec) = codec
                        && !formats.codecs.iter().any(|(taken, _)| *taken == payload_type)
                    {
                        let _ = formats.codecs.try_push((payload_type, codec));
                    }
                }
            }
        }
        (!formats.codecs.is_empty()).then_some(formats)
    }

    /// The events answered: on the codec's clock if the offer has them so (RFC 4733 §2.4.1), else the first.
    fn answered_events(&self, codec: Codec) -> Option<EventFormat> {
        self.events.iter().find(|event| event.rate_hz == codec.clock_hz()).or(self.events.first()).copied()
    }
}

fn agree(
    sdp: &Sdp<'_>,
    stream: &Stream<'_>,
    codecs: ArrayVec<(u8, Codec), FORMATS>,
    events: ArrayVec<EventFormat, EVENT_FORMATS>,
) -> Agreed {
    let connection = sdp.connection(stream);
    let remote = match connection {
        Connection::Address(address) => Some(SocketAddr::new(address, stream.port)),
        Connection::Hold | Connection::Unusable => None,
    };
    let remote_rtcp = match (stream.rtcp(), remote) {
        (Some((port, Some(Connection::Address(address)))), _) => Some(SocketAddr::new(address, port)),
        (Some((port, None)), Some(rtp)) => Some(SocketAddr::new(rtp.ip(), port)),
        // RFC 3550 §11: the next higher port.
        (_, Some(rtp)) => rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port)),
        (_, None) => None,
    };
    let wished = sdp.ptime_ms(stream).unwrap_or(PTIME_MS.into()).min(sdp.maxptime_ms(stream).unwrap_or(u32::MAX));
    let ptime_ms = u8::try_from(wished.clamp(*PTIMES.start(), *PTIMES.end()) / 10 * 10).unwrap_or(PTIME_MS);
    // Never empty: `Formats::common` sees to it.
    let (payload_type, codec) = codecs.first().copied().unwrap_or((Codec::Pcma.static_payload_type(), Codec::Pcma));
    Agreed {
        codec,
        payload_type,
        receive: codecs,
        events,
        ptime_ms,
        remote,
        remote_rtcp,
        rtcp_mux: stream.rtcp_mux(),
        direction: seen_from_us(sdp.direction(stream), connection),
    }
}

fn seen_from_us(theirs: sdp::Direction, connection: Connection) -> Direction {
    match (theirs, connection) {
        // RFC 3264 §8.4: c=0.0.0.0 is the hold of RFC 2543: nothing may be sent there.
        (sdp::Direction::SendReceive | sdp::Direction::SendOnly, Connection::Hold) | (sdp::Direction::SendOnly, _) => {
            Direction::ReceiveOnly
        }
        (sdp::Direction::ReceiveOnly, Connection::Hold) | (sdp::Direction::Inactive, _) => Direction::Inactive,
        (sdp::Direction::ReceiveOnly, _) => Direction::SendOnly,
        (sdp::Direction::SendReceive, _) => Direction::SendReceive,
    }
}

fn put(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend(name);
    out.extend(value);
    out.extend(b"\r\n");
}

fn put_rtpmap(out: &mut Vec<u8>, payload_type: u8, name: &str, rate_hz: u32) {
    put(out, b"a=rtpmap:", format!("{payload_type} {name}/{rate_hz}").as_bytes());
}

fn put_events(out: &mut Vec<u8>, events: EventFormat) {
    put_rtpmap(out, events.payload_type, "telephone-event", events.rate_hz);
    // The sixteen keys (RFC 4733 §2.4.1, §3.2).
    put(out, b"a=fmtp:", format!("{} 0-15", events.payload_type).as_bytes());
}

fn head(local: &Local) -> Vec<u8> {
    let family = if local.address.is_ipv4() { "IP4" } else { "IP6" };
    let Local { address, session_id, version, .. } = local;
    // RFC 8866 §5.2: no user name. §5.3: "-" where a session has no name.
    format!("v=0\r\no=- {session_id} {version} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\n").into_bytes()
}

fn write_stream(out: &mut Vec<u8>, offered: &Stream<'_>, local: &Local, formats: &Formats, agreed: &Agreed) {
    let events = formats.answered_events(agreed.codec);
    let mut line = format!("audio {} ", local.port).into_bytes();
    // RFC 3264 §6: the same transport protocol as offered.
    line.extend(offered.protocol);
    // RFC 3264 §6.1: one codec, so that nobody has to guess; the caller's number for it.
    line.extend(format!(" {}", agreed.payload_type).into_bytes());
    if let Some(events) = events {
        line.extend(format!(" {}", events.payload_type).into_bytes());
    }
    put(out, b"m=", &line);
    put_rtpmap(out, agreed.payload_type, agreed.codec.name(), agreed.codec.clock_hz());
    if let Some(events) = events {
        put_events(out, events);
    }
    put(out, b"a=ptime:", agreed.ptime_ms.to_string().as_bytes());
    if let Some(mid) = offered.mid() {
        // RFC 5888 §9.1: kept by an answerer who knows it.
        put(out, b"a=mid:", mid);
    }
    if agreed.rtcp_mux {
        put(out, b"a=", b"rtcp-mux");
    }
    put(
        out,
        b"a=",
        match agreed.direction {
            Direction::SendReceive => b"sendrecv",
            Direction::SendOnly => b"sendonly",
            Direction::ReceiveOnly => b"recvonly",
            Direction::Inactive => b"inactive",
        },
    );
}
