//! What is remembered of a dialog (RFC 3261 §12), and requests of ours inside it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sipx_sip::{Address, CSeq, HeaderName, Headers, Method, Request, RequestBuilder, Response, TransactionKey, Uri};

use super::super::{Flow, SipKey, lenient};
use super::respond::{ALLOW, SUPPORTED, contact, sent_by};

/// Call-ID, our tag, the peer's tag (RFC 3261 §12).
pub type DialogId = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Longest route kept: as many proxies as a message may pass (RFC 3261 §8.1.1.6 starts at 70) and no more.
const ROUTES: usize = 70;

/// One session.
pub struct Dialog {
    pub key: SipKey,
    pub phase: Phase,
    pub call_id: Vec<u8>,
    pub local_tag: String,
    pub remote_tag: Vec<u8>,
    /// `To` of the INVITE, without tag: ours.
    local: Vec<u8>,
    /// `From` of the INVITE, tag and all: the peer's.
    remote: Vec<u8>,
    /// Where the peer wants requests (its Contact).
    remote_target: Uri,
    /// Record-Route values, in order (RFC 3261 §12.1.1).
    routes: Vec<Vec<u8>>,
    local_cseq: u32,
    pub remote_cseq: u32,
    /// The path its last request came on.
    pub flow: Flow,
    /// A 200 of ours to an INVITE that has no ACK yet.
    pub unacked: Option<Unacked>,
    /// An offer that has no answer yet.
    pub pending: Option<Pending>,
    pub timer: Option<SessionTimer>,
    /// The peer takes UPDATE.
    pub takes_update: bool,
    /// A refresh of ours that is out.
    pub refreshing: Option<TransactionKey>,
    /// What our last SDP said, for a refresh by re-INVITE.
    pub last_sdp: Bytes,
}

pub enum Phase {
    /// Not answered yet.
    Early { invite: TransactionKey, request: Box<Request> },
    /// Answered.
    Confirmed,
    /// Over for the call; a BYE waits for an ACK (RFC 3261 §15) or for its answer.
    Ending,
}

/// A 200 that waits for its ACK.
pub struct Unacked {
    pub transaction: TransactionKey,
    pub response: Response,
    pub cseq: u32,
    pub interval: Duration,
    /// It carries an offer of ours; the answer is in the ACK.
    pub offered: bool,
}

/// A re-INVITE or UPDATE that waits for its answer.
pub struct Pending {
    pub transaction: TransactionKey,
    pub request: Box<Request>,
}

/// What was agreed on refreshes (RFC 4028).
#[derive(Clone, Copy, Debug)]
pub struct SessionTimer {
    pub interval: Duration,
    pub we_refresh: bool,
    /// When the session ends unless refreshed.
    pub expires: Instant,
}

/// The dialog a request belongs to, as its headers have it; `None` for a request outside dialogs.
pub fn dialog_of(request: &Request) -> Option<DialogId> {
    let to = address(request, &HeaderName::To)?;
    let from = address(request, &HeaderName::From)?;
    Some((call_id(request)?, to.tag()?.to_vec(), from.tag().unwrap_or_default().to_vec()))
}

pub fn call_id(request: &Request) -> Option<Vec<u8>> {
    request.headers.value(&HeaderName::CallId).map(|value| value.trim_ascii().to_vec())
}

pub fn cseq(request: &Request) -> Option<u32> {
    request.headers.typed::<CSeq>()?.ok().map(|cseq| cseq.sequence)
}

pub fn address(request: &Request, name: &HeaderName) -> Option<Address> {
    lenient::address(&request.headers.value(name)?, "address")
}

/// The first Contact.
pub fn remote_target(headers: &Headers) -> Option<Uri> {
    let value = headers.value(&HeaderName::Contact)?;
    lenient::address(lenient::split(&value, b',').first()?, "Contact").map(|address| address.uri)
}

impl Dialog {
    /// From an INVITE outside dialogs. `None` if it lacks a usable From, To, Call-ID, CSeq or Contact.
    pub fn from_invite(key: SipKey, flow: Flow, invite: TransactionKey, request: Request, local_tag: String) -> Option<Self> {
        let from = address(&request, &HeaderName::From)?;
        Some(Self {
            key,
            call_id: call_id(&request)?,
            local_tag,
            remote_tag: from.tag().unwrap_or_default().to_vec(),
            local: request.headers.value(&HeaderName::To)?.into_owned(),
            remote: request.headers.value(&HeaderName::From)?.into_owned(),
            remote_target: remote_target(&request.headers)?,
            routes: record_routes(&request),
            local_cseq: 0,
            remote_cseq: cseq(&request)?,
            flow,
            unacked: None,
            pending: None,
            timer: None,
            takes_update: sipx_sip::update::peer_allows(&request.headers),
            refreshing: None,
            last_sdp: Bytes::new(),
            phase: Phase::Early { invite, request: Box::new(request) },
        })
    }

