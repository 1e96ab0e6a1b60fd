//! What real equipment offers, and what it is answered.

mod offers;
mod peers;
mod wideband;

use proptest::prelude::*;

use super::*;

pub(super) fn local() -> Local {
    Local {
        address: "192.0.2.50".parse().unwrap(),
        port: 20_000,
        session_id: 77,
        version: 3,
        signalled_from: "198.51.100.7".parse().unwrap(),
        codecs: [Codec::Pcma, Codec::Pcmu].into_iter().collect(),
    }
}

fn no_codec() -> AnswerError {
    AnswerError::NoCommonCodec(local().codecs)
}

fn answered(offer: &str) -> (String, LegUpdate) {
    let (sdp, agreed) = answer(offer.as_bytes(), &local()).unwrap();
    (String::from_utf8(sdp.to_vec()).unwrap(), agreed)
}

const TRUNK: &str = "v=0\r\no=- 5 5 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8 101\r\n\
a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n";

/// A room system: wideband audio first, cameras, slides, BFCP, far-end camera control, and no t=.
const ROOM: &str = "v=0\r\no=rum 1 1 IN IP4 10.1.1.9\r\ns=-\r\nb=AS:6000\r\nc=IN IP4 10.1.1.9\r\n\
m=audio 2326 RTP/AVP 107 9 8 0 97 101\r\nb=TIAS:128000\r\na=rtpmap:107 MP4A-LATM/90000\r\na=fmtp:107 profile-level-id=25;object=23;bitrate=128000\r\n\
a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:97 telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
a=sendrecv\r\na=rtcp:2400\r\n\
m=video 2328 RTP/AVP 99 96\r\na=rtpmap:99 H264/90000\r\na=rtpmap:96 H263-1998/90000\r\na=content:main\r\n\
m=application 5070 UDP/BFCP *\r\na=floorctrl:c-s\r\na=confid:1\r\n\
m=application 2332 RTP/AVP 100\r\na=rtpmap:100 H224/4800\r\n\
m=image 6000 udptl t38\r\n";

#[test]
fn of_the_codecs_in_common_our_first_is_answered_and_all_are_taken() {
    let (sdp, agreed) = answered(TRUNK);
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 8));
    assert_eq!(agreed.receive.as_slice(), [(8, Codec::Pcma), (0, Codec::Pcmu)]);
    assert_eq!(agreed.remote, Some("198.51.100.7:30000".parse().unwrap()));
    assert_eq!(agreed.remote_rtcp, Some("198.51.100.7:30001".parse().unwrap()));
    assert_eq!(
        sdp,
        "v=0\r\no=- 77 3 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn every_m_line_of_a_room_system_is_answered_in_its_place() {
    let (sdp, agreed) = answered(ROOM);
    let lines: Vec<&str> = sdp.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        lines,
        [
            "m=audio 20000 RTP/AVP 8 101",
            "m=video 0 RTP/AVP 99 96",
            "m=application 0 UDP/BFCP *",
            "m=application 0 RTP/AVP 100",
            "m=image 0 udptl t38"
        ]
    );
    assert_eq!(agreed.codec, Codec::Pcma);
    assert_eq!(agreed.events.len(), 2, "keys are taken on either clock");
    assert_eq!(agreed.remote_rtcp, Some("10.1.1.9:2400".parse().unwrap()));
    assert!(sdp.contains("\r\nt=0 0\r\n"));
}

#[test]
fn holding_is_mirrored_and_resuming_undoes_it() {
    let with = |attribute: &str| format!("{TRUNK}{attribute}");
    for (offered, seen, said) in [
        ("a=sendonly\r\n", Direction::ReceiveOnly, "a=recvonly"),
        ("a=recvonly\r\n", Direction::SendOnly, "a=sendonly"),
        ("a=inactive\r\n", Direction::Inactive, "a=inactive"),
        ("a=sendrecv\r\n", Direction::SendReceive, "a=sendrecv"),
        ("", Direction::SendReceive, "a=sendrecv"),
    ] {
        let (sdp, agreed) = answered(&with(offered));
        assert_eq!(agreed.direction, seen);
        assert!(sdp.lines().any(|line| line == said), "{sdp}");
    }
    let (sdp, agreed) = answered(&TRUNK.replace("c=IN IP4 198.51.100.7", "c=IN IP4 0.0.0.0"));
    assert_eq!((agreed.direction, agreed.remote), (Direction::ReceiveOnly, None));
    assert!(sdp.contains("a=recvonly"));
}

#[test]
fn keys_are_taken_on_whatever_number_and_clock_the_offer_names() {
    let (sdp, agreed) = answered("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8 126\na=rtpmap:126 TELEPHONE-EVENT/16000\n");
    assert_eq!(agreed.events.as_slice(), [EventFormat { payload_type: 126, rate_hz: 16_000 }]);
    assert!(sdp.contains("a=rtpmap:126 telephone-event/16000"));
    let (sdp, agreed) = answered("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\n");
    assert!(agreed.events.is_empty() && !sdp.contains("telephone-event"));
}

#[test]
fn dynamic_numbers_and_static_ones_without_rtpmap_are_codecs_too() {
    let (_, agreed) = answered("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 98 0\na=rtpmap:98 pcmu/8000\n");
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcmu, 98));
    let refused = answer(b"v=0\nm=audio 4000 RTP/AVP 8\na=rtpmap:8 OPUS/48000/2\n", &local());
    assert_eq!(refused.unwrap_err(), no_codec());
}

