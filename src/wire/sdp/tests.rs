use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn only_media(body: &[u8], look: impl Fn(Media<'_>)) {
    let sdp = Sdp::parse(body).unwrap();
    let mut media = sdp.media();
    look(media.next().unwrap());
    assert!(media.next().is_none());
}

fn address(text: &str) -> Option<Connection> {
    Some(Connection::Address(text.parse::<IpAddr>().unwrap()))
}

#[test]
fn latin_1_names_odd_lines_and_mixed_line_ends_survive() {
    let body =
        b"v=0\r\no=Sj\xf6berg 1 1 IN IP4 192.0.2.1\ns=M\xf6te\r\nthis is no line\r\n\r\nx-y=z\r\nm=audio 4000 RTP/AVP 8\ra=sendrecv \r\nk=";
    assert_eq!(Sdp::parse(body).unwrap().to_bytes(), body);
}

#[test]
fn a_body_without_session_name_time_or_origin_is_read() {
    only_media(b"v=0\r\nm=audio 4000 RTP/AVP 8\r\n", |media| {
        assert_eq!((media.kind(), media.port(), media.protocol()), (&b"audio"[..], Some(4000), &b"RTP/AVP"[..]));
        assert_eq!(media.connection(), None);
        assert_eq!(media.direction(), Direction::SendRecv);
    });
}

#[test]
fn what_is_no_sdp_or_too_much_of_it_is_refused() {
    for body in [&b""[..], b"hello", b"<?xml version=\"1.0\"?>", b"\r\n\r\n", b"Signal=5\r\nDuration=160\r\n", &[0xff; 40]] {
        assert_eq!(Sdp::parse(body), Err(SdpError::NotSdp));
    }
    let long = [b"v=0\r\n".as_slice(), &vec![b'x'; MOST_OCTETS]].concat();
    assert_eq!(Sdp::parse(&long), Err(SdpError::TooLong(MOST_OCTETS + 5)));
    assert!(Sdp::parse(&"v=0\n".repeat(MOST_LINES).into_bytes()).is_ok());
    assert_eq!(Sdp::parse(&"v=0\n".repeat(MOST_LINES + 1).into_bytes()), Err(SdpError::TooManyLines));
}

#[test]
fn a_section_s_own_address_and_direction_come_before_the_session_s() {
    let body = b"v=0\nc=IN IP4 192.0.2.1\na=inactive\nm=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 8\nc=IN IP6 2001:db8::7\na=sendonly\n";
    let sdp = Sdp::parse(body).unwrap();
    let seen: Vec<_> = sdp.media().map(|media| (media.connection(), media.direction())).collect();
    assert_eq!(seen, [(address("192.0.2.1"), Direction::Inactive), (address("2001:db8::7"), Direction::SendOnly)]);
}

#[test]
fn addresses_are_read_with_time_to_live_as_mapped_ones_and_as_names() {
    for (line, expected) in [
        ("c=IN IP4 192.0.2.1/127", address("192.0.2.1")),
        ("c=IN IP6 ::ffff:192.0.2.1", address("192.0.2.1")),
        ("c=IN IP4 2001:db8::1", address("2001:db8::1")),
        ("c=IN IP4 room.example.org", Some(Connection::Unresolved)),
        ("c=IN IP4", None),
        ("c=", None),
    ] {
        only_media(format!("v=0\n{line}\nm=audio 4000 RTP/AVP 8\n").as_bytes(), |media| assert_eq!(media.connection(), expected, "{line}"));
    }
}

#[test]
fn payload_types_come_once_each_in_the_writer_s_order_and_never_above_127() {
    only_media(b"m=audio 4000/2 RTP/AVP 8 0 8 128 255 256 x 127 +3 0 101\r\n", |media| {
        assert_eq!(media.port(), Some(4000));
        assert_eq!(media.payload_types().collect::<Vec<_>>(), [8, 0, 127, 101]);
    });
}

#[test]
fn maps_and_parameters_belong_to_their_own_payload_type() {
    let body = b"m=audio 4000 RTP/AVP 10 101 9\na=rtpmap:101 telephone-event/8000\na=rtpmap:10 L16/44100/2\na=rtpmap: 9 G722\na=fmtp:101 0-15\na=FMTP:10 x=1; y=2\n";
    only_media(body, |media| {
        let map = |encoding, clock_hz, channels| Some(RtpMap { encoding, clock_hz, channels });
        assert_eq!(media.rtpmap(101), map(b"telephone-event".as_slice(), 8_000, 1));
        assert_eq!(media.rtpmap(10), map(b"L16", 44_100, 2));
        assert_eq!(media.rtpmap(9), map(b"G722", 8_000, 1));
        assert_eq!(media.rtpmap(1), None);
        assert_eq!(media.fmtp(101), Some(&b"0-15"[..]));
        assert_eq!(media.fmtp(10), Some(&b"x=1; y=2"[..]));
        assert_eq!(media.fmtp(9), None);
    });
}

#[test]
fn rtcp_has_a_port_and_sometimes_an_address_of_its_own() {
    for (line, expected) in [
        ("a=rtcp:53020", Some((53020, None))),
        ("a=rtcp:53020 IN IP4 192.0.2.9", Some((53020, address("192.0.2.9")))),
        ("a=rtcp:53020 IN IP6 2001:db8::9", Some((53020, address("2001:db8::9")))),
        ("a=rtcp:0", None),
        ("a=rtcp:99999", None),
        ("a=rtcp", None),
        ("a=rtcp-mux", None),
    ] {
        only_media(format!("m=audio 4000 RTP/AVP 8\n{line}\n").as_bytes(), |media| {
            assert_eq!(media.rtcp().map(|rtcp| (rtcp.port, rtcp.connection)), expected, "{line}");
            assert_eq!(media.rtcp_mux(), line == "a=rtcp-mux");
        });
    }
}

#[test]
fn packet_lengths_are_numbers_of_milliseconds() {
    for (line, expected) in
        [("a=ptime:30", Some(30)), ("a=ptime:20.5", Some(20)), ("a=ptime: 40", Some(40)), ("a=ptime:0", None), ("a=ptime:x", None)]
    {
        only_media(format!("m=audio 4000 RTP/AVP 8\n{line}\n").as_bytes(), |media| assert_eq!(media.ptime_ms(), expected, "{line}"));
    }
}

#[test]
fn debug_output_shows_neither_addresses_nor_names() {
    let sdp = Sdp::parse(b"v=0\r\no=Anna 77 77 IN IP4 192.0.2.77\r\nc=IN IP4 192.0.2.77\r\nm=audio 7777 RTP/AVP 8\r\n").unwrap();
    for media in sdp.media() {
        let shown = format!("{sdp:?} {:?} {:?} {media:?} {:?}", sdp.lines(), sdp.session(), media.connection());
        assert!(!shown.contains("77") && !shown.contains("Anna"), "{shown}");
    }
}

/// Lines as real ones are, and broken in many ways.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[vostcmab]=[ -~]{0,40}(\r\n|\n)".prop_map(String::into_bytes),
        "m=(audio|video) [0-9]{0,6} RTP/AVP( [0-9]{1,4}){0,5}\r\n".prop_map(String::into_bytes),
        "a=(rtpmap|fmtp|rtcp|ptime|mid|group)(:[ 0-9A-Za-z/-]{0,20})?\r\n".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..30),
    ]
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_the_same_and_every_view_survives(lines in prop::collection::vec(line(), 0..30)) {
        let body = lines.concat();
        if let Ok(sdp) = Sdp::parse(&body) {
            prop_assert_eq!(&sdp.to_bytes(), &body);
            let media_lines = sdp.lines().iter().filter(|line| line.kind() == Some(b'm')).count();
            prop_assert_eq!(sdp.media().count(), media_lines);
            let mut held = sdp.session().lines().len();
            for media in sdp.media() {
                held += 1 + media.section().lines().len();
                let _ = (media.kind(), media.port(), media.protocol(), media.direction(), media.connection(), media.mid());
                let _ = (media.ptime_ms(), media.maxptime_ms(), media.rtcp(), media.rtcp_mux(), media.is_grouped("BUNDLE"));
                for payload_type in media.payload_types() {
                    prop_assert!(payload_type < 128);
                    let _ = (media.rtpmap(payload_type), media.fmtp(payload_type));
                }
            }
            prop_assert_eq!(held, sdp.lines().len());
        }
    }
}
