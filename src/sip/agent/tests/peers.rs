//! Peers behind NATs, peers that move, peers that write what they should not.

use super::*;

fn other() -> Flow {
    Flow { peer: "198.51.100.99:5070".parse().unwrap(), ..udp() }
}

#[test]
fn two_peers_with_the_same_via_are_told_apart() {
    let mut line = Line::new();
    let key = line.invite("a", "", SDP);
    line.sent();
    // Branch and sent-by are the same, Call-ID is not: a simple phone behind another NAT.
    let twin = request("INVITE", "b", 1, "", SDP).replace("z9hG4bKbINVITE1", "z9hG4bKaINVITE1");
    line.send_on(other(), &twin);
    let events = line.events();
    assert!(matches!(events.as_slice(), [AgentEvent::Invite(invite)] if invite.flow == other() && invite.key != key));
    assert!(line.sent().iter().all(|(flow, _)| *flow == other()));
    line.send_on(other(), &request("CANCEL", "b", 1, "", "").replace("z9hG4bKbCANCEL1", "z9hG4bKaINVITE1"));
    assert!(line.sent().iter().all(|(flow, text)| *flow == other() && header(text, "Call-ID") == "b"));
    assert!(matches!(line.events().as_slice(), [AgentEvent::Ended { key: ended, .. }] if *ended != key));
}

#[test]
fn an_answer_follows_a_request_repeated_from_another_port() {
    let mut line = Line::new();
    line.invite("a", "", SDP);
    line.sent();
    let moved = Flow { peer: "198.51.100.7:6000".parse().unwrap(), ..udp() };
    line.send_on(moved, &request("INVITE", "a", 1, "", SDP));
    assert_eq!(line.sent()[0].0, moved);
    assert!(line.events().is_empty());
}

#[test]
fn the_bye_goes_to_where_the_ack_came_from() {
    let mut line = Line::new();
    let key = line.invite("a", "", SDP);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let to = header(&line.sent().pop().unwrap().1, "To").to_owned();
    let moved = Flow { peer: "198.51.100.7:6000".parse().unwrap(), ..udp() };
    line.send_on(moved, &request_to("ACK", "a", 1, &to, "", ""));
    line.agent.hang_up(line.now, key);
    assert_eq!(line.sent()[0].0, moved);
}

