//! The lines of our own descriptions.

use crate::codec::Codec;
use crate::media::{Direction, EventFormat};
use crate::wire::sdp::Media;

use super::formats::{EventSet, Extra};
use super::{Local, PTIME_MS};

/// The session part. `time` is the offer's `t=` line, `bundled` the name of the one section in a bundle.
pub(super) fn head(local: &Local, time: Option<&[u8]>, bundled: Option<&[u8]>) -> Vec<u8> {
    let family = if local.address.is_ipv4() { "IP4" } else { "IP6" };
    let Local { address, session_id, version, .. } = local;
    // RFC 8866 §5.2: no user name. §5.3: "-" where a session has no name.
    let mut out = format!("v=0\r\no=- {session_id} {version} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\n").into_bytes();
    // RFC 3264 §6: the answer's t= line is the offer's; a broken one is not worth repeating.
    let time = time.filter(|time| time.iter().all(|octet| octet.is_ascii_digit() || *octet == b' ') && time.contains(&b' '));
    line(&mut out, &[b"t=", time.unwrap_or(b"0 0")]);
    if let Some(mid) = bundled {
        line(&mut out, &[b"a=group:BUNDLE ", mid]);
    }
    out
}

/// Refuse a stream: port 0, its formats kept (RFC 3264 §6). A broken m-line is made whole, for it must be answered too.
pub(super) fn refusal(out: &mut Vec<u8>, offered: &Media<'_>) {
    let mut formats: Vec<&[u8]> = offered.formats().collect();
    if formats.is_empty() {
        formats.push(b"0");
    }
    line(out, &[b"m=", or(offered.kind(), b"audio"), b" 0 ", or(offered.protocol(), b"RTP/AVP"), b" ", &formats.join(&b' ')]);
    put_mid(out, offered.mid());
}

fn or<'a>(word: &'a [u8], missing: &'a [u8]) -> &'a [u8] {
    if word.is_empty() { missing } else { word }
}

/// The one stream alive.
pub(super) struct Audio<'a> {
    /// RFC 3264 §6: the answer's is the offer's.
    pub(super) protocol: &'a [u8],
    pub(super) codecs: &'a [(u8, Codec)],
    pub(super) events: &'a [(EventFormat, EventSet)],
    pub(super) extras: &'a [Extra<'a>],
    pub(super) ptime_ms: u8,
    pub(super) direction: Direction,
    pub(super) rtcp_mux: bool,
    pub(super) mid: Option<&'a [u8]>,
}

impl Audio<'_> {
    /// What all our offers have in common.
    pub(super) const OFFERED: Self = Self {
        protocol: b"RTP/AVP",
        codecs: &[],
        events: &[],
        extras: &[],
        ptime_ms: PTIME_MS,
        direction: Direction::SendReceive,
        rtcp_mux: true,
        mid: None,
    };

    pub(super) fn write(&self, out: &mut Vec<u8>, local: &Local) {
        out.extend_from_slice(format!("m=audio {} ", local.port).as_bytes());
        out.extend_from_slice(self.protocol);
        let codecs = self.codecs.iter().map(|(number, _)| *number);
        let extras = self.extras.iter().map(|extra| extra.payload_type);
        let numbers = codecs.chain(extras).chain(self.events.iter().map(|(event, _)| event.payload_type));
        for number in numbers {
            out.extend_from_slice(format!(" {number}").as_bytes());
        }
        line(out, &[]);
        for (number, codec) in self.codecs {
            put_map(out, *number, codec.name(), codec.clock_hz(), codec.rtpmap_channels());
            if *codec == Codec::Opus {
                // RFC 7587 §6.1: we make use of FEC, want mono and send it, and never leave silence out.
                text(out, &format!("a=fmtp:{number} useinbandfec=1;stereo=0;sprop-stereo=0;usedtx=0"));
            }
        }
        for Extra { payload_type, name, clock_hz, channels, parameters } in self.extras {
            put_map(out, *payload_type, name, *clock_hz, *channels);
            if let Some(parameters) = parameters {
                line(out, &[format!("a=fmtp:{payload_type} ").as_bytes(), parameters]);
            }
        }
        for (EventFormat { payload_type, rate_hz }, set) in self.events {
            text(out, &format!("a=rtpmap:{payload_type} telephone-event/{rate_hz}"));
            text(out, &format!("a=fmtp:{payload_type} {set}"));
        }
        text(out, &format!("a=ptime:{}", self.ptime_ms));
        put_mid(out, self.mid);
        if self.rtcp_mux {
            text(out, "a=rtcp-mux");
        }
        text(
            out,
            match self.direction {
                Direction::SendReceive => "a=sendrecv",
                Direction::SendOnly => "a=sendonly",
                Direction::ReceiveOnly => "a=recvonly",
                Direction::Inactive => "a=inactive",
            },
        );
    }
}

/// RFC 8866 §6.6: one channel is not said.
fn put_map(out: &mut Vec<u8>, number: u8, name: &str, clock_hz: u32, channels: u8) {
    let channels = if channels > 1 { format!("/{channels}") } else { String::new() };
    text(out, &format!("a=rtpmap:{number} {name}/{clock_hz}{channels}"));
}

/// RFC 5888 §9.1: an answerer that knows the attribute keeps it.
fn put_mid(out: &mut Vec<u8>, mid: Option<&[u8]>) {
    if let Some(mid) = mid {
        line(out, &[b"a=mid:", mid]);
    }
}

fn text(out: &mut Vec<u8>, words: &str) {
    line(out, &[words.as_bytes()]);
}

fn line(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}
