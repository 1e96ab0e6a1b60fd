//! What room systems, border controllers and telephones offer, and what each is answered.

use super::super::*;
use super::local;
use super::offers::{self, ASTERISK, BARESIP, CISCO_ROOM, FREESWITCH, LIFESIZE, LINPHONE, PEXIP, POLY_GROUP, TEAMS_SBC, wire};

fn answered(offer: &str) -> (Vec<String>, LegUpdate) {
    let (sdp, agreed) = answer(&wire(offer), &local()).unwrap();
    let lines = String::from_utf8(sdp.to_vec()).unwrap();
    (lines.split_terminator("\r\n").map(str::to_owned).collect(), agreed)
}

fn media(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).filter(|line| line.starts_with("m=")).collect()
}

fn event(payload_type: u8, rate_hz: u32) -> EventFormat {
    EventFormat { payload_type, rate_hz }
}

fn has(lines: &[String], line: &str) -> bool {
    lines.iter().any(|own| own == line)
}

#[test]
fn a_cisco_room_keeps_six_m_lines_and_gets_a_law() {
    let (lines, agreed) = answered(CISCO_ROOM);
    assert_eq!(
        media(&lines),
        [
            "m=audio 20000 RTP/AVP 8 101",
            "m=video 0 RTP/AVP 97 126 96 34",
            "m=application 0 UDP/BFCP *",
            "m=video 0 RTP/AVP 97 126",
            "m=application 0 RTP/AVP 103",
            "m=application 0 UDP/UDT/IX *",
        ]
    );
    assert_eq!(agreed.receive.as_slice(), [(8, Codec::Pcma), (0, Codec::Pcmu)]);
    assert_eq!(agreed.events.as_slice(), [event(101, 8_000)]);
    assert_eq!(agreed.remote, Some("192.0.2.61:17294".parse().unwrap()));
    assert_eq!(agreed.remote_rtcp, Some("192.0.2.61:17295".parse().unwrap()));
    assert!(!agreed.rtcp_mux && !has(&lines, "a=rtcp-mux"));
}

#[test]
fn a_poly_room_with_a_latin_1_name_gets_a_law_and_keys_on_119() {
    assert!(wire(POLY_GROUP).contains(&0xe4), "the name is Latin-1 on the wire");
    let (lines, agreed) = answered(POLY_GROUP);
    assert_eq!(
        media(&lines),
        [
            "m=audio 20000 RTP/AVP 8 119",
            "m=video 0 RTP/AVP 109 110 96",
            "m=control 0 RTP/AVP 100",
            "m=application 0 TCP/BFCP *",
            "m=image 0 udptl t38",
        ]
    );
    assert_eq!((agreed.codec, agreed.events.as_slice()), (Codec::Pcma, [event(119, 8_000)].as_slice()));
    assert!(has(&lines, "a=rtpmap:119 telephone-event/8000") && has(&lines, "a=fmtp:119 0-15"));
}

#[test]
fn pexip_gets_its_profile_its_bundle_of_one_and_rtcp_on_the_same_port() {
    let (lines, agreed) = answered(PEXIP);
    assert_eq!(media(&lines), ["m=audio 20000 RTP/AVPF 8 101", "m=video 0 RTP/AVPF 99", "m=application 0 UDP/BFCP *"]);
    for line in ["a=group:BUNDLE 0", "a=mid:0", "a=mid:1", "a=rtcp-mux"] {
        assert!(has(&lines, line), "{line}");
    }
    assert_eq!(agreed.events.as_slice(), [event(101, 8_000), event(113, 48_000)]);
    assert!(agreed.rtcp_mux);
    assert_eq!(agreed.remote_rtcp, agreed.remote);
}

#[test]
fn lifesize_may_name_a_host_and_leave_out_name_and_time() {
    let (lines, agreed) = answered(LIFESIZE);
    assert_eq!(media(&lines), ["m=audio 20000 RTP/AVP 8 101", "m=video 0 RTP/AVP 97", "m=application 0 RTP/AVP 102"]);
    assert_eq!((agreed.remote, agreed.remote_rtcp, agreed.direction), (None, None, Direction::SendReceive));
    assert_eq!(agreed.ptime_ms, 20);
    assert!(has(&lines, "s=-") && has(&lines, "t=0 0"));
}

