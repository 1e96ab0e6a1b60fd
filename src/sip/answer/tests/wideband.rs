//! G.722 and Opus in offers and answers, and what comes beside the sound.

use super::super::*;
use super::offers::{CISCO_ROOM, FREESWITCH, LINPHONE, PEXIP, POLY_GROUP, wire};

fn local() -> Local {
    Local { codecs: Codec::ALL.into_iter().collect(), ..super::local() }
}

fn answered(offer: &[u8], local: &Local) -> (Vec<String>, LegUpdate) {
    let (sdp, agreed) = answer(offer, local).unwrap();
    (String::from_utf8(sdp.to_vec()).unwrap().lines().map(str::to_owned).collect(), agreed)
}

fn audio(lines: &[String]) -> &str {
    lines.iter().find(|line| line.starts_with("m=audio")).unwrap()
}

fn stream(formats: &str, lines: &str) -> Vec<u8> {
    format!("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP {formats}\n{lines}").into_bytes()
}

#[test]
fn wideband_is_answered_where_it_is_offered() {
    for (offer, line, codec) in [
        (CISCO_ROOM, "m=audio 20000 RTP/AVP 114 101", Codec::Opus),
        (FREESWITCH, "m=audio 20000 RTP/AVP 102 103", Codec::Opus),
        (LINPHONE, "m=audio 20000 RTP/AVPF 96 101", Codec::Opus),
        (PEXIP, "m=audio 20000 RTP/AVPF 96 113", Codec::Opus),
        (POLY_GROUP, "m=audio 20000 RTP/AVP 9 119", Codec::G722),
    ] {
        let (lines, agreed) = answered(&wire(offer), &local());
        assert_eq!((audio(&lines), agreed.codec), (line, codec));
        let mut narrow = local();
        narrow.codecs.retain(|codec| codec.is_law());
        assert_eq!(answered(&wire(offer), &narrow).1.codec, Codec::Pcma);
    }
    let (lines, agreed) = answered(&wire(FREESWITCH), &local());
    assert!(lines.contains(&"a=rtpmap:102 opus/48000/2".to_owned()));
    assert!(lines.contains(&"a=fmtp:102 useinbandfec=1;stereo=0;sprop-stereo=0;usedtx=0".to_owned()));
    assert!(lines.contains(&"a=rtpmap:103 telephone-event/48000".to_owned()));
    assert_eq!(agreed.receive.as_slice(), [(102, Codec::Opus), (9, Codec::G722), (8, Codec::Pcma), (0, Codec::Pcmu)]);
    assert_eq!(agreed.opus_bitrate, Some(30_000));
}

#[test]
fn the_order_of_the_configuration_decides() {
    let mut local = local();
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus, Codec::Pcma] {
        local.codecs.retain(|other| *other != codec);
        local.codecs.insert(0, codec);
        assert_eq!(answered(&wire(FREESWITCH), &local).1.codec, codec);
    }
}

#[test]
fn g722_needs_no_map_and_opus_needs_a_right_one() {
    assert_eq!(answered(&stream("8 9", ""), &local()).1.codec, Codec::G722);
    assert_eq!(answered(&stream("8 9", "a=rtpmap:9 g722/8000\n"), &local()).1.codec, Codec::G722);
    assert_eq!(answered(&stream("8 111", "a=rtpmap:111 OPUS/48000/2\n"), &local()).1.codec, Codec::Opus);
    for map in ["opus/16000/2", "opus/48000/6", "G722/16000"] {
        assert_eq!(answered(&stream("8 111", &format!("a=rtpmap:111 {map}\n")), &local()).1.codec, Codec::Pcma, "{map}");
    }
    assert_eq!(answered(&stream("111 8", ""), &local()).1.codec, Codec::Pcma);
}

#[test]
fn opus_goes_out_every_20_ms_and_only_to_whoever_takes_that() {
    let opus = |line: &str| answered(&stream("111 8", &format!("a=rtpmap:111 opus/48000/2\n{line}\n")), &local()).1;
    assert_eq!((opus("a=ptime:60").codec, opus("a=ptime:60").ptime_ms), (Codec::Opus, 20));
    assert_eq!((opus("a=maxptime:10").codec, opus("a=maxptime:10").ptime_ms), (Codec::Pcma, 10));
}

#[test]
fn of_opus_s_parameters_the_bitrate_is_heeded() {
    for (parameters, bitrate) in [
        ("maxaveragebitrate=20000", Some(20_000)),
        ("useinbandfec=1; MaxAverageBitrate = 8000 ;stereo=1;usedtx=1;maxplaybackrate=16000", Some(8_000)),
        ("maxaveragebitrate=100", None),
        ("maxaveragebitrate=x", None),
        ("stereo=1", None),
        ("", None),
    ] {
        let offer = stream("111", &format!("a=rtpmap:111 opus/48000/2\na=fmtp:111 {parameters}\n"));
        assert_eq!(answered(&offer, &local()).1.opus_bitrate, bitrate, "{parameters}");
    }
}

