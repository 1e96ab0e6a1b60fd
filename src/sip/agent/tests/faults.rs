//! What is wrong, unknown, too much, or not SIP.

use proptest::prelude::*;

use super::*;

fn answered(text: &str) -> (String, String) {
    let mut line = Line::new();
    line.send(text);
    let mut sent = line.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    let text = sent.remove(0).1;
    (start(&text), text)
}

#[test]
fn options_says_what_the_bridge_can_do() {
    let (status, text) = answered(&request("OPTIONS", "a", 1, "", ""));
    assert_eq!(status, "200");
    assert!(header(&text, "Allow").starts_with("INVITE, ACK"));
    assert!(header(&text, "Accept").contains("application/sdp") && header(&text, "Supported") == "timer");
}

#[test]
fn unknown_and_unwanted_methods_are_told_apart() {
    let (status, text) = answered(&request("REGISTER", "a", 1, "", ""));
    assert_eq!((status.as_str(), header(&text, "Allow").is_empty()), ("405", false));
    assert_eq!(answered(&request("SUBSCRIBE", "a", 1, "", "")).0, "405");
    assert_eq!(answered(&request("DANCE", "a", 1, "", "")).0, "501");
    for method in ["BYE", "INFO", "UPDATE"] {
        assert_eq!(answered(&request(method, "a", 1, "", "")).0, "481");
    }
}

#[test]
fn unknown_extensions_are_named() {
    let (status, text) = answered(&request("INVITE", "a", 1, "Require: 100rel, timer, magic\r\n", SDP));
    assert_eq!((status.as_str(), header(&text, "Unsupported")), ("420", "100rel, magic"));
}

#[test]
fn bodies_of_other_kinds_are_refused_with_what_is_taken() {
    let (status, text) = answered(&request("INVITE", "a", 1, "Content-Type: text/plain\r\n", "hej"));
    assert_eq!(status, "415");
    assert!(header(&text, "Accept").contains("application/sdp"));
}

#[test]
fn missing_or_broken_headers_are_400() {
    let whole = request("INVITE", "a", 1, "", SDP);
    for name in ["From", "To", "Call-ID", "CSeq"] {
        let without: String = whole.split_inclusive("\r\n").filter(|line| !line.starts_with(&format!("{name}:"))).collect();
        assert_eq!(answered(&without).0, "400", "without {name}");
    }
    assert_eq!(answered(&whole.replace("Contact: <sip:anna@10.9.9.9:5999>\r\n", "")).0, "400");
    assert_eq!(answered(&whole.replace("CSeq: 1 INVITE", "CSeq: 1 BYE")).0, "400");
    assert_eq!(answered(&whole.replacen("SIP/2.0\r\n", "SIP/3.0\r\n", 1)).0, "505");
    assert_eq!(answered(&whole.replacen("INVITE sip:", "INVITE http:", 1)).0, "416");
}

#[test]
fn a_missing_max_forwards_is_nothing_to_a_callee() {
    assert_eq!(answered(&request("OPTIONS", "a", 1, "", "").replace("Max-Forwards: 70\r\n", "")).0, "200");
}

#[test]
fn the_same_call_by_two_ways_is_a_loop() {
    let mut line = Line::new();
    line.invite("a", "", SDP);
    line.sent();
    line.send(&request("INVITE", "a", 1, "", SDP).replace("z9hG4bKaINVITE1", "z9hG4bKother"));
    assert_eq!(line.starts(), ["482"]);
    assert!(line.events().is_empty());
}

#[test]
fn requests_of_an_unknown_dialog_are_481() {
    assert_eq!(answered(&request_to("BYE", "a", 1, "<sip:x@y>;tag=nobody", "", "")).0, "481");
    assert_eq!(answered(&request_to("INVITE", "a", 1, "<sip:x@y>;tag=nobody", "", SDP)).0, "481");
}

