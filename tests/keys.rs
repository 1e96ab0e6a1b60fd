//! The key detector against its goals, in the small; `cargo bench --bench keys` is the large. And `ljudbro keys` as an operator meets it.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod signals;

use std::path::PathBuf;
use std::process::Command;

use signals::damage::{Instead, lose};
use signals::score::{Score, Truth, hear, quantile};
use signals::{Law, Press, Rng, add_noise, refused, voices};

/// A press somewhere in a tick, with noise `db` below it.
fn heard(press: Press, db: f64, rng: &mut Rng, score: &mut Score) {
    let at = rng.range(800.0, 960.0);
    let mut sound = vec![0.0; 2_400];
    press.add(&mut sound, at, rng);
    add_noise(&mut sound, press.rms() * 10f64.powf(-db / 20.0), rng);
    score.add(&hear(&rng.of(&Law::ALL).pass(&sound)), &[Truth { key: press.key, from: at, to: at + press.ms * 8.0 }]);
}

#[test]
fn every_key_in_a_corner_of_q24_is_heard_once_in_time_and_hardly_by_others() {
    // Seed 24.
    let (mut rng, mut score) = (Rng::new(24), Score::default());
    for _ in 0..1_000 {
        let (low, high, twist) = (rng.of(&[-0.015, 0.015]), rng.of(&[-0.015, 0.015]), rng.of(&[-8.0, -6.0, 4.0, 6.0]));
        let press = Press::random(&mut rng, 40.0).off(low, high).level(-25.0 + f64::abs(twist), twist);
        heard(press, 15.0, &mut rng, &mut score);
    }
    assert!(score.missed() <= 1, "{} missed", score.missed());
    assert_eq!((score.doubled, score.wrong), (0, 0));
    assert!(quantile(&score.delays, 0.95) <= 40.0, "{} ms", quantile(&score.delays, 0.95));
    assert!(quantile(&score.leaks, 0.999) <= 15.0, "{} ms", quantile(&score.leaks, 0.999));
}

#[test]
fn keys_anywhere_in_the_limits_are_heard_once() {
    // Seed 201.
    let (mut rng, mut score) = (Rng::new(201), Score::default());
    for _ in 0..1_000 {
        let (ms, low, high) = (rng.range(40.0, 110.0), rng.range(-0.015, 0.015), rng.range(-0.015, 0.015));
        let (level, twist, edge, db) = (rng.range(-17.0, 0.0), rng.range(-8.0, 6.0), rng.range(0.0, 5.0), rng.range(15.0, 50.0));
        heard(Press::random(&mut rng, ms).off(low, high).level(level, twist).edge(edge), db, &mut rng, &mut score);
    }
    assert!(score.missed() <= 1, "{} missed", score.missed());
    assert_eq!((score.doubled, score.wrong), (0, 0));
}

