//! The phone's own messages, written: requests in and around its dialog, and its responses.

use rand::Rng;

use super::message::Message;
use super::signalling::{Signal, Signalling};

impl Signalling {
    /// Off it goes, unless the line loses it.
    pub(super) fn send(&mut self, method: &str, octets: Vec<u8>) {
        let lost = self.faults.dead || (method == "BYE" && self.faults.loses_bye);
        if !lost {
            self.outputs.push_back(Signal::Send(self.settings.server, octets));
        }
    }

    /// A new branch.
    pub(super) fn branch(&mut self) -> String {
        self.branches += 1;
        // RFC 3261 §8.1.1.7.
        format!("z9hG4bK{:08x}{:x}", self.random.random::<u32>(), self.branches)
    }

    /// A request in the dialog.
    pub(super) fn write(&self, method: &str, cseq: u32, branch: &str, content: Option<&str>, body: &[u8]) -> Vec<u8> {
        self.write_to(method, cseq, branch, &self.remote, content, body)
    }

    /// A request with this `To`.
    pub(super) fn write_to(&self, method: &str, cseq: u32, branch: &str, to: &str, content: Option<&str>, body: &[u8]) -> Vec<u8> {
        let (sip, caller) = (self.settings.sip, &self.settings.caller);
        let mut head = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {sip};rport;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:{caller}@{sip}>;tag={tag}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n",
            target = self.remote_target,
            tag = self.local_tag,
            call_id = self.call_id,
        );
        for route in &self.routes {
            head += &format!("Route: {route}\r\n");
        }
        if method == "INVITE" {
            head += &format!("Contact: <sip:{caller}@{sip}>\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO\r\n");
        }
        finish(head, content, body)
    }

    /// A response to a request of the bridge's.
    pub(super) fn respond(&mut self, request: &Message, status: &str, body: &[u8]) {
        let mut head = format!("SIP/2.0 {status}\r\n");
        for via in request.all("via") {
            head += &format!("Via: {via}\r\n");
        }
        for (name, key) in [("From", "from"), ("To", "to"), ("Call-ID", "call-id"), ("CSeq", "cseq")] {
            head += &format!("{name}: {}\r\n", request.header(key).unwrap_or_default());
        }
        head += &format!("Contact: <sip:{}@{}>\r\n", self.settings.caller, self.settings.sip);
        let octets = finish(head, (!body.is_empty()).then_some("application/sdp"), body);
        self.send("", octets);
    }
}

/// Head, length and body.
fn finish(mut head: String, content: Option<&str>, body: &[u8]) -> Vec<u8> {
    if let Some(content) = content {
        head += &format!("Content-Type: {content}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    let mut octets = head.into_bytes();
    octets.extend_from_slice(body);
    octets
}
