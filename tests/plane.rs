//! The media plane over its public interface: who hears what, and when.

mod queues;

use std::sync::Arc;
use std::time::Duration;

use ljudbro::audio::tone::tone_level;
use ljudbro::bridge::{MediaCommand, MediaEvent, MediaPlane};
use ljudbro::codec::Codec;
use ljudbro::media::{Direction, PromptId};
use ljudbro::names::{LegId, MeetingKey, SayToken};
use ljudbro::wire::rtp::Packet;
use queues::{Caller, EVENTS, MIX, Sound, World, prompts};

const SECOND: u64 = 200;
const TONES: [f64; 4] = [425.0, 900.0, 1450.0, 2200.0];

/// Amplitude of a sine in a sound.
fn amplitude(sound: &[i16], frequency_hz: f64) -> f64 {
    32_768.0 * 2f64.sqrt() * 10f64.powf(f64::from(tone_level(sound, frequency_hz)) / 20.0)
}

fn hears(sound: &[i16], frequency_hz: f64, expected: f64) -> bool {
    let heard = amplitude(sound, frequency_hz);
    if expected == 0.0 { heard < 30.0 } else { (heard / expected - 1.0).abs() < 0.1 }
}

/// Largest step between neighbouring samples.
fn step(sound: &[i16]) -> i32 {
    sound.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
}

fn say(leg: u64, token: u32) -> MediaCommand {
    MediaCommand::Say(LegId(leg), [PromptId::Ensam].into_iter().collect(), SayToken(token))
}

/// Time in which play-out finds its delay, after which sound passes as it is.
const SETTLE: u64 = 3 * SECOND;

/// Callers with the first tones in meeting 1, settled.
fn meeting(callers: usize) -> World {
    let mut world = World::new(8, true);
    for (caller, tone) in TONES.into_iter().enumerate().take(callers) {
        world.join(caller as u64 + 1, Sound::Tone(tone, 4000.0), 1);
    }
    world.run(SETTLE);
    world
}

#[test]
fn each_hears_all_others_and_never_itself() {
    let mut world = meeting(3);
    world.join(4, Sound::Silence, 1);
    world.run(SETTLE);
    for (listener, heard) in world.listen(SECOND).iter().enumerate() {
        for (speaker, tone) in TONES.into_iter().enumerate().take(3) {
            let expected = if speaker == listener { 0.0 } else { 4000.0 };
            assert!(hears(heard, tone, expected), "{listener} hears {} of {speaker}", amplitude(heard, tone));
        }
    }
}

#[test]
fn twenty_callers_hear_nineteen_tones_each_whatever_their_codec() {
    let mut world = World::new(20, true);
    let tone = |caller: usize| 400.0 + 130.0 * caller as f64;
    for caller in 0..20 {
        let codec = if caller % 3 == 0 { Codec::Pcmu } else { Codec::Pcma };
        world.call(caller as u64, codec, Sound::Tone(tone(caller), 1000.0));
        world.command(MediaCommand::Join(LegId(caller as u64), MeetingKey(9)));
    }
    world.run(SETTLE);
    for (listener, heard) in world.listen(SECOND).iter().enumerate() {
        for speaker in 0..20 {
            let expected = if speaker == listener { 0.0 } else { 1000.0 };
            assert!(hears(heard, tone(speaker), expected), "{listener} hears {} of {speaker}", amplitude(heard, tone(speaker)));
        }
    }
}

#[test]
fn meetings_do_not_hear_each_other_and_the_menu_hears_nobody() {
    let mut world = World::new(8, true);
    for (caller, tone) in TONES.into_iter().enumerate() {
        world.join(caller as u64, Sound::Tone(tone, 4000.0), caller as u32 / 2);
    }
    world.call(9, Codec::Pcma, Sound::Tone(3000.0, 4000.0));
    world.run(SETTLE);
    let heard = world.listen(SECOND);
    for (listener, other) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
        for (speaker, tone) in TONES.into_iter().chain([3000.0]).enumerate() {
            assert!(hears(&heard[listener], tone, if speaker == other { 4000.0 } else { 0.0 }));
        }
    }
    assert!(heard[4].iter().all(|s| s.abs() <= 8), "A-law has no zero");
}

