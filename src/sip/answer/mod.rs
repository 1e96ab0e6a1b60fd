//! Offer and answer (RFC 3264) on top of `wire::sdp`.
//!
//! One audio stream is taken; every other m-line is answered in its place with port 0. What a stream is called for, and what the media
//! plane makes of it, is not known here.

mod formats;
#[cfg(test)]
mod tests;
mod write;

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;
use bytes::Bytes;
use thiserror::Error;

use crate::codec::Codec;
use crate::media::{Direction, EventFormat, LegUpdate};
use crate::wire::sdp::{self, Connection, Media, Sdp};
use formats::{EventSet, Formats};
use write::{Audio, head, refusal};

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
    /// Where the signalling comes from: RTP is taken from there too.
    pub signalled_from: IpAddr,
    /// Codecs we speak, our preference first.
    pub codecs: ArrayVec<Codec, 4>,
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
/// Packet length where the caller names none (RFC 3551 §4.2).
const PTIME_MS: u8 = 20;
/// Packet lengths we send, milliseconds.
const PTIMES: std::ops::RangeInclusive<u32> = 10..=60;

/// Answer an offer: every m-line in its place (RFC 3264 §6), the first usable audio stream taken, all others with port 0.
pub fn answer(offer: &[u8], local: &Local) -> Result<(Bytes, LegUpdate), AnswerError> {
    let offer = Sdp::parse(offer).map_err(|_| AnswerError::NotSdp)?;
    let (place, formats) =
        offer.media().enumerate().find_map(|(place, media)| Some((place, taken(&media, local)?))).ok_or(AnswerError::NoCommonCodec)?;
    let media = offer.media().nth(place).ok_or(AnswerError::NoCommonCodec)?;
    let agreed = agree(&media, &formats, local).ok_or(AnswerError::NoCommonCodec)?;

    // RFC 9143 §7.3: of a bundle, what is taken stays in it. RTCP must share the port then (§9.3).
    let bundled = if agreed.rtcp_mux && media.is_grouped("BUNDLE") { media.mid() } else { None };
    let mut out = head(local, offer.session().values(b't').next(), bundled);
    for (other, offered) in offer.media().enumerate() {
        if other == place {
            Audio {
                protocol: offered.protocol(),
                // RFC 3264 §6.1: the caller's number and order; one codec, so that nobody has to guess which will be sent.
                codecs: &[(agreed.payload_type, agreed.codec)],
                events: formats.answered_events(agreed.codec),
                ptime_ms: agreed.ptime_ms,
                direction: agreed.direction,
                rtcp_mux: agreed.rtcp_mux,
                mid: offered.mid(),
            }
            .write(&mut out, local);
        } else {
            refusal(&mut out, &offered);
        }
    }
    Ok((out.into(), agreed))
}

/// Make the first offer of a session.
pub fn offer(local: &Local) -> Bytes {
    let mut out = head(local, None, None);
    let codecs = our_codecs(local);
    Audio { protocol: b"RTP/AVP", codecs: &codecs, events: &[OUR_OFFERED_EVENTS], ..Audio::OFFERED }.write(&mut out, local);
    out.into()
}

/// The last SDP of ours in a session, to offer again in its shape. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent(pub Bytes);

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sent(…)")
    }
}

/// Make another offer in a session where `sent` is the last SDP of ours: as many m-lines in the same order (RFC 3264 §8), the audio
/// stream offered with all we speak, the refused ones refused still, payload types meaning what they meant (§8.3.2).
pub fn offer_again(sent: &[u8], local: &Local) -> Bytes {
    let Ok(sent) = Sdp::parse(sent) else { return offer(local) };
    let Some(place) = sent.media().position(|media| taken(&media, local).is_some()) else { return offer(local) };
    let bundled = sent.media().nth(place).filter(|media| media.is_grouped("BUNDLE")).and_then(|media| media.mid());
    let mut out = head(local, None, bundled);
    let codecs = our_codecs(local);
    for (other, media) in sent.media().enumerate() {
        if other != place {
            media.line().write(&mut out);
            for line in media.section().lines() {
                line.write(&mut out);
            }
            continue;
        }
        let known = taken(&media, local).map(|formats| formats.events).unwrap_or_default();
        let events = known.first().map_or(OUR_OFFERED_EVENTS, |&(format, _)| (format, EventSet::KEYS_AND_FLASH));
        Audio { protocol: media.protocol(), codecs: &codecs, events: &[events], mid: media.mid(), ..Audio::OFFERED }.write(&mut out, local);
    }
    out.into()
}

const OUR_OFFERED_EVENTS: (EventFormat, EventSet) = (EventFormat { payload_type: OUR_EVENTS, rate_hz: 8_000 }, EventSet::KEYS_AND_FLASH);

