//! Any datagram as RTCP; and what it reports, written by us, reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ljudbro::wire::rtcp::{Compound, read};

fuzz_target!(|datagram: &[u8]| {
    let ours = datagram.get(8..).and_then(|rest| rest.first_chunk::<4>()).map_or(1, |ssrc| u32::from_be_bytes(*ssrc));
    let Some(received) = read(datagram, ours) else { return };
    let sender = received.sender.map(|(_, info)| info);
    let compound = Compound { ssrc: 7, sender, report: received.report, cname: "0123456789abcdef", bye: received.bye };
    let mut out = [0; 256];
    let written = compound.write(&mut out);
    assert!(written > 0 && written.is_multiple_of(4));
    let back = read(&out[..written], ours).expect("what we write is RTCP");
    assert_eq!(back.sender.map(|(_, info)| info), sender);
    assert_eq!((back.report, back.bye), (received.report, received.bye));
});
