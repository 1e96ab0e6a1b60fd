//! What the key detector costs on every tick of every leg that may send keys as sound. One iteration is one tick of 20 ms.
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

#[path = "../tests/signals/mod.rs"]
mod signals;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ljudbro::audio::dtmf::DtmfDetector;
use ljudbro::audio::{FRAME, Frame, SILENCE};
use signals::{Law, Press, Rng, add_noise, rms, speech, voices};

fn frames(sound: &[f64]) -> Vec<Frame> {
    Law::A.pass(sound).as_chunks::<FRAME>().0.to_vec()
}

fn detector(criterion: &mut Criterion) {
    let rng = &mut Rng::new(1);
    let mut noise = vec![0.0; 80_000];
    add_noise(&mut noise, rms(-20.0), rng);
    let mut tone = vec![0.0; 160_000];
    Press::of(1, 1, 20_000.0).add(&mut tone, 0.0, rng);
    let mut digits = vec![0.0; 80_000];
    for i in 0..90 {
        Press::random(rng, 50.0).add(&mut digits, f64::from(i) * 800.0, rng);
    }
    let spoken = speech::voices();
    let mut speech = Vec::new();
    for _ in 0..6 {
        speech.extend(if spoken.is_empty() { voices::vowel(rng, 2.0) } else { speech::say(&spoken, rng) });
    }
    let kinds = [
        ("silence", vec![SILENCE]),
        ("noise", frames(&noise)),
        (if spoken.is_empty() { "vowels" } else { "speech" }, frames(&speech)),
        ("one long tone", frames(&tone)),
        ("digits, 50 ms each 100 ms", frames(&digits)),
    ];
    for (name, frames) in kinds {
        let mut detector = DtmfDetector::new();
        let mut next = frames.iter().cycle();
        criterion.bench_function(&format!("detector/{name}"), |bencher| {
            bencher.iter(|| next.next().map(|frame| detector.hear(black_box(frame))));
        });
    }
}

criterion_group!(benches, detector);
criterion_main!(benches);
