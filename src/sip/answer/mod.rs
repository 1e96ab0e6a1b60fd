//! Offer and answer (RFC 3264) on top of `wire::sdp`.
//!
//! One audio stream is taken; every other m-line is answered in its place with port 0. Of the codecs of an offer that we speak, the one that
//! comes first in our own order is answered; all of them are taken. What a stream is called for, and what the media
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
use formats::{EventSet, Extra, Formats, Order};
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
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AnswerError {
    /// Not SDP at all: 400.
    #[error("the body is not SDP")]
    NotSdp,
    /// No audio stream we can take, or none with one of these codecs: 488.
    #[error("no audio stream with {} in the offer", names(.0))]
    NoCommonCodec(ArrayVec<Codec, 4>),
}

fn names(codecs: &[Codec]) -> String {
    codecs.iter().map(|codec| codec.name()).collect::<Vec<_>>().join(" or ")
}

/// Payload types of telephone events in our own offers, at 8 kHz and on the clock of Opus (dynamic, RFC 3551 §6; 101 is what everybody uses).
const OUR_EVENTS: [(u8, u32); 2] = [(101, 8_000), (102, 48_000)];
/// Dynamic payload types (RFC 3551 §6).
const DYNAMIC: std::ops::RangeInclusive<u8> = 96..=127;
/// Packet length where the caller names none (RFC 3551 §4.2), and that of Opus.
const PTIME_MS: u8 = 20;
/// Packet lengths we send, milliseconds.
const PTIMES: std::ops::RangeInclusive<u32> = 10..=60;

