//! Session timers (RFC 4028).

use super::*;

const ASKS: &str = "Supported: timer\r\nAllow: INVITE, UPDATE\r\n";

#[test]
fn too_short_an_interval_is_422_with_ours() {
    let mut line = Line::new();
    line.send(&request("INVITE", "a", 1, "Supported: timer\r\nSession-Expires: 60\r\n", SDP));
    let sent = line.sent();
    assert_eq!((start(&sent[0].1).as_str(), header(&sent[0].1, "Min-SE")), ("422", "90"));
}

#[test]
fn we_refresh_by_update_at_half_the_interval() {
    let mut line = Line::new();
    let key = line.invite("a", ASKS, SDP);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let answer = line.sent().pop().unwrap().1;
    assert_eq!((header(&answer, "Session-Expires"), header(&answer, "Require")), ("1800;refresher=uas", "timer"));
    line.send(&request_to("ACK", "a", 1, header(&answer, "To"), "", ""));
    line.pass(seconds(899));
    line.sent();
    line.pass(seconds(2));
    let update = line.sent().pop().unwrap().1;
    assert!(update.starts_with("UPDATE sip:anna@10.9.9.9:5999"));
    assert_eq!(header(&update, "Session-Expires"), "1800;refresher=uac");
    reply(&mut line, &update, "200 OK", "Session-Expires: 1800;refresher=uac\r\n");
    line.pass(seconds(901));
    let again = line.sent().pop().unwrap().1;
    assert_eq!(header(&again, "CSeq"), "2 UPDATE");
    reply(&mut line, &again, "481 Gone", "");
    assert_eq!(line.ended(), [EndReason::PeerGone]);
}

#[test]
fn without_update_we_refresh_by_re_invite_with_the_same_sdp() {
    let mut line = Line::new();
    let (_, _) = line.call("a", "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n");
    line.sent();
    line.pass(seconds(301));
    let invite = line.sent().pop().unwrap().1;
    assert!(invite.starts_with("INVITE ") && invite.ends_with(std::str::from_utf8(ANSWER).unwrap()));
    reply(&mut line, &invite, "200 OK", "Session-Expires: 600;refresher=uac\r\nContact: <sip:new@10.9.9.9>\r\n");
    let ack = line.sent().pop().unwrap().1;
    assert!(ack.starts_with("ACK "));
    assert_eq!(header(&ack, "CSeq"), "1 ACK");
    line.pass(seconds(301));
    assert!(line.sent().pop().unwrap().1.starts_with("INVITE sip:new@10.9.9.9"));
}

#[test]
fn a_peer_that_does_not_refresh_is_said_goodbye() {
    let mut line = Line::new();
    let (_, to) = line.call("a", "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n");
    line.pass(seconds(500));
    line.send(&request_to("UPDATE", "a", 2, &to, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", ""));
    assert_eq!(header(&line.sent().pop().unwrap().1, "Session-Expires"), "600;refresher=uac");
    line.pass(seconds(560));
    assert_eq!(line.ended(), []);
    line.pass(seconds(20));
    assert_eq!(line.ended(), [EndReason::SessionExpired]);
    assert_eq!(line.starts().first().map(String::as_str), Some("BYE"));
}

#[test]
fn a_peer_that_never_answers_a_refresh_is_gone() {
    let mut line = Line::new();
    line.call("a", ASKS);
    line.pass(seconds(940));
    assert_eq!(line.ended(), [EndReason::PeerGone]);
}

#[test]
fn a_refresh_refused_as_too_short_is_made_longer_and_nonsense_is_not_followed() {
    let mut line = Line::new();
    line.call("a", "Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 200;refresher=uas\r\n");
    line.sent();
    line.pass(seconds(101));
    let update = line.sent().pop().unwrap().1;
    reply(&mut line, &update, "422 Too Small", "Min-SE: 1000\r\n");
    let longer = line.sent().pop().unwrap().1;
    assert_eq!(header(&longer, "Session-Expires"), "1000;refresher=uac");
    reply(&mut line, &longer, "422 Too Small", "Min-SE: 10\r\n");
    assert!(line.sent().is_empty());
}

#[test]
fn without_session_timers_a_call_lasts() {
    let mut line = Line::new();
    line.call("a", "");
    line.sent();
    line.pass(seconds(12 * 3600));
    assert!(line.sent().is_empty() && line.ended().is_empty());
    assert_eq!(line.agent.poll_timeout(), None);
}
