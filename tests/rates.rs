//! Phones of three rates in one meeting, through the media plane: G.711, G.722 and Opus. And speakers of three levels.

mod queues;

use std::f64::consts::{PI, TAU};

use ljudbro::audio::level::DBM0_IN_DBOV;
use ljudbro::bridge::MediaCommand;
use ljudbro::codec::Codec;
use ljudbro::media::PromptId;
use ljudbro::media::mixer::MixSettings;
use ljudbro::names::{LegId, SayToken};
use queues::{Caller, Sound, World};

const SECOND: u64 = 200;
/// Until play-out has found its delay, and listeners are sent what all listeners are.
const SETTLE: u64 = 3 * SECOND;
const CODECS: [Codec; 3] = [Codec::Pcma, Codec::G722, Codec::Opus];
const TONES: [f64; 3] = [425.0, 900.0, 2200.0];

/// Amplitude of a sine in what is heard by this codec (Hann window).
fn amplitude(sound: &[i16], codec: Codec, hz: f64) -> f64 {
    let (mut re, mut im, mut weights) = (0.0, 0.0, 0.0);
    for (i, sample) in sound.iter().enumerate() {
        let weight = 0.5 - 0.5 * (TAU * (i as f64 + 0.5) / sound.len() as f64).cos();
        let turn = TAU * hz * i as f64 / f64::from(codec.rate_hz());
        re += f64::from(*sample) * weight * turn.cos();
        im += f64::from(*sample) * weight * turn.sin();
        weights += weight;
    }
    2.0 * re.hypot(im) / weights
}

fn level_db(sound: &[i16], codec: Codec, hz: f64) -> f64 {
    20.0 * (amplitude(sound, codec, hz) / 4000.0).max(1e-6).log10()
}

/// Largest step between neighbouring samples, by the largest a sine of amplitude 4,000 has.
fn step(sound: &[i16], codec: Codec, hz: f64) -> f64 {
    let largest = sound.windows(2).map(|pair| (f64::from(pair[1]) - f64::from(pair[0])).abs()).fold(0.0, f64::max);
    largest / (8000.0 * (PI * hz / f64::from(codec.rate_hz())).sin())
}

/// A speaker of each codec, and then a listener of each.
fn six() -> World {
    let mut world = World::new(12, true);
    for (speaker, codec) in CODECS.into_iter().enumerate() {
        world.join_by(speaker as u64, codec, Sound::Tone(TONES[speaker], 4000.0), 1);
    }
    for (listener, codec) in CODECS.into_iter().enumerate() {
        world.join_by(10 + listener as u64, codec, Sound::Silence, 1);
    }
    world.run(SETTLE);
    world
}

#[test]
fn phones_of_all_codecs_hear_each_other_at_their_level_and_never_themselves() {
    let mut world = six();
    let heard = world.listen(2 * SECOND);
    for (listener, heard) in heard.iter().enumerate() {
        let codec = CODECS[listener % 3];
        for (speaker, hz) in TONES.into_iter().enumerate() {
            let level = level_db(heard, codec, hz);
            if speaker == listener {
                assert!(level < -45.0, "{codec:?} hears itself at {level} dB");
            } else {
                assert!(level.abs() < 1.0, "{codec:?} ({listener}) hears {:?} at {level} dB", CODECS[speaker]);
            }
        }
    }
}

#[test]
fn listeners_of_a_codec_are_sent_the_same_octets() {
    let mut world = World::new(12, true);
    world.join_by(1, Codec::Pcma, Sound::Tone(TONES[0], 4000.0), 1);
    for leg in 2..8 {
        world.join_by(leg, CODECS[leg as usize % 3], Sound::Silence, 1);
    }
    world.run(SETTLE);
    // G.722 waits for a pause.
    world.callers[0].sound = Sound::Silence;
    world.run(SECOND);
    world.callers[0].sound = Sound::Tone(TONES[0], 4000.0);
    world.run(SECOND);
    let last = |caller: usize| {
        let (_, _, octets) = world.sent(world.callers[caller].slot).last().copied().unwrap();
        ljudbro::wire::rtp::Packet::parse(octets.get()).unwrap().payload.to_vec()
    };
    for caller in 1..4 {
        assert!(!last(caller).is_empty());
        assert_eq!(last(caller), last(caller + 3), "{:?}", world.callers[caller].codec);
    }
}

