//! What the control plane decides where no sound is needed to see it: ports, workers, moves, teardown, the end. How calls sound is tested in
//! `tests/world`.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::bridge::command::MeetingSettings;
use crate::bridge::{LegCosts, MediaCommand, WhenFull};
use crate::codec::{Codec, OpusSettings};
use crate::media::{LegReport, PromptId};
use crate::names::{Key, SayToken};
use crate::sip::{AgentSettings, Flow, Transport};

const SDP: &str = "v=0\r\nc=IN IP4 198.51.100.7\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
const ID: &str = "123456789";

/// A control plane, its clock, and what it wanted done last.
struct Desk {
    plane: ControlPlane,
    now: Instant,
    done: Vec<ControlOutput>,
    /// Ports are opened at once.
    ports: bool,
}

fn flow() -> Flow {
    Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), peer: "198.51.100.7:5070".parse().unwrap(), id: 0 }
}

fn settings() -> ControlSettings {
    ControlSettings {
        agent: AgentSettings {
            product: "ljudbro".into(),
            session_interval: Duration::from_secs(1800),
            min_se: Duration::from_secs(90),
            max_sessions: 50,
            max_transactions: 1000,
        },
        numbers: vec!["0480445511".parse().unwrap()],
        domain: "bro.example.se".into(),
        max_calls: 10,
        when_full: WhenFull::Say,
        longest: Duration::from_secs(3600),
        workers: 2,
        codecs: [Codec::Pcma, Codec::Pcmu].into_iter().collect(),
        opus: OpusSettings::default(),
        costs: LegCosts::default(),
        meetings: vec![MeetingSettings { name: "Ronden".into(), id: ID.parse().unwrap() }],
    }
}

impl Desk {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: ControlSettings) -> Self {
        // Seed 3: handles and tags repeat from run to run.
        Self { plane: ControlPlane::new(settings, [3; 32]), now: Instant::now(), done: Vec::new(), ports: true }
    }

    fn feed(&mut self, input: ControlInput) {
        self.plane.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.plane.poll_output() {
            if let (ControlOutput::OpenPort(leg, _), true) = (&output, self.ports) {
                let port = 16_384 + 2 * leg.0 as u16;
                let opened = ControlInput::PortOpened(*leg, format!("192.0.2.1:{port}").parse().unwrap());
                self.plane.handle_input(self.now, opened);
            }
            self.done.push(output);
        }
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.plane.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.feed(ControlInput::Timeout);
        }
        self.now = end;
    }

    fn send(&mut self, method: &str, call: &str, target: &str, to: &str, body: &str) {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let cseq = if method == "ACK" || method == "INVITE" { 1 } else { 2 };
        let text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bK{call}{method}\r\nMax-Forwards: 70\r\n\
From: <sip:0701234567@x>;tag=peer\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:a@198.51.100.7:5070>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.feed(ControlInput::Datagram(flow(), Bytes::from(text)));
    }

    /// A call comes, is answered and acknowledged; its leg and worker.
    fn call(&mut self, call: &str, target: &str) -> (LegId, WorkerId) {
        self.done.clear();
        self.send("INVITE", call, target, "<sip:x@y>", SDP);
        let leg = self.done.iter().find_map(|output| match output {
            ControlOutput::AddLeg(worker, setup) => Some((setup.leg, *worker)),
            _ => None,
        });
        let to = self.answers().last().map(|text| header(text, "To")).unwrap();
        self.send("ACK", call, target, &to, "");
        leg.unwrap()
    }

    fn key(&mut self, at: (LegId, WorkerId), keys: &str) {
        for c in keys.chars() {
            self.feed(ControlInput::Media(at.1, MediaEvent::Key(at.0, Key::from_char(c).unwrap())));
        }
    }

    /// What was sent by SIP.
    fn answers(&self) -> Vec<String> {
        let text = |output: &ControlOutput| match output {
            ControlOutput::Transmit(transmit) => Some(String::from_utf8_lossy(&transmit.bytes).into_owned()),
            _ => None,
        };
        self.done.iter().filter_map(text).collect()
    }

    /// First lines of what was sent by SIP.
    fn starts(&self) -> Vec<String> {
        self.answers().iter().map(|text| text.chars().take(11).collect()).collect()
    }

    /// Commands to workers, shortly.
    fn commands(&self) -> Vec<String> {
        let short = |output: &ControlOutput| match output {
            ControlOutput::Media(worker, command) => Some(match command {
                MediaCommand::Join(leg, _) => format!("{}: join {}", worker.0, leg.0),
                MediaCommand::Say(leg, words, _) => format!("{}: say {} {}", worker.0, leg.0, words[0].name()),
                MediaCommand::Hush(leg) => format!("{}: hush {}", worker.0, leg.0),
                MediaCommand::Tone(_, tone) => format!("{}: {}", worker.0, tone.name()),
                _ => format!("{}: other", worker.0),
            }),
            ControlOutput::MoveLeg { leg, from, to } => Some(format!("move {} {}>{}", leg.0, from.0, to.0)),
            ControlOutput::RemoveLeg(worker, leg) => Some(format!("{}: remove {}", worker.0, leg.0)),
            ControlOutput::ClosePort(leg) => Some(format!("close {}", leg.0)),
            _ => None,
        };
        self.done.iter().filter_map(short).collect()
    }
}

