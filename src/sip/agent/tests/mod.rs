//! The agent as a peer sees it: text in, text out, time by hand.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

mod calls;
mod dialogs;
mod faults;
mod limits;
mod peers;
mod sequences;
mod timers;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Agent;
use crate::sip::{AgentEvent, AgentSettings, EndReason, Flow, SipKey, Transport};

pub const SDP: &str = "v=0\r\nm=audio 4000 RTP/AVP 8\r\n";
pub const ANSWER: &[u8] = b"v=0\r\nm=audio 5000 RTP/AVP 8\r\n";

/// An agent, its clock, and a peer that writes text.
pub struct Line {
    pub agent: Agent,
    pub now: Instant,
    pub flow: Flow,
}

pub fn udp() -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), peer: "198.51.100.7:5070".parse().unwrap(), id: 0 }
}

pub fn tcp(id: u64) -> Flow {
    Flow { transport: Transport::Tcp, id, ..udp() }
}

pub fn settings() -> AgentSettings {
    AgentSettings {
        product: "ljudbro".into(),
        session_interval: Duration::from_secs(1800),
        min_se: Duration::from_secs(90),
        max_sessions: 100,
        max_transactions: 1000,
    }
}

/// One message of a call with Call-ID `call`.
pub fn request(method: &str, call: &str, cseq: u32, more: &str, body: &str) -> String {
    request_to(method, call, cseq, "<sip:0480445511@bro.example.se>", more, body)
}

pub fn request_to(method: &str, call: &str, cseq: u32, to: &str, more: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let kind = if more.to_ascii_lowercase().contains("content-type") { "" } else { kind };
    format!(
        "{method} sip:0480445511@bro.example.se SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5999;branch=z9hG4bK{call}{method}{cseq};maddr=203.0.113.9;received=203.0.113.8\r\n\
Max-Forwards: 70\r\nFrom: \"Anna\" <sip:0701234567@x.example>;tag=peer\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\n\
Contact: <sip:anna@10.9.9.9:5999>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Line {
    pub fn new() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: AgentSettings) -> Self {
        // Seed 7: tags and branches repeat from run to run.
        Self { agent: Agent::new(settings, [7; 32]), now: Instant::now(), flow: udp() }
    }

    pub fn send(&mut self, text: &str) {
        self.send_on(self.flow, text);
    }

    pub fn send_on(&mut self, flow: Flow, text: &str) {
        match flow.transport {
            Transport::Udp => self.agent.handle_datagram(self.now, flow, Bytes::copy_from_slice(text.as_bytes())),
            Transport::Tcp => {
                let mut framer = crate::sip::framer::Framer::new();
                for framed in framer.push(text.as_bytes()).unwrap() {
                    if let crate::sip::framer::Framed::Message(message) = framed {
                        self.agent.handle_message(self.now, flow, *message);
                    }
                }
            }
        }
    }

    /// What was sent since the last time, each with where to.
    pub fn sent(&mut self) -> Vec<(Flow, String)> {
        std::iter::from_fn(|| self.agent.poll_transmit())
            .map(|transmit| (transmit.flow, String::from_utf8_lossy(&transmit.bytes).into_owned()))
            .collect()
    }

    /// The first lines of what was sent, without `SIP/2.0 ` of responses and all but the method of requests.
    pub fn starts(&mut self) -> Vec<String> {
        self.sent().into_iter().map(|(_, text)| start(&text)).collect()
    }

    /// Nothing at all is kept.
    pub fn is_empty(&self) -> bool {
        let agent = &self.agent;
        agent.is_idle()
            && (agent.transactions.len(), agent.layer.servers(), agent.merging.len()) == (0, 0, 0)
            && (agent.by_id.len(), agent.by_invite.len()) == (0, 0)
            && agent.poll_timeout().is_none()
    }

    pub fn events(&mut self) -> Vec<AgentEvent> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }

    pub fn ended(&mut self) -> Vec<EndReason> {
        self.events().into_iter().filter_map(|event| if let AgentEvent::Ended { why, .. } = event { Some(why) } else { None }).collect()
    }

    /// Let time pass, alarm by alarm.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// An INVITE comes; its session.
    pub fn invite(&mut self, call: &str, more: &str, body: &str) -> SipKey {
        self.send(&request("INVITE", call, 1, more, body));
        match self.events().as_slice() {
            [AgentEvent::Invite(invite)] => invite.key,
            other => panic!("not one call: {other:?}"),
        }
    }

    /// A call that is answered and acknowledged; its session and the To header of requests inside it.
    pub fn call(&mut self, call: &str, more: &str) -> (SipKey, String) {
        let key = self.invite(call, more, SDP);
        self.agent.accept(self.now, key, Bytes::from_static(ANSWER));
        let answers = self.sent();
        let to = header(&answers.last().unwrap().1, "To").to_owned();
        self.send(&request_to("ACK", call, 1, &to, "", ""));
        assert!(matches!(self.events().as_slice(), [AgentEvent::Acked { answer: None, .. }]));
        (key, to)
    }
}

/// Answer a request of ours.
pub fn reply(line: &mut Line, request: &str, status: &str, more: &str) {
    let copy = |name| header(request, name);
    let text = format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: 0\r\n\r\n",
        copy("Via"),
        copy("From"),
        copy("To"),
        copy("Call-ID"),
        copy("CSeq")
    );
    line.send(&text);
}

pub fn start(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("SIP/2.0 ").map_or_else(|| line.split(' ').next().unwrap_or_default(), |status| &status[..3]).to_owned()
}

/// The first header of this name.
pub fn header<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name))).map_or("", |(_, value)| value)
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
