//! Any octets as a TCP stream of SIP, in pieces: the same messages come out however it is cut, until it is given up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ljudbro::sip::framer::{Framed, Framer, limits};

fn messages(framed: &[Framed]) -> usize {
    framed.iter().filter(|framed| matches!(framed, Framed::Message(_))).count()
}

fuzz_target!(|input: &[u8]| {
    let Some((size, stream)) = input.split_first() else { return };
    let mut pieces = Framer::new();
    let mut count = 0;
    for piece in stream.chunks(usize::from(*size) + 1) {
        match pieces.push(piece) {
            Ok(framed) => count += messages(&framed),
            // A stream given up at once may have given messages when it came in pieces.
            Err(_) => return,
        }
        assert!(pieces.pending() <= limits().max_message_bytes + piece.len(), "what is held of half a message is bounded");
    }
    if let Ok(framed) = Framer::new().push(stream) {
        assert_eq!(messages(&framed), count);
    }
});
