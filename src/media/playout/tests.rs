use super::*;
use crate::audio::FRAME;
use crate::audio::tone::{Tone, tone_level};
use crate::media::jitter::{Arrival, Laid};

mod codecs;
mod lines;
mod pauses;

/// Writes the next samples of what is said.
type Speech = Box<dyn FnMut(&mut [i16])>;

/// A sender with its own clock, a network, and a receiver that ticks every 20 ms.
struct Call {
    buffer: JitterBuffer,
    playout: Playout,
    decoders: Decoders,
    /// What is said: by default a tone of 1 kHz.
    speech: Speech,
    codec: Codec,
    heard: Vec<i16>,
    /// What was sent, decoded as the receiver will.
    said: Vec<i16>,
    /// Packets sent.
    sent: u64,
    timestamp: u32,
    /// Under way: when it arrives (µs), its number, timestamp and sound.
    waiting: Vec<(u64, u64, u32, Codec, Vec<u8>)>,
    newest: Option<u64>,
    /// Samples in a packet.
    packet: usize,
    /// When the next packet is sent, µs.
    next: f64,
    /// Speed of the sender's clock.
    speed: f64,
    /// Of the first tick after the first packet, µs.
    phase: u64,
    ticks: u64,
    late: u64,
    random: u32,
}

impl Call {
    /// A sender whose clock is `ppm` fast; `seed` for the network.
    fn new(ppm: f64, seed: u32) -> Self {
        let mut tone = Tone::new(1000.0, -16.0);
        Self {
            buffer: JitterBuffer::new(),
            playout: Playout::new(Room::new(Rate::Full)),
            decoders: decoders(),
            speech: Box::new(move |samples| tone.render(samples)),
            codec: Codec::Pcma,
            heard: Vec::new(),
            said: Vec::new(),
            sent: 0,
            timestamp: 4_294_960_000,
            waiting: Vec::new(),
            newest: None,
            packet: FRAME,
            next: 0.0,
            speed: 1.0 + ppm * 1e-6,
            phase: 7_000,
            ticks: 0,
            late: 0,
            random: seed,
        }
    }

    fn random(&mut self, below: u32) -> u32 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.random >> 8) * u64::from(below)) >> 24) as u32
    }

    /// The sender makes a packet; the network says by how many µs it is held up, `None`: lost.
    fn send(&mut self, network: &mut impl FnMut(&mut Self, u64) -> Option<u32>) {
        let mut linear = vec![0; self.packet];
        (self.speech)(&mut linear);
        let mut octets = vec![0; self.packet];
        self.codec.encode(&linear, &mut octets);
        self.codec.decode(&octets, &mut linear);
        self.said.extend(&linear);
        let (number, timestamp, codec) = (self.sent, self.timestamp, self.codec);
        if let Some(held_up) = network(self, number) {
            self.waiting.push((self.next as u64 + u64::from(held_up), number, timestamp, codec, octets));
        }
        self.sent += 1;
        self.timestamp = timestamp.wrapping_add(self.packet as u32);
        self.next += self.packet as f64 * 125.0 / self.speed;
    }

    /// What has come by `now`, in the order it came.
    fn receive(&mut self, now: u64) {
        self.waiting.sort_by_key(|packet| packet.0);
        while self.waiting.first().is_some_and(|packet| packet.0 <= now) {
            let (_, number, timestamp, codec, payload) = self.waiting.remove(0);
            let in_order = self.newest.is_none_or(|newest| number > newest);
            self.newest = self.newest.max(Some(number));
            let arrival = Arrival { timestamp, in_order, codec, units: payload.len() as i64 * 6, payload: &payload, again: false };
            self.late += u64::from(self.buffer.lay(&arrival) == Laid::Late);
        }
    }

    fn tick(&mut self) {
        let mut sound = Sound::silence(Rate::Narrow);
        self.playout.render(&mut self.buffer, &mut self.decoders, Wanted::Sound, &mut sound);
        self.heard.extend(sound.samples());
        self.ticks += 1;
    }

    fn run(&mut self, ticks: u64, mut network: impl FnMut(&mut Self, u64) -> Option<u32>) {
        for _ in 0..ticks {
            let now = self.ticks * 20_000 + self.phase;
            while self.next as u64 <= now {
                self.send(&mut network);
            }
            self.receive(now);
            self.tick();
        }
    }

    /// Sound that waits beyond the tick, ms.
    fn delay_ms(&self) -> f64 {
        self.buffer.held() as f64 / UNITS_A_MS as f64
    }

    fn counts(&self) -> Counts {
        self.playout.counts()
    }

    /// Largest step of `heard` from a sample on.
    fn steepest(&self, from: usize) -> i32 {
        self.heard[from..].windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }
}

fn decoders() -> Decoders {
    Decoders::new(Codec::ALL).unwrap()
}

/// No network between.
fn clean(_: &mut Call, _: u64) -> Option<u32> {
    Some(0)
}

/// Steepest step of the tone of 1 kHz at −16 dBov, coded in A-law (whose steps are up to 3 % of the sample).
const SLOPE: i32 = 5_700;

/// Speech-like sound: a voice of 120 Hz that glides, in syllables of 160 ms with pauses of 80 ms.
fn voice() -> impl FnMut(&mut [i16]) {
    let (mut at, mut phase) = (0u64, 0.0f64);
    move |samples| {
        for sample in samples {
            let t = at as f64 / 8000.0;
            let syllable = (t / 0.24).fract() * 0.24;
            let loudness = if syllable < 0.16 { (std::f64::consts::PI * syllable / 0.16).sin() } else { 0.0 };
            phase += (120.0 + 25.0 * (t * 2.1).sin()) / 8000.0;
            let since = phase.fract() / 120.0;
            let pulse = (-since * 400.0).exp() * (std::f64::consts::TAU * 650.0 * since).sin()
                + 0.4 * (-since * 500.0).exp() * (std::f64::consts::TAU * 1700.0 * since).sin();
            *sample = (9_000.0 * loudness * pulse) as i16;
            at += 1;
        }
    }
}
