//! SIP messages as a phone reads them: start line, headers, body.
//!
//! Deliberately not the bridge's parser: a peer that shared its reading would share its misreadings. It takes what well-behaved
//! servers send (RFC 3261 §7), knows no multipart, and ignores what it cannot read.

use std::fmt;

/// Most header fields read; a bridge sends about fifteen.
const MOST_HEADERS: usize = 100;

/// The first line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Start {
    /// A request with this method.
    Request(String),
    /// A response with this status.
    Response(u16),
}

/// One message. `Debug` shows neither headers nor body.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub start: Start,
    /// Names in lower case and in their long form, in order.
    headers: Vec<(String, String)>,
    /// What follows the empty line.
    pub body: Vec<u8>,
}

impl Message {
    /// Read one datagram. `None`: not a SIP message.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let end = datagram.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, body) = datagram.split_at(end);
        let head = String::from_utf8_lossy(head).replace("\r\n ", " ").replace("\r\n\t", " ");
        let mut lines = head.split("\r\n");
        let first = lines.next()?;
        let start = match first.strip_prefix("SIP/2.0 ") {
            Some(status) => Start::Response(status.get(..3)?.parse().ok().filter(|status| (100..700).contains(status))?),
            None => Start::Request(first.strip_suffix(" SIP/2.0")?.split(' ').next()?.to_owned()),
        };
        let headers = lines.filter_map(|line| line.split_once(':')).take(MOST_HEADERS);
        let headers = headers.map(|(name, value)| (long_form(name.trim()), value.trim().to_owned())).collect();
        Some(Self { start, headers, body: body.get(4..)?.to_vec() })
    }

    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All headers of this name (lower case), in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(this, _)| this == name).map(|(_, value)| value.as_str())
    }

    /// Number and method of `CSeq`.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        let (number, method) = self.header("cseq")?.split_once(' ')?;
        Some((number.parse().ok()?, method.trim()))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("start", &self.start).finish_non_exhaustive()
    }
}

/// The URI between `<` and `>`, or the whole value without its parameters.
pub fn uri(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// RFC 3261 §7.3.3: compact forms.
fn long_form(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "i" => "call-id",
        "m" => "contact",
        "l" => "content-length",
        "c" => "content-type",
        "f" => "from",
        "t" => "to",
        "v" => "via",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_in_compact_forms_and_folded_lines_is_read() {
        let message =
            Message::parse(b"SIP/2.0 200 OK\r\nv: one\r\nVia: two\r\nm: <sip:a@b;x=y>;q=1\r\nCSeq: 7\r\n INVITE\r\n\r\nbody").unwrap();
        assert_eq!(message.start, Start::Response(200));
        assert_eq!(message.all("via").collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(message.header("contact").map(uri), Some("sip:a@b;x=y"));
        assert_eq!(message.cseq(), Some((7, "INVITE")));
        assert_eq!(message.body, b"body");
    }

    #[test]
    fn what_is_not_sip_is_not_read() {
        for junk in ["", "\r\n\r\n", "SIP/2.0 2\r\n\r\n", "SIP/2.0 999 X\r\n\r\n", "BYE sip:a@b\r\n\r\n", "BYE sip:a@b SIP/2.0\r\n"] {
            assert_eq!(Message::parse(junk.as_bytes()), None, "{junk:?}");
        }
    }
}