#[test]
fn lost_packets_leave_each_key_one_key() {
    for (seed, instead) in [(1, Instead::Silence), (2, Instead::Repetition), (3, Instead::Nothing)] {
        let (mut rng, mut score) = (Rng::new(seed), Score::default());
        for _ in 0..40 {
            let (mut sound, mut truths, mut at) = (vec![0.0; 18_000], Vec::new(), 800.0 + rng.range(0.0, 160.0));
            for _ in 0..10 {
                let press = Press::random(&mut rng, 100.0);
                press.add(&mut sound, at, &mut rng);
                truths.push((press.key, at, at + 800.0));
                at += 1_600.0;
            }
            let damaged = lose(&sound, 0.05, instead, &mut rng);
            let truth = |&(key, from, to)| Truth { key, from: damaged.time(from), to: damaged.time(to) };
            score.add(&hear(&Law::A.pass(&damaged.sound)), &truths.iter().map(truth).collect::<Vec<_>>());
        }
        assert!(score.missed() <= 2, "{instead:?}: {} missed", score.missed());
        assert_eq!((score.doubled, score.wrong), (0, 0), "{instead:?}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    // Seed 35.
    let mut rng = Rng::new(35);
    for _ in 0..300 {
        let off = rng.range(0.035, 0.06) * rng.of(&[-1.0, 1.0]);
        let (low, high) = rng.of(&[(off, 0.0), (0.0, off), (off, off), (off, -off)]);
        let mut sound = vec![0.0; 2_400];
        let at = rng.range(800.0, 960.0);
        Press::random(&mut rng, 100.0).off(low, high).add(&mut sound, at, &mut rng);
        assert!(hear(&Law::A.pass(&sound)).reports.is_empty(), "{low} {high}");
    }
    for _ in 0..100 {
        for sound in [refused::wrong_number_of_tones(&mut rng), refused::modem(&mut rng, 0.5), refused::call_progress(&mut rng)] {
            assert!(hear(&Law::A.pass(&sound)).reports.is_empty());
        }
    }
    for _ in 0..4 {
        let (sound, _) = refused::multi_frequency(&mut rng);
        assert!(hear(&Law::A.pass(&sound)).reports.is_empty());
    }
    let reports: usize = (0..60).map(|_| hear(&Law::A.pass(&voices::vowel(&mut rng, 1.0))).reports.len()).sum();
    assert_eq!(reports, 0, "vowels");
}

/// A folder that goes away.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write(path: &PathBuf, rate_hz: u32, channels: u16) {
    let spec = hound::WavSpec { channels, sample_rate: rate_hz, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    let step = |hz: f64, i: u32| (std::f64::consts::TAU * hz * f64::from(i) / f64::from(rate_hz)).sin();
    for i in 0..rate_hz {
        let on = (rate_hz / 2..rate_hz / 2 + rate_hz / 10).contains(&i);
        let sample = if on { (5_000.0 * (step(770.0, i) + step(1_336.0, i))) as i16 } else { 0 };
        (0..channels).for_each(|_| writer.write_sample(sample).unwrap());
    }
    writer.finalize().unwrap();
}

#[test]
fn the_command_names_file_second_and_key_and_what_is_wrong_with_the_others() {
    let folder = Folder(std::env::temp_dir().join(format!("ljudbro-keys-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    for (name, rate_hz, channels) in [("a.wav", 8_000, 1), ("b.wav", 44_100, 2), ("c.wav", 48_000, 1), ("d.wav", 11_025, 1)] {
        write(&folder.0.join(name), rate_hz, channels);
    }
    let mut alaw = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x06\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\xff\xff\xff\xff".to_vec();
    let mut sound = vec![0.0; 8_000];
    Press::of(1, 1, 100.0).add(&mut sound, 4_000.0, &mut Rng::new(1));
    let mut octets = vec![0; sound.len()];
    ljudbro::codec::g711::encode_alaw(&Law::Linear.pass(&sound), &mut octets);
    alaw.extend(octets);
    std::fs::write(folder.0.join("e.wav"), alaw).unwrap();
    std::fs::write(folder.0.join("torn.wav"), &std::fs::read(folder.0.join("a.wav")).unwrap()[..30]).unwrap();
    std::fs::write(folder.0.join("text.wav"), "no sound").unwrap();
    let run = |files: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ljudbro")).arg("keys").args(files).current_dir(&folder.0).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, out, err) = run(&["a.wav", "b.wav", "c.wav", "d.wav", "e.wav"]);
    let expected: String = ["a", "b", "c", "d", "e"].iter().map(|name| format!("{name}.wav\t0.540\t5\n")).collect();
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), expected.as_str(), ""));
    let (status, out, err) = run(&["missing.wav", "torn.wav", "a.wav", "text.wav", "."]);
    assert_eq!((status, out.as_str()), (Some(1), "a.wav\t0.540\t5\n"));
    let reasons: Vec<&str> = err.lines().collect();
    let parts = ["missing.wav: there is no such file", "torn.wav: ", "text.wav: is no WAV file", ".: is a folder"];
    assert_eq!(reasons.len(), parts.len(), "{err}");
    for (reason, part) in reasons.iter().zip(parts) {
        assert!(reason.starts_with(part) && reason.contains("; "), "{reason}");
    }
}