#[test]
fn one_call_or_transaction_too_many_is_503_with_retry_after() {
    let mut line = Line::with(AgentSettings { max_sessions: 1, ..settings() });
    line.invite("a", "", SDP);
    line.sent();
    line.send(&request("INVITE", "b", 1, "", SDP));
    let sent = line.sent();
    assert_eq!((start(&sent[0].1).as_str(), header(&sent[0].1, "Retry-After")), ("503", "5"));
    let mut line = Line::with(AgentSettings { max_transactions: 1, ..settings() });
    line.send(&request("OPTIONS", "a", 1, "", ""));
    line.send(&request("OPTIONS", "b", 1, "", ""));
    assert_eq!(line.starts(), ["200", "503"]);
    line.pass(seconds(40));
    line.send(&request("OPTIONS", "c", 1, "", ""));
    assert_eq!(line.starts(), ["200"], "room again");
}

#[test]
fn compact_headers_latin_1_and_folding_are_read() {
    let text = "INVITE sip:0480445511@bro SIP/2.0\r\nv: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKc, SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKd\r\nf: \"Bj\u{e4}rn\" <sip:b@x>\r\n ;tag=peer\r\n\
t: <sip:0480445511@bro>\r\ni: c\r\nCSeq: 1 INVITE\r\nm: <sip:b@x>\r\nc: application/sdp\r\nl: 28\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 8\r\n";
    // As a gateway writes it: one octet a letter.
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let mut line = Line::new();
    line.agent.handle_datagram(line.now, line.flow, latin.into());
    assert!(matches!(line.events().as_slice(), [AgentEvent::Invite(invite)] if invite.sdp.is_some()));
    let trying = line.sent().remove(0).1;
    let via = header(&trying, "Via");
    let hops: Vec<&str> = via.split(", ").collect();
    assert!(hops[0].ends_with(";received=198.51.100.7;rport=5070") && hops[1].ends_with("z9hG4bKd"), "{via}");
}

#[test]
fn keep_alives_and_noise_are_met_with_silence() {
    let mut line = Line::new();
    for noise in ["", "\r\n\r\n", "\0\0\0\0", "jaK", "hello, is this SIP?", "SIP/2.0 200 OK\r\n\r\n", "INVITE sip:x SIP/2.0\r\n\r\n"] {
        line.send(noise);
    }
    assert!(line.sent().is_empty() && line.events().is_empty() && line.agent.poll_timeout().is_none());
}

#[test]
fn an_ack_is_never_answered() {
    let mut line = Line::new();
    line.send(&request("ACK", "a", 1, "Require: magic\r\n", ""));
    line.send(&request_to("ACK", "a", 1, "<sip:x@y>;tag=nobody", "", "").replace("Call-ID: a\r\n", ""));
    assert!(line.sent().is_empty());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        method in prop::sample::select(vec!["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "X"]),
        inside in any::<bool>(),
        mangled in prop::collection::vec((0usize..700, any::<u8>()), 0..8),
        cut in 0usize..800,
    ) {
        let mut line = Line::new();
        let (key, to) = line.call("a", "Supported: timer\r\nRecord-Route: <sip:p;lr>\r\n");
        let to = if inside { to } else { "<sip:x@y>".to_owned() };
        let mut octets = request_to(method, "a", 2, &to, "Session-Expires: 100\r\n", SDP).into_bytes();
        for (at, octet) in mangled {
            if let Some(place) = octets.get_mut(at) {
                *place = octet;
            }
        }
        octets.truncate(cut.max(100));
        line.agent.handle_datagram(line.now, line.flow, octets.into());
        line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
        line.pass(seconds(4000));
        let mut ended = 0;
        let mut keys = vec![key];
        for event in line.events() {
            match event {
                AgentEvent::Invite(invite) => keys.push(invite.key),
                AgentEvent::Ended { .. } => ended += 1,
                _ => {}
            }
        }
        for key in &keys {
            line.agent.hang_up(line.now, *key);
        }
        line.pass(seconds(100));
        prop_assert!(line.agent.is_idle());
        prop_assert_eq!(ended + line.ended().len(), keys.len(), "each call ends once");
    }
}
