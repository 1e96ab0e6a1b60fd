//! The phone against canned responses. Against the real bridge it is tested in `tests/world`.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

use super::message::{Message, Start};
use super::*;
use crate::audio::FRAME;
use crate::audio::tone::Tone;
use crate::wire::telephone_event::EventReceiver;

const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 97\r\n\
                      a=rtpmap:8 PCMA/8000\r\na=rtpmap:97 telephone-event/8000\r\n";

struct Desk {
    phone: Phone,
    now: Instant,
    events: Vec<PhoneEvent>,
    rtp: Vec<Vec<u8>>,
    sip: Vec<(Duration, Message)>,
    start: Instant,
}

impl Desk {
    fn new(change: impl FnOnce(&mut PhoneSettings)) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut settings =
            PhoneSettings::new("sip:0480445511@192.0.2.1", address("192.0.2.9:5060"), address("192.0.2.9:4000"), address("192.0.2.1:5060"));
        change(&mut settings);
        let start = Instant::now();
        let mut desk = Self { phone: Phone::new(settings), now: start, events: vec![], rtp: vec![], sip: vec![], start };
        desk.phone.dial(start);
        desk.drain();
        desk
    }

    fn drain(&mut self) {
        while let Some(output) = self.phone.poll_output() {
            match output {
                PhoneOutput::Sip(_, octets) => self.sip.push((self.now - self.start, Message::parse(&octets).unwrap())),
                PhoneOutput::Rtp(_, octets) => self.rtp.push(octets),
                PhoneOutput::Event(event) => self.events.push(event),
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.phone.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.phone.handle_timeout(at);
            self.drain();
        }
        self.now = end;
    }

    fn last(&self, method: &str) -> Message {
        self.sip.iter().rev().find(|(_, m)| m.start == Start::Request(method.into())).unwrap().1.clone()
    }

    fn count(&self, method: &str) -> usize {
        self.sip.iter().filter(|(_, m)| m.start == Start::Request(method.into())).count()
    }

    fn respond(&mut self, request: &Message, status: &str, body: &str) {
        let header = |name| request.header(name).unwrap();
        let text = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=b\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:b@192.0.2.1>\r\n\r\n{body}",
            header("via"),
            header("from"),
            header("to").split(";tag").next().unwrap(),
            header("call-id"),
            header("cseq"),
        );
        self.phone.handle_sip(self.now, text.as_bytes());
        self.drain();
    }

    fn answered(change: impl FnOnce(&mut PhoneSettings)) -> Self {
        let mut desk = Self::new(change);
        let invite = desk.last("INVITE");
        desk.respond(&invite, "200 OK", ANSWER);
        desk
    }
}

#[test]
fn an_unanswered_invite_is_repeated_and_given_up_after_64_t1() {
    let mut desk = Desk::new(|_| ());
    desk.run(Duration::from_secs(40));
    let times: Vec<u128> = desk.sip.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(desk.events, [PhoneEvent::Ended(Ended::NoAnswer)]);
    assert!(desk.phone.is_idle());
}

#[test]
fn it_acknowledges_talks_and_hangs_up() {
    let mut desk = Desk::answered(|_| ());
    let invite = desk.last("INVITE");
    desk.respond(&invite, "200 OK", ANSWER);
    assert_eq!(desk.count("ACK"), 2, "a repeated 200 is acknowledged again");
    desk.run(Duration::from_millis(990));
    assert_eq!(desk.rtp.len(), 50);
    desk.phone.hang_up(desk.now);
    desk.drain();
    let bye = desk.last("BYE");
    assert!(bye.header("to").unwrap().ends_with(";tag=b"));
    desk.respond(&bye, "200 OK", "");
    assert_eq!(desk.events, [PhoneEvent::Answered, PhoneEvent::Ended(Ended::ByUs)]);
    desk.run(Duration::from_secs(60));
    assert_eq!(desk.rtp.len(), 50, "nothing is sent after the end");
}

