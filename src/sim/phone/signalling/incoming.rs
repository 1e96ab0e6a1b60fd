//! What the bridge sends: its responses to our requests, and its requests inside the call.

use std::time::Instant;

use super::{Ack, Client, RINGING, Signal, Signalling, State};
use crate::sim::phone::message::{self, Message, Start};
use crate::sim::phone::{Ended, PhoneEvent, sdp};

impl Signalling {
    /// As [`Signalling::handle`], of a message that is read already.
    pub fn handle_message(&mut self, now: Instant, message: &Message) {
        let ours = message.header("call-id") == Some(self.call_id.as_str());
        match &message.start {
            Start::Request(method) if ours => self.answer(method, message),
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
            self.use_path(theirs.as_ref());
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
    fn answer(&mut self, method: &str, request: &Message) {
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
                self.use_path(theirs.as_ref());
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

    pub(super) fn key_answered(&mut self, status: u16) {
        if status >= 300 {
            self.event(PhoneEvent::KeyRefused(status));
        }
        self.outputs.push_back(Signal::KeyAnswered);
    }

    pub(super) fn end(&mut self, why: Ended) {
        self.outputs.push_back(Signal::Stop);
        if self.state != State::Ended {
            self.state = State::Ended;
            // An INFO or re-INVITE of a call that is over concerns nobody.
            self.clients.clear();
            self.event(PhoneEvent::Ended(why));
        }
    }
}
