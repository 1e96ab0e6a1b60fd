//! Responses: what is in each, and where it goes.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use sipx_sip::headers::Via;
use sipx_sip::{Header, HeaderName, Request, Response, ResponseBuilder, StatusCode};

use super::super::{Flow, Transport, lenient};

/// Methods taken (RFC 3261 §20.5).
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";
/// Bodies taken (RFC 3261 §20.1).
pub const ACCEPT: &str = "application/sdp, application/dtmf-relay, application/dtmf, multipart/mixed";
/// Extensions known (RFC 3261 §20.37).
pub const SUPPORTED: &str = "timer";

/// Reason phrases (RFC 3261 §21).
fn reason(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        469 => "Bad Info Package",
        422 => "Session Interval Too Small",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        504 => "Server Time-out",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        _ => "Refused",
    }
}

/// A response under construction.
pub struct Answer {
    response: Response,
}

impl Answer {
    /// To a request: Via, From, To, Call-ID and CSeq copied (RFC 3261 §8.2.6.2). `None` if the request lacks one of them, or for a status
    /// that is none.
    pub fn to(request: &Request, status: u16) -> Option<Self> {
        let builder = ResponseBuilder::to_request(request, StatusCode::new(status)?, reason(status)).ok()?;
        Some(Self { response: builder.build() })
    }

    /// With one more header. Values are ours or taken from a parsed message, so they fit; one that would not is left out.
    pub fn with(mut self, name: HeaderName, value: impl Into<Vec<u8>>) -> Self {
        if let Ok(header) = Header::build(name, value.into()) {
            self.response.headers.push(header);
        }
        self
    }

    /// With a body.
    pub fn body(mut self, kind: &str, body: Bytes) -> Self {
        self.response.headers.remove_all(&HeaderName::ContentLength);
        self.response.set_body(body.clone());
        self.with(HeaderName::ContentType, kind).with(HeaderName::ContentLength, body.len().to_string())
    }

    /// The whole of it, with our tag in To where it has none (RFC 3261 §8.2.6.2).
    pub fn build(self, product: &str, tag: Option<&str>) -> Response {
        let mut response = self.with(HeaderName::Server, product).response;
        if let Some(tag) = tag {
            add_tag(&mut response, tag);
        }
        response
    }
}

fn add_tag(response: &mut Response, tag: &str) {
    let Some(to) = response.headers.value(&HeaderName::To).map(|value| value.into_owned()) else { return };
    if lenient::address(&to, "To").is_some_and(|address| address.tag().is_some()) {
        return;
    }
    let value = [&to, &b";tag="[..], tag.as_bytes()].concat();
    if let Ok(header) = Header::build(HeaderName::To, value) {
        response.headers.remove_all(&HeaderName::To);
        response.headers.push(header);
    }
}

/// `Retry-After`, in whole seconds (RFC 3261 §20.33).
pub fn seconds(duration: Duration) -> String {
    duration.as_secs().max(1).to_string()
}

/// Write into the topmost Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4): `received` is overwritten and `rport`
/// forced, whatever the peer wrote. So a copy of the Via in a response says the truth; the response itself goes back on the flow the
/// request came on and nowhere else (`maddr` is ignored). `false`: there is no Via.
pub fn stamp_via(request: &mut Request, flow: Flow) -> bool {
    let Some(top) = request.headers.get(&HeaderName::Via) else { return false };
    let value = top.value().into_owned();
    let end = sipx_sip::headers::via::first_hop_end(&value);
    let (hop, others) = value.split_at(end);
    if Via::parse_one(hop).is_err() {
        return false;
    }
    let mut stamped: Vec<u8> = Vec::with_capacity(value.len() + 48);
    for (n, part) in lenient::split(hop, b';').into_iter().enumerate() {
        let name = part.split(|octet| *octet == b'=').next().unwrap_or_default().trim_ascii();
        if n > 0 && (name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport")) {
            continue;
        }
        if n > 0 {
            stamped.push(b';');
        }
        stamped.extend(part);
    }
    stamped.extend(format!(";received={};rport={}", flow.peer.ip().to_canonical(), flow.peer.port()).into_bytes());
    stamped.extend(others);
    let Ok(header) = Header::build(HeaderName::Via, stamped) else { return false };
    request.headers.remove_first(&HeaderName::Via);
    request.headers.push_front(header);
    true
}

/// Our Contact on a flow.
pub fn contact(flow: Flow) -> String {
    let parameter = match flow.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
    };
    format!("<sip:ljudbro@{}{parameter}>", host_and_port(flow.local))
}

/// `SIP/2.0/UDP 192.0.2.1:5060` for a Via of ours.
pub fn sent_by(flow: Flow) -> String {
    let transport = match flow.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    };
    format!("SIP/2.0/{transport} {}", host_and_port(flow.local))
}

/// As RFC 3261 §25.1 writes them: no mapped addresses, and no zones, which mean nothing elsewhere.
fn host_and_port(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => format!("{ip}:{}", address.port()),
        IpAddr::V6(ip) => format!("[{ip}]:{}", address.port()),
    }
}