#[test]
fn an_offer_in_the_200_is_answered_in_the_ack() {
    let desk = Desk::answered(|settings| settings.offer_in = OfferIn::Response);
    assert!(desk.last("INVITE").body.is_empty());
    let answer = sdp::read(&desk.last("ACK").body).unwrap();
    assert_eq!((answer.codecs, answer.events), (vec![(8, Codec::Pcma)], vec![(97, 8_000)]));
}

#[test]
fn a_call_is_cancelled_after_the_first_sign_of_life() {
    let mut desk = Desk::new(|_| ());
    desk.phone.hang_up(desk.now);
    desk.drain();
    assert_eq!(desk.count("CANCEL"), 0);
    let invite = desk.last("INVITE");
    desk.respond(&invite, "100 Trying", "");
    let cancel = desk.last("CANCEL");
    assert_eq!(cancel.header("via"), invite.header("via"));
    desk.respond(&cancel, "200 OK", "");
    desk.respond(&invite, "487 Request Terminated", "");
    assert_eq!(desk.last("ACK").header("via"), invite.header("via"));
    assert_eq!(desk.events.last(), Some(&PhoneEvent::Ended(Ended::Cancelled)));
    assert!(desk.phone.is_idle());
}

#[test]
fn keys_go_out_as_events_one_press_each_and_the_tone_goes_on_between() {
    let mut desk = Desk::answered(|_| ());
    desk.phone.press("1*1");
    desk.phone.play(Source::Tone(Tone::new(440.0, -20.0)));
    desk.run(Duration::from_secs(2));
    let mut receiver = EventReceiver::default();
    let packets: Vec<Packet> = desk.rtp.iter().map(|datagram| Packet::parse(datagram).unwrap()).collect();
    let events = packets.iter().filter(|packet| packet.payload_type == 97);
    let keys: String = events.filter_map(|p| receiver.receive(p.sequence, p.timestamp, p.ssrc, 8000, p.payload)).map(Key::expose).collect();
    assert_eq!(keys, "1*1");
    assert!(packets.iter().any(|packet| packet.payload_type == 8 && packet.payload.len() == FRAME));
    assert!(desk.events.contains(&PhoneEvent::LastKey));
    assert_eq!(desk.phone.keys_left(), 0);
}

#[test]
fn keys_by_info_wait_for_each_other() {
    let mut desk = Desk::answered(|settings| settings.keys_by = KeyMethod::Info);
    desk.phone.press("#7");
    desk.run(Duration::from_millis(400));
    assert_eq!(desk.count("INFO"), 1);
    let info = desk.last("INFO");
    assert_eq!(info.body, b"Signal=#\r\nDuration=100\r\n");
    desk.respond(&info, "200 OK", "");
    desk.run(Duration::from_millis(400));
    assert_eq!(desk.last("INFO").body, b"Signal=7\r\nDuration=100\r\n");
}

#[test]
fn what_it_hears_is_recorded_in_the_codec_of_each_packet() {
    let mut desk = Desk::answered(|_| ());
    for (sequence, payload_type, payload) in [(1, 8, [0x2a; 160]), (2, 0, [0x80; 160]), (3, 13, [0; 160])] {
        let mut datagram = [0; 172];
        let timestamp = 160 * u32::from(sequence);
        Packet { marker: false, payload_type, sequence, timestamp, ssrc: 9, payload: &payload }.write(&mut datagram);
        desk.phone.handle_rtp(desk.now, &datagram);
    }
    desk.phone.handle_rtp(desk.now, b"junk");
    let samples = desk.phone.recording().samples();
    assert_eq!(samples.len(), 320);
    assert!(samples[0] < -32_000 && samples[160] > 32_000, "both codecs' loudest");
}

#[test]
fn a_dead_phone_neither_sends_nor_hears() {
    let mut desk = Desk::answered(|_| ());
    let (sip, rtp) = (desk.sip.len(), desk.rtp.len());
    desk.phone.faults.dead = true;
    desk.run(Duration::from_secs(1));
    desk.phone.hang_up(desk.now);
    desk.run(Duration::from_secs(40));
    assert_eq!((desk.sip.len(), desk.rtp.len()), (sip, rtp));
    assert_eq!(desk.events.last(), Some(&PhoneEvent::Ended(Ended::ByUs)));
}