fn header(text: &str, name: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default().to_owned()
}

const MENU: &str = "sip:+46480445511@anything;user=phone";
const ROOM: &str = "sip:ronden@bro.example.se";

#[test]
fn calls_are_spread_over_the_workers_and_a_meeting_gathers_on_one() {
    let mut desk = Desk::new();
    let first = desk.call("a", ROOM);
    assert_eq!(desk.commands(), [format!("{}: join 1", first.1.0)]);
    let second = desk.call("b", MENU);
    assert_ne!(first.1, second.1);
    desk.done.clear();
    desk.key(second, ID);
    let (here, there) = (first.1.0, second.1.0);
    assert_eq!(desk.commands(), [format!("move 2 {there}>{here}")], "everything waits for the leg");
    desk.done.clear();
    desk.feed(ControlInput::LegMoved(second.0));
    let commands = desk.commands();
    assert_eq!(commands.iter().filter(|c| **c == format!("{here}: join 2")).count(), 1, "{commands:?}");
    assert!(commands.contains(&format!("{here}: ton_in")), "{commands:?}");
    assert_eq!(desk.plane.participants(), 2);
    desk.pass(Duration::from_secs(1));
    assert!(desk.commands().contains(&format!("{here}: say 2 ansluter")), "{:?}", desk.commands());
}

#[test]
fn a_call_that_ends_while_its_leg_moves_is_removed_where_it_arrives() {
    let mut desk = Desk::new();
    let first = desk.call("a", ROOM);
    let second = desk.call("b", MENU);
    desk.key(second, ID);
    desk.done.clear();
    desk.feed(ControlInput::Media(first.1, MediaEvent::Dead(second.0)));
    assert_eq!(desk.starts(), ["BYE sip:a@1"]);
    assert_eq!(desk.commands(), [format!("{}: ton_ut", first.1.0)]);
    desk.done.clear();
    desk.feed(ControlInput::LegMoved(second.0));
    assert_eq!(desk.commands(), [format!("{}: remove 2", first.1.0)]);
    desk.feed(ControlInput::LegRemoved(second.0, LegReport::default()));
    assert_eq!((desk.plane.calls(), desk.plane.participants()), (1, 1));
}

#[test]
fn a_key_that_comes_both_ways_counts_once() {
    let mut desk = Desk::new();
    let call = desk.call("a", MENU);
    let to = desk.answers().iter().rev().find(|text| text.starts_with("SIP/2.0 200")).map(|text| header(text, "To")).unwrap();
    desk.key(call, "1");
    desk.done.clear();
    let text = format!(
        "INFO sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKi\r\nMax-Forwards: 70\r\nFrom: <sip:0701234567@x>;tag=peer\r\nTo: {to}\r\n\
Call-ID: a\r\nCSeq: 9 INFO\r\nContent-Type: application/dtmf\r\nContent-Length: 1\r\n\r\n1"
    );
    desk.feed(ControlInput::Datagram(flow(), Bytes::from(text)));
    assert_eq!(desk.starts(), ["SIP/2.0 200"]);
    desk.key(call, &ID[1..]);
    assert_eq!(desk.plane.participants(), 1, "nine digits, not ten");
}

#[test]
fn without_a_port_the_caller_is_told_to_come_back() {
    let mut desk = Desk::new();
    desk.ports = false;
    desk.send("INVITE", "a", MENU, "<sip:x@y>", SDP);
    desk.feed(ControlInput::PortFailed(LegId(1)));
    assert_eq!(desk.starts(), ["SIP/2.0 100", "SIP/2.0 503"]);
    assert_eq!(header(&desk.answers()[1], "Retry-After"), "10");
    assert_eq!(desk.plane.calls(), 0);
}

#[test]
fn a_call_cancelled_before_its_port_is_bound_closes_it_when_it_comes() {
    let mut desk = Desk::new();
    desk.ports = false;
    desk.send("INVITE", "a", MENU, "<sip:x@y>", SDP);
    desk.done.clear();
    let cancel = "CANCEL sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKaINVITE\r\nMax-Forwards: 70\r\nFrom: <sip:0701234567@x>;tag=peer\r\n\
To: <sip:x@y>\r\nCall-ID: a\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n";
    desk.feed(ControlInput::Datagram(flow(), Bytes::from(cancel)));
    assert_eq!(desk.starts(), ["SIP/2.0 200", "SIP/2.0 487"]);
    desk.feed(ControlInput::PortOpened(LegId(1), "192.0.2.1:16384".parse().unwrap()));
    assert_eq!((desk.commands(), desk.plane.calls()), (vec!["close 1".to_owned()], 0));
}

