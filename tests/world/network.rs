//! Bad lines: loss, jitter, reordering, duplicates. Keys are never lost or doubled, and sound flows.

use std::time::Duration;

use ljudbro::media::PromptId::*;

use crate::net::Way;
use crate::world::{ID, World};

fn way(loss: f64, jitter_ms: u64, twice: f64) -> Way {
    Way { loss, delay: Duration::from_millis(30), jitter: Duration::from_millis(jitter_ms), twice }
}

#[test]
fn keys_are_never_lost_or_doubled() {
    // An ID with every key twice in a row would show a lost or doubled one at once; a press of 100 ms is 7 packets.
    let cases = [(0.0, 80, 0.0), (0.05, 40, 0.0), (0.1, 60, 0.1), (0.2, 0, 0.0), (0.0, 150, 0.5)];
    for (n, (loss, jitter, twice)) in cases.into_iter().enumerate() {
        for round in 0..8 {
            let seed = 600 + 10 * n as u64 + round;
            let doubled = "334455667";
            let mut world = World::with(seed, |settings| settings.meetings[0].id = doubled.parse().unwrap());
            world.net.up = way(loss, jitter, twice);
            let id = world.dial_and_key(doubled);
            world.run_ms(5_000);
            assert_eq!(world.control.participants(), 1, "seed {seed}: heard {:?}", world.words(id));
            assert!(!world.words(id).contains(&IdFel) && !world.words(id).contains(&IdKort));
        }
    }
}

#[test]
fn keys_in_the_sound_survive_a_bad_line() {
    // In-band keys of 100 ms: what is lost of one is made up from what came of it.
    for (seed, loss, jitter) in [(660, 0.0, 60), (661, 0.02, 20), (662, 0.05, 0), (663, 0.03, 40)] {
        let mut world = World::new(seed);
        world.net.up = way(loss, jitter, 0.0);
        let id = world.dial(|settings| settings.keys_by = ljudbro::sim::KeyMethod::InBand);
        world.press(id, "112233445");
        world.run_ms(9_000);
        assert!(world.words(id).contains(&ljudbro::media::PromptId::IdFel), "seed {seed}: {:?}", world.words(id));
        world.press(id, crate::world::ID);
        world.run_ms(9_000);
        assert_eq!(world.control.participants(), 1, "seed {seed}: {:?}", world.words(id));
    }
}

#[test]
fn sound_flows_over_a_line_with_jitter_and_loss() {
    // What is lost on the way to the phone, and every shift of the delay in a tone, costs some level in a second: how much at most, dB.
    for (seed, loss, jitter, most) in [(700, 0.0, 20, 0.5), (701, 0.02, 20, 1.0), (702, 0.05, 40, 2.0), (703, 0.01, 60, 2.0)] {
        let mut world = World::new(seed);
        let (a, b) = (world.in_meeting(), world.in_meeting());
        world.net.up = way(loss, jitter, 0.0);
        world.net.down = way(loss, jitter, 0.0);
        world.run_ms(10_000);
        for (listener, speaker) in [(a, b), (b, a)] {
            let level = world.loudness(listener, speaker);
            assert!(level > crate::ears::VOICE_DBOV - most, "seed {seed}: {level} dBov");
            // Gaps smear the other's tone, 12 Hz away, over this one's frequency.
            assert!(world.loudness(listener, listener) < level - 12.0, "seed {seed}: nobody hears themselves");
        }
    }
}

#[test]
fn sound_is_as_before_when_a_bad_moment_is_over() {
    let mut world = World::new(710);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.run_ms(2_000);
    let delay_before = round_trip(&mut world, a, b);
    world.net.up = way(0.2, 200, 0.1);
    world.run_ms(5_000);
    world.net.up = crate::net::CLEAN;
    world.run_ms(20_000);
    assert!((world.loudness(a, b) - crate::ears::VOICE_DBOV).abs() < 1.0);
    let delay_after = round_trip(&mut world, a, b);
    // Delay that grew is shed again: complaint 9 of the field.
    assert!(delay_after <= delay_before + Duration::from_millis(40), "{delay_before:?} before, {delay_after:?} after");
}

#[test]
fn a_clean_line_costs_no_more_than_the_wait_for_the_phase() {
    let mut world = World::new(711);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    world.run_ms(3_000);
    let delay = round_trip(&mut world, a, b);
    // 2 ms of network each way, and up to 8 ms to the phase that suits two speakers.
    assert!(delay <= Duration::from_millis(2 + 2 + 8), "{delay:?}");
}

/// From a word said by `b` to `a` hearing it: network and bridge, without the packet's own length.
fn round_trip(world: &mut World, a: crate::desk::Id, b: crate::desk::Id) -> Duration {
    use ljudbro::audio::tone::{Tone, tone_level};
    use ljudbro::sim::Source;
    world.with_phone(b, |phone, _| phone.play(Source::Silence));
    world.run_ms(1_000);
    let said = world.now;
    let hz = 2_000.0;
    world.with_phone(b, |phone, _| phone.play(Source::Tone(Tone::new(hz, -20.0))));
    let next = world.phone(b).poll_timeout().unwrap();
    world.run_ms(600);
    let recording = world.phone(a).recording();
    let heard = recording.packets().iter().filter(|packet| packet.at >= said).find(|packet| {
        recording.samples().get(packet.offset..packet.offset + packet.len).is_some_and(|sound| tone_level(sound, hz) > -32.0)
    });
    let heard = heard.expect("the tone is heard").at;
    world.with_phone(b, |phone, _| phone.play(Source::Tone(Tone::new(crate::ears::voice_hz(b.0), crate::ears::VOICE_DBOV))));
    world.run_ms(2_000);
    heard - next
}

#[test]
fn the_end_of_the_line_is_told_how_good_it_was() {
    let mut world = World::new(712);
    world.net.up = way(0.1, 10, 0.0);
    let id = world.dial_and_key(ID);
    world.run_ms(20_000);
    world.hang_up(id);
    world.run_ms(500);
    let report = world.reports[0];
    let expected = report.received + report.lost;
    assert!((900..=1_010).contains(&expected), "{report:?}");
    assert!((60..=140).contains(&report.lost), "{report:?}");
}
