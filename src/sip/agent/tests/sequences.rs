//! Things that cross, and things in any order at all.

use proptest::prelude::*;

use super::*;
use crate::sip::Refusal;

#[test]
fn goodbyes_that_cross_end_the_call_once() {
    let mut line = Line::new();
    let (key, to) = line.call("a", "");
    line.sent();
    line.agent.hang_up(line.now, key);
    let bye = line.sent().remove(0).1;
    line.send(&request_to("BYE", "a", 2, &to, "", ""));
    assert_eq!(line.starts(), ["200"]);
    reply(&mut line, &bye, "200 OK", "");
    assert_eq!(line.ended(), [EndReason::HungUp]);
    line.pass(seconds(70));
    assert!(line.is_empty());
}

#[test]
fn the_same_number_by_another_way_is_not_a_second_key() {
    let mut line = Line::new();
    let (_, to) = line.call("a", "");
    line.sent();
    let info = request_to("INFO", "a", 2, &to, "Content-Type: application/dtmf\r\n", "5");
    line.send(&info);
    line.send(&info.replace("z9hG4bKaINFO2", "z9hG4bKother"));
    assert_eq!((line.starts(), line.events().len()), (vec!["200".to_owned(), "500".to_owned()], 1));
    line.send(&request_to("BYE", "a", 2, &to, "", ""));
    assert_eq!(line.ended(), [EndReason::Bye], "a goodbye is taken at its word");
}

#[test]
fn cancel_takes_back_the_offer_it_means_and_no_other() {
    let mut line = Line::new();
    let (key, to) = line.call("a", "");
    line.send(&request_to("INVITE", "a", 2, &to, "", SDP));
    line.sent();
    line.send(&request_to("CANCEL", "a", 2, &to, "", "").replace("z9hG4bKaCANCEL2", "z9hG4bKaINVITE2"));
    assert_eq!(line.starts(), ["200", "487"]);
    // One that is answered and acknowledged is not meant by what comes later.
    line.send(&request_to("INVITE", "a", 3, &to, "", SDP));
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    line.send(&request_to("ACK", "a", 3, &to, "", ""));
    line.send(&request_to("UPDATE", "a", 4, &to, "", SDP));
    line.sent();
    line.send(&request_to("CANCEL", "a", 3, &to, "", "").replace("z9hG4bKaCANCEL3", "z9hG4bKaINVITE3"));
    assert_eq!(line.starts(), ["200"]);
    line.agent.accept(line.now, key, Bytes::from_static(ANSWER));
    assert_eq!(line.starts(), ["200"]);
    assert!(line.ended().is_empty());
}

