//! The phone's signalling: client transactions over UDP (RFC 3261 §17.1), the dialog, offer and answer.

use std::time::{Duration, Instant};

use super::message::{self, Message, Start};
use super::sdp::{self, Own, Theirs};
use super::sound::Path;
use super::{Ended, Hold, KeyMethod, OfferIn, Phone, PhoneEvent};
use crate::codec::Codec;
use crate::names::Key;

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.2.
const T2: Duration = Duration::from_secs(4);
/// How long a ringing call is waited for (RFC 3261 §16.6 has proxies wait as long, timer C).
const RINGING: Duration = Duration::from_secs(180);

/// Where the call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not dialled.
    OnHook,
    /// Dialled, not answered.
    Calling {
        /// Cancelled meanwhile; the CANCEL waits for the first provisional response (RFC 3261 §9.1).
        cancelled: bool,
    },
    /// Answered.
    Talking,
    /// BYE is sent, not answered.
    HangingUp,
    /// Over.
    Ended,
}

/// One request on its way.
pub struct Client {
    method: &'static str,
    cseq: u32,
    branch: String,
    octets: Vec<u8>,
    /// When it is sent again; `None` after a provisional response to an INVITE.
    again: Option<Instant>,
    interval: Duration,
    /// When it is given up.
    ends: Instant,
}

impl Client {
    /// When something is to be done.
    pub fn next(&self) -> Instant {
        self.again.map_or(self.ends, |again| again.min(self.ends))
    }
}

/// The ACK of an INVITE, kept for repeated responses.
pub struct Ack {
    cseq: u32,
    octets: Vec<u8>,
    /// Of a 2xx.
    success: bool,
}

impl Phone {
    /// Dial.
    pub fn dial(&mut self, now: Instant) {
        if self.state == State::OnHook {
            self.state = State::Calling { cancelled: false };
            self.invite(now, self.settings.offer_in == OfferIn::Invite);
        }
    }

    /// End the call, whatever it is doing: CANCEL before the answer, BYE after.
    pub fn hang_up(&mut self, now: Instant) {
        match self.state {
            State::Calling { cancelled: false } => {
                self.state = State::Calling { cancelled: true };
                let ringing = self.clients.iter().find(|client| client.method == "INVITE" && client.again.is_none());
                if let Some((cseq, branch)) = ringing.map(|client| (client.cseq, client.branch.clone())) {
                    self.cancel(now, cseq, branch);
                }
            }
            State::Talking => self.bye(now),
            State::OnHook => self.state = State::Ended,
            State::Calling { cancelled: true } | State::HangingUp | State::Ended => {}
        }
    }

    /// Hold the bridge, or resume.
    pub fn hold(&mut self, now: Instant, hold: Option<Hold>) {
        if self.state == State::Talking {
            self.hold = hold;
            self.invite(now, true);
        }
    }

    /// Offer these codecs instead.
    pub fn change_codecs(&mut self, now: Instant, codecs: &[Codec]) {
        if self.state == State::Talking {
            self.settings.codecs = codecs.to_vec();
            self.invite(now, true);
        }
    }

    /// Ask the bridge to offer, and answer that (a re-INVITE without a body).
    pub fn ask_for_offer(&mut self, now: Instant) {
        if self.state == State::Talking {
            self.invite(now, false);
        }
    }

    /// A key by INFO. One at a time: the next waits for the answer.
    pub(super) fn send_key(&mut self, now: Instant, key: Key) {
        let body = format!("Signal={}\r\nDuration={}\r\n", key.expose(), self.settings.press_ms);
        self.request(now, "INFO", Some("application/dtmf-relay"), body.as_bytes());
    }

    /// Send again what was not answered; give up what never was.
    pub(super) fn repeat_requests(&mut self, now: Instant) {
        let mut again = Vec::new();
        for client in &mut self.clients {
            if let Some(due) = client.again.filter(|due| *due <= now) {
                let longest = if client.method == "INVITE" { Duration::MAX } else { T2 };
                client.interval = (client.interval * 2).min(longest);
                client.again = Some(due + client.interval);
                again.push((client.method, client.octets.clone()));
            }
        }
        for (method, octets) in again {
            self.send(method, octets);
        }
        let given_up: Vec<Client> = self.clients.extract_if(.., |client| client.ends <= now).collect();
        for client in given_up {
            match client.method {
                "INVITE" if self.state != State::Talking => self.end(Ended::NoAnswer),
                "INVITE" => self.event(PhoneEvent::ChangeRefused(408)),
                "BYE" => self.end(Ended::ByUs),
                "INFO" => self.key_answered(408),
                _ => {}
            }
        }
    }