#[test]
fn packet_lengths_from_10_to_60_ms_are_honoured() {
    for (lines, ptime) in [
        ("a=ptime:10\n", 10),
        ("a=ptime:30\n", 30),
        ("a=ptime:25\n", 20),
        ("a=ptime:60\n", 60),
        ("a=ptime:200\n", 60),
        ("a=ptime:0\n", 20),
        ("a=ptime:x\n", 20),
        ("a=ptime:40\na=maxptime:20\n", 20),
        ("", 20),
    ] {
        let (_, agreed) = answered(&format!("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\n{lines}"));
        assert_eq!(agreed.ptime_ms, ptime, "{lines}");
    }
}

#[test]
fn rtcp_mux_mid_and_profile_are_answered_when_offered() {
    let (sdp, agreed) =
        answered("v=0\na=group:BUNDLE a0\nc=IN IP6 2001:db8::7\nm=audio 4000 RTP/AVPF 8\na=mid:a0\na=rtcp-mux\na=rtcp-fb:* nack\n");
    assert!(agreed.rtcp_mux);
    assert!(sdp.contains("m=audio 20000 RTP/AVPF 8\r\n") && sdp.contains("a=mid:a0\r\n") && sdp.contains("a=rtcp-mux\r\n"));
    assert!(sdp.contains("a=group:BUNDLE a0\r\n"));
}

#[test]
fn a_host_name_for_an_address_is_no_reason_to_refuse() {
    let (_, agreed) = answered("v=0\nc=IN IP4 sbc.example.se\nm=audio 4000 RTP/AVP 8\n");
    assert_eq!((agreed.remote, agreed.direction), (None, Direction::SendReceive));
}

#[test]
fn encrypted_disabled_and_foreign_streams_are_no_common_codec() {
    for offer in [
        "v=0\nm=audio 4000 RTP/SAVP 8\n",
        "v=0\nm=audio 4000 UDP/TLS/RTP/SAVPF 8\n",
        "v=0\nm=audio 0 RTP/AVP 8\n",
        "v=0\nm=audio 4000 RTP/AVP 18\n",
        "v=0\nm=video 4000 RTP/AVP 8\n",
        "v=0\n",
    ] {
        assert_eq!(answer(offer.as_bytes(), &local()).unwrap_err(), no_codec(), "{offer}");
    }
    assert_eq!(answer(b"Signal=5", &local()).unwrap_err(), AnswerError::NotSdp);
}

#[test]
fn the_second_audio_stream_is_taken_when_the_first_is_encrypted() {
    let (sdp, agreed) = answered("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVP 8\nm=audio 4002 RTP/AVP 8\n");
    assert_eq!(agreed.remote.map(|remote| remote.port()), Some(4002));
    assert!(sdp.contains("m=audio 0 RTP/SAVP 8\r\nm=audio 20000 RTP/AVP 8\r\n"));
}

#[test]
fn our_offer_has_a_law_first_and_its_answer_is_read() {
    let sent = offer(&local());
    let offer = String::from_utf8(sent.to_vec()).unwrap();
    assert!(offer.contains("m=audio 20000 RTP/AVP 8 0 101\r\n"), "{offer}");
    let agreed = read_answer(TRUNK.as_bytes(), &sent, &local()).unwrap();
    assert_eq!(agreed.codec, Codec::Pcmu);
    assert!(agreed.receive.contains(&(8, Codec::Pcma)));
    assert_eq!(read_answer(b"v=0\nm=audio 0 RTP/AVP 8\n", &sent, &local()).unwrap_err(), no_codec());
    assert_eq!(read_answer(b"", &sent, &local()).unwrap_err(), AnswerError::NotSdp);
}

proptest! {
    #[test]
    fn an_answer_has_as_many_m_lines_as_its_offer(
        which in 0..offers::ALL.len(),
        mangled in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut octets = offers::wire(offers::ALL[which]);
        for (at, octet) in mangled {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        // Half of them cut short.
        let cut = cut.index(octets.len() * 2);
        octets.truncate(cut);
        let _ = read_answer(&octets, &octets, &local());
        let _ = offer_again(&octets, &local());
        if let Ok((sdp, agreed)) = answer(&octets, &local()) {
            let (offered, answered) = (Sdp::parse(&octets).unwrap(), Sdp::parse(&sdp).unwrap());
            prop_assert_eq!(offered.media().count(), answered.media().count());
            prop_assert_eq!(answered.media().filter(|media| media.port() != Some(0)).count(), 1);
            for (theirs, ours) in offered.media().zip(answered.media()).filter(|(_, ours)| ours.port() == Some(0)) {
                if theirs.formats().next().is_some() {
                    prop_assert_eq!(theirs.formats().collect::<Vec<_>>(), ours.formats().collect::<Vec<_>>());
                }
            }
            prop_assert!((10..=60).contains(&agreed.ptime_ms) && agreed.ptime_ms % 10 == 0);
            prop_assert_eq!(agreed.receive.first(), Some(&(agreed.payload_type, agreed.codec)));
            prop_assert!(read_answer(&sdp, &octets, &local()).is_ok());
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = answer(&octets, &local());
        let _ = read_answer(&octets, &octets, &local());
    }
}
