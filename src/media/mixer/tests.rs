//! What a meeting sounds like, at the level of frames.

use super::*;
use crate::audio::{FRAME, Frame, SILENCE};

/// A tick of a sine, whole periods for multiples of 50 Hz.
fn tone(frequency_hz: f64, amplitude: f64) -> Frame {
    std::array::from_fn(|i| (amplitude * (std::f64::consts::TAU * frequency_hz * i as f64 / 8000.0).sin()) as i16)
}

/// One tick: each leg's sound in, each leg's mix out.
struct Room {
    voices: Vec<Voice>,
    limiters: Vec<Limiter>,
    shared: [Limiter; 3],
    mixer: Mixer,
    tail: Tail,
    /// What sounds is noise, as its sender says.
    noisy: bool,
    /// What is not heard is not known.
    dozes: bool,
}

impl Room {
    fn new(legs: usize) -> Self {
        Self::with(legs, MixSettings { speakers: 24, level: false })
    }

    fn with(legs: usize, settings: MixSettings) -> Self {
        Self {
            voices: std::iter::repeat_with(Voice::default).take(legs).collect(),
            limiters: vec![Limiter::default(); legs],
            shared: Default::default(),
            mixer: Mixer::new(legs, settings),
            tail: Tail::default(),
            noisy: false,
            dozes: false,
        }
    }

    /// Narrowband sounds in, narrowband sounds out.
    fn tick(&mut self, frames: &[Frame]) -> Vec<Frame> {
        let sounds: Vec<Sound> = frames.iter().map(|frame| sound(Rate::Narrow, frame)).collect();
        self.turn(&sounds).iter().map(|heard| *heard.samples().first_chunk().unwrap()).collect()
    }

    fn turn(&mut self, sounds: &[Sound]) -> Vec<Sound> {
        self.mixer.begin();
        for (voice, sound) in self.voices.iter_mut().zip(sounds) {
            voice.sound = sound.clone();
            self.mixer.want(voice.listens);
            let sounds = sound.samples().iter().any(|&s| s != 0);
            let brings = match sounds {
                true if self.dozes && voice.source.is_unheard() => Brings::Unheard,
                true if self.noisy => Brings::Noise,
                true => Brings::Sound,
                false => Brings::Silence,
            };
            if brings == Brings::Unheard {
                voice.sound.clear(voice.sound.rate());
            }
            self.mixer.hear(voice, brings, true);
        }
        let cut = self.mixer.cut();
        for voice in &mut self.voices {
            self.mixer.settle(cut, voice);
        }
        self.mixer.add_tail(&mut self.tail);
        let shared = Rate::ALL.map(|rate| {
            let mut out = Sound::silence(rate);
            self.mixer.shared(rate, &mut self.shared[rate as usize], &mut out);
            out
        });
        let outputs = self.voices.iter().zip(&mut self.limiters);
        outputs
            .map(|(voice, limiter)| {
                let mut out = shared[voice.listens as usize].clone();
                if voice.adds() {
                    self.mixer.without(voice, limiter, &mut out);
                }
                out
            })
            .collect()
    }

    fn streams(&self) -> usize {
        self.mixer.streams(Rate::Narrow)
    }
}

fn sound(rate: Rate, samples: &[i16]) -> Sound {
    let mut sound = Sound::silence(rate);
    sound.samples_mut().copy_from_slice(samples);
    sound
}

/// The `tick`-th tick of a sine at a rate.
fn tick_of(rate: Rate, tick: usize, frequency_hz: f64, amplitude: f64) -> Sound {
    let sample = |i: usize| {
        let seconds = (tick * rate.frame() + i) as f64 / f64::from(rate.hz());
        (amplitude * (std::f64::consts::TAU * frequency_hz * seconds).sin()) as i16
    };
    sound(rate, &(0..rate.frame()).map(sample).collect::<Vec<_>>())
}

/// Largest step between neighbouring samples.
fn step(sound: &[i16]) -> i32 {
    sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
}

#[test]
fn each_hears_all_others_to_the_bit_and_never_itself() {
    let mut room = Room::new(4);
    let voices = [tone(400.0, 3000.0), tone(700.0, 2000.0), SILENCE, tone(1000.0, 1000.0)];
    room.tick(&voices);
    let heard = room.tick(&voices);
    for (listener, heard) in heard.iter().enumerate() {
        for i in 0..FRAME {
            let others = voices.iter().enumerate().filter(|(speaker, _)| *speaker != listener);
            assert_eq!(i32::from(heard[i]), others.map(|(_, v)| i32::from(v[i])).sum::<i32>());
        }
    }
}

#[test]
fn nobody_hears_themselves_while_they_fade_in_or_out_either() {
    let mut room = Room::new(2);
    for muted in [false, false, true, true, false] {
        room.voices[0].source.mute(muted);
        let heard = room.tick(&[tone(400.0, 9000.0), SILENCE]);
        assert_eq!(heard[0], SILENCE);
    }
}

#[test]
fn who_mutes_fades_out_and_who_unmutes_fades_in() {
    let mut room = Room::new(2);
    let mut heard = Vec::new();
    for tick in 0..12 {
        room.voices[0].source.mute((4..8).contains(&tick));
        // 425 Hz: the mute falls into the middle of a wave.
        let voice = std::array::from_fn(|i| {
            let turns = 425.0 * (tick * FRAME + i) as f64 / 8000.0 + 0.25;
            (10_000.0 * (std::f64::consts::TAU * turns).sin()) as i16
        });
        heard.extend(room.tick(&[voice, SILENCE])[1]);
    }
    assert!(step(&heard) <= 3_500, "the wave itself steps by 3,300; a cut would by 10,000: {}", step(&heard));
    assert!(heard[5 * FRAME..8 * FRAME].iter().all(|&s| s == 0), "muted is silent");
    assert!(heard[9 * FRAME..].iter().any(|&s| s > 9_900), "unmuted is whole again");
}

#[test]
fn thirty_who_shout_do_not_wrap() {
    let mut room = Room::new(30);
    for _ in 0..3 {
        let frames = vec![tone(400.0, 32_000.0); 30];
        for heard in room.tick(&frames) {
            let positive = tone(400.0, 32_000.0);
            assert!(heard.iter().zip(&positive).all(|(h, v)| i32::from(*h) * i32::from(*v) >= 0), "same sign everywhere");
        }
    }
}

#[test]
fn hearing_goes_down_at_once_and_comes_back_gently() {
    let mut hearing = Hearing::FULL;
    let mut heard = Vec::new();
    for tick in 0..10 {
        let mut frame = [10_000; FRAME];
        hearing.toward(if tick < 3 { Hearing::DUCKED } else { Hearing::FULL }, &mut frame);
        heard.extend(frame);
    }
    assert!(heard[40..3 * FRAME].iter().all(|s| (2509..=2510).contains(s)), "−12 dB");
    assert!(step(&heard) < 200);
    assert!(heard[4 * FRAME] < 7_000 && heard[7 * FRAME] == 10_000);
    assert_eq!(hearing, Hearing::FULL);
}

#[test]
fn speech_over_a_loud_meeting_does_not_wrap() {
    let mut frame = [30_000; FRAME];
    speak_over(&mut frame, &[23_000; FRAME]);
    assert!(frame.iter().all(|&s| s > 30_000));
}

mod buses;
mod choosing;