#[test]
fn a_late_200_to_our_refresh_is_acknowledged_with_its_own_number() {
    let mut line = Line::new();
    let (key, _) = line.call("a", "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n");
    line.sent();
    line.pass(seconds(301));
    let invite = line.sent().pop().unwrap().1;
    line.agent.hang_up(line.now, key);
    assert_eq!(header(&line.sent()[0].1, "CSeq"), "2 BYE");
    reply(&mut line, &invite, "200 OK", "");
    let ack = line.sent().remove(0).1;
    assert_eq!(header(&ack, "CSeq"), "1 ACK");
    reply(&mut line, &invite, "200 OK", "");
    assert_eq!(line.starts(), ["ACK"], "as often as the 200 comes");
}

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    Request { method: &'static str, call: usize, cseq: u32, inside: bool, flow: usize, sdp: bool },
    Accept(usize),
    Refuse(usize),
    HangUp(usize),
    Answer(&'static str),
    Closed(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let methods = prop::sample::select(vec!["INVITE", "INVITE", "ACK", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE"]);
    let request = (methods, 0usize..2, 1u32..5, any::<bool>(), 0usize..4, any::<bool>());
    prop_oneof![
        6 => request.prop_map(|(method, call, cseq, inside, flow, sdp)| Step::Request { method, call, cseq, inside, flow, sdp }),
        3 => (0usize..4).prop_map(Step::Accept),
        1 => (0usize..4).prop_map(Step::Refuse),
        1 => (0usize..4).prop_map(Step::HangUp),
        2 => prop::sample::select(vec!["100 Trying", "200 OK", "405 No", "422 Small", "481 Gone", "491 Pending", "500 Error"]).prop_map(Step::Answer),
        1 => (0usize..4).prop_map(Step::Closed),
        3 => prop::sample::select(vec![0u64, 1, 31, 33, 301, 601]).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_each_call_ends_once_and_nothing_is_left(steps in prop::collection::vec(step(), 1..40)) {
        let flows = [udp(), Flow { peer: "198.51.100.7:7000".parse().unwrap(), ..udp() }, tcp(1), tcp(2)];
        let mut line = Line::new();
        let (mut keys, mut ended, mut ours): (Vec<_>, Vec<_>, Vec<String>) = (Vec::new(), Vec::new(), Vec::new());
        let mut tags = [String::new(), String::new()];
        for step in steps {
            let mut asked_on = None;
            match step {
                Step::Request { method, call, cseq, inside, flow, sdp } => {
                    let name = ["a", "b"][call];
                    let to = if inside { format!("<sip:x@y>{}", tags[call]) } else { "<sip:x@y>".into() };
                    let more = "Supported: timer\r\nSession-Expires: 600\r\n";
                    let text = request_to(method, name, cseq, &to, more, if sdp { SDP } else { "" });
                    let text = if method == "CANCEL" { text.replace(&format!("{name}CANCEL"), &format!("{name}INVITE")) } else { text };
                    asked_on = Some(flows[flow]);
                    line.send_on(flows[flow], &text);
                }
                Step::Accept(n) => if let Some(key) = keys.get(n) { line.agent.accept(line.now, *key, Bytes::from_static(ANSWER)) },
                Step::Refuse(n) => if let Some(key) = keys.get(n) {
                    line.agent.refuse(line.now, *key, Refusal { status: 488, retry_after: None });
                },
                Step::HangUp(n) => if let Some(key) = keys.get(n) { line.agent.hang_up(line.now, *key) },
                Step::Answer(status) => if let Some(request) = ours.pop() { reply(&mut line, &request, status, "Min-SE: 700\r\n") },
                Step::Closed(n) => line.agent.handle_flow_closed(line.now, flows[n]),
                Step::Pass(time) => line.pass(seconds(time)),
            }
            for (flow, text) in line.sent() {
                if text.starts_with("SIP/2.0 1") || text.starts_with("SIP/2.0 5") {
                    // No timer repeats these: they answer what came just now.
                    prop_assert!(asked_on.is_none_or(|asked| asked == flow) || text.contains("504"));
                } else if text.starts_with("SIP/2.0 200") && text.contains("INVITE\r\n") {
                    let call = usize::from(header(&text, "Call-ID") == "b");
                    tags[call] = header(&text, "To").rsplit_once(";tag=").map(|(_, tag)| format!(";tag={tag}")).unwrap_or_default();
                } else if !text.starts_with("SIP/2.0") && !text.starts_with("ACK") {
                    ours.push(text);
                }
            }
            for event in line.events() {
                match event {
                    AgentEvent::Invite(invite) => keys.push(invite.key),
                    AgentEvent::Ended { key, .. } => ended.push(key),
                    AgentEvent::Acked { key, .. } | AgentEvent::Offer { key, .. } | AgentEvent::Key { key, .. } => {
                        prop_assert!(!ended.contains(&key), "nothing comes after the end");
                    }
                }
            }
        }
        for key in &keys {
            line.agent.hang_up(line.now, *key);
        }
        line.pass(seconds(120));
        ended.extend(line.events().into_iter().filter_map(|event| match event {
            AgentEvent::Ended { key, .. } => Some(key),
            _ => None,
        }));
        ended.sort_unstable();
        prop_assert_eq!(ended, keys);
        prop_assert!(line.is_empty(), "{:?} {:?}", line.agent, line.agent.poll_timeout().map(|at| at - line.now));
    }
}
