//! The sum of a meeting alone: from rendered frames to encoded payloads, no legs and no sockets. One iteration is one tick of 20 ms.
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ljudbro::audio::limiter::Limiter;
use ljudbro::audio::{FRAME, Frame, SILENCE};
use ljudbro::codec::Codec;
use ljudbro::media::mixer::{Mixer, Source};

/// A voice-like sum of three sines.
fn voice(leg: usize, amplitude: f64) -> Frame {
    std::array::from_fn(|i| {
        let turn = |hz: f64| (std::f64::consts::TAU * hz * (i + 31 * leg) as f64 / 8000.0).sin();
        (amplitude * (turn(150.0) + 0.5 * turn(850.0) + 0.2 * turn(2500.0))) as i16
    })
}

/// One tick of a meeting: `speakers` of `legs` speak; octets to be sent are summed up so that nothing is left out.
fn tick(frames: &mut [Frame], sources: &mut [Source], mixer: &mut Mixer, shared: &mut Limiter, own: &mut [Limiter]) -> usize {
    mixer.begin();
    for (source, frame) in sources.iter_mut().zip(frames.iter()) {
        source.hear(frame, frame[0] != 0, true);
        mixer.consider(source);
    }
    let cut = mixer.cut();
    for (source, frame) in sources.iter_mut().zip(frames.iter_mut()) {
        if source.settle(cut, frame) {
            mixer.add(frame);
        }
    }
    let mut heard = SILENCE;
    mixer.shared(shared, &mut heard);
    let mut payload = [0; FRAME];
    Codec::Pcma.encode(&heard, &mut payload);
    let mut sum = black_box(&payload)[0] as usize;
    for ((source, frame), limiter) in sources.iter().zip(frames.iter()).zip(own) {
        if source.is_audible() {
            mixer.without(frame, limiter, &mut heard);
            Codec::Pcma.encode(&heard, &mut payload);
        }
        sum += black_box(&payload)[7] as usize;
    }
    sum
}

fn mixer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mixer");
    for (legs, speakers, amplitude) in
        [(3, 1, 4000.0), (3, 3, 4000.0), (10, 2, 4000.0), (100, 3, 4000.0), (100, 24, 600.0), (100, 24, 9000.0)]
    {
        let name = if amplitude > 5000.0 { "shouting" } else { "speaking" };
        group.throughput(Throughput::Elements(legs as u64));
        group.bench_function(BenchmarkId::new(format!("{legs} legs"), format!("{speakers} {name}")), |bencher| {
            let mut frames: Vec<Frame> = (0..legs).map(|leg| if leg < speakers { voice(leg + 1, amplitude) } else { SILENCE }).collect();
            let mut sources = vec![Source::default(); legs];
            let mut own = vec![Limiter::default(); legs];
            let (mut mixer, mut shared) = (Mixer::new(legs), Limiter::default());
            bencher.iter(|| tick(&mut frames, &mut sources, &mut mixer, &mut shared, &mut own));
        });
    }
    group.finish();
}

criterion_group!(benches, mixer);
criterion_main!(benches);