#[test]
fn a_listener_who_says_something_now_and_then_hears_no_seam() {
    for codec in CODECS {
        let mut world = World::new(4, true);
        world.join_by(1, Codec::Pcma, Sound::Tone(TONES[0], 4000.0), 1);
        let talker = world.join_by(2, codec, Sound::Silence, 1);
        world.join_by(3, codec, Sound::Silence, 1);
        world.run(SETTLE);
        let from = world.packets(talker);
        for round in 0..12 {
            world.callers[talker].sound = if round % 2 == 0 { Sound::Tone(1300.0, 4000.0) } else { Sound::Silence };
            world.run(SECOND);
        }
        let heard = world.heard(talker, from);
        let step = step(&heard, codec, TONES[0]);
        assert!(step < 1.6, "{codec:?}: a step of {step}");
        let mut uneven = 0;
        for tenth in heard.chunks_exact(codec.rate_hz() as usize / 10) {
            let level = level_db(tenth, codec, TONES[0]);
            assert!(level < 1.5, "{codec:?}: {level} dB");
            assert!(level_db(tenth, codec, 1300.0) < -30.0);
            uneven += usize::from(level < -1.5);
        }
        println!("{codec:?}: {uneven} of 120 tenths of a second uneven, steps {step:.2}");
        // A new Opus encoder may need a moment to know a tone again.
        assert!(uneven <= if codec == Codec::Opus { 2 } else { 0 }, "{codec:?}: {uneven} tenths of a second");
    }
}

#[test]
fn whoever_lent_the_encoder_may_leave_or_change_and_the_others_hear_on() {
    let mut world = World::new(8, true);
    world.join_by(1, Codec::Pcma, Sound::Tone(TONES[0], 4000.0), 1);
    for leg in 2..6 {
        world.join_by(leg, Codec::Opus, Sound::Silence, 1);
    }
    world.run(SETTLE);
    let from = world.packets(1);
    for leg in [5, 4, 3] {
        // Whichever it was that lent: all but one leave, by hanging up, moving, changing the codec.
        match leg {
            5 => drop(world.plane.release(LegId(5))),
            4 => {
                let now = world.now();
                drop(world.plane.remove(now, LegId(4), &mut world.queues));
            }
            _ => world.command(MediaCommand::Update(LegId(3), Caller::update(3, Codec::Pcma), Some(Box::default()))),
        }
        world.run(SECOND);
        let (_, mut leg) = match leg {
            3 => world.plane.release(LegId(3)).unwrap(),
            _ => continue,
        };
        assert!(!leg.has_lent() && leg.spare().is_none(), "what it has now never had one");
    }
    let heard = world.heard(1, from);
    for tenth in heard.chunks_exact(4800) {
        assert!(level_db(tenth, Codec::Opus, TONES[0]).abs() < 1.5);
    }
    let (_, mut last) = world.plane.release(LegId(2)).unwrap();
    assert!(!last.has_lent() && last.spare().is_some(), "it came back");
}

#[test]
fn prompts_are_heard_at_every_rate_in_the_menu_and_over_a_meeting() {
    for codec in CODECS {
        let mut world = World::new(4, true);
        world.join_by(1, Codec::Pcma, Sound::Tone(TONES[0], 4000.0), 1);
        let caller = world.call(2, codec, Sound::Silence);
        let say = |token| MediaCommand::Say(LegId(2), [PromptId::Ensam].into_iter().collect(), SayToken(token));
        world.run(SECOND);
        world.command(say(1));
        world.run(20);
        let menu = world.listen(80)[caller].clone();
        // A prompt is a tone of amplitude 3,000.
        let level = level_db(&menu, codec, 3500.0) + 2.5;
        assert!(level.abs() < 1.5, "{codec:?} hears {level} dB in the menu");
        world.command(MediaCommand::Join(LegId(2), ljudbro::names::MeetingKey(1)));
        world.run(SETTLE);
        world.command(say(2));
        world.run(20);
        let over = world.listen(80)[caller].clone();
        let (level, under) = (level_db(&over, codec, 3500.0) + 2.5, level_db(&over, codec, TONES[0]) + 12.0);
        assert!(level.abs() < 1.5 && under.abs() < 1.5, "{codec:?} hears {level} over {under} dB");
        assert_eq!(world.events.iter().filter(|event| matches!(event, ljudbro::bridge::MediaEvent::Said(..))).count(), 1);
    }
}

