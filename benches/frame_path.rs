//! The way of a frame through the media plane: a datagram in, a datagram out, in memory. One iteration is one round of 20 ms (four wakes): every
//! leg receives one packet and sends one. What the kernel's sockets cost is not in it.
#![allow(clippy::disallowed_methods, reason = "a bench measures with a clock")]
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

#[path = "../tests/queues/mod.rs"]
mod queues;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ljudbro::bridge::MediaCommand;
use ljudbro::codec::Codec;
use ljudbro::names::{LegId, MeetingKey};
use queues::{Sound, World};

/// Of ten, two speak at once (more than is polite), four lines are noisy, four are silent.
fn sound(leg: u64) -> Sound {
    match leg % 10 {
        0 | 5 => Sound::Tone(300.0 + leg as f64, 5000.0),
        1 | 3 | 6 | 8 => Sound::Noise,
        _ => Sound::Silence,
    }
}

/// `legs` callers; `size` in a meeting, 0: all in the menu.
fn world(legs: u64, size: u64) -> World {
    let mut world = World::new(legs as usize, false);
    for leg in 0..legs {
        world.call(leg, Codec::Pcma, sound(leg));
        if let Some(meeting) = leg.checked_div(size) {
            world.command(MediaCommand::Join(LegId(leg), MeetingKey(meeting as u32)));
        }
    }
    world.run(400);
    world
}

/// Time in the plane for so many rounds; packets are made outside of it.
fn rounds(world: &mut World, count: u64) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..4 * count {
        world.advance();
        let begun = Instant::now();
        world.plane.tick(world.queues.now, world.wake, &mut world.queues);
        while world.plane.poll_event().is_some() {}
        spent += begun.elapsed();
    }
    spent
}

fn frame_path(criterion: &mut Criterion) {
    for (name, meeting) in [("one meeting", u64::MAX), ("meetings of ten", 10), ("menu", 0)] {
        let mut group = criterion.benchmark_group(format!("frame_path/{name}"));
        group.sample_size(20);
        for legs in [3, 10, 100, 1000] {
            let mut world = world(legs, meeting);
            group.throughput(Throughput::Elements(legs));
            group.bench_function(BenchmarkId::from_parameter(legs), |bencher| bencher.iter_custom(|count| rounds(&mut world, count)));
        }
        group.finish();
    }
}

criterion_group!(benches, frame_path);
criterion_main!(benches);
