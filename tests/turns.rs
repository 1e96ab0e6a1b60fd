//! When a meeting is mixed: soon after the packets of those who speak.

mod queues;

use ljudbro::bridge::MediaCommand;
use ljudbro::codec::Codec;
use ljudbro::names::{LegId, MeetingKey};
use queues::{Sound, World};

const SECOND: u64 = 200;
const TONES: [f64; 2] = [425.0, 900.0];

#[test]
fn a_meeting_is_mixed_soon_after_its_speakers_packets_come() {
    let mut world = World::new(4, true);
    for leg in 0..2 {
        world.join(leg, Sound::Tone(TONES[leg as usize], 4000.0), 1);
        world.callers[leg as usize].offset = 2;
    }
    world.run(5 * SECOND);
    let sent = world.sent(world.callers[0].slot).last().unwrap().0;
    let wake = (sent - world.epoch).as_millis() as u64 / 5;
    // The packets come at the very wake of phase 2: it may take them or just miss them.
    assert_eq!(wake % 4, 3, "the phase that surely has them first");
}

#[test]
fn a_large_meeting_is_mixed_soon_after_the_packets_of_the_one_who_speaks() {
    let mut world = World::new(10, true);
    for leg in 0..10 {
        world.join(leg, if leg == 4 { Sound::Tone(TONES[0], 4000.0) } else { Sound::Silence }, 1);
        world.callers[leg as usize].offset = if leg == 4 { 2 } else { leg % 2 };
    }
    world.run(5 * SECOND);
    let sent = world.sent(world.callers[0].slot).last().unwrap().0;
    assert_eq!((sent - world.epoch).as_millis() as u64 / 5 % 4, 3, "the phase that surely has them first");
}

#[test]
fn a_meeting_changes_its_phase_only_when_nobody_lets_the_turn_pass() {
    // The first look is after a second. Who joins just before it from the phase before lets that turn pass, and would wait for the next one for 40 ms.
    for wake in 186..196 {
        let mut world = World::new(8, true);
        for leg in 0..2 {
            world.join(leg, Sound::Tone(TONES[leg as usize], 4000.0), 1);
            world.callers[leg as usize].offset = 1;
        }
        for leg in 2..=4 {
            world.call(leg, Codec::Pcma, Sound::Silence);
        }
        world.run(wake);
        world.command(MediaCommand::Join(LegId(4), MeetingKey(1)));
        world.run(2 * SECOND);
        assert_eq!(world.plane.take_missed(), 0, "joined at {wake}");
        let sent = world.sent(world.callers[0].slot).last().unwrap().0;
        assert_eq!((sent - world.epoch).as_millis() as u64 / 5 % 4, 2, "it does change, if a second later");
    }
}