    pub(super) fn receive(&mut self, now: Instant, message: &Message) {
        let ours = message.header("call-id") == Some(self.call_id.as_str());
        match &message.start {
            Start::Request(method) if ours => self.answer(now, method, message),
            // RFC 3261 §12.2.2. ACK is never answered.
            Start::Request(method) if method != "ACK" => self.respond(message, "481 Call/Transaction Does Not Exist", &[]),
            Start::Response(status) if ours => self.responded(now, *status, message),
            _ => {}
        }
    }

    fn responded(&mut self, now: Instant, status: u16, response: &Message) {
        let Some((cseq, method)) = response.cseq() else { return };
        if method == "INVITE"
            && let Some(ack) = self.acks.iter().find(|ack| ack.cseq == cseq)
        {
            if status >= 200 && !(ack.success && self.faults.loses_ack) {
                self.send("ACK", ack.octets.clone());
            }
            return;
        }
        let Some(place) = self.clients.iter().position(|client| client.cseq == cseq && client.method == method) else { return };
        if status < 200 {
            if method == "INVITE" {
                self.progress(now, place, status);
            }
            return;
        }
        let client = self.clients.remove(place);
        match client.method {
            "INVITE" if status < 300 => self.accepted(now, &client, response),
            "INVITE" => self.refused(&client, status, response),
            "BYE" => self.end(Ended::ByUs),
            "INFO" => self.key_answered(status),
            _ => {}
        }
    }

    fn progress(&mut self, now: Instant, place: usize, status: u16) {
        let Some(client) = self.clients.get_mut(place) else { return };
        let first = client.again.take().is_some();
        client.ends = now + RINGING;
        let (cseq, branch) = (client.cseq, client.branch.clone());
        if first && self.state == (State::Calling { cancelled: true }) {
            self.cancel(now, cseq, branch);
        }
        if matches!(self.state, State::Calling { .. }) {
            self.event(PhoneEvent::Progress(status));
        }
    }

    /// 2xx to an INVITE.
    fn accepted(&mut self, now: Instant, client: &Client, response: &Message) {
        let first = matches!(self.state, State::Calling { .. });
        if first {
            self.remote = response.header("to").unwrap_or_default().to_owned();
            self.routes = response.all("record-route").flat_map(|value| value.split(',')).map(|route| route.trim().to_owned()).collect();
            self.routes.reverse();
        }
        // RFC 3261 §12.2.1.2: the target is refreshed.
        if let Some(contact) = response.header("contact") {
            self.remote_target = message::uri(contact).to_owned();
        }
        let theirs = sdp::read(&response.body);
        // A body in our INVITE makes theirs the answer; else theirs is the offer and ours goes into the ACK.
        let asked = client.octets.ends_with(b"\r\n\r\n");
        let body = match &theirs {
            Some(theirs) if asked => self.own_answer(theirs),
            _ => Vec::new(),
        };
        let branch = self.branch();
        let octets = self.write("ACK", client.cseq, &branch, (!body.is_empty()).then_some("application/sdp"), &body);
        if !self.faults.loses_ack {
            self.send("ACK", octets.clone());
        }
        self.acks.push(Ack { cseq: client.cseq, octets, success: true });
        let cancelled = self.state == (State::Calling { cancelled: true });
        if first {
            self.state = State::Talking;
        }
        if self.state == State::Talking {
            self.use_path(now, theirs.as_ref());
            self.event(if first { PhoneEvent::Answered } else { PhoneEvent::Changed });
        }
        if cancelled {
            self.bye(now);
        }
    }

    fn refused(&mut self, client: &Client, status: u16, response: &Message) {
        // RFC 3261 §17.1.1.3: same branch, To of the response, no new dialog.
        let to = response.header("to").unwrap_or_default().to_owned();
        let octets = self.write_to("ACK", client.cseq, &client.branch, &to, None, &[]);
        self.send("ACK", octets.clone());
        self.acks.push(Ack { cseq: client.cseq, octets, success: false });
        match self.state {
            State::Calling { cancelled: true } if status == 487 => self.end(Ended::Cancelled),
            State::Calling { .. } => self.end(Ended::Refused(status)),
            _ => self.event(PhoneEvent::ChangeRefused(status)),
        }
    }

    /// A request of the bridge inside the call.
    fn answer(&mut self, now: Instant, method: &str, request: &Message) {
        match method {
            "ACK" => {}
            "BYE" => {
                self.respond(request, "200 OK", &[]);
                self.end(Ended::ByBridge);
            }
            _ if self.state != State::Talking => self.respond(request, "481 Call/Transaction Does Not Exist", &[]),
            "INVITE" | "UPDATE" if !request.body.is_empty() => {
                let theirs = sdp::read(&request.body);
                let body = theirs.as_ref().map(|theirs| self.own_answer(theirs)).unwrap_or_default();
                self.use_path(now, theirs.as_ref());
                self.respond(request, "200 OK", &body);
            }
            // A session timer's refresh.
            "INVITE" => {
                let body = self.own_offer();
                self.respond(request, "200 OK", &body);
            }
            "UPDATE" | "OPTIONS" | "INFO" => self.respond(request, "200 OK", &[]),
            _ => self.respond(request, "501 Not Implemented", &[]),
        }
    }

