//! From INVITE to BYE.

use super::*;
use crate::sip::{Refusal, Target};

#[test]
fn an_invite_is_answered_100_at_once_and_200_when_it_is_accepted() {
    let mut line = Line::new();
    let key = line.invite("a", "", SDP);
    let sent = line.sent();
    assert_eq!(start(&sent[0].1), "100");
    assert!(!header(&sent[0].1, "To").contains("tag="));
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let sent = line.sent();
    assert_eq!(start(&sent[0].1), "200");
    assert!(sent[0].1.ends_with(std::str::from_utf8(ANSWER).unwrap()));
    assert!(header(&sent[0].1, "To").contains("tag="));
    assert_eq!(header(&sent[0].1, "Contact"), "<sip:ljudbro@192.0.2.1:5060>");
    assert!(header(&sent[0].1, "Allow").contains("UPDATE"));
}

#[test]
fn who_calls_whom_is_read_from_the_request() {
    let mut line = Line::new();
    line.send(&request("INVITE", "a", 1, "P-Asserted-Identity: \"K\" <sip:k@x>, <tel:+46709999999>\r\n", SDP));
    let events = line.events();
    let [AgentEvent::Invite(invite)] = events.as_slice() else { panic!() };
    assert_eq!(invite.caller, Some("0709999999".parse().unwrap()));
    assert!(matches!(&invite.target, Target::Number { number, .. } if *number == "0480445511".parse().unwrap()));
    assert_eq!(invite.sdp.as_deref(), Some(SDP.as_bytes()));
}

#[test]
fn responses_go_to_where_the_request_came_from_and_say_so() {
    let mut line = Line::new();
    line.invite("a", "", SDP);
    let (flow, text) = line.sent().remove(0);
    assert_eq!(flow, udp());
    let via = header(&text, "Via");
    assert!(via.contains(";received=198.51.100.7;rport=5070") && !via.contains("203.0.113.8"), "{via}");
}

