//! What is heard of a key, and what others hear of its tone, when packets are lost in its first moments.

use super::*;
use crate::audio::tone::KeyTone;

/// A press of 100 ms over faint noise, that begins `offset` samples into a packet; those `lost` (0: the one it begins in) do not come. Milliseconds
/// that others hear, of the tone or of what is made up from it; and the keys that are heard.
fn press(key: Key, offset: usize, lost: &[usize]) -> (usize, Vec<LegEvent>) {
    const LEAD: usize = 10;
    let mut media = media();
    media.events.clear();
    let mut world = World::new(media);
    // Seeds 7 to 166.
    let mut random = 7 + offset as u32;
    let mut sound: Vec<i16> = (0..LEAD * FRAME + offset)
        .map(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) as i16 / 4096
        })
        .collect();
    let mut pressed = vec![0; 800];
    KeyTone::new(key, 100).render(&mut pressed);
    sound.extend(&pressed);
    sound.resize((LEAD + 15) * FRAME, 0);
    let mut keys = Vec::new();
    for (n, linear) in sound.chunks_exact(FRAME).enumerate() {
        let mut payload = [0; FRAME];
        Codec::Pcma.encode(linear, &mut payload);
        if n.checked_sub(LEAD).is_some_and(|n| lost.contains(&n)) {
            world.sequence = world.sequence.wrapping_add(1);
        } else {
            world.packet(PHONE, 8, 77, &payload);
        }
        world.timestamp = world.timestamp.wrapping_add(160);
        world.tick();
        keys.extend(world.leg.take_key());
    }
    let energy = |samples: &[i16]| samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let loud = energy(&pressed) / 100.0;
    // 20 dB below the tone.
    (world.heard.chunks_exact(8).filter(|ms| energy(ms) > loud / 100.0).count(), keys)
}

#[test]
fn others_hear_no_more_of_a_tone_whose_beginning_a_loss_hits_and_the_key_is_heard_once() {
    for lost in [&[][..], &[0], &[1], &[2], &[0, 1], &[1, 2]] {
        for event in 0..16 {
            let key = Key::from_event(event).unwrap();
            for offset in (event as usize % 8..FRAME).step_by(8) {
                let (ms, keys) = press(key, offset, lost);
                assert!(ms <= 15, "{ms} ms of event {event} that begins {offset} samples into a packet, {lost:?} lost");
                assert_eq!(keys, [LegEvent::Key(key)], "event {event} after {offset} samples, {lost:?} lost");
            }
        }
    }
}
