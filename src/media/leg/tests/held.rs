//! A caller who holds us: keys still come through, in whatever way the caller sends them, and no music.

use super::*;
use crate::audio::tone::KeyTone;

/// A leg whose caller presses keys in the sound: no telephone events were agreed.
fn in_band() -> World {
    let mut media = media();
    media.events.clear();
    World::new(media)
}

/// `ticks` of the phone's sound, with a press of 100 ms in them; the keys that are heard.
fn press(world: &mut World, key: Key, ticks: usize) -> Vec<LegEvent> {
    let mut tone = KeyTone::new(key, 100);
    let mut keys = Vec::new();
    for _ in 0..ticks {
        let (mut linear, mut payload) = (SILENCE, [0; FRAME]);
        if !tone.is_over() {
            tone.render(&mut linear);
        }
        Codec::Pcma.encode(&linear, &mut payload);
        world.packet(PHONE, 8, 77, &payload);
        world.timestamp = world.timestamp.wrapping_add(160);
        world.tick();
        keys.extend(world.leg.take_key());
    }
    keys
}

#[test]
fn a_key_in_the_sound_is_heard_once_in_every_direction() {
    for direction in [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive] {
        let mut world = in_band();
        world.talk(50);
        world.change(|media| media.direction = direction);
        let from = world.heard.len();
        for key in ['5', '5', '#'].map(|key| Key::from_char(key).unwrap()) {
            assert_eq!(press(&mut world, key, 12), [LegEvent::Key(key)], "{direction:?}");
        }
        let heard = world.heard[from..].iter().any(|sample| sample.unsigned_abs() > 8);
        assert!(!heard || direction.contributes(), "{direction:?}: others hear something of it");
    }
}

#[test]
fn where_keys_come_as_events_a_tone_in_the_music_is_none() {
    let mut world = World::new(media());
    world.talk(50);
    world.change(|media| media.direction = Direction::ReceiveOnly);
    assert_eq!(press(&mut world, Key::Digit(5), 12), []);
}

#[test]
fn nothing_of_the_music_is_heard_when_the_caller_comes_back() {
    let mut world = in_band();
    world.talk(50);
    world.change(|media| media.direction = Direction::ReceiveOnly);
    world.talk(100);
    // Some of it is still waiting.
    world.speak(PHONE);
    world.speak(PHONE);
    world.change(|media| media.direction = Direction::SendReceive);
    let from = world.heard.len();
    assert_eq!(world.silent(10), 0);
    assert!(world.heard[from..].iter().all(|sample| *sample == 0));
    // What is said then is heard, and begins without a click.
    world.talk(50);
    assert!((tone_level(&world.heard[from + 2_000..], 1000.0) + 16.0).abs() < 0.2);
    assert!(world.heard[from..].windows(2).all(|w| w[0].abs_diff(w[1]) < 6200));
}
