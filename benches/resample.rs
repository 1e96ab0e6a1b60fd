//! One tick of 20 ms from rate to rate.
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ljudbro::audio::resample::Resampler;
use ljudbro::audio::{Rate, Sound};

fn resample(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample");
    for from in Rate::ALL {
        for to in Rate::ALL.into_iter().filter(|to| *to != from) {
            let (mut sound, mut out) = (Sound::silence(from), Sound::silence(to));
            for (i, sample) in sound.samples_mut().iter_mut().enumerate() {
                *sample = (9000.0 * (std::f64::consts::TAU * 1000.0 * i as f64 / f64::from(from.hz())).sin()) as i16;
            }
            let mut resampler = Resampler::new(to);
            let name = format!("{}_to_{}", from.hz() / 1000, to.hz() / 1000);
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| {
                    resampler.run(black_box(&sound), &mut out);
                    black_box(&out);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, resample);
criterion_main!(benches);