/// Answer an offer: every m-line in its place (RFC 3264 §6), the first usable audio stream taken, all others with port 0.
pub fn answer(offer: &[u8], local: &Local) -> Result<(Bytes, LegUpdate), AnswerError> {
    let offer = Sdp::parse(offer).map_err(|_| AnswerError::NotSdp)?;
    let none = || AnswerError::NoCommonCodec(local.codecs.clone());
    let (place, media, formats) =
        offer.media().enumerate().find_map(|(place, media)| Some((place, media, taken(&media, local, Order::Ours)?))).ok_or_else(none)?;
    let agreed = agree(&media, &formats, local).ok_or_else(none)?;
    let extras: ArrayVec<Extra<'_>, 4> = formats.answered_extras(agreed.codec).collect();

    // RFC 9143 §7.3: of a bundle, what is taken stays in it. RTCP must share the port then (§9.3).
    let bundled = if agreed.rtcp_mux && media.is_grouped("BUNDLE") { media.mid() } else { None };
    let mut out = head(local, offer.session().values(b't').next(), bundled);
    for (other, offered) in offer.media().enumerate() {
        if other == place {
            Audio {
                protocol: offered.protocol(),
                // RFC 3264 §6.1: the caller's number; one codec, so that nobody has to guess which will be sent.
                codecs: &[(agreed.payload_type, agreed.codec)],
                events: formats.answered_events(agreed.codec),
                extras: &extras,
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
    let Ours { codecs, events } = Ours::new(local, None);
    Audio { protocol: b"RTP/AVP", codecs: &codecs, events: &events, ..Audio::OFFERED }.write(&mut out, local);
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
    let Some(place) = sent.media().position(|media| taken(&media, local, Order::Theirs).is_some()) else { return offer(local) };
    let bundled = sent.media().nth(place).filter(|media| media.is_grouped("BUNDLE")).and_then(|media| media.mid());
    let mut out = head(local, None, bundled);
    for (other, media) in sent.media().enumerate() {
        if other != place {
            media.line().write(&mut out);
            for line in media.section().lines() {
                line.write(&mut out);
            }
            continue;
        }
        let Ours { codecs, events } = Ours::new(local, Some(&media));
        Audio { protocol: media.protocol(), codecs: &codecs, events: &events, mid: media.mid(), ..Audio::OFFERED }.write(&mut out, local);
    }
    out.into()
}

/// All we speak, numbered for an offer.
struct Ours {
    codecs: ArrayVec<(u8, Codec), 4>,
    events: ArrayVec<(EventFormat, EventSet), 2>,
}

impl Ours {
    /// Numbers that mean something in `sent`, the stream as we described it last, keep meaning that (RFC 3264 §8.3.2).
    fn new(local: &Local, sent: Option<&Media<'_>>) -> Self {
        let known = sent.and_then(|media| taken(media, local, Order::Theirs));
        let mut used = sent.iter().flat_map(|media| media.payload_types()).fold(0_u128, |used, number| used | 1 << number);
        let mut number = |known: Option<u8>, usual: u8| {
            let free = |number: &u8| used & (1 << number) == 0;
            let number = known.or_else(|| Some(usual).filter(free)).or_else(|| DYNAMIC.into_iter().find(free)).unwrap_or(usual);
            used |= 1 << number;
            number
        };
        let of = |codec: Codec| known.as_ref()?.codecs.iter().find(|(_, own)| *own == codec).map(|(number, _)| *number);
        let codecs = local.codecs.iter().map(|codec| (number(of(*codec), codec.usual_payload_type()), *codec)).collect();
        let of =
            |rate_hz: u32| known.as_ref()?.events.iter().find(|(event, _)| event.rate_hz == rate_hz).map(|(event, _)| event.payload_type);
        let clock = |rate_hz: u32| local.codecs.iter().any(|codec| codec.clock_hz() == rate_hz);
        let mut events: ArrayVec<_, 2> = OUR_EVENTS
            .into_iter()
            .filter(|(_, rate_hz)| clock(*rate_hz))
            .map(|(usual, rate_hz)| EventFormat { payload_type: number(of(rate_hz), usual), rate_hz })
            .map(|event| (event, EventSet::KEYS_AND_FLASH))
            .collect();
        if let Some(best) = local.codecs.first() {
            // Keys on the clock of the codec we like best are named first.
            events.sort_by_key(|(event, _)| event.rate_hz != best.clock_hz());
        }
        Self { codecs, events }
    }
}

/// Read the answer to `offered`: our [`offer`], or [`offer_again`].
pub fn read_answer(answer: &[u8], offered: &[u8], local: &Local) -> Result<LegUpdate, AnswerError> {
    let none = || AnswerError::NoCommonCodec(local.codecs.clone());
    let answer = Sdp::parse(answer).map_err(|_| AnswerError::NotSdp)?;
    // We offer one stream alive, so at most one is answered alive (RFC 3264 §6), in whatever place.
    let (media, formats) = answer.media().find_map(|media| Some((media, taken(&media, local, Order::Theirs)?))).ok_or_else(none)?;
    let mut agreed = agree(&media, &formats, local).ok_or_else(none)?;
    // What they send bears the numbers of our offer, whatever theirs are for the other way (RFC 3264 §5.1). A full list is no loss: eight
    // numbers for four codecs are more than anyone uses.
    let offered = Sdp::parse(offered).ok();
    let ours = offered.as_ref().and_then(|offered| offered.media().find_map(|media| taken(&media, local, Order::Theirs)));
    let Some(ours) = ours else { return Ok(agreed) };
    for ours in ours.codecs {
        if !agreed.receive.iter().any(|(number, _)| *number == ours.0) {
            let _ = agreed.receive.try_push(ours);
        }
    }
    let keys = !agreed.events.is_empty();
    for (ours, _) in ours.events.into_iter().filter(|_| keys) {
        if !agreed.events.iter().any(|event| event.payload_type == ours.payload_type) {
            let _ = agreed.events.try_push(ours);
        }
    }
    Ok(agreed)
}

/// What a stream and we have in common; `None` when it is no stream for us.
fn taken<'s>(media: &Media<'s>, local: &Local, order: Order) -> Option<Formats<'s>> {
    // Encrypted profiles (RTP/SAVP, UDP/TLS/RTP/SAVPF) are refused, not answered in the clear.
    let plain = [&b"RTP/AVP"[..], b"RTP/AVPF"].iter().any(|profile| media.protocol().eq_ignore_ascii_case(profile));
    let wanted = media.kind().eq_ignore_ascii_case(b"audio") && media.port().is_some_and(|port| port != 0) && plain;
    wanted.then(|| Formats::common(media, &local.codecs, order)).flatten()
}

fn agree(media: &Media<'_>, formats: &Formats<'_>, local: &Local) -> Option<LegUpdate> {
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
    // Opus goes out every tick, whatever is wished for.
    let wished = if codec.is_octet_stream() { wished } else { PTIME_MS.into() };
    let ptime_ms = u8::try_from(wished.clamp(*PTIMES.start(), *PTIMES.end()) / 10 * 10).unwrap_or(PTIME_MS);
    Some(LegUpdate {
        codec,
        payload_type,
        receive: formats.codecs.clone(),
        events: formats.events.iter().map(|(event, _)| *event).collect(),
        comfort_noise: formats.comfort_noise.iter().map(|noise| noise.payload_type).collect(),
        redundancy: formats.redundancy.iter().map(|red| red.payload_type).collect(),
        opus_bitrate: formats.opus_bitrate,
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
