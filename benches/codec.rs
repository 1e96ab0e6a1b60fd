//! What happens to every frame: each codec both ways, its energy. One iteration is one frame of 20 ms.
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ljudbro::audio::level::energy;
use ljudbro::audio::tone::Tone;
use ljudbro::audio::{FRAME, Frame};
use ljudbro::codec::{Codec, Decoders, Encoders, OpusSettings, Payload};

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

/// Codecs with a memory, on a sound that goes on: two seconds of it, over and over.
fn with_memory(criterion: &mut Criterion) {
    for codec in [Codec::G722, Codec::Opus] {
        let frame = codec.rate_hz() as usize / 50;
        let mut sound = vec![0; 100 * frame];
        for (hz, dbov) in [(440.0, -26.0), (1_730.0, -32.0)] {
            Tone::new(hz * 8_000.0 / f64::from(codec.rate_hz()), dbov).mix_into(&mut sound);
        }
        let mut encoders = Encoders::new([codec], &OpusSettings::default()).expect("libopus makes an encoder");
        let mut decoders = Decoders::new([codec]).expect("libopus makes a decoder");
        let mut group = criterion.benchmark_group(format!("codec/{}", codec.name()));
        group.throughput(Throughput::Elements(frame as u64));
        let mut payload = Payload::EMPTY;
        let payloads: Vec<Payload> = sound
            .chunks_exact(frame)
            .map(|tick| {
                encoders.encode(codec, tick, &mut payload);
                payload.clone()
            })
            .collect();
        let mut ticks = sound.chunks_exact(frame).cycle();
        group.bench_function("encode", |bencher| {
            bencher.iter(|| encoders.encode(codec, black_box(ticks.next().unwrap_or_default()), black_box(&mut payload)));
        });
        let (mut payloads, mut out) = (payloads.iter().cycle(), vec![0; frame]);
        group.bench_function("decode", |bencher| {
            bencher.iter(|| decoders.decode(codec, payloads.next().map_or(&[], Payload::octets), black_box(&mut out)));
        });
        group.finish();
    }
}

criterion_group!(benches, codec, with_memory);
criterion_main!(benches);
