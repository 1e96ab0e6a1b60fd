//! The receiving half of a leg, stage by stage and whole: ns for 20 ms of one caller. No system calls.
#![allow(clippy::disallowed_methods, reason = "a bench measures with a clock")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]
#![allow(missing_docs, reason = "criterion's macro makes functions without documentation")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ljudbro::audio::conceal::{Concealer, PAST_MS};
use ljudbro::audio::stretch::{self, Demand};
use ljudbro::audio::tone::Tone;
use ljudbro::audio::{Rate, Sound};
use ljudbro::codec::{Codec, Decoders, Encoders, OpusSettings, Payload};
use ljudbro::media::jitter::{Arrival, JitterBuffer, UNITS_A_TICK};
use ljudbro::media::playout::{Playout, Room, Wanted};
use ljudbro::media::{Codecs, Direction, Leg, LegSetup, LegUpdate};
use ljudbro::names::LegId;
use ljudbro::wire::rtp::{HEADER, Packet};

/// A tone that is no key, at a rate.
fn tone(rate: Rate, samples: usize) -> Vec<i16> {
    // In the time of 8 kHz, whatever the rate: only the numbers matter.
    let mut out = vec![0; samples];
    Tone::new(300.0 * 8_000.0 / f64::from(rate.hz()), -20.0).render(&mut out);
    out
}

fn payload(codec: Codec) -> Payload {
    let mut encoders = Encoders::new([codec], &OpusSettings::default()).unwrap();
    let rate = Rate::of_hz(codec.rate_hz()).unwrap();
    let mut payload = Payload::EMPTY;
    for _ in 0..5 {
        encoders.encode(codec, &tone(rate, rate.frame()), &mut payload);
    }
    payload
}

/// Jitter buffer and play-out: a packet in, a tick out; every `lost`-th packet is missing.
fn buffer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive/insert and render");
    for (codec, lost) in [(Codec::Pcma, 0), (Codec::Pcma, 20), (Codec::G722, 0), (Codec::Opus, 0), (Codec::Opus, 20)] {
        let payload = payload(codec);
        let (mut buffer, mut playout) = (JitterBuffer::new(), Playout::new(Room::new(Rate::Full)));
        let mut decoders = Decoders::new([codec]).unwrap();
        let mut sound = Sound::silence(Rate::Narrow);
        let mut number = 0u32;
        let name = format!("{codec:?}{}", if lost > 0 { ", 5 % lost" } else { "" });
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number = number.wrapping_add(1);
                if lost == 0 || !number.is_multiple_of(lost) {
                    let timestamp = number.wrapping_mul(codec.clock_hz() / 50);
                    let units = UNITS_A_TICK;
                    buffer.lay(&Arrival { timestamp, in_order: true, codec, units, payload: payload.octets(), again: false });
                }
                playout.render(&mut buffer, &mut decoders, Wanted::Sound, &mut sound);
                black_box(sound.samples()[0])
            });
        });
    }
    group.finish();
}

/// What happens seldom.
fn seldom(criterion: &mut Criterion) {
    for rate in Rate::ALL {
        let ms = rate.hz() as usize / 1000;
        let past = tone(rate, PAST_MS * ms);
        let mut out = vec![0; rate.frame()];
        criterion.bench_function(&format!("receive/conceal 20 ms and merge/{rate:?}"), |bencher| {
            let mut concealer = Concealer::new(Rate::Full);
            bencher.iter(|| {
                concealer.begin(black_box(&past), rate);
                concealer.render(&mut out);
                concealer.merge(&mut out);
                out[0]
            });
        });
        let line = tone(rate, 60 * ms);
        let demand = Demand { correlation: 0.9, quiet: 0.0 };
        criterion.bench_function(&format!("receive/stretch/{rate:?}"), |bencher| {
            bencher.iter(|| {
                let shift = stretch::shorten(black_box(&line), 15 * ms, 15 * ms, demand, rate).unwrap_or(0);
                stretch::cross(&line, 15 * ms, 15 * ms + shift, rate, &mut out);
                out[0]
            });
        });
    }
}

/// Datagram in, tick out: header, source, counting, buffer, decoder, play-out, and the ear for keys.
fn leg(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive/whole path");
    for codec in Codec::ALL {
        let now = Instant::now();
        let from: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        let media = LegUpdate {
            codec,
            payload_type: codec.usual_payload_type(),
            receive: [(codec.usual_payload_type(), codec)].into_iter().collect(),
            events: Default::default(),
            comfort_noise: Default::default(),
            redundancy: Default::default(),
            opus_bitrate: None,
            ptime_ms: 20,
            remote: Some(from),
            remote_rtcp: None,
            rtcp_mux: false,
            signalled_from: from.ip(),
            direction: Direction::SendReceive,
        };
        let codecs = Box::new(Codecs::new(&media, None, &OpusSettings::default()).unwrap());
        let setup = LegSetup { leg: LegId(1), ssrc: 1, first_sequence: 0, first_timestamp: 0, cname: *b"0123456789abcdef", media, codecs };
        let mut leg = Leg::new(now, setup);
        let payload = payload(codec);
        let mut datagram = vec![0; HEADER + payload.octets().len()];
        let mut sound = Sound::silence(Rate::Narrow);
        let mut number = 0u32;
        group.bench_function(BenchmarkId::from_parameter(format!("{codec:?}")), |bencher| {
            bencher.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                for _ in 0..count {
                    number = number.wrapping_add(1);
                    let timestamp = number.wrapping_mul(codec.clock_hz() / 50);
                    let (sequence, payload_type) = (number as u16, codec.usual_payload_type());
                    Packet { marker: false, payload_type, sequence, timestamp, ssrc: 7, payload: payload.octets() }.write(&mut datagram);
                    let arrived = now + Duration::from_millis(20) * number;
                    let begun = Instant::now();
                    black_box(leg.receive(arrived, from, &datagram));
                    black_box(leg.render(Wanted::Sound, &mut sound));
                    spent += begun.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
    // What the clock itself costs in the figures above.
    criterion.bench_function("receive/the clock", |bencher| bencher.iter(|| black_box(Instant::now().elapsed())));
}

criterion_group!(benches, buffer, seldom, leg);
criterion_main!(benches);