#[test]
fn everybody_gets_a_packet_every_twenty_milliseconds_from_the_start() {
    let mut world = meeting(2);
    world.call(7, Codec::Pcma, Sound::Silence);
    world.run(SECOND);
    for caller in 0..3 {
        let sent = world.sent(world.callers[caller].slot);
        assert!(sent.len() >= if caller == 2 { 50 } else { 99 });
        for pair in sent.windows(2) {
            let [a, b] = [&pair[0].2, &pair[1].2].map(|octets| Packet::parse(octets.get()).unwrap());
            assert_eq!((b.sequence, b.timestamp), (a.sequence.wrapping_add(1), a.timestamp.wrapping_add(160)));
            let apart = pair[1].0 - pair[0].0;
            assert!((15..=35).contains(&apart.as_millis()), "{apart:?}");
        }
    }
}

#[test]
fn a_prompt_ducks_the_meeting_for_the_one_who_hears_it_and_its_end_is_told() {
    let mut world = meeting(3);
    world.command(say(1, 42));
    world.run(8);
    let during = world.listen(80);
    assert!(hears(&during[0], 3500.0, 3000.0) && hears(&during[0], TONES[1], 4000.0 * 0.251), "the speaker's own mix ducks");
    assert!(hears(&during[1], 3500.0, 0.0) && hears(&during[1], TONES[0], 4000.0), "nobody else hears it");
    assert!(!world.events.iter().any(|event| matches!(event, MediaEvent::Said(..))));
    world.run(60);
    assert!(world.events.iter().any(|event| matches!(event, MediaEvent::Said(LegId(1), SayToken(42)))));
    let after = world.listen(SECOND);
    assert!(hears(&after[0], 3500.0, 0.0) && hears(&after[0], TONES[1], 4000.0), "the meeting is back");
}

#[test]
fn a_hushed_prompt_ends_at_once_and_is_not_said_to_have_ended() {
    let mut world = World::new(2, true);
    world.call(1, Codec::Pcma, Sound::Silence);
    world.command(say(1, 1));
    let said = world.listen(40);
    assert!(hears(&said[0], 3500.0, 3000.0));
    world.command(MediaCommand::Hush(LegId(1)));
    world.run(4);
    assert!(world.listen(SECOND)[0].iter().all(|s| s.abs() <= 8));
    assert!(!world.events.iter().any(|event| matches!(event, MediaEvent::Said(..))));
}

#[test]
fn a_tone_is_heard_by_everybody_over_the_meeting() {
    let mut world = meeting(2);
    world.join(3, Sound::Silence, 2);
    world.run(SECOND);
    world.command(MediaCommand::Tone(MeetingKey(1), PromptId::TonIn));
    world.command(MediaCommand::Tone(MeetingKey(77), PromptId::TonIn));
    world.run(4);
    let heard = world.listen(40);
    assert!(hears(&heard[0], 3500.0, 3000.0) && hears(&heard[0], TONES[1], 4000.0));
    assert!(hears(&heard[1], 3500.0, 3000.0) && hears(&heard[1], TONES[0], 4000.0));
    assert!(hears(&heard[2], 3500.0, 0.0), "another meeting does not hear it");
    world.run(40);
    assert!(hears(&world.listen(SECOND)[0], 3500.0, 0.0));
    assert!(!world.events.iter().any(|event| matches!(event, MediaEvent::Said(..))));
}

#[test]
fn who_holds_is_not_heard_and_gets_nothing_until_it_resumes() {
    let mut world = meeting(2);
    let mut media = Caller::update(1, Codec::Pcma);
    media.direction = Direction::ReceiveOnly;
    world.command(MediaCommand::Update(LegId(1), media.clone(), None));
    world.run(4);
    let held = world.listen(SECOND);
    assert!(held[0].is_empty(), "hold means silence on the wire");
    assert!(held[1].iter().all(|s| s.abs() <= 8), "its music is not heard");
    media.direction = Direction::SendReceive;
    world.command(MediaCommand::Update(LegId(1), media, None));
    world.run(SETTLE);
    let resumed = world.listen(SECOND);
    assert!(hears(&resumed[0], TONES[1], 4000.0) && hears(&resumed[1], TONES[0], 4000.0));
}

#[test]
fn mute_and_unmute_do_not_click() {
    let mut world = meeting(2);
    let from = world.packets(1);
    for muted in [true, false, true, false] {
        world.command(MediaCommand::Mute(LegId(1), muted));
        world.run(4);
        let heard = world.listen(60);
        assert!(hears(&heard[1], TONES[0], if muted { 0.0 } else { 4000.0 }));
        assert!(hears(&heard[0], TONES[1], 4000.0), "who is muted still hears");
    }
    let natural = 2.0 * 4000.0 * (std::f64::consts::PI * TONES[0] / 8000.0).sin();
    let heard = world.heard(1, from);
    assert!(f64::from(step(&heard)) < 1.25 * natural, "{} where the tone itself has {natural}", step(&heard));
}