#[test]
fn a_name_in_latin_1_without_quotes_is_good_enough_for_a_call() {
    let name = |text: String| -> Bytes { text.replace("\"Anna\"", "Åsa Öst").chars().map(|c| c as u8).collect() };
    let mut line = Line::new();
    line.agent.handle_datagram(line.now, line.flow, name(request("INVITE", "a", 1, "", SDP)));
    let events = line.events();
    let [AgentEvent::Invite(invite)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(invite.caller, Some("0701234567".parse().unwrap()));
    line.agent.accept(line.now, invite.key, Bytes::from_static(ANSWER));
    let to = header(&line.sent().pop().unwrap().1, "To").to_owned();
    line.agent.handle_datagram(line.now, line.flow, name(request_to("BYE", "a", 2, &to, "", "")));
    assert_eq!((line.starts(), line.ended()), (vec!["200".to_owned()], vec![EndReason::Bye]));
}

#[test]
fn a_request_that_cannot_be_read_is_400_and_its_repetition_the_same() {
    let mut line = Line::new();
    let whole = request("INVITE", "a", 1, "", SDP);
    for broken in [
        whole.replacen("INVITE sip:0480445511@bro.example.se", "INVITE sip:0480 445511@bro.example.se", 1),
        whole.replacen("INVITE sip:0480445511@bro.example.se", "INVITE <sip:0480445511@bro.example.se>", 1),
        whole.replace("Content-Length: 2", "Content-Length: 92"),
        whole.replace("Max-Forwards: 70", "Max-Forwards 70"),
    ] {
        line.send(&broken);
        line.send(&broken);
        let sent = line.sent();
        assert_eq!((start(&sent[0].1).as_str(), sent.len()), ("400", 2));
        assert_eq!(sent[0], sent[1]);
        assert_eq!(header(&sent[0].1, "CSeq"), "1 INVITE");
        line.send(&broken.replace("INVITE", "ACK"));
        assert!(line.sent().is_empty());
    }
    assert!(line.is_empty());
}

#[test]
fn a_via_keeps_what_its_peer_put_in_quotes() {
    let mut line = Line::new();
    line.send(&request("OPTIONS", "a", 1, "", "").replace(";maddr=203.0.113.9", ";x=\"a;rport=1;b\";rport;maddr=203.0.113.9"));
    let (flow, text) = line.sent().remove(0);
    assert_eq!(flow, udp());
    let via = header(&text, "Via");
    assert!(via.contains(";x=\"a;rport=1;b\";maddr=203.0.113.9;received=198.51.100.7;rport=5070"), "{via}");
}

#[test]
fn a_100_brings_the_timestamp_back() {
    let mut line = Line::new();
    line.invite("a", "Timestamp: 54.2\r\n", SDP);
    assert_eq!(header(&line.sent()[0].1, "Timestamp"), "54.2");
}

#[test]
fn a_strict_router_stands_in_the_request_uri() {
    let mut line = Line::new();
    let (key, _) = line.call("a", "Record-Route: <sip:strict.example>, <sip:p2.example;lr>\r\n");
    line.sent();
    line.agent.hang_up(line.now, key);
    let bye = line.sent().remove(0).1;
    assert!(bye.starts_with("BYE sip:strict.example SIP/2.0\r\n"), "{bye}");
    let routes: Vec<&str> = bye.lines().filter_map(|l| l.strip_prefix("Route: ")).collect();
    assert_eq!(routes, ["<sip:p2.example;lr>", "<sip:anna@10.9.9.9:5999>"]);
}

#[test]
fn our_addresses_are_written_as_sip_writes_them() {
    let mut line = Line::new();
    line.flow = Flow { local: "[fe80::1%3]:5060".parse().unwrap(), peer: "[2001:db8::7]:5070".parse().unwrap(), ..udp() };
    let (key, _) = line.call("a", "");
    line.agent.hang_up(line.now, key);
    let bye = line.sent().pop().unwrap().1;
    assert!(header(&bye, "Via").starts_with("SIP/2.0/UDP [fe80::1]:5060;branch="));
    line.events();
    line.flow = Flow { local: "[::ffff:192.0.2.1]:5060".parse().unwrap(), peer: "[::ffff:198.51.100.7]:5070".parse().unwrap(), ..udp() };
    let key = line.invite("b", "", SDP);
    assert!(header(&line.sent()[0].1, "Via").contains(";received=198.51.100.7;"));
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    assert_eq!(header(&line.sent()[0].1, "Contact"), "<sip:ljudbro@192.0.2.1:5060>");
}

#[test]
fn an_info_package_we_did_not_ask_for_is_469() {
    let mut line = Line::new();
    let (_, to) = line.call("a", "");
    line.sent();
    line.send(&request_to("INFO", "a", 2, &to, "Info-Package: foo\r\nContent-Type: application/foo\r\n", "bar"));
    let sent = line.sent();
    assert_eq!(start(&sent[0].1), "469");
    assert!(sent[0].1.contains("\r\nRecv-Info: \r\n"));
    line.send(&request_to("INFO", "a", 3, &to, "Info-Package: infoDtmf\r\nContent-Type: application/dtmf\r\n", "5"));
    assert_eq!((line.starts(), line.events().len()), (vec!["200".to_owned()], 1));
}

#[test]
fn nothing_of_a_message_shows_itself() {
    let mut line = Line::new();
    line.send(&request("INVITE", "a", 1, "", SDP));
    let mut shown = format!("{:?}", line.agent);
    while let Some(event) = line.agent.poll_event() {
        shown += &format!("{event:?}");
    }
    while let Some(transmit) = line.agent.poll_transmit() {
        shown += &format!("{transmit:?}");
    }
    for secret in ["0480445511", "0701234567", "46701234567", "m=audio", "109, 61", "Anna", "bro.example"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
