//! Any datagram as RTP: what is read is written and read again the same; its payload as telephone events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ljudbro::wire::rtp::{HEADER, Packet, is_rtcp};
use ljudbro::wire::telephone_event::EventReceiver;

fuzz_target!(|datagram: &[u8]| {
    let _ = is_rtcp(datagram);
    let Ok(packet) = Packet::parse(datagram) else { return };
    let mut out = vec![0; HEADER + packet.payload.len()];
    let written = packet.write(&mut out);
    assert_eq!(written, out.len());
    assert_eq!(Packet::parse(&out), Ok(packet));

    // Eight octets a packet: sequence and timestamp move as the input says.
    let mut keys = EventReceiver::default();
    let (mut sequence, mut timestamp) = (packet.sequence, packet.timestamp);
    for chunk in packet.payload.chunks(8) {
        let step = |at: usize| chunk.get(at).copied().unwrap_or(1);
        sequence = sequence.wrapping_add_signed(i16::from(step(4) as i8));
        timestamp = timestamp.wrapping_add(u32::from(step(5)) << (step(6) % 25));
        let rate_hz = [8_000, 16_000, 48_000, 0][usize::from(step(7) % 4)];
        let _ = keys.receive(sequence, timestamp, packet.ssrc, rate_hz, chunk);
    }
});
