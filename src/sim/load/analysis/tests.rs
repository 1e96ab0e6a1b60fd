//! Against a bridge that is known to the sample: it passes a talker's octets on, cut at other places, later, or not at all.

use std::time::Duration;

use super::*;
use crate::sim::KeyMethod;
use crate::sim::load::caller::Caller;
use crate::sim::load::engine::Plan;
use crate::sim::load::hearing::Hearing;
use crate::sim::load::stream::{Background, LONGEST as LONGEST_PACKET, Says, Stream};
use crate::sim::load::tape::Tape;
use crate::sim::phone::{Path, PhoneSettings, Signalling};
use crate::wire::rtp::Packet;

/// Some time long ago, nanoseconds since 1970.
const START: u64 = 1_000_000 * SECOND;
const TICK: u64 = 20 * MS;
/// Octets of G.711 silence.
const QUIET: u8 = 0xd5;

fn settings(calls: usize, per_meeting: usize, measured: usize) -> Settings {
    Settings {
        server: "127.0.0.1:5060".parse().unwrap(),
        target: "sip:a@127.0.0.1".to_owned(),
        direct: None,
        ids: Vec::new(),
        calls,
        per_meeting,
        talkers: 1,
        rate: 1.0,
        seconds: 30,
        settle: Duration::ZERO,
        codec: Codec::Pcma,
        keys_by: KeyMethod::Rfc4733,
        background: Background::Noise,
        barge_in: 0,
        prompt: Duration::ZERO,
        after_id: Vec::new(),
        mute_keys: Vec::new(),
        mutes: 0,
        churn: 0.0,
        passing: Duration::from_secs(3),
        loss: 0.0,
        jitter_ms: 0,
        cpu: None,
        measured,
        seed: 1,
    }
}

fn caller(part: Part, mute: Mute) -> Caller {
    let any = "127.0.0.1:4000".parse().unwrap();
    Caller {
        turn: 0,
        part,
        meeting: 0,
        stage: Stage::Gone,
        slot: 0,
        offset: 0,
        pair: None,
        sends: false,
        stream: Stream::new(Says::Background(Background::Noise), KeyMethod::Rfc4733, (0, 0, 0, 0)),
        hearing: Hearing::default(),
        tape: None,
        clock_hz: 8_000,
        answered: true,
        dialled: START,
        inside: 1,
        mutes_at: None,
        mute,
        signalling: Box::new(Signalling::new(PhoneSettings::new("sip:a@b", any, any, any))),
    }
}

/// Thirty seconds of a talker: its octets, and its log of markers.
fn talker() -> (Vec<u8>, Vec<Marked>) {
    let repertoire = Repertoire::new(Codec::Pcma).unwrap();
    let mut stream = Stream::new(Says::Voice(3), KeyMethod::Rfc4733, (1, 2, 3, 77));
    let remote = "127.0.0.1:4000".parse().unwrap();
    stream.set_path(&Path { remote, codec: Codec::Pcma, payload_type: 8, events: None });
    let (mut octets, mut marked, mut out) = (Vec::new(), Vec::new(), [0; LONGEST_PACKET]);
    for tick in 0..1_500u64 {
        let sent = stream.tick(&repertoire, &mut out);
        octets.extend_from_slice(Packet::parse(&out[..sent.length]).unwrap().payload);
        marked.extend(sent.marker.map(|(code, sample)| Marked { sent: START + tick * TICK, sample, code }));
    }
    (octets, marked)
}

/// What a listener gets: everything `shift` octets later in the stream, and packets `late` after those that came in.
fn listen(tape: &mut Tape, octets: &[u8], shift: usize, late: u64) {
    let stream = [&vec![QUIET; shift], octets].concat();
    for (n, payload) in stream.chunks_exact(160).enumerate() {
        let packet = Packet { marker: false, payload_type: 8, sequence: n as u16, timestamp: 160 * n as u32, ssrc: 9, payload };
        tape.keep(START + n as u64 * TICK + late, &packet);
    }
}

#[test]
fn delays_are_exact_to_the_sample_and_who_hears_no_talker_is_not_in() {
    let settings = settings(3, 3, 1);
    let mut run = Plan::new(&settings).run();
    run.callers =
        vec![caller(Part::Talks(0), Mute::default()), caller(Part::Listens, Mute::default()), caller(Part::Listens, Mute::default())];
    let (octets, marked) = talker();
    let sent = marked.len() as u64;
    run.marked = vec![marked];
    // The last is measured; the one before is somewhere else.
    listen(&mut run.tapes[2], &octets, 37, 8 * MS);
    listen(&mut run.tapes[1], &vec![QUIET; 24_000], 0, MS);
    let analysis = analyse(&settings, &run);
    assert_eq!(analysis.entered, Of { yes: 2, of: 3 }, "talker and listener");
    assert!(analysis.markers.yes == analysis.markers.of && analysis.markers.of + 3 > sent, "{:?} of {sent}", analysis.markers);
    let right = 8.0 + 37.0 / 8.0;
    for delay in &analysis.delays {
        assert!((*delay as f64 / 1e6 - right).abs() < 0.03, "{delay} ns, {right} ms");
    }
}

#[test]
fn a_microphone_that_is_off_is_not_heard_and_one_that_stays_on_is_told() {
    let settings = settings(2, 2, 1);
    let mute = Mute { off_begun: START + 9 * SECOND, off: START + 10 * SECOND, on_begun: START + 19 * SECOND, on: START + 20 * SECOND };
    let (octets, marked) = talker();
    for obeys in [true, false] {
        let mut run = Plan::new(&settings).run();
        run.callers = vec![caller(Part::Talks(0), mute), caller(Part::Listens, Mute::default())];
        let mut heard = octets.clone();
        if obeys {
            heard[80_000..156_000].fill(QUIET);
        }
        run.marked = vec![marked.clone()];
        listen(&mut run.tapes[1], &heard, 0, 5 * MS);
        let analysis = analyse(&settings, &run);
        assert_eq!(analysis.mutes, Of { yes: u64::from(obeys), of: 1 });
        assert_eq!(analysis.markers.yes, analysis.markers.of, "what is sent into a closed microphone is not missing");
    }
}

#[test]
fn measured_listeners_go_round_the_meetings() {
    for (calls, per, measured, right) in [(20, 10, 4, 4), (25, 10, 3, 3), (1_000, 1_000, 200, 200), (2_000, 10, 200, 200)] {
        let settings = settings(calls, per, measured);
        let found: Vec<usize> = (0..calls).filter(|call| is_measured(&settings, *call)).collect();
        assert_eq!(found.len(), right, "{calls} in {per}");
        assert!(found.iter().all(|call| call % per > 0 || per == 1), "not the talker");
    }
}

#[test]
fn the_codecs_own_delay_is_measured() {
    assert!(codec_delay_ms(&Repertoire::new(Codec::Pcma).unwrap()).unwrap().abs() < 0.01);
    let g722 = codec_delay_ms(&Repertoire::new(Codec::G722).unwrap()).unwrap();
    assert!((0.5..2.5).contains(&g722), "{g722}");
}
