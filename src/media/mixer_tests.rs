//! What a meeting sounds like, at the level of frames.

use super::*;
use crate::audio::SILENCE;

/// A tick of a sine, whole periods for multiples of 50 Hz.
fn tone(frequency_hz: f64, amplitude: f64) -> Frame {
    std::array::from_fn(|i| (amplitude * (std::f64::consts::TAU * frequency_hz * i as f64 / 8000.0).sin()) as i16)
}

/// One tick: each leg's sound in, each leg's mix out.
struct Room {
    sources: Vec<Source>,
    limiters: Vec<Limiter>,
    shared: Limiter,
    mixer: Mixer,
    tail: Tail,
}

impl Room {
    fn new(legs: usize) -> Self {
        Self {
            sources: vec![Source::default(); legs],
            limiters: vec![Limiter::default(); legs],
            shared: Limiter::default(),
            mixer: Mixer::new(legs),
            tail: Tail::default(),
        }
    }

    fn tick(&mut self, frames: &mut [Frame]) -> Vec<Frame> {
        self.mixer.begin();
        for (source, frame) in self.sources.iter_mut().zip(frames.iter()) {
            source.hear(frame, frame != &SILENCE, true);
            self.mixer.consider(source);
        }
        let cut = self.mixer.cut();
        for (source, frame) in self.sources.iter_mut().zip(frames.iter_mut()) {
            if source.settle(cut, frame) {
                self.mixer.add(frame);
            }
        }
        self.mixer.add_tail(&mut self.tail);
        let mut everybody = SILENCE;
        self.mixer.shared(&mut self.shared, &mut everybody);
        let outputs = self.sources.iter().zip(&mut self.limiters).zip(frames.iter());
        outputs
            .map(|((source, limiter), own)| {
                let mut out = everybody;
                if source.is_audible() {
                    self.mixer.without(own, limiter, &mut out);
                }
                out
            })
            .collect()
    }
}

/// Largest step between neighbouring samples.
fn step(sound: &[i16]) -> i32 {
    sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
}

#[test]
fn each_hears_all_others_to_the_bit_and_never_itself() {
    let mut room = Room::new(4);
    let voices = [tone(400.0, 3000.0), tone(700.0, 2000.0), SILENCE, tone(1000.0, 1000.0)];
    room.tick(&mut voices.clone());
    let heard = room.tick(&mut voices.clone());
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
        room.sources[0].mute(muted);
        let heard = room.tick(&mut [tone(400.0, 9000.0), SILENCE]);
        assert_eq!(heard[0], SILENCE);
    }
}

#[test]
fn who_mutes_fades_out_and_who_unmutes_fades_in() {
    let mut room = Room::new(2);
    let mut heard = Vec::new();
    for tick in 0..12 {
        room.sources[0].mute((4..8).contains(&tick));
        // 425 Hz: the mute falls into the middle of a wave.
        let voice = std::array::from_fn(|i| {
            let turns = 425.0 * (tick * FRAME + i) as f64 / 8000.0 + 0.25;
            (10_000.0 * (std::f64::consts::TAU * turns).sin()) as i16
        });
        heard.extend(room.tick(&mut [voice, SILENCE])[1]);
    }
    assert!(step(&heard) <= 3_500, "the wave itself steps by 3,300; a cut would by 10,000: {}", step(&heard));
    assert!(heard[5 * FRAME..8 * FRAME].iter().all(|&s| s == 0), "muted is silent");
    assert!(heard[9 * FRAME..].iter().any(|&s| s > 9_900), "unmuted is whole again");
}

#[test]
fn silence_costs_nothing_after_a_while_and_a_quiet_voice_is_never_cut() {
    let mut room = Room::new(2);
    for _ in 0..10 {
        room.tick(&mut [tone(400.0, 90.0), SILENCE]);
        assert_eq!(room.mixer.streams(), 1, "−54 dBov is somebody far from the phone");
    }
    for _ in 0..HANG {
        room.tick(&mut [tone(400.0, 20.0), SILENCE]);
    }
    let heard = room.tick(&mut [tone(400.0, 20.0), SILENCE]);
    assert_eq!((room.mixer.streams(), heard[1]), (0, SILENCE), "−67 dBov is the line's noise");
    for _ in 0..3 {
        room.tick(&mut [tone(400.0, 38.0), SILENCE]);
        assert_eq!(room.mixer.streams(), 0, "between the thresholds nothing opens");
    }
    room.tick(&mut [tone(400.0, 3000.0), SILENCE]);
    assert_eq!(room.mixer.streams(), 1, "the first tick of a word is heard");
}

#[test]
fn of_more_than_can_be_understood_the_loudest_are_heard_and_places_do_not_flap() {
    let legs = SPEAKERS + 6;
    let mut room = Room::new(legs);
    let mut voices: Vec<Frame> = (0..legs).map(|leg| tone(400.0, 1000.0 + leg as f64)).collect();
    room.tick(&mut voices.clone());
    assert_eq!(room.mixer.streams(), SPEAKERS);
    let first: Vec<bool> = room.sources.iter().map(Source::is_audible).collect();
    assert!(!first[0] && first[legs - 1]);
    voices[0] = tone(400.0, 1200.0);
    room.tick(&mut voices.clone());
    assert!(!room.sources[0].is_audible(), "a little louder is not enough");
    voices[0] = tone(400.0, 5000.0);
    room.tick(&mut voices.clone());
    assert!(room.sources[0].is_audible(), "much louder is");
    room.tick(&mut voices.clone());
    assert_eq!(room.mixer.streams(), SPEAKERS);
}

#[test]
fn thirty_who_shout_do_not_wrap() {
    let mut room = Room::new(30);
    for _ in 0..3 {
        let mut frames = vec![tone(400.0, 32_000.0); 30];
        for heard in room.tick(&mut frames) {
            let positive = tone(400.0, 32_000.0);
            assert!(heard.iter().zip(&positive).all(|(h, v)| i32::from(*h) * i32::from(*v) >= 0), "same sign everywhere");
        }
    }
}

#[test]
fn a_leg_that_is_suddenly_gone_dies_away_without_a_click() {
    let mut room = Room::new(2);
    let voice: Frame = std::array::from_fn(|i| (10_000.0 * (0.3 * i as f64).cos()) as i16);
    let mut frames = [SILENCE, voice];
    room.tick(&mut frames);
    frames[1] = voice;
    room.tick(&mut frames);
    let mut heard = frames[1].to_vec();
    let mut gone = std::mem::take(&mut room.sources[1]);
    room.tail.take(&mut gone, &frames[1]);
    room.tail.take(&mut gone, &frames[1]);
    heard.extend(room.tick(&mut [SILENCE, SILENCE])[0]);
    assert!(step(&heard) < 3_200, "{}", step(&heard));
    assert!(heard[FRAME..FRAME + FADE / 2].iter().any(|s| s.abs() > 5_000));
    assert!(heard[FRAME + FADE..].iter().all(|&s| s == 0));
    assert_eq!(room.tick(&mut [SILENCE, SILENCE])[0], SILENCE);
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
    assert!(heard[FADE..3 * FRAME].iter().all(|s| (2509..=2510).contains(s)), "−12 dB");
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
