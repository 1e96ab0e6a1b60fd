//! Sound that is sent again with what follows it, and so survives its loss: Opus's in-band FEC (RFC 6716 §2.1.7).

use super::*;
use crate::codec::{Codec, Decoders, Encoders, OpusSettings, Payload};

/// A voice of 120 Hz that glides, in syllables of 160 ms with pauses of 40 ms, 20 ms at a time at 48 kHz.
fn voice() -> impl FnMut() -> [i16; 960] {
    let (mut at, mut phase) = (0u64, 0.0f64);
    move || {
        std::array::from_fn(|_| {
            let t = at as f64 / 48_000.0;
            let syllable = (t / 0.2).fract() * 0.2;
            let loudness = if syllable < 0.16 { (std::f64::consts::PI * syllable / 0.16).sin() } else { 0.0 };
            phase += (120.0 + 25.0 * (t * 2.1).sin()) / 48_000.0;
            let since = phase.fract() / 120.0;
            let pulse = (-since * 400.0).exp() * (std::f64::consts::TAU * 650.0 * since).sin()
                + 0.4 * (-since * 500.0).exp() * (std::f64::consts::TAU * 1700.0 * since).sin();
            at += 1;
            (9_000.0 * loudness * pulse) as i16
        })
    }
}

/// Thirty seconds over a line that loses `percent` of the packets, with an encoder that expects that or not; and how many packets carried
/// something again.
fn over_a_bad_line(percent: u32, expected_loss: u8) -> (LegReport, u32) {
    let mut world = World::opus();
    let settings = OpusSettings { expected_loss, bitrate: 24_000, ..OpusSettings::default() };
    let mut encoders = Encoders::new([Codec::Opus], &settings).unwrap();
    // Seed 47.
    let (mut voice, mut random, mut carry) = (voice(), 47u32, 0);
    for _ in 0..1500 {
        let mut payload = Payload::EMPTY;
        encoders.encode(Codec::Opus, &voice(), &mut payload);
        carry += u32::from(Decoders::repeated(Codec::Opus, payload.octets()) > 0);
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if (random >> 8) % 100 < percent {
            world.sequence = world.sequence.wrapping_add(1);
        } else {
            world.packet(PHONE, 111, 77, payload.octets());
        }
        world.timestamp = world.timestamp.wrapping_add(960);
        world.tick_any();
    }
    (world.leg.report(), carry)
}

#[test]
fn with_fec_the_delay_grows_by_a_packet_on_a_line_that_loses_many_and_most_of_them_are_heard() {
    let ((with, carry), (without, none)) = (over_a_bad_line(10, 25), over_a_bad_line(10, 0));
    assert!(carry > 700 && none == 0, "{carry} and {none} packets carry something again");
    assert_eq!((with.received, with.lost), (without.received, without.lost), "the same packets were lost");
    let (with, without) = (with.playout, without.playout);
    assert!(with.concealed * 5 < without.concealed, "{} with FEC, {} without, samples made up", with.concealed, without.concealed);
    assert!(with.gaps < without.gaps, "{with:?} {without:?}");
    assert_eq!((with.most_delay, without.most_delay), (160, 0), "a packet of 20 ms, and nothing where that would be no help");
}

#[test]
fn a_line_that_loses_nearly_nothing_is_not_made_to_wait() {
    let (report, _) = over_a_bad_line(1, 25);
    assert!(report.playout.stretched < 160, "{:?}", report.playout);
}
