//! Phones of three rates in one meeting.

use super::*;

/// A room whose legs hear (and sound) at these rates.
fn room(rates: &[Rate]) -> Room {
    let mut room = Room::new(rates.len());
    for (voice, rate) in room.voices.iter_mut().zip(rates) {
        voice.listens = *rate;
    }
    room
}

/// Level of a sine in a sound of any rate, as an amplitude (Hann window).
fn amplitude(sound: &[i16], rate: Rate, hz: f64) -> f64 {
    let (mut re, mut im, mut weights) = (0.0, 0.0, 0.0);
    for (i, sample) in sound.iter().enumerate() {
        let weight = 0.5 - 0.5 * (std::f64::consts::TAU * (i as f64 + 0.5) / sound.len() as f64).cos();
        let turn = std::f64::consts::TAU * hz * i as f64 / f64::from(rate.hz());
        re += f64::from(*sample) * weight * turn.cos();
        im += f64::from(*sample) * weight * turn.sin();
        weights += weight;
    }
    2.0 * re.hypot(im) / weights
}

const HZ: [f64; 3] = [500.0, 1_250.0, 2_600.0];

#[test]
fn each_hears_the_others_at_their_pitch_and_level_and_never_itself() {
    let mut room = room(&Rate::ALL);
    let mut heard = [const { Vec::new() }; 3];
    for tick in 0..60 {
        let sounds = [0, 1, 2].map(|leg| tick_of(Rate::ALL[leg], tick, HZ[leg], 4_000.0));
        for (heard, out) in heard.iter_mut().zip(room.turn(&sounds)) {
            heard.extend_from_slice(out.samples());
        }
    }
    for (listener, (heard, rate)) in heard.iter().zip(Rate::ALL).enumerate() {
        let heard = &heard[10 * rate.frame()..];
        for (speaker, hz) in HZ.into_iter().enumerate() {
            let level = amplitude(heard, rate, hz);
            if speaker == listener {
                assert!(level < 2.0, "{rate:?} hears itself: {level}");
            } else {
                assert!((level / 4_000.0 - 1.0).abs() < 0.01, "{rate:?} hears {speaker} at {level}");
            }
        }
    }
}

#[test]
fn a_sound_that_comes_at_another_rate_than_it_hears_at_is_taken_out_to_the_bit() {
    for (comes, hears) in [(Rate::Full, Rate::Narrow), (Rate::Narrow, Rate::Full), (Rate::Wide, Rate::Full)] {
        let mut room = room(&[hears, comes]);
        for tick in 0..40 {
            // It comes, pauses, and comes again: not even its echo in the filter is heard.
            let amplitude = if tick % 10 < 6 { 9_000.0 } else { 0.0 };
            room.voices[0].source.mute(tick % 17 > 12);
            let heard = room.turn(&[tick_of(comes, tick, 730.0, amplitude), Sound::silence(comes)]);
            assert!(heard[0].samples().iter().all(|&s| s == 0), "{comes:?} to {hears:?}, tick {tick}");
        }
    }
}

#[test]
fn a_rate_that_nobody_hears_costs_nothing() {
    let mut room = room(&[Rate::Narrow, Rate::Narrow]);
    room.turn(&[tick_of(Rate::Narrow, 0, 500.0, 4_000.0), Sound::silence(Rate::Narrow)]);
    assert_eq!(Rate::ALL.map(|rate| room.mixer.streams(rate)), [1, 0, 0]);
    // One who is sent narrowband but sends wideband.
    room.turn(&[tick_of(Rate::Full, 1, 500.0, 4_000.0), Sound::silence(Rate::Narrow)]);
    assert_eq!(Rate::ALL.map(|rate| room.mixer.streams(rate)), [1, 0, 0]);
    assert!(!room.voices[0].ways[Rate::Wide as usize].is_ringing());
    // A listener is never resampled.
    assert!(room.voices[1].ways.iter().all(|way| !way.is_ringing()));
}

#[test]
fn words_begin_and_end_on_other_buses_without_a_click_and_whole() {
    let mut room = room(&[Rate::Narrow, Rate::Full]);
    let mut heard = Vec::new();
    for tick in 0..40 {
        let voice = if tick % 8 < 4 { tick_of(Rate::Narrow, tick, 425.0, 10_000.0) } else { Sound::silence(Rate::Narrow) };
        room.voices[0].source.mute((20..25).contains(&tick));
        heard.extend_from_slice(room.turn(&[voice, Sound::silence(Rate::Full)])[1].samples());
    }
    // At the ends of a word the tone begins and stops at its own zero; the filter rings a little there.
    let natural = 2.0 * 10_000.0 * (std::f64::consts::PI * 425.0 / 48_000.0).sin();
    assert!(f64::from(step(&heard)) < 1.5 * natural, "{} of {natural}", step(&heard));
    let frame = Rate::Full.frame();
    // 4 ms late: the last of a word comes in the tick after it.
    assert!(heard[4 * frame..][..frame / 5].iter().any(|s| s.abs() > 5_000));
    assert!(heard[5 * frame..7 * frame].iter().all(|&s| s == 0));
}

#[test]
fn a_leg_that_is_suddenly_gone_dies_away_without_a_click_on_every_bus() {
    for rate in Rate::ALL {
        let mut room = room(&[rate, Rate::Narrow, Rate::Wide, Rate::Full]);
        let mut heard = [const { Vec::new() }; 3];
        for tick in 0..20 {
            let voice = if tick < 10 { tick_of(rate, tick, 387.0, 10_000.0) } else { Sound::silence(rate) };
            let silence = Rate::ALL.map(Sound::silence);
            let out = room.turn(&[&[voice][..], &silence].concat());
            heard.iter_mut().zip(&out[1..]).for_each(|(heard, out)| heard.extend_from_slice(out.samples()));
            if tick == 9 {
                room.tail.take(&mut room.voices[0]);
                room.tail.take(&mut room.voices[0]);
            }
        }
        for (heard, bus) in heard.iter().zip(Rate::ALL) {
            let natural = 2.0 * 10_000.0 * (std::f64::consts::PI * 387.0 / f64::from(bus.hz())).sin();
            let at = 10 * bus.frame();
            assert!(f64::from(step(heard)) < 1.6 * natural, "{rate:?} on {bus:?}: {} of {natural}", step(heard));
            assert!(heard[at..at + bus.frame() / 8].iter().any(|s| s.abs() > 4_000));
            assert!(heard[at + bus.frame()..].iter().all(|&s| s == 0));
        }
    }
}
