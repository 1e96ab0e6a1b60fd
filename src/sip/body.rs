//! Bodies: the SDP in a message, wherever it is, and the key in an INFO.

use bytes::Bytes;
use sipx_sip::headers::ContentType;
use sipx_sip::{HeaderName, Request};
use thiserror::Error;

use crate::names::Key;

/// The body is of a kind we do not take: 415.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the body is of a kind that is not taken")]
pub struct Unsupported;

/// Most parts of a multipart body looked at: SDP, a location, ISUP and a picture make four.
const PARTS: usize = 16;

/// The SDP of a request; `None` if it has no body.
pub fn sdp(request: &Request) -> Result<Option<Bytes>, Unsupported> {
    let body = request.body();
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    if let Some(encoding) = request.headers.value(&HeaderName::ContentEncoding)
        && !encoding.trim_ascii().eq_ignore_ascii_case(b"identity")
    {
        return Err(Unsupported);
    }
    match request.headers.typed::<ContentType>() {
        Some(Ok(kind)) if kind.is("application", "sdp") => Ok(Some(body.clone())),
        Some(Ok(kind)) if kind.media_type == b"multipart" => {
            let boundary = kind.param("boundary").ok_or(Unsupported)?;
            parts(body, boundary).find(|(head, _)| is_sdp(head)).map(|(_, part)| Some(part)).ok_or(Unsupported)
        }
        // RFC 3261 §20.11: a body that need not be understood is passed over.
        _ if optional(request) => Ok(None),
        // Some old gateways forget to say what it is.
        None if body.starts_with(b"v=") => Ok(Some(body.clone())),
        _ => Err(Unsupported),
    }
}

fn optional(request: &Request) -> bool {
    let disposition = request.headers.value(&HeaderName::ContentDisposition).unwrap_or_default().to_ascii_lowercase();
    disposition.windows(17).any(|window| window == b"handling=optional")
}

/// Head and body of each part (RFC 2046 §5.1.1).
fn parts<'a>(body: &'a Bytes, boundary: &[u8]) -> impl Iterator<Item = (&'a [u8], Bytes)> {
    let delimiter = [b"--", boundary].concat();
    let mut starts = find_all(body, &delimiter);
    // An empty boundary would match everywhere.
    if boundary.is_empty() {
        starts.clear();
    }
    (0..starts.len().saturating_sub(1)).filter_map(move |n| {
        let (start, end) = (starts[n] + delimiter.len(), starts[n + 1]);
        let part = body.get(start..end)?;
        let (head, gap) = split_head(part)?;
        let mut content = body.slice(start + gap..end);
        // The line end before the delimiter belongs to it.
        for ending in [&b"\n"[..], b"\r"] {
            if content.ends_with(ending) {
                content.truncate(content.len() - 1);
            }
        }
        Some((head, content))
    })
}

fn find_all(octets: &[u8], what: &[u8]) -> Vec<usize> {
    octets.windows(what.len().max(1)).enumerate().filter(|(_, window)| *window == what).map(|(at, _)| at).take(PARTS + 1).collect()
}

fn split_head(part: &[u8]) -> Option<(&[u8], usize)> {
    [&b"\r\n\r\n"[..], b"\n\n"]
        .iter()
        .filter_map(|gap| Some((find_all(part, gap).first().copied()?, gap.len())))
        .min()
        .map(|(at, len)| (&part[..at], at + len))
}

fn is_sdp(head: &[u8]) -> bool {
    head.split(|octet| *octet == b'\n').any(|line| {
        let line: Vec<u8> = line.iter().filter(|octet| !octet.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect();
        line.starts_with(b"content-type:application/sdp") || line.starts_with(b"c:application/sdp")
    })
}

/// The key of an INFO: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`). `Ok(None)`: no body, or a key that is none.
pub fn key(request: &Request) -> Result<Option<Key>, Unsupported> {
    let body = request.body().trim_ascii();
    if body.is_empty() {
        return Ok(None);
    }
    match request.headers.typed::<ContentType>() {
        Some(Ok(kind)) if kind.is("application", "dtmf-relay") => Ok(body.split(|octet| *octet == b'\n').find_map(signal)),
        // The key alone, or written as in a relay.
        Some(Ok(kind)) if kind.is("application", "dtmf") => {
            let first = body.split(|octet| *octet == b'\n').next().unwrap_or_default();
            Ok(pressed(first).or_else(|| signal(first)))
        }
        _ if optional(request) => Ok(None),
        _ => Err(Unsupported),
    }
}

fn signal(line: &[u8]) -> Option<Key> {
    let (name, value) = line.split_at(line.iter().position(|octet| matches!(octet, b'=' | b':'))?);
    name.trim_ascii().eq_ignore_ascii_case(b"signal").then(|| pressed(value.get(1..).unwrap_or_default()))?
}

/// A character, or the event code of RFC 4733 (some write 10 for the star).
fn pressed(text: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Key::from_char(one),
        _ => Key::from_event(text.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use sipx_sip::{Limits, Message, parse_datagram};

    use super::*;

    fn request(kind: &str, body: &str) -> Request {
        let text =
            format!("INFO sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n{kind}Content-Length: {}\r\n\r\n{body}", body.len());
        match parse_datagram(text.into(), &Limits::datagram()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("not a request"),
        }
    }

    #[test]
    fn keys_are_read_in_all_their_spellings() {
        for (kind, body, key) in [
            ("dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("dtmf-relay", "Signal= *\r\nDuration= 160", Some('*')),
            ("dtmf-relay", "Duration=160\nsignal: 11", Some('#')),
            ("dtmf-relay", "Signal=hello", None),
            ("dtmf", "7", Some('7')),
            ("dtmf", "10\r\n", Some('*')),
            ("dtmf", "Signal=8\r\nDuration=100", Some('8')),
            ("dtmf", "16", None),
        ] {
            let read = super::key(&request(&format!("Content-Type: application/{kind}\r\n"), body));
            assert_eq!(read, Ok(key.and_then(Key::from_char)), "{body}");
        }
        assert_eq!(super::key(&request("", "")), Ok(None));
        assert_eq!(super::key(&request("Content-Type: text/plain\r\n", "5")), Err(Unsupported));
    }

    #[test]
    fn sdp_is_found_alone_and_among_other_parts() {
        assert_eq!(sdp(&request("c: application/SDP\r\n", "v=0\r\n")), Ok(Some(Bytes::from_static(b"v=0\r\n"))));
        assert_eq!(sdp(&request("", "v=0\r\n")), Ok(Some(Bytes::from_static(b"v=0\r\n"))));
        assert_eq!(sdp(&request("Content-Type: application/sdp\r\n", "")), Ok(None));
        let body = "preamble\r\n--xx\r\nContent-Type: application/isup\r\n\r\n\u{1}\u{2}\r\n--xx\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=-\r\n\r\n--xx--\r\n";
        assert_eq!(
            sdp(&request("Content-Type: multipart/mixed;boundary=\"xx\"\r\n", body)),
            Ok(Some(Bytes::from_static(b"v=0\r\ns=-\r\n")))
        );
    }

    #[test]
    fn other_bodies_are_refused_unless_they_need_not_be_understood() {
        assert_eq!(sdp(&request("Content-Type: text/plain\r\n", "hello")), Err(Unsupported));
        assert_eq!(sdp(&request("Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n", "hello")), Ok(None));
        assert_eq!(sdp(&request("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "v=0")), Err(Unsupported));
        assert_eq!(sdp(&request("Content-Type: multipart/mixed;boundary=yy\r\n", "--xx\r\n\r\n--xx--")), Err(Unsupported));
    }
}
