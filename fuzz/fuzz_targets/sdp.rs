//! Any body: read without loss; if it can be answered, each m-line is, one of them alive, and the answer can be read as one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ljudbro::codec::Codec;
use ljudbro::sip::answer::{Local, answer, offer_again, read_answer};
use ljudbro::wire::sdp::Sdp;

fuzz_target!(|body: &[u8]| {
    let Ok(sdp) = Sdp::parse(body) else { return };
    assert_eq!(sdp.to_bytes(), body);
    let local = Local {
        address: [192, 0, 2, 50].into(),
        port: 20_000,
        session_id: 77,
        version: 1,
        signalled_from: [192, 0, 2, 51].into(),
        codecs: Codec::ALL.into_iter().collect(),
    };
    let _ = read_answer(body, body, &local);
    let Ok((sent, agreed)) = answer(body, &local) else { return };
    let ours = Sdp::parse(&sent).expect("an answer is SDP");
    assert_eq!(ours.media().count(), sdp.media().count());
    assert_eq!(ours.media().filter(|media| media.port() != Some(0)).count(), 1);
    assert!((10..=60).contains(&agreed.ptime_ms) && agreed.ptime_ms.is_multiple_of(10));
    read_answer(&sent, body, &local).expect("an answer can be read");
    let again = offer_again(&sent, &local);
    assert_eq!(Sdp::parse(&again).expect("an offer is SDP").media().count(), sdp.media().count());
});
