use std::time::Duration;

use super::*;
use crate::audio::tone::{Tone, tone_level};
use crate::codec::Codec;
use crate::media::jitter::TARGET;

#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
fn start() -> Instant {
    Instant::now()
}

/// A sender with its own clock, a network, and a receiver that ticks every 20 ms.
struct Call {
    base: Instant,
    buffer: JitterBuffer,
    playout: Playout,
    tone: Tone,
    heard: Vec<i16>,
    sent: u64,
    /// Under way: when it arrives (µs), its number, its sound.
    waiting: Vec<(u64, u64, Vec<u8>)>,
    /// Length of a packet by our clock, µs.
    packet_us: f64,
    random: u32,
}

impl Call {
    /// A sender of a 1 kHz tone whose clock is `ppm` fast; `seed` for the network.
    fn new(ppm: f64, seed: u32) -> Self {
        let base = start();
        Self {
            base,
            buffer: JitterBuffer::new(base),
            playout: Playout::default(),
            tone: Tone::new(1000.0, -16.0),
            heard: Vec::new(),
            sent: 0,
            waiting: Vec::new(),
            packet_us: 20_000.0 / (1.0 + ppm * 1e-6),
            random: seed,
        }
    }

    fn random(&mut self, below: u32) -> u32 {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.random >> 8) * u64::from(below)) >> 24) as u32
    }

    /// `ticks` ticks; `network` says by how many µs the packet of a number is held up, `None`: lost.
    fn run(&mut self, ticks: u64, mut network: impl FnMut(&mut Self, u64) -> Option<u32>) {
        let from = self.heard.len() as u64 / 160;
        for tick in from..from + ticks {
            let now = tick * 20_000 + 7_000;
            while (self.sent as f64 * self.packet_us) as u64 <= now + 20_000 {
                let mut linear = SILENT;
                self.tone.render(&mut linear);
                let mut octets = vec![0; 160];
                Codec::Pcma.encode(&linear, &mut octets);
                let number = self.sent;
                if let Some(held) = network(self, number) {
                    self.waiting.push(((number as f64 * self.packet_us) as u64 + u64::from(held), number, octets));
                }
                self.sent += 1;
            }
            self.waiting.sort_by_key(|(at, ..)| *at);
            let later = self.waiting.split_off(self.waiting.partition_point(|(at, ..)| *at <= now));
            for (at, number, octets) in std::mem::replace(&mut self.waiting, later) {
                let arrived = self.base + Duration::from_micros(at);
                // Timestamps wrap in the first second.
                self.buffer.lay(arrived, (number as u32 * 160).wrapping_sub(4000), false, Codec::Pcma, &octets);
            }
            let mut frame = SILENT;
            self.playout.render(self.base + Duration::from_micros(now), &mut self.buffer, &mut frame);
            self.heard.extend(frame);
        }
    }

    /// Largest curvature of the sound: a 1 kHz sine of amplitude a has at most 0.586·a (a step is far more).
    fn roughest(&self, from: usize) -> i32 {
        self.heard[from..].windows(3).map(|w| (i32::from(w[0]) - 2 * i32::from(w[1]) + i32::from(w[2])).abs()).max().unwrap()
    }
}

const SILENT: Frame = [0; FRAME];
/// Amplitude of the sender's tone.
const AMPLITUDE: i32 = 7345;
/// The curvature of its sine, with the noise of the law and a little room.
const SMOOTH: i32 = 4800;

#[test]
fn on_a_clean_line_every_sample_is_played_as_it_was_sent() {
    let mut call = Call::new(0.0, 1);
    call.run(100, |_, _| Some(0));
    // The packet came 7 ms (56 samples) before the first tick.
    let first = TARGET as usize - 56;
    assert!(call.heard[..first].iter().all(|s| *s == 0));
    let mut sent = vec![0; call.heard.len() - first];
    Tone::new(1000.0, -16.0).render(&mut sent);
    let mut octets = vec![0; sent.len()];
    Codec::Pcma.encode(&sent.clone(), &mut octets);
    Codec::Pcma.decode(&octets, &mut sent);
    assert_eq!(call.heard[first + FADE..], sent[FADE..]);
    assert_eq!((call.playout.concealed(), call.playout.shed()), (0, 0));
}

#[test]
fn jitter_within_the_promise_loses_nothing() {
    // Seeds 1 to 5: 0 to 20 ms, uniformly, so packets overtake each other.
    for seed in 1..=5 {
        let mut call = Call::new(0.0, seed);
        call.run(500, |call, number| Some(if number == 0 { 0 } else { call.random(20_000) }));
        assert_eq!(call.playout.concealed(), 0, "seed {seed}");
        assert!(call.roughest(TARGET as usize) <= SMOOTH, "seed {seed}: {}", call.roughest(TARGET as usize));
    }
}