    /// Its name in messages.
    pub fn id(&self) -> DialogId {
        (self.call_id.clone(), self.local_tag.clone().into_bytes(), self.remote_tag.clone())
    }

    /// A request of this dialog came on this path: a peer that lost its connection, or moved to another port behind its NAT, is answered
    /// there from now on. Another address is somebody else's.
    pub fn came_on(&mut self, flow: Flow) {
        if flow.peer.ip() == self.flow.peer.ip() {
            self.flow = flow;
        }
    }

    /// A target refresh (RFC 3261 §12.2.2).
    pub fn refresh_target(&mut self, request: &Request) {
        if let Some(uri) = remote_target(&request.headers) {
            self.remote_target = uri;
        }
    }

    /// The Contact of a response to a request of ours refreshes the target too (RFC 3261 §12.2.1.2).
    pub fn refresh_target_by(&mut self, response: &Response) {
        if let Some(uri) = remote_target(&response.headers) {
            self.remote_target = uri;
        }
    }

    /// A request of ours.
    pub fn request(
        &mut self,
        method: Method,
        branch: &str,
        product: &str,
        headers: &[(HeaderName, String)],
        sdp: Option<Bytes>,
    ) -> Option<Request> {
        self.local_cseq += 1;
        let target = matches!(method, Method::Invite | Method::Update);
        let mut builder = self.start(&method, self.local_cseq, branch, product)?;
        if target {
            builder = builder
                .header(HeaderName::Contact, contact(self.flow))
                .and_then(|b| b.header(HeaderName::Allow, ALLOW))
                .and_then(|b| b.header(HeaderName::Supported, SUPPORTED))
                .ok()?;
        }
        for (name, value) in headers {
            builder = builder.header(name.clone(), value.clone()).ok()?;
        }
        if let Some(sdp) = sdp {
            builder = builder.header(HeaderName::ContentType, "application/sdp").ok()?.body(sdp);
        }
        Some(builder.build())
    }

    /// ACK to a 200 for an INVITE of ours, with that one's CSeq (RFC 3261 §13.2.2.4).
    pub fn ack(&self, sequence: u32, branch: &str, product: &str) -> Option<Request> {
        Some(self.start(&Method::Ack, sequence, branch, product)?.build())
    }

    fn start(&self, method: &Method, sequence: u32, branch: &str, product: &str) -> Option<RequestBuilder> {
        let from = [&self.local, &b";tag="[..], self.local_tag.as_bytes()].concat();
        let (uri, routes) = self.path();
        let mut builder = RequestBuilder::new(method.clone(), uri)
            .header(HeaderName::Via, format!("{};branch=z9hG4bK{branch};rport", sent_by(self.flow)))
            .ok()?
            .max_forwards(70);
        for route in routes {
            builder = builder.header(HeaderName::Route, route).ok()?;
        }
        builder
            .header(HeaderName::From, from)
            .and_then(|b| b.header(HeaderName::To, self.remote.clone()))
            .and_then(|b| b.header(HeaderName::CallId, self.call_id.clone()))
            .and_then(|b| b.cseq(sequence, method))
            .and_then(|b| b.header(HeaderName::UserAgent, product.to_owned()))
            .ok()
    }

    /// Request-URI and Route (RFC 3261 §12.2.1.1): a first proxy without `lr` routes strictly, so it stands in the Request-URI, and the
    /// peer last in Route.
    fn path(&self) -> (Uri, Vec<Vec<u8>>) {
        let first = self.routes.first().and_then(|route| lenient::address(route, "Route")).map(|address| address.uri);
        match first {
            Some(strict) if strict.params().is_some_and(|parameters| !parameters.contains("lr")) => {
                let last = [b"<", &self.remote_target.to_bytes()[..], b">"].concat();
                (strict, self.routes.iter().skip(1).cloned().chain([last]).collect())
            }
            _ => (self.remote_target.clone(), self.routes.clone()),
        }
    }
}

/// Record-Route of a request as it stands, value by value, for the 200 and for our Route (RFC 3261 §12.1.1).
pub fn record_routes(request: &Request) -> Vec<Vec<u8>> {
    let rows: Vec<_> = request.headers.get_all(&HeaderName::RecordRoute).map(sipx_sip::Header::value).collect();
    // One header may hold several, with commas between (RFC 3261 §7.3.1).
    rows.iter().flat_map(|row| lenient::split(row, b',')).map(<[u8]>::to_vec).take(ROUTES).collect()
}