#[test]
fn a_border_controller_that_offers_both_ways_is_answered_in_the_clear() {
    let (lines, agreed) = answered(TEAMS_SBC);
    assert_eq!(media(&lines), ["m=audio 0 RTP/SAVP 104 9 8 0 101 13", "m=audio 20000 RTP/AVP 8 13 101"]);
    assert_eq!(agreed.comfort_noise.as_slice(), [13]);
    assert_eq!(agreed.remote, Some("198.51.100.64:6242".parse().unwrap()));
    assert!(has(&lines, "a=fmtp:101 0-16"), "0-15,16 is 0-16");
    assert!(!lines.iter().any(|line| line.starts_with("a=crypto") || line.starts_with("a=group") || line.starts_with("a=candidate")));
}

#[test]
fn trunks_of_asterisk_and_freeswitch_get_a_law() {
    let (lines, agreed) = answered(ASTERISK);
    assert_eq!(media(&lines), ["m=audio 20000 RTP/AVP 8 101"]);
    assert!(has(&lines, "a=fmtp:101 0-16"));
    assert_eq!(agreed.codec, Codec::Pcma);
    let (lines, agreed) = answered(FREESWITCH);
    assert_eq!(media(&lines), ["m=audio 20000 RTP/AVP 8 101"]);
    assert_eq!(agreed.codec, Codec::Pcma);
    assert_eq!(agreed.events.as_slice(), [event(101, 8_000), event(103, 48_000)], "keys are heard on either clock");
}

#[test]
fn baresip_is_reached_by_ipv6_only_from_ipv6() {
    let ours = Local { address: "2001:db8::50".parse().unwrap(), ..local() };
    let (sdp, agreed) = answer(&wire(BARESIP), &ours).unwrap();
    let text = String::from_utf8(sdp.to_vec()).unwrap();
    assert!(text.contains("\r\no=- 77 3 IN IP6 2001:db8::50\r\n") && text.contains("\r\nc=IN IP6 2001:db8::50\r\n"), "{text}");
    assert_eq!(agreed.remote, Some("[2001:db8::67]:12346".parse().unwrap()));
    assert_eq!(agreed.remote_rtcp, Some("[2001:db8::67]:12347".parse().unwrap()));
    // From IPv4 there is no way there; the latch waits for what comes.
    assert_eq!(answer(&wire(BARESIP), &local()).unwrap().1.remote, None);
}

#[test]
fn linphone_gets_keys_on_the_codec_s_clock_though_it_names_others_first() {
    let (lines, agreed) = answered(LINPHONE);
    assert_eq!(media(&lines), ["m=audio 20000 RTP/AVPF 8 100"]);
    assert_eq!(agreed.events.as_slice(), [event(100, 8_000), event(101, 48_000), event(99, 16_000)]);
    assert!(has(&lines, "a=fmtp:100 0-15"));
}

#[test]
fn whoever_holds_is_answered_so_and_comes_back() {
    for offer in offers::ALL {
        let (head, audio) = offer.split_once("m=audio").unwrap();
        let audio = audio.replace("a=sendrecv\n", "");
        for (attribute, seen, said) in [
            ("sendonly", Direction::ReceiveOnly, "a=recvonly"),
            ("inactive", Direction::Inactive, "a=inactive"),
            ("recvonly", Direction::SendOnly, "a=sendonly"),
            ("sendrecv", Direction::SendReceive, "a=sendrecv"),
        ] {
            let (lines, agreed) = answered(&format!("{head}a={attribute}\nm=audio{audio}"));
            assert_eq!(agreed.direction, seen);
            assert!(has(&lines, said), "{said}");
        }
    }
}