/// Amplitude of a sine at this level, dBm0.
fn at(level_dbm0: f32) -> f64 {
    32_768.0 * 2f64.sqrt() * 10f64.powf(f64::from(level_dbm0 + DBM0_IN_DBOV) / 20.0)
}

#[test]
fn one_speaker_alone_at_the_right_level_passes_bit_by_bit_from_a_law_to_a_law() {
    let mut world = World::mixed(4, true, MixSettings::default());
    let speaker = world.join_by(1, Codec::Pcma, Sound::Syllables(437.0, at(-20.0)), 1);
    let listener = world.join_by(2, Codec::Pcma, Sound::Silence, 1);
    // An Opus phone listens too, which changes nothing for the others.
    world.join_by(3, Codec::Opus, Sound::Silence, 1);
    world.run(2 * SETTLE);
    let from = world.packets(listener);
    let spoken = world.callers[speaker].packets();
    world.run(5 * SECOND);
    let heard = world.heard(listener, from);
    let said: Vec<i16> = (spoken - 20..spoken + 260).flat_map(|packet| world.callers[speaker].said(packet)).collect();
    let found = said.windows(heard.len()).position(|window| window == heard);
    assert!(heard.len() > 245 * 160 && found.is_some());
}

#[test]
fn a_shouting_and_a_whispering_speaker_end_within_six_decibels_of_each_other() {
    for (mix, most) in [(MixSettings::default(), 6.0), (MixSettings { level: false, ..MixSettings::default() }, 27.0)] {
        let mut world = World::mixed(4, true, mix);
        world.join_by(1, Codec::Pcma, Sound::Syllables(400.0, at(-8.0)), 1);
        world.join_by(2, Codec::G722, Sound::Syllables(900.0, at(-34.0)), 1);
        let listener = world.join_by(3, Codec::Opus, Sound::Silence, 1);
        world.run(SETTLE / 3 + 5 * SECOND);
        let heard = world.listen(4 * SECOND)[listener].clone();
        let apart = 20.0 * (amplitude(&heard, Codec::Opus, 400.0) / amplitude(&heard, Codec::Opus, 900.0)).log10();
        println!("{mix:?}: {apart:.1} dB apart");
        assert!(apart.abs() < most && (mix.level || apart > 24.0), "{apart} dB apart");
    }
}

#[test]
fn in_a_crowd_with_noise_on_every_line_each_is_heard_from_the_first_word_on() {
    // Seven of Opus, five places: the last two are not decoded while they say nothing.
    let mut world = World::mixed(12, true, MixSettings { speakers: 5, level: false });
    for leg in 0..7 {
        world.join_by(leg, Codec::Opus, Sound::Noise, 1);
    }
    let listener = world.join_by(9, Codec::Pcma, Sound::Silence, 1);
    world.run(8 * SECOND);
    let hz = 900.0;
    for speaker in [6, 5] {
        world.callers[speaker].sound = Sound::Tone(hz, 4000.0);
        let heard = world.listen(SECOND).swap_remove(listener);
        world.callers[speaker].sound = Sound::Noise;
        world.run(SECOND / 2);
        let begins = heard.chunks_exact(40).position(|part| level_db(part, Codec::Pcma, hz) > -10.0);
        assert!(begins.is_some_and(|part| part * 5 <= 60), "{speaker}: after {begins:?} times 5 ms");
        for part in heard[960..].chunks_exact(800) {
            let level = level_db(part, Codec::Pcma, hz);
            assert!(level.abs() < 1.5, "{speaker}: {level} dB");
        }
    }
}