fn our_codecs(local: &Local) -> ArrayVec<(u8, Codec), 4> {
    local.codecs.iter().map(|codec| (codec.usual_payload_type(), *codec)).collect()
}

/// Read the answer to our `offer`, or to [`offer_again`].
pub fn read_answer(answer: &[u8], local: &Local) -> Result<LegUpdate, AnswerError> {
    let answer = Sdp::parse(answer).map_err(|_| AnswerError::NotSdp)?;
    // We offer one stream alive, so at most one is answered alive (RFC 3264 §6), in whatever place.
    let (media, formats) = answer.media().find_map(|media| Some((media, taken(&media, local)?))).ok_or(AnswerError::NoCommonCodec)?;
    let mut agreed = agree(&media, &formats, local).ok_or(AnswerError::NoCommonCodec)?;
    // What they send bears the numbers of our offer, whatever theirs are for the other way (RFC 3264 §5.1). A full list is no loss:
    // six numbers for two codecs are more than anyone uses.
    for ours in our_codecs(local) {
        if !agreed.receive.iter().any(|(number, _)| *number == ours.0) {
            let _ = agreed.receive.try_push(ours);
        }
    }
    let ours = OUR_OFFERED_EVENTS.0;
    if !agreed.events.is_empty() && !agreed.events.iter().any(|event| event.payload_type == ours.payload_type) {
        let _ = agreed.events.try_push(ours);
    }
    Ok(agreed)
}

/// What a stream and we have in common; `None` when it is no stream for us.
fn taken(media: &Media<'_>, local: &Local) -> Option<Formats> {
    // Encrypted profiles (RTP/SAVP, UDP/TLS/RTP/SAVPF) are refused, not answered in the clear.
    let plain = [&b"RTP/AVP"[..], b"RTP/AVPF"].iter().any(|profile| media.protocol().eq_ignore_ascii_case(profile));
    let wanted = media.kind().eq_ignore_ascii_case(b"audio") && media.port().is_some_and(|port| port != 0) && plain;
    wanted.then(|| Formats::common(media, &local.codecs)).flatten()
}

fn agree(media: &Media<'_>, formats: &Formats, local: &Local) -> Option<LegUpdate> {
    let &(payload_type, codec) = formats.codecs.first()?;
    let port = media.port()?;
    let connection = media.connection();
    let remote = connection.and_then(|connection| reachable(connection, local)).map(|ip| SocketAddr::new(ip, port));
    let rtcp_mux = media.rtcp_mux();
    let remote_rtcp = match (media.rtcp(), remote) {
        (_, rtp) if rtcp_mux => rtp,
        (Some(rtcp), rtp) => match rtcp.connection {
            Some(connection) => reachable(connection, local),
            None => rtp.map(|rtp| rtp.ip()),
        }
        .map(|ip| SocketAddr::new(ip, rtcp.port)),
        // RFC 3550 §11: the next higher port.
        (None, Some(rtp)) => rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port)),
        (None, None) => None,
    };
    let wished = media.ptime_ms().unwrap_or(PTIME_MS.into()).min(media.maxptime_ms().unwrap_or(u32::MAX));
    let ptime_ms = u8::try_from(wished.clamp(*PTIMES.start(), *PTIMES.end()) / 10 * 10).unwrap_or(PTIME_MS);
    Some(LegUpdate {
        codec,
        payload_type,
        receive: formats.codecs.clone(),
        events: formats.events.iter().map(|(event, _)| *event).collect(),
        comfort_noise: ArrayVec::new(),
        redundancy: ArrayVec::new(),
        opus_bitrate: None,
        ptime_ms,
        remote,
        remote_rtcp,
        rtcp_mux,
        signalled_from: local.signalled_from,
        direction: seen_from_us(media.direction(), connection),
    })
}

/// An address to send to from ours: of the same family, and one host's.
fn reachable(connection: Connection, local: &Local) -> Option<IpAddr> {
    let Connection::Address(address) = connection else { return None };
    let one_host = match address {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    (one_host && address.is_ipv4() == local.address.to_canonical().is_ipv4()).then_some(address)
}

fn seen_from_us(theirs: sdp::Direction, connection: Option<Connection>) -> Direction {
    // RFC 3264 §8.4: c=0.0.0.0 is the hold of RFC 2543: nothing may be sent there.
    let nowhere = matches!(connection, Some(Connection::Address(address)) if address.is_unspecified());
    let we_send = !nowhere && matches!(theirs, sdp::Direction::SendRecv | sdp::Direction::RecvOnly);
    let we_receive = matches!(theirs, sdp::Direction::SendRecv | sdp::Direction::SendOnly);
    match (we_send, we_receive) {
        (true, true) => Direction::SendReceive,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::ReceiveOnly,
        (false, false) => Direction::Inactive,
    }
}