#[test]
fn joining_leaving_and_vanishing_do_not_click_for_anybody() {
    let mut world = meeting(1);
    let listener = world.join(5, Sound::Silence, 1);
    world.run(SECOND);
    let from = world.packets(listener);
    let first = world.packets(0);
    for _ in 0..3 {
        world.command(MediaCommand::Leave(LegId(1)));
        world.run(47);
        assert!(world.listen(20)[listener].iter().all(|s| s.abs() <= 8));
        world.command(MediaCommand::Join(LegId(1), MeetingKey(1)));
        world.run(51);
    }
    let (slot, _leg) = world.plane.release(LegId(1)).unwrap();
    assert_eq!(slot, world.callers[0].slot);
    world.run(40);
    let natural = 2.0 * 4000.0 * (std::f64::consts::PI * TONES[0] / 8000.0).sin();
    let heard = world.heard(listener, from);
    assert!(f64::from(step(&heard)) < 1.25 * natural, "{} where the tone itself has {natural}", step(&heard));
    assert!(step(&world.heard(0, first)) <= 16, "the speaker alone hears nothing all along");
    assert!(heard[heard.len() - 800..].iter().all(|s| s.abs() <= 8));
}

#[test]
fn a_full_plane_gives_the_leg_back_and_a_released_one_makes_room() {
    let mut world = World::new(2, true);
    world.call(1, Codec::Pcma, Sound::Silence);
    world.call(2, Codec::Pcma, Sound::Silence);
    let third = world.plane.add(world.now(), Caller::leg(world.now(), 3, Codec::Pcma)).unwrap_err();
    assert_eq!((third.id(), world.plane.legs()), (LegId(3), 2));
    let (slot, leg) = world.plane.release(LegId(1)).unwrap();
    assert_eq!(leg.id(), LegId(1));
    assert_eq!(world.plane.add(world.now(), third).unwrap(), slot);
    assert!(world.plane.release(LegId(1)).is_none(), "it is gone");
    let twin = world.plane.add(world.now(), Caller::leg(world.now(), 2, Codec::Pcma));
    assert!(twin.is_err(), "one leg of a name");
}

#[test]
fn an_idle_plane_says_so_and_the_last_out_says_goodbye() {
    let mut world = World::new(4, true);
    assert!(world.plane.is_idle());
    world.join(1, Sound::Tone(425.0, 4000.0), 3);
    assert!(!world.plane.is_idle());
    world.run(SECOND);
    let (now, slot) = (world.now(), world.callers[0].slot);
    let before = world.queues.slots[slot.0 as usize].sent_rtcp.len();
    assert!(world.plane.remove(now, LegId(1), &mut world.queues).is_some());
    assert_eq!(world.queues.slots[slot.0 as usize].sent_rtcp.len(), before + 1, "RTCP BYE");
    assert!(world.plane.is_idle());
    world.run(SECOND);
    for command in [MediaCommand::Hush(LegId(1)), MediaCommand::Leave(LegId(1)), MediaCommand::Join(LegId(1), MeetingKey(3)), say(1, 1)] {
        world.command(command);
    }
    assert!(world.plane.is_idle(), "commands for one who is gone do nothing");
}

#[test]
fn a_leg_moves_to_another_plane_and_is_heard_there() {
    let mut here = meeting(1);
    let mut there = World::new(4, true);
    there.epoch = here.epoch;
    there.plane = MediaPlane::new(here.epoch, 4, prompts(), MIX);
    there.wake = here.wake;
    there.queues.now = here.queues.now;
    there.join(5, Sound::Silence, 8);
    let (_, leg) = here.plane.release(LegId(1)).unwrap();
    assert!(here.plane.is_idle());
    let mut caller = here.callers.remove(0);
    caller.slot = there.plane.add(there.now(), leg).unwrap();
    there.callers.push(caller);
    there.command(MediaCommand::Join(LegId(1), MeetingKey(8)));
    there.run(SETTLE);
    let heard = there.listen(SECOND);
    assert!(hears(&heard[0], TONES[0], 4000.0), "{}", amplitude(&heard[0], TONES[0]));
}

