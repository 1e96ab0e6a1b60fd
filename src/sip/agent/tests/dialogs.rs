//! Requests inside a call.

use super::*;
use crate::names::Key;
use crate::sip::Refusal;

#[test]
fn a_new_offer_is_handed_on_answered_and_acknowledged() {
    let mut line = Line::new();
    let (key, to) = line.call("a", "");
    line.sent();
    line.send(&request_to("INVITE", "a", 2, &to, "", "v=0\r\nhold"));
    let events = line.events();
    assert!(matches!(events.as_slice(), [AgentEvent::Offer { key: k, sdp: Some(sdp) }] if *k == key && sdp.ends_with(b"hold")));
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    assert_eq!(line.starts(), ["200"]);
    line.pass(Duration::from_millis(600));
    assert_eq!(line.starts(), ["200"], "again until the ACK");
    line.send(&request_to("ACK", "a", 2, &to, "", ""));
    line.events();
    line.pass(seconds(20));
    assert_eq!(line.starts().len(), 0);
}

#[test]
fn an_update_is_answered_once_and_a_refused_offer_leaves_the_call_as_it_was() {
    let mut line = Line::new();
    let (key, to) = line.call("a", "");
    line.sent();
    line.send(&request_to("UPDATE", "a", 2, &to, "", SDP));
    line.events();
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    assert_eq!(line.starts(), ["200"]);
    line.send(&request_to("UPDATE", "a", 3, &to, "", SDP));
    line.events();
    line.agent.refuse(line.now, key, Refusal { status: 488, retry_after: None });
    assert_eq!(line.starts(), ["488"]);
    line.send(&request_to("UPDATE", "a", 4, &to, "", ""));
    assert_eq!((line.starts(), line.events().len()), (vec!["200".to_owned()], 0));
}

#[test]
fn crossing_offers_are_told_to_wait() {
    let mut line = Line::new();
    let (key, to) = line.call("a", "");
    line.sent();
    line.send(&request_to("INVITE", "a", 2, &to, "", SDP));
    line.send(&request_to("INVITE", "a", 3, &to, "", SDP));
    let sent = line.sent();
    assert_eq!(start(&sent[0].1), "500", "the first is not answered yet");
    assert!(header(&sent[0].1, "Retry-After").parse::<u64>().unwrap() <= 10);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    line.send(&request_to("INVITE", "a", 4, &to, "", SDP));
    assert_eq!(line.starts(), ["200", "500"], "nor acknowledged");
    line.send(&request_to("ACK", "a", 2, &to, "", ""));
    line.send(&request_to("INVITE", "a", 5, &to, "", ""));
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    line.send(&request_to("UPDATE", "a", 6, &to, "", SDP));
    assert_eq!(line.starts(), ["200", "491"], "an offer of ours is out");
}

#[test]
fn sequence_numbers_only_rise() {
    let mut line = Line::new();
    let (_, to) = line.call("a", "");
    line.sent();
    line.send(&request_to("OPTIONS", "a", 7, &to, "", ""));
    line.send(&request_to("OPTIONS", "a", 6, &to, "", ""));
    assert_eq!(line.starts(), ["200", "500"]);
}

#[test]
fn keys_come_by_info() {
    let mut line = Line::new();
    let (key, to) = line.call("a", "");
    line.sent();
    line.send(&request_to("INFO", "a", 2, &to, "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n"));
    let events = line.events();
    assert!(matches!(events.as_slice(), [AgentEvent::Key { key: k, pressed: Key::Digit(5) }] if *k == key));
    line.send(&request_to("INFO", "a", 3, &to, "Content-Type: text/plain\r\n", "hej"));
    assert_eq!(line.starts(), ["200", "415"]);
}

#[test]
fn a_repeated_info_is_one_key() {
    let mut line = Line::new();
    let (_, to) = line.call("a", "");
    let info = request_to("INFO", "a", 2, &to, "Content-Type: application/dtmf\r\n", "5");
    line.sent();
    line.send(&info);
    line.send(&info);
    assert_eq!(line.events().len(), 1);
    assert_eq!(line.starts(), ["200", "200"]);
}

#[test]
fn bye_while_an_offer_waits_answers_both() {
    let mut line = Line::new();
    let (_, to) = line.call("a", "");
    line.sent();
    line.send(&request_to("INVITE", "a", 2, &to, "", SDP));
    line.events();
    line.send(&request_to("BYE", "a", 3, &to, "", ""));
    assert_eq!(line.starts(), ["200", "487"]);
    assert_eq!(line.ended(), [EndReason::Bye]);
}

#[test]
fn a_call_outlives_its_connection_and_goes_on_over_the_next() {
    let mut line = Line::new();
    line.flow = tcp(1);
    let (key, to) = line.call("a", "");
    line.sent();
    line.agent.handle_flow_closed(line.now, tcp(1));
    assert!(line.events().is_empty());
    let other = Flow { peer: "198.51.100.7:6001".parse().unwrap(), ..tcp(2) };
    line.send_on(other, &request_to("OPTIONS", "a", 2, &to, "", ""));
    assert_eq!(line.sent()[0].0, other);
    line.agent.hang_up(line.now, key);
    assert_eq!(line.sent()[0].0, other, "the BYE takes the way that is open");
}

#[test]
fn a_connection_that_breaks_before_the_answer_ends_the_call() {
    let mut line = Line::new();
    line.flow = tcp(1);
    line.invite("a", "", SDP);
    line.agent.handle_flow_closed(line.now, tcp(1));
    assert_eq!(line.ended(), [EndReason::Transport]);
    assert!(line.agent.is_idle());
}

#[test]
fn somebody_else_with_the_tags_does_not_take_the_call_over() {
    let mut line = Line::new();
    let (key, to) = line.call("a", "");
    line.sent();
    let thief = Flow { peer: "203.0.113.66:5060".parse().unwrap(), ..udp() };
    line.send_on(thief, &request_to("OPTIONS", "a", 2, &to, "", ""));
    line.sent();
    line.agent.hang_up(line.now, key);
    assert_eq!(line.sent()[0].0, udp());
}
