//! Where waiting, holding and counting end.

use super::*;

#[test]
fn an_interval_no_clock_can_be_set_to_is_a_day() {
    let mut line = Line::new();
    let huge =
        "Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 18446744073709551615;refresher=uas\r\nMin-SE: 18446744073709551615\r\n";
    line.call("a", huge);
    line.sent();
    line.pass(seconds(12 * 3600 + 1));
    let update = line.sent().pop().unwrap().1;
    assert_eq!(header(&update, "Session-Expires"), "86400;refresher=uac");
    reply(&mut line, &update, "200 OK", "Session-Expires: 18446744073709551615;refresher=uac\r\n");
    line.pass(seconds(12 * 3600 + 1));
    let update = line.sent().pop().unwrap().1;
    reply(&mut line, &update, "422 Too Small", "Min-SE: 18446744073709551615\r\n");
    line.invite("b", "Supported: timer\r\nMin-SE: 18446744073709551615\r\n", SDP);
}

#[test]
fn an_interval_a_proxy_asked_for_is_refreshed_by_us_and_never_422() {
    let mut line = Line::new();
    let key = line.invite("a", "Session-Expires: 600;refresher=uac\r\n", SDP);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    let answer = line.sent().pop().unwrap().1;
    assert_eq!((header(&answer, "Session-Expires"), header(&answer, "Require")), ("600;refresher=uas", ""));
    let key = line.invite("b", "Session-Expires: 60\r\n", SDP);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    assert_eq!(header(&line.sent().pop().unwrap().1, "Session-Expires"), "");
}

#[test]
fn a_call_or_an_offer_nobody_answers_is_answered_for_them() {
    let mut line = Line::new();
    line.invite("a", "", SDP);
    line.sent();
    line.pass(seconds(30));
    assert_eq!((line.starts(), line.ended()), (vec!["480".to_owned()], vec![EndReason::Refused]));
    let (key, to) = line.call("b", "");
    line.sent();
    line.send(&request_to("UPDATE", "b", 2, &to, "", SDP));
    line.events();
    line.pass(seconds(30));
    assert!(line.starts().contains(&"504".to_owned()));
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    assert!(line.sent().is_empty() && line.ended().is_empty(), "too late, and the call goes on");
}

#[test]
fn a_refresh_that_is_only_put_off_does_not_keep_the_call_for_ever() {
    let mut line = Line::new();
    line.call("a", "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n");
    line.sent();
    line.pass(seconds(301));
    let invite = line.sent().pop().unwrap().1;
    reply(&mut line, &invite, "183 Wait", "");
    line.pass(seconds(310));
    assert_eq!(line.ended(), [EndReason::SessionExpired]);
    assert_eq!(line.starts().first().map(String::as_str), Some("BYE"));
    line.pass(seconds(70));
    assert!(line.is_empty(), "{:?}", line.agent);
}

#[test]
fn under_overload_calls_that_are_up_still_get_their_goodbye() {
    let mut line = Line::with(AgentSettings { max_transactions: 3, ..settings() });
    let (_, to) = line.call("a", "");
    line.sent();
    for call in ["x", "y", "z"] {
        line.send(&request("OPTIONS", call, 1, "", ""));
    }
    line.send(&request_to("BYE", "a", 2, &to, "", ""));
    assert_eq!(line.starts(), ["200", "200", "503", "200"]);
    assert_eq!(line.ended(), [EndReason::Bye]);
}

#[test]
fn a_call_that_only_waits_for_the_answer_to_its_bye_takes_nobodys_place() {
    let mut line = Line::with(AgentSettings { max_sessions: 1, ..settings() });
    let (key, _) = line.call("a", "");
    line.agent.hang_up(line.now, key);
    line.events();
    line.invite("b", "", SDP);
}

#[test]
fn a_call_leaves_nothing_behind() {
    for tcp_too in [false, true] {
        let mut line = Line::new();
        if tcp_too {
            line.flow = tcp(1);
        }
        let (key, to) = line.call("a", "Supported: timer\r\nAllow: UPDATE\r\n");
        line.send(&request_to("INVITE", "a", 2, &to, "", SDP));
        line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
        line.send(&request_to("ACK", "a", 2, &to, "", ""));
        line.send(&request_to("INFO", "a", 3, &to, "Content-Type: application/dtmf\r\n", "5"));
        line.send(&request_to("BYE", "a", 4, &to, "", ""));
        line.pass(seconds(70));
        assert!(line.is_empty(), "{:?}", line.agent);
    }
}

#[test]
fn a_ping_before_the_call_in_the_same_numbers_is_no_loop() {
    let mut line = Line::new();
    line.send(&request("OPTIONS", "a", 1, "", ""));
    line.invite("a", "", SDP);
    assert_eq!(line.starts(), ["200", "100"]);
}

#[test]
fn a_call_repeated_on_another_way_before_it_is_answered_lives_on_when_the_first_way_closes() {
    let mut line = Line::new();
    let (first, second) = (tcp(1), tcp(2));
    line.send_on(first, &request("INVITE", "a", 1, "", SDP));
    line.send_on(second, &request("INVITE", "a", 1, "", SDP));
    let events = line.events();
    let [AgentEvent::Invite(invite)] = events.as_slice() else { panic!("not one call") };
    let key = invite.key;
    line.agent.handle_flow_closed(line.now, first);
    assert!(line.events().is_empty());
    line.sent();
    line.agent.hang_up(line.now, key);
    assert!(line.sent().iter().any(|(flow, text)| *flow == second && text.starts_with("SIP/2.0 480")));
    line.pass(seconds(70));
    assert!(line.is_empty(), "{:?}", line.agent);
}