#[test]
fn ten_minutes_of_drifting_tone_have_no_click_and_their_delay_stays() {
    // ±500 ppm are the worst clocks seen; ten minutes of them are 2,400 samples of drift.
    for ppm in [500.0, -500.0, 100.0, -30.0] {
        let mut call = Call::new(ppm, 1);
        call.run(30_000, |_, _| Some(0));
        assert!(call.roughest(TARGET as usize) <= SMOOTH, "{ppm} ppm: {}", call.roughest(TARGET as usize));
        assert_eq!(call.playout.concealed(), 0, "{ppm} ppm");
        assert!(call.buffer.surplus().unwrap().abs() <= BAND + 4, "{ppm} ppm: {:?}", call.buffer.surplus());
        let end = &call.heard[call.heard.len() - 1600..];
        assert!((tone_level(end, 1000.0) + 16.0).abs() < 0.3, "{ppm} ppm");
    }
}

#[test]
fn lost_packets_are_silence_without_clicks_and_what_follows_is_in_its_place() {
    // Seed 3: one packet in ten is lost.
    let mut call = Call::new(0.0, 3);
    let mut lost = 0;
    call.run(500, |call, number| {
        let loses = number > 0 && number < 495 && call.random(10) == 0;
        lost += u64::from(loses);
        (!loses).then_some(0)
    });
    assert!(lost > 30);
    assert_eq!(call.playout.concealed(), lost * 160);
    // A turn of direction where the sound is mirrored is a bend of at most twice the steepest slope; a click would be a step.
    assert!(call.heard.windows(2).all(|w| (i32::from(w[0]) - i32::from(w[1])).abs() < AMPLITUDE * 9 / 10));
    let first = TARGET as usize - 56;
    let mut sent = vec![0; call.heard.len() - first];
    Tone::new(1000.0, -16.0).render(&mut sent);
    let same = sent.iter().zip(&call.heard[first..]).filter(|(a, b)| (i32::from(**a) - i32::from(**b)).abs() < 200).count();
    // Per loss the packet itself and the fade in after it differ.
    assert!(same as u64 > sent.len() as u64 - lost * 200 - 100, "{same} of {}", sent.len());
}

#[test]
fn sound_that_stops_fades_out_and_comes_back_softly() {
    let mut call = Call::new(0.0, 1);
    call.run(50, |_, _| Some(0));
    call.run(50, |_, _| None);
    let end = call.heard.len();
    assert!(call.heard[end - 160..].iter().all(|s| *s == 0));
    call.run(50, |_, _| Some(0));
    let back = end + call.heard[end..].iter().position(|s| *s != 0).unwrap();
    assert!(call.heard[back..back + 8].iter().all(|s| i32::from(*s).abs() < AMPLITUDE / 4));
    assert!(call.playout.concealed() <= u64::from(COUNTED), "who sends nothing misses nothing");
}

#[test]
fn a_longer_way_is_followed_and_delay_left_over_is_shed_inside_sound_without_a_click() {
    let mut call = Call::new(0.0, 1);
    call.run(50, |_, _| Some(60_000));
    // The way grows shorter by 60 ms: sound would wait that much too long.
    call.run(1000, |_, _| Some(0));
    assert!(call.buffer.surplus().unwrap() <= BAND + PACE, "{:?}", call.buffer.surplus());
    assert!((430..500).contains(&call.playout.shed()), "{}", call.playout.shed());
    assert!(call.roughest(900) <= SMOOTH, "{}", call.roughest(900));
    // And longer by 60 ms again: heard whole, after a hole.
    call.run(300, |_, _| Some(60_000));
    let concealed = call.playout.concealed();
    call.run(100, |_, _| Some(60_000));
    assert_eq!(call.playout.concealed(), concealed);
}

#[test]
fn delay_over_the_cap_is_cut_off_at_once() {
    let mut call = Call::new(0.0, 1);
    call.run(50, |_, _| Some(200_000));
    call.run(60, |_, _| Some(0));
    assert!(call.buffer.surplus().unwrap() <= CAP, "{:?}", call.buffer.surplus());
    assert!(call.playout.shed() >= 1500, "{}", call.playout.shed());
    assert!(call.playout.most_delay() >= CAP.unsigned_abs());
}

#[test]
fn in_silence_delay_is_shed_faster_than_in_sound() {
    let shed = |level: f32| {
        let mut call = Call::new(0.0, 1);
        call.tone = Tone::new(1000.0, level);
        call.run(50, |_, _| Some(60_000));
        call.run(60, |_, _| Some(0));
        call.playout.shed()
    };
    assert!(shed(-16.0) <= 60 * u64::from(PACE.unsigned_abs()), "{}", shed(-16.0));
    assert!(shed(-70.0) > 400, "{}", shed(-70.0));
}