#[test]
fn an_offerless_invite_gets_our_offer_and_the_answer_comes_with_the_ack() {
    let mut line = Line::new();
    let key = line.invite("a", "", "");
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let to = header(&line.sent().pop().unwrap().1, "To").to_owned();
    line.send(&request_to("ACK", "a", 1, &to, "", SDP));
    let events = line.events();
    let [AgentEvent::Acked { answer: Some(answer), .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(answer, SDP.as_bytes());
}

#[test]
fn an_ack_without_the_answer_we_wait_for_ends_the_call() {
    let mut line = Line::new();
    let key = line.invite("a", "", "");
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let to = header(&line.sent().pop().unwrap().1, "To").to_owned();
    line.send(&request_to("ACK", "a", 1, &to, "", ""));
    assert_eq!((line.ended(), line.starts()), (vec![EndReason::NoAnswer], vec!["BYE".to_owned()]));
}

#[test]
fn a_200_is_sent_again_until_the_ack_and_after_64_t1_there_is_a_bye() {
    let mut line = Line::new();
    let key = line.invite("a", "", SDP);
    line.sent();
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    assert_eq!(line.starts(), ["200"]);
    line.pass(Duration::from_millis(499));
    assert_eq!(line.starts().len(), 0);
    line.pass(Duration::from_millis(31_400));
    // 0.5, 1.5, 3.5, 7.5, then every 4 s.
    assert_eq!(line.starts(), ["200"; 10]);
    assert_eq!(line.ended(), []);
    line.pass(Duration::from_millis(200));
    assert_eq!(line.ended(), [EndReason::NoAck]);
    assert_eq!(line.starts(), ["BYE"]);
    line.pass(seconds(40));
    assert!(line.agent.is_idle(), "the BYE was given up");
}

#[test]
fn a_repeated_invite_gets_the_same_answer_and_no_second_call() {
    let mut line = Line::new();
    let invite = request("INVITE", "a", 1, "", SDP);
    let key = line.invite("a", "", SDP);
    line.sent();
    line.send(&invite);
    assert_eq!(line.starts(), ["100"]);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let first = line.sent();
    line.send(&invite);
    assert_eq!(line.sent(), first);
    assert!(line.events().is_empty());
}

#[test]
fn cancel_before_the_answer_is_200_and_487() {
    let mut line = Line::new();
    line.invite("a", "", SDP);
    line.sent();
    line.send(&request("CANCEL", "a", 1, "", "").replace("z9hG4bKaCANCEL1", "z9hG4bKaINVITE1"));
    let sent = line.sent();
    assert_eq!((start(&sent[0].1), start(&sent[1].1)), ("200".to_owned(), "487".to_owned()));
    assert_eq!(header(&sent[0].1, "To"), header(&sent[1].1, "To"), "one tag in both");
    assert_eq!(line.ended(), [EndReason::Cancelled]);
    line.send(&request("ACK", "a", 1, "", "").replace("z9hG4bKaACK1", "z9hG4bKaINVITE1"));
    line.pass(seconds(40));
    assert_eq!(line.starts().len(), 0);
    assert!(line.agent.is_idle());
}

#[test]
fn cancel_after_the_answer_changes_nothing() {
    let mut line = Line::new();
    line.call("a", "");
    line.sent();
    line.send(&request("CANCEL", "a", 1, "", "").replace("z9hG4bKaCANCEL1", "z9hG4bKaINVITE1"));
    assert_eq!(line.starts(), ["200"]);
    assert_eq!(line.ended(), []);
    line.send(&request("CANCEL", "b", 1, "", ""));
    assert_eq!(line.starts(), ["481"]);
}

#[test]
fn the_caller_hangs_up() {
    let mut line = Line::new();
    let (_, to) = line.call("a", "");
    line.send(&request_to("BYE", "a", 2, &to, "", ""));
    assert_eq!((line.starts(), line.ended()), (vec!["200".to_owned()], vec![EndReason::Bye]));
    assert!(line.agent.is_idle());
    line.send(&request_to("BYE", "a", 3, &to, "", ""));
    assert_eq!(line.starts(), ["481"]);
}

#[test]
fn we_hang_up_with_a_bye_along_the_route_and_repeat_it_until_it_is_answered() {
    let mut line = Line::new();
    let (key, _) = line.call("a", "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\nRecord-Route: <sip:p3.example;lr>\r\n");
    line.sent();
    line.agent.hang_up(line.now, key);
    assert_eq!(line.ended(), [EndReason::HungUp]);
    let (flow, bye) = line.sent().remove(0);
    assert_eq!(flow, udp());
    assert!(bye.starts_with("BYE sip:anna@10.9.9.9:5999 SIP/2.0\r\n"), "{bye}");
    let routes: Vec<&str> = bye.lines().filter_map(|l| l.strip_prefix("Route: ")).collect();
    assert_eq!(routes, ["<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>"]);
    assert!(header(&bye, "To").ends_with("tag=peer"));
    line.pass(seconds(2));
    assert_eq!(line.starts(), ["BYE", "BYE"]);
    let via = header(&bye, "Via");
    let ok = format!(
        "SIP/2.0 200 OK\r\nVia: {via}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: a\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        header(&bye, "From"),
        header(&bye, "To")
    );
    line.send(&ok);
    assert!(line.agent.is_idle());
    assert!(line.events().is_empty(), "the end is told once");
}

#[test]
fn a_bye_of_ours_waits_for_the_ack() {
    let mut line = Line::new();
    let key = line.invite("a", "", SDP);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let to = header(&line.sent().pop().unwrap().1, "To").to_owned();
    line.agent.hang_up(line.now, key);
    assert_eq!((line.ended(), line.starts().len()), (vec![EndReason::HungUp], 0));
    line.send(&request_to("ACK", "a", 1, &to, "", ""));
    assert_eq!(line.starts(), ["BYE"]);
}

#[test]
fn an_unanswered_call_is_refused_or_given_up() {
    let mut line = Line::new();
    let key = line.invite("a", "", SDP);
    line.sent();
    line.agent.refuse(line.now, key, Refusal { status: 503, retry_after: Some(seconds(10)) });
    let sent = line.sent();
    assert_eq!((start(&sent[0].1).as_str(), header(&sent[0].1, "Retry-After")), ("503", "10"));
    assert_eq!(line.ended(), [EndReason::Refused]);
    let key = line.invite("b", "", SDP);
    line.sent();
    line.agent.hang_up(line.now, key);
    assert_eq!((line.starts(), line.ended()), (vec!["480".to_owned()], vec![EndReason::HungUp]));
}
