//! Who is in the sums.

use super::*;

/// Noise of this amplitude, tick after tick.
fn noise(seed: &mut u32, amplitude: i16) -> Frame {
    std::array::from_fn(|_| {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((*seed >> 16) as i16) % (amplitude + 1)
    })
}

/// Syllables of a tone.
fn speech(tick: usize, amplitude: f64) -> Frame {
    if tick % 13 < 8 { tone(400.0, amplitude) } else { tone(400.0, 30.0) }
}

#[test]
fn nobody_who_makes_a_sound_is_gated_away_while_there_is_a_place() {
    let mut room = Room::with(5, MixSettings { speakers: 5, level: false });
    // Down to −76 dBov, the least that A-law holds above its silence.
    let quiet = [tone(400.0, 9_000.0), tone(500.0, 300.0), tone(600.0, 40.0), tone(700.0, 9.0), SILENCE];
    for _ in 0..500 {
        room.tick(&quiet);
        assert_eq!(room.streams(), 4);
    }
    room.tick(&[SILENCE; 5]);
    assert_eq!(room.streams(), 0, "silence costs nothing");
    room.tick(&quiet);
    assert!(room.voices[3].source.is_audible(), "not even the first tick of it is lost");
}

#[test]
fn who_speaks_comes_before_noise_however_loud_and_a_quiet_speaker_is_heard_among_it() {
    let mut room = Room::with(4, MixSettings { speakers: 2, level: false });
    let mut seed = 9;
    for tick in 0..600 {
        let mut frames = [SILENCE; 4];
        frames.iter_mut().for_each(|frame| *frame = noise(&mut seed, 2000));
        frames[3] = if tick < 300 { noise(&mut seed, 10) } else { speech(tick, 500.0) };
        room.tick(&frames);
        if tick > 300 {
            assert!(room.voices[3].source.is_audible(), "−39 dBov beside three lines with noise of −29: {tick}");
        }
        let audible = room.voices.iter().filter(|voice| voice.source.is_open()).count();
        assert_eq!(audible, 2);
    }
}

#[test]
fn of_more_than_can_be_understood_the_loudest_are_heard_and_places_do_not_flap() {
    for speakers in [2, 5, 24] {
        let legs = speakers + 6;
        let mut room = Room::with(legs, MixSettings { speakers, level: false });
        let mut voices: Vec<Frame> = (0..legs).map(|leg| tone(400.0, 1000.0 + leg as f64)).collect();
        room.tick(&voices);
        assert_eq!(room.streams(), speakers);
        assert!(!room.voices[0].source.is_audible() && room.voices[legs - 1].source.is_audible());
        voices[0] = tone(400.0, 1200.0);
        room.tick(&voices);
        assert!(!room.voices[0].source.is_audible(), "a little louder is not enough");
        voices[0] = tone(400.0, 5000.0);
        room.tick(&voices);
        assert!(room.voices[0].source.is_audible(), "much louder is");
        room.tick(&voices);
        assert_eq!(room.streams(), speakers);
    }
}

#[test]
fn a_place_lost_and_won_does_not_click() {
    let mut room = Room::with(3, MixSettings { speakers: 1, level: false });
    let mut heard = Vec::new();
    for tick in 0..120 {
        let wave = |hz, amplitude| *tick_of(Rate::Narrow, tick, hz, amplitude).samples().first_chunk().unwrap();
        let (a, b) = if tick / 20 % 2 == 0 { (8_000.0, 1_000.0) } else { (1_000.0, 8_000.0) };
        heard.extend(room.tick(&[wave(425.0, a), wave(555.0, b), SILENCE])[2]);
    }
    // The amplitude itself jumps between ticks, at a zero of both waves.
    assert!(step(&heard) < 4_000, "{}", step(&heard));
}

#[test]
fn loud_and_quiet_are_brought_together_and_the_right_level_passes_bit_by_bit() {
    let mut room = Room::with(4, MixSettings { speakers: 5, level: true });
    let mut heard = Vec::new();
    for tick in 0..300 {
        // −13, −41 and −26 dBov while they sound.
        let frames = [speech(tick, 10_300.0), speech(tick + 3, 410.0), speech(tick + 6, 2_320.0), SILENCE];
        room.tick(&frames);
        assert_eq!(room.voices[2].sound.samples(), if tick == 0 { room.voices[2].sound.samples() } else { &frames[2][..] });
        heard = room.voices.iter().map(|voice| voice.sound.samples().iter().map(|s| s.unsigned_abs()).max().unwrap()).collect();
        if tick > 260 && tick % 13 == 1 {
            assert!(heard[0] < 3 * heard[2] / 2, "{heard:?}");
        }
        if tick > 260 && (tick + 3) % 13 == 1 {
            assert!(heard[1] > 1_450, "{heard:?}");
        }
    }
    assert_eq!(heard.len(), 4);
}

