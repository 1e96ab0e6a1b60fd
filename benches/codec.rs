//! What happens to every frame: G.711 both ways, its energy. One iteration is one frame of 20 ms.
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ljudbro::audio::level::energy;
use ljudbro::audio::tone::Tone;
use ljudbro::audio::{FRAME, Frame};
use ljudbro::codec::Codec;

/// Something like speech in level, with every sign and most segments of the laws.
fn sound() -> Frame {
    let mut frame = [0; FRAME];
    Tone::new(440.0, -26.0).mix_into(&mut frame);
    Tone::new(1_730.0, -32.0).mix_into(&mut frame);
    frame
}

fn codec(criterion: &mut Criterion) {
    let frame = sound();
    for codec in [Codec::Pcma, Codec::Pcmu] {
        let mut group = criterion.benchmark_group(format!("codec/{}", codec.name()));
        group.throughput(Throughput::Elements(FRAME as u64));
        let mut octets = [0; FRAME];
        codec.encode(&frame, &mut octets);
        group.bench_function("encode", |bencher| {
            let mut out = [0; FRAME];
            bencher.iter(|| codec.encode(black_box(&frame), black_box(&mut out)));
        });
        group.bench_function("decode", |bencher| {
            let mut out = [0; FRAME];
            bencher.iter(|| codec.decode(black_box(&octets), black_box(&mut out)));
        });
        group.finish();
    }
    criterion.bench_function("level/energy", |bencher| bencher.iter(|| energy(black_box(&frame))));
}

criterion_group!(benches, codec);
criterion_main!(benches);
