//! How well a meeting chooses its phase: speakers whose packets come at any time of the 20 ms, and how long the newest packet of each had waited when
//! the meeting was mixed. Beside it what a phase chosen blindly gives, and the best of the four. In memory and virtual time: `cargo bench --bench phases`.

#[path = "../tests/queues/mod.rs"]
mod queues;
#[path = "../tests/signals/mod.rs"]
mod signals;

use std::time::Duration;

use queues::{Sound, World};
use signals::Rng;

/// Meetings of each size.
const MEETINGS: usize = 100;
/// Members of each: more than those who speak.
const MEMBERS: usize = 12;
/// Ticks until what is counted begins, and in which it is: the choice is made in the first seconds of speech.
const SETTLE: u64 = 6 * 50;
const COUNTED: u64 = 4 * 50;
const TICK_US: u64 = 20_000;
/// What comes less than this before a phase counts as missing it: the bridge wants to be sure as well.
const GUARD_US: u64 = 1_000;

fn main() {
    println!("| speak | any phase, mean, ms | chosen: mean, p95 | best of four: mean, p95 |\n|---|---|---|---|");
    for speakers in [1, 2, 3, 10] {
        let mut random = Rng::new(7 + speakers as u64);
        let (mut chosen, mut best) = (Vec::new(), Vec::new());
        for _ in 0..MEETINGS {
            let offsets: Vec<u64> = (0..speakers).map(|_| random.below(TICK_US as usize) as u64).collect();
            chosen.extend(waits(&offsets, &mut random));
            let of = |phase: u64| offsets.iter().map(move |offset| (phase * 5_000 + 2 * TICK_US - offset - GUARD_US) % TICK_US + GUARD_US);
            let least = (0..4).min_by_key(|phase| of(*phase).sum::<u64>()).unwrap_or(0);
            best.extend(of(least));
        }
        let [(mean, late), (least, least_late)] = [&mut chosen, &mut best].map(|waits| summary(waits));
        println!("| {speakers} | {:.1} | {mean:.1}, {late:.1} | {least:.1}, {least_late:.1} |", TICK_US as f64 / 2e3);
    }
}

/// How long the newest packet of each speaker has waited, on average, µs.
fn waits(offsets: &[u64], random: &mut Rng) -> Vec<u64> {
    let mut world = World::new(MEMBERS, true);
    // In any order, and so on any phase to begin with.
    let first = random.below(MEMBERS) as u64;
    for n in 0..MEMBERS as u64 {
        let leg = (first + n) % MEMBERS as u64;
        let sound = if (leg as usize) < offsets.len() { Sound::Syllables(400.0 + 100.0 * leg as f64, 6000.0) } else { Sound::Silence };
        let caller = world.join(leg, sound, 1);
        world.callers[caller].offset = random.below(4) as u64;
    }
    let begun = world.now();
    let place = |leg: u64, world: &World| world.callers.iter().position(|caller| caller.leg.0 == leg);
    let places: Vec<usize> = (0..offsets.len() as u64).filter_map(|leg| place(leg, &world)).collect();
    for speaker in &places {
        world.callers[*speaker].offset = u64::MAX;
    }
    let mut next: Vec<Duration> = offsets.iter().map(|offset| Duration::from_micros(*offset)).collect();
    for _ in 0..4 * (SETTLE + COUNTED) {
        world.advance();
        let now = world.now();
        for (speaker, next) in places.iter().zip(&mut next) {
            while begun + *next <= now {
                world.callers[*speaker].talk(&mut world.queues, now - (begun + *next));
                *next += Duration::from_micros(TICK_US);
            }
        }
        world.plane.tick(now, world.wake, &mut world.queues);
        while world.plane.poll_event().is_some() {}
    }
    let counted = begun + Duration::from_micros(SETTLE * TICK_US);
    let turns: Vec<u64> = world
        .sent(world.callers[places[0]].slot)
        .iter()
        .filter(|(sent, _, _)| *sent > counted)
        .map(|(sent, _, _)| sent.duration_since(begun).as_micros() as u64)
        .collect();
    offsets
        .iter()
        .map(|offset| turns.iter().map(|turn| (turn + TICK_US - offset) % TICK_US).sum::<u64>() / turns.len().max(1) as u64)
        .collect()
}

/// Mean and 95th percentile, ms.
fn summary(waits: &mut [u64]) -> (f64, f64) {
    waits.sort_unstable();
    let at = (waits.len() * 95).div_ceil(100).saturating_sub(1);
    (waits.iter().sum::<u64>() as f64 / waits.len().max(1) as f64 / 1e3, waits.get(at).map_or(0.0, |wait| *wait as f64 / 1e3))
}
