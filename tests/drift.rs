//! A meeting's phase over minutes, through the plane's public interface.

mod queues;

use std::time::Duration;

use queues::{Sound, World};

const SECOND: u64 = 200;

#[test]
fn a_speaker_whose_clock_drifts_is_followed_by_the_phase_of_the_meeting() {
    for drift_ppm in [500, -500] {
        let mut world = World::new(10, true);
        for leg in 0..10 {
            let sound = if leg == 0 { Sound::Syllables(425.0, 8000.0) } else { Sound::Silence };
            world.join(leg, sound, 1);
        }
        // Its packets come between the wakes.
        world.callers[0].offset = u64::MAX;
        let period = Duration::from_nanos((20_000_000 + 20 * drift_ppm) as u64);
        let begun = world.now();
        let (mut next, mut came) = (begun, Vec::new());
        for _ in 0..120 * SECOND {
            world.advance();
            let now = world.now();
            while next <= now {
                world.callers[0].talk(&mut world.queues, now - next);
                came.push(next);
                next += period;
            }
            world.plane.tick(now, world.wake, &mut world.queues);
            while world.plane.poll_event().is_some() {}
        }
        // How long the newest packet had waited at each turn of the meeting; after half a minute, by which the speaker is known.
        let (mut longest, mut newest) = (Duration::ZERO, 0);
        for (sent, _, _) in world.sent(world.callers[1].slot).iter().filter(|(sent, _, _)| *sent > begun + Duration::from_secs(30)) {
            while came.get(newest + 1).is_some_and(|next| next <= sent) {
                newest += 1;
            }
            longest = longest.max(*sent - came[newest]);
        }
        // A wake, the guard of a millisecond before it, and what it drifts between two looks at the last seconds' packets.
        assert!(longest < Duration::from_millis(10), "{drift_ppm} ppm: {longest:?}");
    }
}