#[test]
fn comfort_noise_is_taken_and_answered_beside_a_codec_on_its_clock() {
    let (lines, agreed) = answered(&stream("8 13 101", "a=rtpmap:101 telephone-event/8000\n"), &local());
    assert_eq!(audio(&lines), "m=audio 20000 RTP/AVP 8 13 101");
    assert!(lines.contains(&"a=rtpmap:13 CN/8000".to_owned()));
    assert_eq!(agreed.comfort_noise.as_slice(), [13]);
    let (lines, agreed) = answered(&stream("9 98 13", "a=rtpmap:98 cn/16000\n"), &local());
    assert_eq!(audio(&lines), "m=audio 20000 RTP/AVP 9 13");
    assert_eq!(agreed.comfort_noise.as_slice(), [98, 13]);
    let (lines, agreed) = answered(&stream("111 8 13", "a=rtpmap:111 opus/48000/2\n"), &local());
    assert_eq!(audio(&lines), "m=audio 20000 RTP/AVP 111");
    assert_eq!(agreed.comfort_noise.as_slice(), [13], "it may come with A-law, which is taken too");
    assert!(answered(&stream("8 13", "a=rtpmap:13 foo/8000\n"), &local()).1.comfort_noise.is_empty());
}

#[test]
fn redundancy_of_the_codec_is_taken_and_answered() {
    let (lines, agreed) = answered(&stream("111 63", "a=rtpmap:111 opus/48000/2\na=rtpmap:63 red/48000/2\na=fmtp:63 111/111\n"), &local());
    assert_eq!(audio(&lines), "m=audio 20000 RTP/AVP 111 63", "the plain codec is what we send");
    assert!(lines.contains(&"a=rtpmap:63 red/48000/2".to_owned()) && lines.contains(&"a=fmtp:63 111/111".to_owned()));
    assert_eq!((agreed.codec, agreed.payload_type, agreed.redundancy.as_slice()), (Codec::Opus, 111, [63].as_slice()));
    let (lines, agreed) = answered(&stream("96 8", "a=rtpmap:96 RED/8000\na=fmtp:96 8/8/8\n"), &local());
    assert_eq!((audio(&lines), agreed.redundancy.as_slice()), ("m=audio 20000 RTP/AVP 8 96", [96].as_slice()));
    for lines in ["a=rtpmap:96 red/8000\n", "a=rtpmap:96 red/8000\na=fmtp:96 8/18\n", "a=rtpmap:96 red/48000/2\na=fmtp:96 8/8\n"] {
        assert!(answered(&stream("96 8", lines), &local()).1.redundancy.is_empty(), "{lines}");
    }
}

#[test]
fn our_offers_name_all_we_speak() {
    let offer = String::from_utf8(offer(&local()).to_vec()).unwrap();
    assert!(offer.contains("m=audio 20000 RTP/AVP 111 9 8 0 102 101\r\n"), "{offer}");
    for line in ["a=rtpmap:111 opus/48000/2\r\n", "a=rtpmap:9 G722/8000\r\n", "a=rtpmap:102 telephone-event/48000\r\n"] {
        assert!(offer.contains(line), "{line}");
    }
}

#[test]
fn numbers_keep_their_meaning_in_an_offer_of_ours_in_a_call() {
    // Theirs: Opus is 96, and 111 is for keys.
    let theirs = stream("96 111", "a=rtpmap:96 opus/48000/2\na=rtpmap:111 telephone-event/48000\n");
    let (sent, _) = answer(&theirs, &local()).unwrap();
    let again = offer_again(&sent, &local());
    let text = String::from_utf8(again.to_vec()).unwrap();
    assert!(text.contains("m=audio 20000 RTP/AVP 96 9 8 0 111 101\r\n"), "{text}");
    // Keys on 111, and Opus has none yet: it gets a free one.
    let theirs = stream("8 111", "a=rtpmap:111 telephone-event/8000\n");
    let (sent, _) = answer(&theirs, &local()).unwrap();
    let again = offer_again(&sent, &local());
    let text = String::from_utf8(again.to_vec()).unwrap();
    assert!(text.contains("m=audio 20000 RTP/AVP 96 9 8 0 102 111\r\n"), "{text}");
    // Who answers with numbers of its own still sends ours.
    let theirs = stream("97", "a=rtpmap:97 opus/48000/2\n");
    let agreed = read_answer(&theirs, &again, &local()).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Opus, 97));
    assert!(agreed.receive.contains(&(96, Codec::Opus)) && agreed.receive.contains(&(9, Codec::G722)));
}

#[test]
fn an_answer_s_own_order_counts() {
    let sent = offer(&local());
    assert_eq!(read_answer(&stream("0 9", ""), &sent, &local()).unwrap().codec, Codec::Pcmu);
}

#[test]
fn a_refusal_names_what_we_speak() {
    let error = answer(&stream("18", ""), &local()).unwrap_err();
    assert_eq!(error.to_string(), "no audio stream with opus or G722 or PCMA or PCMU in the offer");
}
