//! Whether a request can be worked with, and what it asks for beyond the core.

use sipx_sip::headers::{Require, Supported};
use sipx_sip::{Finding, Header, HeaderName, Request, validate_request};

use super::super::lenient;
use super::respond::Answer;

/// The status for a request that cannot be worked with (RFC 3261 §8.2, §21.4.1, §21.5.6).
pub fn unfit(request: &Request) -> Option<u16> {
    validate_request(request).iter().find(|finding| !excused(request, finding)).map(Finding::status)
}

fn excused(request: &Request, finding: &Finding) -> bool {
    let name = match finding {
        Finding::MalformedRequiredHeader("From") => HeaderName::From,
        Finding::MalformedRequiredHeader("To") => HeaderName::To,
        // A missing Max-Forwards matters to proxies alone (RFC 3261 §16.3).
        _ => return finding.is_repairable(),
    };
    request.headers.value(&name).is_some_and(|value| lenient::address(&value, "address").is_some())
}

/// A response to a request that lacks mandatory headers: with those it has.
pub fn partial(request: &Request, status: u16) -> Option<Answer> {
    let mut whole = request.clone();
    for (name, stand_in) in [
        (HeaderName::From, "<sip:anonymous@anonymous.invalid>"),
        (HeaderName::To, "<sip:anonymous@anonymous.invalid>"),
        (HeaderName::CallId, "missing"),
        (HeaderName::CSeq, "0 UNKNOWN"),
    ] {
        if whole.headers.get(&name).is_none() {
            whole.headers.push(Header::build(name, stand_in).ok()?);
        }
    }
    Answer::to(&whole, status)
}

/// Option tags required and not known (RFC 3261 §8.2.2.3).
pub fn unknown_extensions(request: &Request) -> Option<String> {
    let unknown: Vec<String> = request
        .headers
        .typed_all::<Require>()
        .filter_map(Result::ok)
        .flat_map(|require| require.0.0)
        .filter(|tag| !tag.eq_ignore_ascii_case(b"timer"))
        .map(|tag| String::from_utf8_lossy(&tag).into_owned())
        .collect();
    (!unknown.is_empty()).then(|| unknown.join(", "))
}

/// Whether the peer knows session timers.
pub fn supports_timer(request: &Request) -> bool {
    request.headers.typed_all::<Supported>().filter_map(Result::ok).any(|supported| supported.contains("timer"))
}