#[test]
fn a_worker_without_room_ends_the_call_and_the_account_is_right() {
    let mut desk = Desk::new();
    let call = desk.call("a", MENU);
    desk.done.clear();
    desk.feed(ControlInput::LegRefused(call.0));
    assert_eq!(desk.starts(), ["BYE sip:a@1"]);
    assert_eq!(desk.plane.legs, [0, 0]);
    assert_eq!(desk.plane.admitted, 0);
}

#[test]
fn what_we_do_not_have_is_404_and_no_codec_is_488() {
    let mut desk = Desk::new();
    for (call, target) in
        [("a", "sip:0480000000@bro.example.se"), ("b", "sip:987654321@bro.example.se"), ("c", "sip:ronden@other.example.se")]
    {
        desk.done.clear();
        desk.send("INVITE", call, target, "<sip:x@y>", SDP);
        assert_eq!(desk.starts(), ["SIP/2.0 100", "SIP/2.0 404"], "{target}");
    }
    desk.done.clear();
    desk.send("INVITE", "d", MENU, "<sip:x@y>", "v=0\r\nm=audio 4000 RTP/AVP 18\r\n");
    assert_eq!(desk.starts(), ["SIP/2.0 100", "SIP/2.0 488"]);
    assert_eq!(desk.commands(), ["close 1"]);
}

#[test]
fn a_meeting_is_dialled_by_name_by_id_and_at_the_hosts_own_address() {
    let mut desk = Desk::new();
    for (call, target) in [("a", "sip:RONDEN@BRO.example.se"), ("b", "sip:123456789@bro.example.se"), ("c", "sip:ronden@192.0.2.1:5060")] {
        desk.call(call, target);
    }
    assert_eq!(desk.plane.participants(), 3);
}

#[test]
fn the_longest_call_is_told_goodbye_and_hung_up() {
    let mut desk = Desk::new();
    let call = desk.call("a", ROOM);
    desk.done.clear();
    desk.pass(Duration::from_secs(3600));
    assert!(desk.commands().contains(&format!("{}: say 1 {}", call.1.0, PromptId::Bortkopplad.name())), "{:?}", desk.commands());
    desk.done.clear();
    desk.feed(ControlInput::Media(call.1, MediaEvent::Said(call.0, SayToken(u32::MAX))));
    assert_eq!(desk.starts(), ["BYE sip:a@1"]);
    let mut deaf = Desk::new();
    deaf.call("a", ROOM);
    deaf.pass(Duration::from_secs(3607));
    assert_eq!(deaf.plane.calls(), 0, "nor does it wait for ever");
}

#[test]
fn stopping_says_goodbye_takes_nobody_more_and_ends_in_two_seconds() {
    let mut desk = Desk::new();
    let call = desk.call("a", ROOM);
    desk.done.clear();
    desk.feed(ControlInput::Stop);
    desk.feed(ControlInput::LegRemoved(call.0, LegReport::default()));
    assert_eq!(desk.starts(), ["BYE sip:a@1"]);
    desk.done.clear();
    desk.send("INVITE", "b", MENU, "<sip:x@y>", SDP);
    assert_eq!(desk.starts(), ["SIP/2.0 100", "SIP/2.0 503"]);
    assert!(!desk.done.iter().any(|output| matches!(output, ControlOutput::Stopped)));
    // The BYE is never answered.
    desk.pass(Duration::from_secs(2));
    assert!(desk.done.iter().any(|output| matches!(output, ControlOutput::Stopped)));
    let mut quiet = Desk::new();
    quiet.feed(ControlInput::Stop);
    assert!(matches!(quiet.done.as_slice(), [ControlOutput::Stopped]));
}

#[test]
fn one_call_too_many_is_answered_and_told_so() {
    let mut desk = Desk::with(ControlSettings { max_calls: 1, ..settings() });
    desk.call("a", ROOM);
    let full = desk.call("b", MENU);
    desk.done.clear();
    desk.pass(Duration::from_secs(1));
    assert!(desk.commands().contains(&format!("{}: say 2 upptaget", full.1.0)), "{:?}", desk.commands());
    desk.feed(ControlInput::Media(full.1, MediaEvent::Said(full.0, SayToken(0))));
    assert_eq!((desk.starts(), desk.plane.calls()), (vec!["BYE sip:a@1".to_owned()], 1));
}

#[test]
fn debug_output_of_the_plane_shows_neither_an_offer_that_waits_for_its_port_nor_who_made_it() {
    let mut desk = Desk::new();
    desk.ports = false;
    desk.send("INVITE", "a", MENU, "<sip:x@y>", &SDP.replace("v=0\r\n", "v=0\r\ns=904718263\r\n"));
    let shown = format!("{:?}", desk.plane);
    assert!(shown.contains("Opening"), "{shown}");
    for secret in ["904718263", "57, 48, 52", "0701234567", ID] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