#[test]
fn the_first_packet_and_each_key_are_told_once() {
    let mut world = World::new(2, true);
    world.call(1, Codec::Pcma, Sound::Silence);
    world.run(40);
    let first = world.events.iter().filter(|event| matches!(event, MediaEvent::FirstPacket(LegId(1)))).count();
    assert_eq!(first, 1);
    // RFC 4733 §2.3: event 5, end, volume 10, 800 samples; sent three times.
    for _ in 0..3 {
        world.callers[0].send(&mut world.queues, EVENTS, &[5, 0x8a, 0x03, 0x20], Duration::ZERO);
    }
    world.run(8);
    assert_eq!(world.events.iter().filter(|event| matches!(event, MediaEvent::Key(LegId(1), _))).count(), 1);
}

#[test]
fn dead_media_is_told() {
    let mut world = meeting(2);
    let mut silent = world.callers.remove(1);
    silent.offset = 99;
    world.callers.push(silent);
    world.run(17 * SECOND);
    assert!(world.events.iter().any(|event| matches!(event, MediaEvent::Dead(LegId(2)))));
    assert!(!world.events.iter().any(|event| matches!(event, MediaEvent::Dead(LegId(1)))));
}

#[test]
fn late_wakes_are_taken_late_and_what_was_missed_whole_passes_as_loss() {
    let mut world = meeting(2);
    for gap in [2, 3, 11, 41] {
        let last: Vec<_> = world.callers.iter().map(|caller| *world.sent(caller.slot).last().unwrap()).collect();
        let before: Vec<_> = world.callers.iter().map(|caller| world.sent(caller.slot).len()).collect();
        assert_eq!(world.plane.take_missed(), 0);
        (0..gap).for_each(|_| world.advance());
        world.plane.tick(world.queues.now, world.wake, &mut world.queues);
        for (caller, before) in world.callers.iter().zip(before) {
            assert!(world.sent(caller.slot).len() <= before + 1, "no burst");
        }
        world.run(8);
        for (caller, last) in world.callers.iter().zip(last) {
            let now = world.sent(caller.slot).last().unwrap();
            let [a, b] = [&last.2, &now.2].map(|octets| Packet::parse(octets.get()).unwrap());
            let (sequence, timestamp) = (b.sequence.wrapping_sub(a.sequence), b.timestamp.wrapping_sub(a.timestamp));
            assert_eq!(timestamp, 160 * u32::from(sequence), "what was missed used up its numbers");
            let elapsed = (gap + 8) / 4;
            assert!((elapsed - 1..=elapsed + 1).contains(&u64::from(sequence)), "time stamps keep pace with the clock: {sequence}");
        }
        assert_eq!(world.plane.take_missed() > 0, gap > 7, "{gap}");
    }
    world.run(SETTLE);
    assert!(hears(&world.listen(SECOND)[0], TONES[1], 4000.0));
}

#[test]
fn a_worker_that_wakes_unevenly_is_not_heard() {
    let mut world = meeting(2);
    let from = world.packets(0);
    // Seed 5: of each four wakes, one to four are slept through now and then.
    let mut seed = 5u32;
    for _ in 0..5 * SECOND {
        world.advance();
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if seed >> 30 != 0 || world.wake % 4 == 3 {
            world.plane.tick(world.queues.now, world.wake, &mut world.queues);
        }
    }
    assert_eq!(world.plane.take_missed(), 0);
    let heard = world.heard(0, from);
    assert!(heard.len() >= 248 * 160);
    for second in heard.chunks(8000) {
        assert!(hears(second, TONES[1], 4000.0), "{}", amplitude(second, TONES[1]));
    }
    let natural = 2.0 * 4000.0 * (std::f64::consts::PI * TONES[1] / 8000.0).sin();
    assert!(f64::from(step(&heard)) < 1.1 * natural, "{} where the tone itself has {natural}", step(&heard));
}

#[test]
fn prompts_are_swapped_for_the_next_utterance_and_the_old_set_is_given_back() {
    let mut world = World::new(2, true);
    let (first, second) = (prompts(), prompts());
    world.plane.set_prompts(Arc::clone(&first));
    world.call(1, Codec::Pcma, Sound::Silence);
    world.command(say(1, 1));
    world.run(8);
    let old = world.plane.set_prompts(Arc::clone(&second));
    assert!(Arc::ptr_eq(&old, &first));
    assert_eq!(Arc::strong_count(&first), 3, "here, given back, and still being spoken from");
    world.run(SECOND);
    assert_eq!(Arc::strong_count(&first), 2);
}
