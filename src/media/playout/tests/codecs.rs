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
    wanted: Wanted,
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
            wanted: Wanted::Sound,
            heard: Vec::new(),
        }
    }

    /// The next 20 ms, encoded.
    fn packet(&mut self) -> Payload {
        let rate = rate_of(self.codec);
        let step = std::f64::consts::TAU * 1000.0 / f64::from(rate.hz());
        let from = self.at as f64 * rate.frame() as f64;
        let samples: Vec<i16> = (0..rate.frame()).map(|n| (5_000.0 * ((from + n as f64) * step).sin()) as i16).collect();
        self.encode(&samples)
    }

    fn encode(&mut self, samples: &[i16]) -> Payload {
        let mut payload = Payload::EMPTY;
        self.encoders.encode(self.codec, samples, &mut payload);
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
        self.playout.render(&mut self.buffer, &mut self.decoders, self.wanted, &mut sound);
        self.heard.push(sound);
    }

    /// A packet of these samples, and a tick.
    fn say(&mut self, samples: &[i16]) -> Payload {
        let payload = self.encode(samples);
        self.lay(&payload);
        self.timestamp = self.timestamp.wrapping_add(self.codec.clock_hz() / 50);
        self.tick();
        payload
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

/// Ticks of quiet noise: −62 dBov, from a linear congruential generator (seed 5).
fn noise() -> impl FnMut() -> Vec<i16> {
    let mut random = 5u32;
    move || {
        std::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) as i16 / 512
        })
        .take(960)
        .collect()
    }
}

/// Ticks of speech-like sound at 48 kHz.
fn speech() -> impl FnMut() -> Vec<i16> {
    let mut voice = voice();
    let mut up = crate::audio::resample::Resampler::new(Rate::Full);
    move || {
        let (mut narrow, mut full) = (Sound::silence(Rate::Narrow), Sound::silence(Rate::Full));
        voice(narrow.samples_mut());
        up.run(&narrow, &mut full);
        full.samples().to_vec()
    }
}

#[test]
fn noise_that_nobody_hears_is_not_decoded_and_the_word_after_it_is_heard_whole() {
    let (mut dozes, mut wakes) = (Wide::new(Codec::Opus), Wide::new(Codec::Opus));
    let (mut noise, mut speech) = (noise(), speech());
    for _ in 0..200 {
        let samples = noise();
        dozes.say(&samples);
        wakes.say(&samples);
    }
    dozes.wanted = Wanted::Speech;
    for _ in 0..100 {
        let samples = noise();
        dozes.say(&samples);
        wakes.say(&samples);
        assert!(dozes.playout.dozes());
    }
    assert!(dozes.heard[202..].iter().all(|sound| sound.samples().iter().all(|sample| *sample == 0)));
    // Whatever is said now is decoded, though nobody has asked for it yet.
    let mut ticks = 0;
    while dozes.playout.dozes() {
        let samples = speech();
        dozes.say(&samples);
        wakes.say(&samples);
        ticks += 1;
    }
    assert!(ticks <= 3, "{ticks} ticks of speech went by");
    dozes.wanted = Wanted::Sound;
    let from = dozes.heard.len() - 1;
    for _ in 0..25 {
        let samples = speech();
        dozes.say(&samples);
        wakes.say(&samples);
    }
    let (mut signal, mut error) = (0.0, 0.0);
    for (dozed, waked) in dozes.heard[from..].iter().zip(&wakes.heard[from..]) {
        for (a, b) in dozed.samples().iter().zip(waked.samples()) {
            signal += f64::from(*b).powi(2);
            error += f64::from(i32::from(*a) - i32::from(*b)).powi(2);
        }
    }
    assert!(signal > 1e6 && error < signal / 1000.0, "{:.1} dB", 10.0 * (signal / error).log10());
    assert_eq!(dozes.playout.counts(), wakes.playout.counts());
}

#[test]
fn what_is_lost_while_nobody_hears_it_is_nothing_and_what_nobody_wants_is_never_decoded() {
    let mut line = Wide::new(Codec::Opus);
    line.run(50, |_| false);
    line.wanted = Wanted::Nothing;
    line.run(50, |n| n % 7 == 3);
    let silent = |sound: &Sound| sound.samples().iter().all(|sample| *sample == 0);
    assert!(line.heard[line.heard.len() - 45..].iter().all(silent));
    line.wanted = Wanted::Sound;
    line.run(20, |_| false);
    for level in line.levels(18) {
        assert!((level - LEVEL).abs() < 2.5, "{level} after it");
    }
    // Without Opus everything is decoded.
    let mut line = Wide::new(Codec::G722);
    line.wanted = Wanted::Nothing;
    line.run(50, |_| false);
    assert!(!line.playout.dozes() && line.levels(20).iter().all(|level| (level - LEVEL).abs() < 1.0));
}