    fn key_answered(&mut self, status: u16) {
        if status >= 300 {
            self.event(PhoneEvent::KeyRefused(status));
        }
        self.sound.key_answered();
    }

    fn end(&mut self, why: Ended) {
        self.sound.stop();
        if self.state != State::Ended {
            self.state = State::Ended;
            // An INFO or re-INVITE of a call that is over concerns nobody.
            self.clients.clear();
            self.event(PhoneEvent::Ended(why));
        }
    }

    /// Send sound where their SDP wants it.
    fn use_path(&mut self, now: Instant, theirs: Option<&Theirs>) {
        let sends = !matches!(self.hold, Some(Hold::Inactive | Hold::ZeroAddress));
        let path = theirs.filter(|theirs| sends && theirs.direction != "inactive" && theirs.direction != "sendonly").and_then(|theirs| {
            let (payload_type, codec) = self.common(theirs)?;
            // RFC 4733 §2.1: on the codec's clock, if the other side knows events there.
            let fitting = theirs.events.iter().find(|(_, rate_hz)| *rate_hz == codec.clock_hz());
            let events = fitting.or(theirs.events.first()).copied().filter(|_| !self.events().is_empty());
            Some(Path { remote: theirs.remote?, codec, payload_type, events })
        });
        if let Some(theirs) = theirs {
            // What comes bears our own offer's numbers or theirs: in an answer they are the same.
            self.formats.splice(0..0, theirs.codecs.iter().copied());
            self.formats.truncate(16);
        }
        self.sound.set_path(now, self.settings.phase, path);
    }

    /// RFC 3264 §6.1: the first of theirs that is one of ours.
    fn common(&self, theirs: &Theirs) -> Option<(u8, Codec)> {
        theirs.codecs.iter().copied().find(|(_, codec)| self.settings.codecs.contains(codec))
    }

    fn events(&self) -> &'static [(u8, u32)] {
        let clocks = if self.settings.codecs.contains(&Codec::Opus) { 2 } else { 1 };
        if self.settings.keys_by == KeyMethod::Rfc4733 { &sdp::EVENTS[..clocks] } else { &[] }
    }

    fn own_offer(&mut self) -> Vec<u8> {
        let own = self.own();
        let codecs: Vec<_> = self.settings.codecs.iter().map(|codec| (codec.usual_payload_type(), *codec)).collect();
        sdp::write(&own, &codecs, self.events())
    }

    fn own_answer(&mut self, theirs: &Theirs) -> Vec<u8> {
        let own = self.own();
        let codecs: Vec<_> = self.common(theirs).into_iter().collect();
        let events = if self.events().is_empty() { &[] } else { theirs.events.as_slice() };
        sdp::write(&own, &codecs, events)
    }

    fn own(&mut self) -> Own {
        self.version += 1;
        Own { rtp: self.settings.rtp, session: self.session, version: self.version, ptime_ms: self.settings.ptime_ms, hold: self.hold }
    }

    fn invite(&mut self, now: Instant, offer: bool) {
        let body = if offer { self.own_offer() } else { Vec::new() };
        self.request(now, "INVITE", offer.then_some("application/sdp"), &body);
    }

    fn bye(&mut self, now: Instant) {
        self.state = State::HangingUp;
        self.sound.stop();
        self.request(now, "BYE", None, &[]);
    }

    fn cancel(&mut self, now: Instant, cseq: u32, branch: String) {
        // RFC 3261 §9.1: Request-URI, top Via and CSeq number are the INVITE's.
        let octets = self.write("CANCEL", cseq, &branch, None, &[]);
        self.start(now, Client { method: "CANCEL", cseq, branch, octets, again: Some(now + T1), interval: T1, ends: now + 64 * T1 });
    }

    fn request(&mut self, now: Instant, method: &'static str, content: Option<&str>, body: &[u8]) {
        self.cseq += 1;
        let (cseq, branch) = (self.cseq, self.branch());
        let octets = self.write(method, cseq, &branch, content, body);
        self.start(now, Client { method, cseq, branch, octets, again: Some(now + T1), interval: T1, ends: now + 64 * T1 });
    }

    fn start(&mut self, now: Instant, client: Client) {
        debug_assert!(client.ends > now);
        self.send(client.method, client.octets.clone());
        self.clients.push(client);
    }
}
