//! The sum of a meeting alone: from rendered frames to encoded payloads, no legs and no sockets. One iteration is one tick of 20 ms.
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ljudbro::audio::activity::Activity;
use ljudbro::audio::gain::Gain;
use ljudbro::audio::level::energy;
use ljudbro::audio::limiter::Limiter;
use ljudbro::audio::{FRAME, Rate, Sound};
use ljudbro::codec::Codec;
use ljudbro::media::mixer::{Brings, MixSettings, Mixer, Source, Voice};

/// A voice-like sum of three sines at a rate.
fn voice(rate: Rate, leg: usize, amplitude: f64) -> Sound {
    let mut sound = Sound::silence(rate);
    for (i, sample) in sound.samples_mut().iter_mut().enumerate() {
        let turn = |hz: f64| (std::f64::consts::TAU * hz * ((i + 31 * leg) as f64 / f64::from(rate.hz()))).sin();
        *sample = (amplitude * (turn(150.0) + 0.5 * turn(850.0) + 0.2 * turn(2500.0))) as i16;
    }
    sound
}

/// A meeting without legs and sockets.
struct Room {
    sounds: Vec<Sound>,
    voices: Vec<Voice>,
    own: Vec<Limiter>,
    shared: [Limiter; 3],
    mixer: Mixer,
}

impl Room {
    /// Legs at these rates in turn, of which the first `speakers` speak.
    fn new(legs: usize, speakers: usize, amplitude: f64, rates: &[Rate]) -> Self {
        let rate = |leg: usize| rates[leg % rates.len()];
        let sound = |leg| if leg < speakers { voice(rate(leg), leg + 1, amplitude) } else { Sound::silence(rate(leg)) };
        Self {
            sounds: (0..legs).map(sound).collect(),
            voices: (0..legs).map(|leg| Voice::silent(Source::default(), rate(leg))).collect(),
            own: vec![Limiter::default(); legs],
            shared: Default::default(),
            mixer: Mixer::new(legs, MixSettings { speakers: 24, level: true }),
        }
    }

    /// One tick. Wideband sound is not encoded here: `codec` measures that.
    fn tick(&mut self) -> usize {
        let Self { sounds, voices, own, shared, mixer } = self;
        mixer.begin();
        for (voice, sound) in voices.iter_mut().zip(sounds.iter()) {
            voice.sound.set_rate(sound.rate());
            voice.sound.samples_mut().copy_from_slice(sound.samples());
            mixer.want(voice.listens);
            mixer.hear(voice, if sound.samples()[1] == 0 { Brings::Silence } else { Brings::Sound }, true);
        }
        let cut = mixer.cut();
        for voice in voices.iter_mut() {
            mixer.settle(cut, voice);
        }
        let mut heard = Sound::silence(Rate::Narrow);
        let mut payload = [0; FRAME];
        let mut sum = 0;
        for (rate, limiter) in Rate::ALL.into_iter().zip(shared) {
            if mixer.streams(rate) > 0 {
                mixer.shared(rate, limiter, &mut heard);
                Codec::Pcma.encode(heard.samples(), &mut payload);
                sum += black_box(&payload)[0] as usize;
            }
        }
        for (voice, limiter) in voices.iter().zip(own) {
            if voice.adds() {
                mixer.without(voice, limiter, &mut heard);
                Codec::Pcma.encode(heard.samples(), &mut payload);
            }
            sum += black_box(&payload)[7] as usize;
        }
        sum
    }
}

fn mixer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mixer");
    let narrow: &[Rate] = &[Rate::Narrow];
    for (legs, speakers, amplitude, rates) in [
        (3, 1, 4000.0, narrow),
        (3, 3, 4000.0, narrow),
        (10, 2, 4000.0, narrow),
        (100, 3, 4000.0, narrow),
        (100, 24, 600.0, narrow),
        (100, 24, 9000.0, narrow),
        (3, 1, 4000.0, &Rate::ALL),
        (3, 3, 4000.0, &Rate::ALL),
        (100, 5, 4000.0, &Rate::ALL),
    ] {
        let name = if amplitude > 5000.0 { "shouting" } else { "speaking" };
        let mixed = if rates.len() > 1 { ", three rates" } else { "" };
        group.throughput(Throughput::Elements(legs as u64));
        group.bench_function(BenchmarkId::new(format!("{legs} legs{mixed}"), format!("{speakers} {name}")), |bencher| {
            let mut room = Room::new(legs, speakers, amplitude, rates);
            bencher.iter(|| room.tick());
        });
    }
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parts");
    for rate in Rate::ALL {
        let name = format!("{} kHz", rate.hz() / 1000);
        let sum: Vec<i32> = voice(rate, 1, 12_000.0).samples().iter().map(|s| 3 * i32::from(*s)).collect();
        let mut out = Sound::silence(rate);
        let mut limiter = Limiter::default();
        group.bench_function(BenchmarkId::new("limiter at work", &name), |bencher| {
            bencher.iter(|| limiter.limit(black_box(&sum), out.samples_mut()));
        });
        let sound = voice(rate, 1, 1_000.0);
        let mut gain = Gain::default();
        (0..100).for_each(|_| gain.hear_speech(100_000.0, 40.0));
        group.bench_function(BenchmarkId::new("gain at work", &name), |bencher| {
            bencher.iter(|| {
                out.samples_mut().copy_from_slice(black_box(&sound).samples());
                gain.apply(out.samples_mut());
            });
        });
        let mut activity = Activity::default();
        group.bench_function(BenchmarkId::new("energy and activity", &name), |bencher| {
            bencher.iter(|| {
                activity.hear(energy(black_box(&sound).samples()) as f32 / rate.frame() as f32);
                activity.is_speech()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, mixer, parts);
criterion_main!(benches);