#[test]
fn the_hold_of_old_gateways_is_an_address_of_zeros() {
    for (attribute, seen) in [("sendrecv", Direction::ReceiveOnly), ("sendonly", Direction::ReceiveOnly), ("recvonly", Direction::Inactive)]
    {
        let offer = ASTERISK.replace("c=IN IP4 198.51.100.65", "c=IN IP4 0.0.0.0").replace("sendrecv", attribute);
        let (_, agreed) = answered(&offer);
        assert_eq!((agreed.direction, agreed.remote, agreed.remote_rtcp), (seen, None, None));
    }
    // The section's own address counts, whatever the session says.
    let offer =
        ASTERISK.replace("m=audio", "c=IN IP4 0.0.0.0\nm=audio").replace("101\na=rtpmap:8", "101\nc=IN IP4 198.51.100.9\na=rtpmap:8");
    let (_, agreed) = answered(&offer.replacen("c=IN IP4 198.51.100.65\n", "", 1));
    assert_eq!((agreed.direction, agreed.remote), (Direction::SendReceive, Some("198.51.100.9:14852".parse().unwrap())));
}

#[test]
fn an_offer_of_ours_in_a_call_keeps_its_m_lines_in_place_and_its_numbers() {
    let (sent, _) = answer(&wire(POLY_GROUP), &local()).unwrap();
    let again = offer_again(&sent, &Local { version: 4, ..local() });
    let lines: Vec<String> = String::from_utf8(again.to_vec()).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(
        media(&lines),
        [
            "m=audio 20000 RTP/AVP 8 0 119",
            "m=video 0 RTP/AVP 109 110 96",
            "m=control 0 RTP/AVP 100",
            "m=application 0 TCP/BFCP *",
            "m=image 0 udptl t38",
        ]
    );
    assert!(has(&lines, "o=- 77 4 IN IP4 192.0.2.50") && has(&lines, "a=sendrecv"));
    let (sent, _) = answer(&wire(TEAMS_SBC), &local()).unwrap();
    let again = offer_again(&sent, &local());
    let theirs =
        "v=0\r\nc=IN IP4 198.51.100.64\r\nm=audio 0 RTP/SAVP 8\r\nm=audio 6242 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    assert_eq!(String::from_utf8_lossy(&again).matches("m=audio 0 RTP/SAVP").count(), 1);
    assert_eq!(read_answer(theirs.as_bytes(), &again, &local()).unwrap().remote, Some("198.51.100.64:6242".parse().unwrap()));
    assert_eq!(offer_again(b"", &local()), offer(&local()));
}

#[test]
fn pexip_s_bundle_lives_on_in_an_offer_of_ours() {
    let (sent, _) = answer(&wire(PEXIP), &local()).unwrap();
    let again = String::from_utf8(offer_again(&sent, &local()).to_vec()).unwrap();
    for line in [
        "a=group:BUNDLE 0\r\n",
        "m=audio 20000 RTP/AVPF 8 0 101\r\n",
        "a=mid:0\r\n",
        "a=rtcp-mux\r\n",
        "m=video 0 RTP/AVPF 99\r\na=mid:1\r\n",
    ] {
        assert!(again.contains(line), "{line} {again}");
    }
}

#[test]
fn answers_of_ours_are_read_as_answers_and_offers_of_ours_can_be_answered() {
    for offer in offers::ALL {
        let (sdp, agreed) = answer(&wire(offer), &local()).unwrap();
        let theirs = read_answer(&sdp, &wire(offer), &local()).unwrap();
        assert_eq!((theirs.codec, theirs.ptime_ms, theirs.rtcp_mux), (agreed.codec, agreed.ptime_ms, agreed.rtcp_mux));
        let (_, back) = answer(&offer_again(&sdp, &local()), &local()).unwrap();
        assert_eq!((back.codec, back.direction), (Codec::Pcma, Direction::SendReceive));
    }
}

#[test]
fn broken_m_lines_are_answered_whole_and_the_good_one_is_taken() {
    let offer = "v=0\nc=IN IP4 192.0.2.1\nm=\nm=audio\nm=audio x RTP/AVP 8\nm=audio 70000 RTP/AVP 8\nm=video 5\nm=audio 4000 RTP/AVP 8\n";
    let (lines, agreed) = answered(offer);
    assert_eq!(
        media(&lines),
        [
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/AVP 0",
            "m=audio 0 RTP/AVP 8",
            "m=audio 0 RTP/AVP 8",
            "m=video 0 RTP/AVP 0",
            "m=audio 20000 RTP/AVP 8",
        ]
    );
    assert_eq!(agreed.payload_type, 8);
}
