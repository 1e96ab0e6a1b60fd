//! Codecs that remember: G.722 and Opus, and changes between all of them.

use super::*;
use crate::codec::{Encoders, OpusSettings, Payload};

/// A sender of a tone of 1 kHz in any codec, and our receiver.
struct Wide {
    buffer: JitterBuffer,
    playout: Playout,
    decoders: Decoders,
    encoders: Encoders,
    codec: Codec,
    timestamp: u32,
    at: u64,
    /// Ticks heard, at their rate.
    heard: Vec<Sound>,
}

impl Wide {
    fn new(codec: Codec) -> Self {
        Self {
            buffer: JitterBuffer::new(),
            playout: Playout::new(Room::new(Rate::Full)),
            decoders: decoders(),
            encoders: Encoders::new(Codec::ALL, &OpusSettings::default()).unwrap(),
            codec,
            timestamp: 0,
            at: 0,
            heard: Vec::new(),
        }
    }

    /// The next 20 ms, encoded.
    fn packet(&mut self) -> Payload {
        let rate = rate_of(self.codec);
        let step = std::f64::consts::TAU * 1000.0 / f64::from(rate.hz());
        let from = self.at as f64 * rate.frame() as f64;
        let samples: Vec<i16> = (0..rate.frame()).map(|n| (5_000.0 * ((from + n as f64) * step).sin()) as i16).collect();
        let mut payload = Payload::EMPTY;
        self.encoders.encode(self.codec, &samples, &mut payload);
        self.at += 1;
        payload
    }

    fn lay(&mut self, payload: &Payload) {
        let arrival =
            Arrival { timestamp: self.timestamp, in_order: true, codec: self.codec, units: 960, payload: payload.octets(), again: false };
        self.buffer.lay(&arrival);
    }

    fn tick(&mut self) {
        let mut sound = Sound::silence(Rate::Narrow);
        self.playout.render(&mut self.buffer, &mut self.decoders, &mut sound);
        self.heard.push(sound);
    }

    /// `ticks` packets and ticks; those of which `lost` says so do not come.
    fn run(&mut self, ticks: usize, lost: impl Fn(usize) -> bool) {
        for n in 0..ticks {
            let payload = self.packet();
            if !lost(n) {
                self.lay(&payload);
            }
            self.timestamp = self.timestamp.wrapping_add(self.codec.clock_hz() / 50);
            self.tick();
        }
    }

    /// Level of the tone of 1 kHz in each of the last ticks, dBov.
    fn levels(&self, ticks: usize) -> Vec<f32> {
        let level = |sound: &Sound| {
            // `tone_level` counts in samples of 8 kHz.
            tone_level(sound.samples(), 1000.0 * 8_000.0 / f64::from(sound.rate().hz()))
        };
        self.heard[self.heard.len() - ticks..].iter().map(level).collect()
    }
}

/// 5,000 as a sine.
const LEVEL: f32 = -19.3;

#[test]
fn every_codec_is_heard_at_its_own_rate_and_at_once() {
    for codec in Codec::ALL {
        let mut line = Wide::new(codec);
        line.run(100, |_| false);
        assert!(line.heard[1..].iter().all(|sound| sound.rate() == rate_of(codec)));
        assert_eq!((line.playout.counts().concealed, line.buffer.held()), (0, 0), "{codec:?}");
        for level in line.levels(50) {
            assert!((level - LEVEL).abs() < 1.0, "{codec:?}: {level}");
        }
    }
}

#[test]
fn a_lost_packet_is_made_up_in_every_codec() {
    for codec in Codec::ALL {
        let mut line = Wide::new(codec);
        line.run(101, |n| n == 100);
        let level = line.levels(1)[0];
        // libopus takes a tone for no voice and lets it fade at once.
        let least = if codec == Codec::Opus { 20.0 } else { 4.0 };
        assert!((level - LEVEL).abs() < least, "{codec:?}: {level} in place of the lost packet");
        assert_eq!(line.playout.counts().gaps, 1);
        line.run(20, |_| false);
        assert_eq!(line.buffer.held(), 0, "{codec:?}: no delay is left of it");
        for level in line.levels(15) {
            assert!((level - LEVEL).abs() < 2.5, "{codec:?}: {level} after it");
        }
    }
}

#[test]
fn the_codec_may_change_at_any_packet_and_nothing_is_silent_for_long() {
    let mut line = Wide::new(Codec::Pcma);
    line.run(50, |_| false);
    for codec in [Codec::G722, Codec::Opus, Codec::Pcmu, Codec::Opus, Codec::G722, Codec::Pcma] {
        line.codec = codec;
        line.run(50, |_| false);
        assert_eq!(line.heard.last().unwrap().rate(), rate_of(codec));
        let quiet = line.levels(48).iter().filter(|level| **level < LEVEL - 6.0).count();
        assert!(quiet <= 1, "{codec:?}: {quiet} ticks");
    }
}

#[test]
fn a_lost_packet_that_the_next_one_carries_again_is_heard_when_there_is_time_for_it() {
    // Two packets ahead, as a line with jitter has it.
    let mut line = Wide::new(Codec::Opus);
    for _ in 0..2 {
        let payload = line.packet();
        line.lay(&payload);
        line.timestamp += 960;
    }
    // Before the delay is found too long and shed.
    line.run(24, |n| n % 10 == 5);
    let counts = line.playout.counts();
    assert_eq!((counts.gaps, counts.concealed), (0, 0), "{counts:?}");
    for level in line.levels(22) {
        // The copy is a coarse one; what libopus makes up without it is 14 dB down.
        assert!((level - LEVEL).abs() < 9.0, "{level}");
    }
}

#[test]
fn a_leg_that_gets_more_room_in_mid_stream_goes_on_as_if_it_had_had_it() {
    // A loss is being concealed when it happens, and all that follows depends on the past.
    let lost = |n: usize| n % 10 == 9;
    let [mut one, mut other] = [Rate::Narrow, Rate::Full].map(|top| {
        let mut line = Wide::new(Codec::Pcma);
        line.playout = Playout::new(Room::new(top));
        line.run(40, lost);
        line
    });
    assert!(one.playout.takes(Codec::Pcmu) && !one.playout.takes(Codec::G722));
    drop(one.playout.widen(Room::new(Rate::Full)));
    for line in [&mut one, &mut other] {
        line.run(20, lost);
        line.codec = Codec::Opus;
        line.run(20, lost);
        // What is less is not taken.
        drop(line.playout.widen(Room::new(Rate::Narrow)));
        assert!(line.playout.takes(Codec::Opus));
        line.run(20, lost);
    }
    for (a, b) in one.heard.iter().zip(&other.heard) {
        assert_eq!((a.rate(), a.samples()), (b.rate(), b.samples()));
    }
}
