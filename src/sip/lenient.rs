//! Reading what the strict parser refuses but real peers send, and salvaging enough of a broken request to answer it.
//!
//! Nothing here decides what a message means; it only keeps a Latin-1 name or a broken Request-URI from making a peer unanswerable.

use bytes::Bytes;
use sipx_sip::{Address, Message, parse_datagram};

use super::framer::limits;

/// A `name-addr` or `addr-spec` whose display name may hold octets outside ASCII without quotes, as old exchanges send.
///
/// RFC 3261 §25.1 wants them quoted. They are of no interest to us, so they are replaced before parsing.
pub fn address(value: &[u8], header: &'static str) -> Option<Address> {
    if let Ok(address) = Address::parse(value, header) {
        return Some(address);
    }
    if value.is_ascii() {
        return None;
    }
    let ascii: Vec<u8> = value.iter().map(|&octet| if octet.is_ascii() { octet } else { b'x' }).collect();
    Address::parse(&ascii, header).ok()
}

/// The parts of a value between separators, those inside quotes and angle brackets left alone (RFC 3261 §7.3.1, §25.1).
pub fn split(value: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut parts, mut start, mut quoted, mut escaped, mut angle) = (Vec::new(), 0, false, false, false);
    for (at, &octet) in value.iter().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        match octet {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' if !quoted => angle = true,
            b'>' if !quoted => angle = false,
            _ if octet == separator && !quoted && !angle => {
                parts.push(value.get(start..at).unwrap_or_default().trim_ascii());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value.get(start..).unwrap_or_default().trim_ascii());
    parts.retain(|part| !part.is_empty());
    parts
}

/// From a request that does not parse, one that does and is certain to be answered with 400: the header fields a response
/// copies (RFC 3261 §8.2.6.2), under a start line whose method contradicts CSeq.
///
/// `None` for responses, for ACK (never answered, RFC 3261 §17.1.1.3) and for what is not SIP at all.
pub fn salvage(octets: &[u8]) -> Option<Message> {
    let head_end = find(octets, b"\r\n\r\n").unwrap_or(octets.len());
    let mut lines = octets.get(..head_end)?.split(|&octet| octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = lines.next()?.to_ascii_uppercase();
    if start.starts_with(b"SIP/") || find(&start, b" SIP/").is_none() {
        return None;
    }
    let mut kept: Vec<u8> = b"INVALID sip:invalid SIP/2.0\r\n".to_vec();
    let mut keeping = false;
    for line in lines {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line.split(|&octet| octet == b':').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
            keeping = matches!(name.as_slice(), b"via" | b"v" | b"from" | b"f" | b"to" | b"t" | b"call-id" | b"i" | b"cseq");
            if name == b"cseq" && line.trim_ascii_end().ends_with(b"ACK") {
                return None;
            }
        }
        if keeping {
            kept.extend_from_slice(line);
            kept.extend_from_slice(b"\r\n");
        }
    }
    kept.extend_from_slice(b"\r\n");
    parse_datagram(Bytes::from(kept), &limits()).ok()
}

/// Where `what` begins.
pub fn find(octets: &[u8], what: &[u8]) -> Option<usize> {
    octets.windows(what.len().max(1)).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unquoted_latin_1_name_is_no_reason_to_refuse_an_address() {
        let read = address(b"Bj\xf6rn <sip:0701234567@example.se>;tag=a", "From").unwrap();
        assert_eq!(read.tag(), Some(&b"a"[..]));
        assert!(address(b"Svensson, Anna <sip:a@b>", "From").is_none());
    }

    #[test]
    fn separators_in_quotes_and_brackets_do_not_separate() {
        let parts = split(b"\"a, \\\" b\" <sip:x,y@h> , <sip:z>,", b',');
        assert_eq!(parts, [&b"\"a, \\\" b\" <sip:x,y@h>"[..], b"<sip:z>"]);
        assert_eq!(split(b"h;x=\"a;rport\";rport", b';'), [&b"h"[..], b"x=\"a;rport\"", b"rport"]);
    }

    #[test]
    fn a_request_with_a_broken_uri_keeps_what_an_answer_needs() {
        let broken = b"INVITE sip:a b@c SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\nX: y\r\n\r\n";
        let Some(Message::Request(request)) = salvage(broken) else { panic!("nothing salvaged") };
        assert_eq!(request.headers.len(), 2);
        assert!(salvage(b"ACK sip:a b@c SIP/2.0\r\nCSeq: 1 ACK\r\n\r\n").is_none());
        assert!(salvage(b"\x00\x01\x00\x00").is_none());
        assert!(salvage(b"GET / HTTP/1.1\r\n\r\n").is_none());
    }
}