#[test]
fn in_a_crowd_nobody_hears_the_noise_of_lines_and_when_it_is_none_they_come_in_softly() {
    let settings = MixSettings { speakers: 2, level: false };
    let (mut room, mut all) = (Room::with(5, settings), Room::with(5, settings));
    (room.noisy, room.dozes, all.noisy) = (true, true, true);
    // Noise of five lines, the first the loudest; 425 Hz so that a cut would be steep.
    let noise = |tick: usize, leg: usize, amplitude: f64| -> Frame {
        std::array::from_fn(|i| {
            let turns = (425.0 + 50.0 * leg as f64) * (tick * FRAME + i) as f64 / 8000.0 + 0.25;
            (amplitude * (std::f64::consts::TAU * turns).sin()) as i16
        })
    };
    let mut heard = Vec::new();
    for tick in 0..600 {
        let mut frames: Vec<Frame> = (0..5).map(|leg| noise(tick, leg, 1000.0 - 100.0 * leg as f64)).collect();
        if tick >= 350 {
            frames[..3].fill(SILENCE);
        }
        let (known, unknown) = (all.tick(&frames), room.tick(&frames));
        if tick < 350 {
            assert_eq!(known, unknown, "tick {tick}");
        }
        match tick {
            250 => assert_eq!(room.streams(), 2, "the loudest have the places at first"),
            320 => assert_eq!(room.streams(), 0, "but not for long"),
            349 => assert!(room.voices.iter().all(|voice| voice.source.is_unheard())),
            _ => {}
        }
        heard.extend(unknown[2]);
    }
    // Both amplitudes together, 1,300, make steps of 570.
    assert!(step(&heard[320 * FRAME..]) <= 600, "{}", step(&heard[320 * FRAME..]));
    assert!(room.voices[3..].iter().all(|voice| voice.source.is_open() && !voice.source.is_unheard()), "there are places for all");
    assert_eq!(room.streams(), 2);
}

#[test]
fn who_speaks_out_of_noise_is_heard_in_a_crowd() {
    let mut room = Room::with(5, MixSettings { speakers: 2, level: false });
    room.noisy = true;
    let mut frames: Vec<Frame> = (0..5).map(|leg| tone(400.0, 300.0 + f64::from(leg))).collect();
    for _ in 0..300 {
        room.tick(&frames);
    }
    assert_eq!(room.streams(), 0);
    // Its sender does not notice, but we do.
    frames[4] = tone(400.0, 5_000.0);
    let heard = (0..2).map(|_| room.tick(&frames)[0]).next_back();
    assert!(heard.is_some_and(|heard| heard.iter().any(|sample| *sample > 4_900)));
    assert!(room.voices[..4].iter().all(|voice| !voice.source.is_audible()));
    // We do not, but their senders say so: of all of them, for two ticks by mistake, then in earnest.
    frames[4] = SILENCE;
    for _ in 0..300 {
        room.tick(&frames);
    }
    for (ticks, streams) in [(2, 0), (50, 0), (3, 2)] {
        room.noisy = ticks == 50;
        for _ in 0..ticks {
            room.tick(&frames);
        }
        assert_eq!(room.streams(), streams, "after {ticks} ticks");
    }
}

#[test]
fn who_is_muted_is_unheard_and_heard_at_once_when_it_is_not() {
    let mut room = Room::new(2);
    room.dozes = true;
    room.voices[0].source.mute(true);
    for _ in 0..200 {
        room.tick(&[tone(400.0, 900.0), SILENCE]);
    }
    assert!(room.voices[0].source.is_unheard());
    room.voices[0].source.mute(false);
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(room.tick(&[tone(400.0, 900.0), SILENCE])[1]);
    }
    assert!(heard[1].iter().any(|sample| sample.abs() > 800), "a tick later");
}
