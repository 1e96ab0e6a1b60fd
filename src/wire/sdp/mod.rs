//! SDP (RFC 8866): lossless and line-based. What is not understood is kept; what is missing is no reason to refuse.
//!
//! A description is its lines, each a slice of the body that came: any octets (Latin-1 names survive), any order, CRLF or LF. Typed views
//! ([`Section`], [`Media`]) read from the lines what a telephone needs, and read it anew each time; nothing is normalised. Host names are
//! not resolved: that would take a socket. What to answer is decided above, in `sip::answer`.

mod media;
mod section;
#[cfg(test)]
mod tests;

use std::fmt;

use thiserror::Error;

pub use media::{Media, RtcpAddress, RtpMap};
pub use section::{Connection, Direction, Section};

/// Longest body read, octets. A room system with every codec, BFCP and ICE sends less than 8 KiB; a UDP datagram holds 64.
pub const MOST_OCTETS: usize = 32 * 1024;

/// Most lines read. Room systems and browsers stay below 300; each line costs 32 octets of memory while the body is looked at.
pub const MOST_LINES: usize = 1000;

/// Why a body is not a session description.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SdpError {
    /// Above [`MOST_OCTETS`].
    #[error("SDP of {0} octets; at most {MOST_OCTETS} are read")]
    TooLong(usize),
    /// Above [`MOST_LINES`].
    #[error("SDP of more than {MOST_LINES} lines")]
    TooManyLines,
    /// Neither a version nor a media line.
    #[error("the body is not SDP")]
    NotSdp,
}

/// One line as it came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    text: &'a [u8],
    end: &'a [u8],
}

impl<'a> Line<'a> {
    /// The letter before `=`; `None` when the line has another shape.
    pub fn kind(&self) -> Option<u8> {
        match self.text {
            [letter, b'=', ..] => Some(*letter),
            _ => None,
        }
    }

    /// What follows `=`, without white space at either end; the whole line when it has another shape.
    pub fn value(&self) -> &'a [u8] {
        match self.text {
            [_, b'=', value @ ..] => value.trim_ascii(),
            text => text,
        }
    }

    /// Append it, line end and all, as it came.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text);
        out.extend_from_slice(self.end);
    }

    fn is(&self, kind: u8) -> bool {
        self.kind() == Some(kind)
    }
}

/// A session description.
#[derive(Clone, PartialEq, Eq)]
pub struct Sdp<'a> {
    lines: Vec<Line<'a>>,
}

impl<'a> Sdp<'a> {
    /// Cut a body into lines. Refuses only what is too large, or has neither a `v=` nor an `m=` line.
    pub fn parse(body: &'a [u8]) -> Result<Self, SdpError> {
        if body.len() > MOST_OCTETS {
            return Err(SdpError::TooLong(body.len()));
        }
        let mut lines = Vec::new();
        for whole in body.split_inclusive(|octet| *octet == b'\n') {
            if lines.len() == MOST_LINES {
                return Err(SdpError::TooManyLines);
            }
            // RFC 8866 §5: lines end with CRLF, and parsers should take LF alone too.
            let text = whole.strip_suffix(b"\n").unwrap_or(whole);
            let text = if text.len() < whole.len() { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
            let end = whole.get(text.len()..).unwrap_or_default();
            lines.push(Line { text, end });
        }
        if lines.iter().any(|line| line.is(b'v') || line.is(b'm')) { Ok(Self { lines }) } else { Err(SdpError::NotSdp) }
    }

    /// Every line, in order.
    pub fn lines(&self) -> &[Line<'a>] {
        &self.lines
    }

    /// The body again, octet by octet.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for line in &self.lines {
            line.write(&mut out);
        }
        out
    }

    /// The lines before the first `m=`.
    pub fn session(&self) -> Section<'_> {
        let end = self.lines.iter().position(|line| line.is(b'm')).unwrap_or(self.lines.len());
        Section::new(self.lines.get(..end).unwrap_or_default())
    }

    /// The media sections in order: each `m=` line with what follows up to the next.
    pub fn media(&self) -> impl Iterator<Item = Media<'_>> {
        let session = self.session();
        let mut rest = self.lines.get(session.lines().len()..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (line, below) = rest.split_first()?;
            let end = below.iter().position(|line| line.is(b'm')).unwrap_or(below.len());
            let (own, next) = below.split_at_checked(end)?;
            rest = next;
            Some(Media::new(session, line, Section::new(own)))
        })
    }
}

impl fmt::Debug for Line<'_> {
    /// Bodies are not for logs: addresses and names stand in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("octets", &self.text.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Sdp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sdp").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

/// The words of a value. White space of any kind separates them, so that no word carries a line end into an answer.
fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// A decimal number and nothing else.
fn number<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    // `FromStr` would take a sign.
    word.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(word).ok()?.parse().ok())?
}

/// The decimal number a word begins with: `20` of `20.5`.
fn leading_number<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    let end = word.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(word.len());
    number(word.get(..end)?)
}
