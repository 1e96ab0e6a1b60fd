use std::collections::BTreeMap;
use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};
use proptest::prelude::*;

use super::super::{BuiltIn, built_in};
use super::*;

#[derive(Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn of<const N: usize>(files: [(&str, Vec<u8>); N]) -> Self {
        Self(files.into_iter().map(|(name, octets)| (name.to_owned(), octets)).collect())
    }

    fn over_built_in(&self) -> Report {
        load(self, Some(built_in()))
    }
}

impl Folder for Memory {
    fn names(&self) -> Result<Vec<String>, Reason> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, file: &str, most: usize) -> Result<Vec<u8>, Reason> {
        let octets = self.0.get(file).ok_or(Reason::Missing)?;
        if octets.len() > most { Err(Reason::Oversize(most)) } else { Ok(octets.clone()) }
    }
}

const SPEECHLIKE_HZ: f64 = 500.0;

/// A tone of full-scale part `amplitude`, the same on every channel.
fn tone(format: Format, hz: f64, amplitude: f64, seconds: f64) -> Vec<u8> {
    let sample_format = if format.float { SampleFormat::Float } else { SampleFormat::Int };
    let spec = WavSpec { channels: format.channels, sample_rate: format.rate_hz, bits_per_sample: format.bits, sample_format };
    let mut out = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut out, spec).unwrap();
    let full = 2f64.powi(i32::from(format.bits) - 1) - 1.0;
    for n in 0..(seconds * f64::from(format.rate_hz)) as u32 {
        let value = amplitude * (std::f64::consts::TAU * hz * f64::from(n) / f64::from(format.rate_hz)).sin();
        for _ in 0..format.channels {
            if format.float {
                writer.write_sample(value as f32).unwrap();
            } else {
                writer.write_sample((value * full).round().clamp(-full, full) as i32).unwrap();
            }
        }
    }
    writer.finalize().unwrap();
    out.into_inner()
}

const PLAIN: Format = Format { rate_hz: 16_000, channels: 1, bits: 16, float: false };

/// A file that nothing speaks against.
fn good() -> Vec<u8> {
    tone(PLAIN, SPEECHLIKE_HZ, 0.07, 1.0)
}

fn power_dbov(samples: &[i16]) -> f64 {
    let power = samples.iter().map(|&s| (f64::from(s) / 32_768.0).powi(2)).sum::<f64>() / samples.len() as f64;
    10.0 * power.max(1e-12).log10()
}

/// Why `forst.wav` with these octets is refused.
fn refusal(octets: Vec<u8>) -> Reason {
    let mut faults = Memory::of([("forst.wav", octets)]).over_built_in().loaded().unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    let fault = faults.remove(0);
    assert_eq!((fault.file.as_str(), fault.prompt), ("forst.wav", Some(PromptId::Forst)));
    fault.reason
}

#[test]
fn the_built_in_set_is_complete_quick_and_passes_its_own_check_without_a_word() {
    let report = load(&BuiltIn, None);
    assert_eq!(report.faults, []);
    assert!(report.strays.is_empty());
    for line in &report.lines {
        let heard = line.heard.unwrap();
        assert_eq!(line.warning, None, "{}", line.id.name());
        assert!(!line.text.is_empty(), "{}", line.id.name());
        let wanted = if line.id.name().starts_with("ton_") { -29.0 } else { SPEECH_DBOV };
        assert!((heard.level_dbov - wanted).abs() < 0.5, "{}: {}", line.id.name(), heard.level_dbov);
        let samples = &report.set.get(line.id).samples;
        let threshold = samples.iter().map(|s| s.unsigned_abs()).max().unwrap() / 100;
        let first = samples.iter().position(|s| s.unsigned_abs() > threshold).unwrap();
        let last = samples.iter().rposition(|s| s.unsigned_abs() > threshold).unwrap();
        assert!((40..=400).contains(&first), "{}: {first} samples before the first word", line.id.name());
        assert!((40..=1200).contains(&(samples.len() - last)), "{}: {} samples after the last word", line.id.name(), samples.len() - last);
    }
}

#[test]
fn the_embedded_table_the_manifest_and_the_folder_name_the_same_prompts() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/sv");
    let (entries, faults) = manifest::read(&BuiltIn.read(manifest::FILE, 0).unwrap());
    assert_eq!(faults, []);
    let mut files: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|file| file != manifest::FILE);
    files.sort();
    let mut table = BuiltIn.names().unwrap();
    table.sort();
    assert_eq!(files, table);
    let mut named: Vec<String> = entries.values().map(|entry| entry.file.clone().unwrap()).collect();
    named.sort();
    assert_eq!(named, table);
    assert!(entries.iter().all(|(id, entry)| entry.file.as_deref() == Some(format!("{id}.wav").as_str())));
}

#[test]
fn every_accepted_format_is_heard_as_the_same_sound() {
    for rate_hz in wav::RATES_HZ {
        for (bits, float) in [(8, false), (16, false), (24, false), (32, false), (32, true)] {
            for channels in [1, 2] {
                let format = Format { rate_hz, channels, bits, float };
                // 0.5 s: -26 dBov steady.
                let loaded = Memory::of([("forst.wav", tone(format, SPEECHLIKE_HZ, 0.0709, 0.5))])
                    .over_built_in()
                    .loaded()
                    .unwrap_or_else(|f| panic!("{format}: {f:?}"));
                let line = &loaded.lines[PromptId::Forst as usize];
                let heard = line.heard.unwrap();
                assert_eq!((heard.format, heard.length_ms, &line.warning), (format, 500, &None));
                let samples = &loaded.set.get(PromptId::Forst).samples;
                assert_eq!(samples.len(), 4000, "{format}");
                // In phase too: the resampler's delay is taken out.
                let level = loudness::ratio(power_dbov(&samples[400..3600])) * std::f64::consts::SQRT_2;
                let worst = (400..3600)
                    .map(|n| {
                        (f64::from(samples[n]) / 32_768.0 - level * (std::f64::consts::TAU * SPEECHLIKE_HZ * n as f64 / 8000.0).sin()).abs()
                    })
                    .fold(0.0, f64::max);
                let step = if bits == 8 { 1.5 / 128.0 } else { 3e-4 };
                assert!(worst < step, "{format}: off by {worst}");
            }
        }
    }
}

#[test]
fn nothing_above_the_telephone_band_is_folded_into_it() {
    for rate_hz in wav::RATES_HZ.into_iter().filter(|&rate_hz| rate_hz > 8000) {
        let format = Format { rate_hz, ..PLAIN };
        for hz in [4_100.0, 5_000.0, 7_000.0, 7_700.0] {
            let (_, samples) = wav::read(&tone(format, hz, 0.9, 0.5)).unwrap();
            let out: Vec<i16> = resample::to_telephone(samples, rate_hz).iter().map(|s| (s * 32_768.0) as i16).collect();
            // The ends of the tone are no tone.
            let folded = power_dbov(&out[800..3200]);
            assert!(folded < -85.0, "{hz} Hz at {rate_hz} Hz comes out at {folded:.1} dBov");
        }
        for hz in [300.0, 1_000.0, 3_400.0, 3_700.0] {
            let (_, samples) = wav::read(&tone(format, hz, 0.5, 0.5)).unwrap();
            let out: Vec<i16> = resample::to_telephone(samples, rate_hz).iter().map(|s| (s * 32_768.0) as i16).collect();
            let passed = power_dbov(&out[800..3200]);
            assert!((passed + 9.03).abs() < 0.1, "{hz} Hz at {rate_hz} Hz passes at {passed:.2} dBov");
        }
    }
}

#[test]
fn a_level_is_corrected_and_one_far_off_is_told() {
    for (amplitude, told) in [(0.5, true), (0.1, false), (0.05, false), (0.01, true)] {
        let loaded = Memory::of([("forst.wav", tone(PLAIN, SPEECHLIKE_HZ, amplitude, 1.0))]).over_built_in().loaded().unwrap();
        assert!((power_dbov(&loaded.set.get(PromptId::Forst).samples) - SPEECH_DBOV).abs() < 0.5, "{amplitude}");
        let warning = &loaded.lines[PromptId::Forst as usize].warning;
        assert_eq!(warning.is_some(), told, "{amplitude}: {warning:?}");
        assert!(matches!(warning, None | Some(Warning::Level { kept: false, .. })));
    }
}

#[test]
fn a_level_is_left_alone_where_the_manifest_says_so() {
    let manifest = b"forst = { gain = \"keep\" }".to_vec();
    let loaded =
        Memory::of([("manifest.toml", manifest), ("forst.wav", tone(PLAIN, SPEECHLIKE_HZ, 0.5, 1.0))]).over_built_in().loaded().unwrap();
    assert!((power_dbov(&loaded.set.get(PromptId::Forst).samples) + 9.03).abs() < 0.1);
    assert!(matches!(loaded.lines[PromptId::Forst as usize].warning, Some(Warning::Level { kept: true, .. })));
}

#[test]
fn a_peak_is_kept_three_decibels_under_full_scale() {
    // Mostly quiet, with one loud click: the level alone would ask for more.
    let mut octets = tone(PLAIN, SPEECHLIKE_HZ, 0.01, 1.0);
    let at = octets.len() - 8000;
    octets[at..at + 2].copy_from_slice(&30_000i16.to_le_bytes());
    let loaded = Memory::of([("forst.wav", octets)]).over_built_in().loaded().unwrap();
    let peak = loaded.set.get(PromptId::Forst).samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
    assert!((peak as i32 - 23_198).abs() < 20, "{peak}");
}

#[test]
fn what_a_folder_lacks_comes_from_the_built_in_set_and_is_told() {
    let loaded = Memory::of([("forst.wav", good()), ("manifest.toml", b"slut = { text = \"Tack och hej.\" }".to_vec())])
        .over_built_in()
        .loaded()
        .unwrap();
    assert_eq!(loaded.fallen_back().count(), PromptId::ALL.len() - 1);
    assert!(loaded.fallen_back().all(|id| id != PromptId::Forst));
    assert_eq!(loaded.set.get(PromptId::Slut).samples, built_in().set.get(PromptId::Slut).samples);
    assert_ne!(loaded.set.get(PromptId::Forst).samples, built_in().set.get(PromptId::Forst).samples);
    assert_eq!(loaded.lines[PromptId::Slut as usize].text, "Tack och hej.");
    assert_eq!(loaded.lines[PromptId::Ensam as usize].text, "Du är ensam kvar i mötet.");
}

#[test]
fn without_a_set_underneath_every_prompt_must_be_there() {
    let faults = load(&Memory::of([("forst.wav", good())]), None).loaded().unwrap_err();
    assert_eq!(faults.len(), PromptId::ALL.len() - 1);
    assert!(faults.iter().all(|fault| fault.reason == Reason::Missing));
}

#[test]
fn a_manifest_may_call_a_file_anything_inside_its_folder() {
    let manifest = "siffra_2 = { file = \"röst/två.wav\" }\ntal_2 = { file = \"röst/två.wav\" }";
    let loaded = Memory::of([("manifest.toml", manifest.into()), ("röst/två.wav", good())]).over_built_in().loaded().unwrap();
    assert_eq!(loaded.set.get(PromptId::Siffra2).samples, loaded.set.get(PromptId::Tal2).samples);
    assert_eq!(loaded.lines[PromptId::Tal2 as usize].file.as_deref(), Some("röst/två.wav"));
}

#[test]
fn a_sound_with_a_slip_in_its_name_is_told() {
    let loaded = Memory::of([("först.wav", good()), ("Slut.WAV", good()), ("ensam.wav", good()), ("notes.txt", vec![])])
        .over_built_in()
        .loaded()
        .unwrap();
    assert_eq!(loaded.strays, ["Slut.WAV", "först.wav"]);
}

#[test]
fn all_faults_of_a_folder_are_named_at_once_and_none_of_it_is_used() {
    let manifest = "slut = { file = \"nowhere.wav\" }\nupplast = { file = \"/etc/passwd\" }\nhej = {}";
    let report = Memory::of([("manifest.toml", manifest.into()), ("forst.wav", vec![]), ("ensam.wav", good())]).over_built_in();
    let faults = report.loaded().unwrap_err();
    let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
    for start in [
        "nowhere.wav: there is no such file",
        "/etc/passwd: leads out",
        "manifest.toml: \"hej\" is no prompt's name",
        "forst.wav: is empty",
    ] {
        assert!(told.iter().any(|fault| fault.starts_with(start)), "{start}: {told:#?}");
    }
    assert_eq!(told.len(), 4);
}

#[test]
fn an_empty_file_is_refused() {
    assert_eq!(refusal(vec![]), Reason::Empty);
    assert_eq!(refusal(tone(PLAIN, 1.0, 0.0, 0.0)), Reason::Empty);
}

#[test]
fn a_silent_file_is_refused() {
    assert_eq!(refusal(tone(PLAIN, SPEECHLIKE_HZ, 0.0, 1.0)), Reason::Silent);
    assert_eq!(refusal(tone(PLAIN, SPEECHLIKE_HZ, 0.0005, 1.0)), Reason::Silent);
    assert_eq!(refusal(tone(Format { rate_hz: 48_000, ..PLAIN }, 15_000.0, 0.5, 1.0)), Reason::Silent, "nothing of it reaches a telephone");
}

#[test]
fn a_clipped_file_is_refused_and_a_loud_one_is_not() {
    for bits in [8, 16, 24, 32] {
        let format = Format { bits, ..PLAIN };
        assert!(matches!(refusal(tone(format, SPEECHLIKE_HZ, 1.5, 1.0)), Reason::Clipped(_)), "{bits}");
        assert!(Memory::of([("forst.wav", tone(format, SPEECHLIKE_HZ, 1.0, 1.0))]).over_built_in().faults.is_empty(), "{bits}");
    }
    let loud = tone(Format { bits: 32, float: true, ..PLAIN }, SPEECHLIKE_HZ, 1.5, 1.0);
    assert!(Memory::of([("forst.wav", loud.clone())]).over_built_in().faults.is_empty(), "floating point has room above full scale");
    let kept = Memory::of([("forst.wav", loud), ("manifest.toml", b"forst = { gain = \"keep\" }".to_vec())]).over_built_in();
    assert!(matches!(kept.faults[0].reason, Reason::Clipped(_)), "and an unchanged level has none");
}

#[test]
fn one_clipped_channel_is_enough() {
    let mut octets = tone(Format { channels: 2, ..PLAIN }, SPEECHLIKE_HZ, 0.1, 1.0);
    let data = octets.len() - 64_000;
    for frame in octets[data..].chunks_exact_mut(4).take(100) {
        frame[..2].copy_from_slice(&i16::MIN.to_le_bytes());
    }
    assert_eq!(refusal(octets), Reason::Clipped(7));
}

#[test]
fn a_file_longer_than_twenty_seconds_is_refused() {
    assert_eq!(refusal(tone(PLAIN, SPEECHLIKE_HZ, 0.1, 20.1)), Reason::TooLong(20_100));
    assert!(Memory::of([("forst.wav", tone(PLAIN, SPEECHLIKE_HZ, 0.1, 20.0))]).over_built_in().faults.is_empty());
}

#[test]
fn an_oversize_file_is_refused_unread() {
    assert!(matches!(refusal(vec![0; FILE_OCTETS + 1]), Reason::Oversize(_)));
    let report = Memory::of([("manifest.toml", vec![b'\n'; MANIFEST_OCTETS + 1])]).over_built_in();
    assert!(matches!(report.faults[..], [Fault { reason: Reason::Oversize(_), .. }]));
}

#[test]
fn what_is_no_wav_of_an_accepted_kind_is_refused() {
    assert!(matches!(refusal(b"OggS and so on, for longer than a header".to_vec()), Reason::NoWav(_)));
    assert_eq!(
        refusal(tone(Format { rate_hz: 11_025, ..PLAIN }, 500.0, 0.1, 1.0)),
        Reason::Format { rate_hz: 11_025, bits: 16, channels: 1 }
    );
    assert_eq!(refusal(tone(Format { channels: 3, ..PLAIN }, 500.0, 0.1, 1.0)), Reason::Format { rate_hz: 16_000, bits: 16, channels: 3 });
    let mut alaw = tone(Format { rate_hz: 8_000, bits: 8, ..PLAIN }, 500.0, 0.1, 1.0);
    alaw[20] = 6;
    assert!(matches!(refusal(alaw), Reason::NoWav(what) if what.contains("PCM")));
    let mut numbers = tone(Format { bits: 32, float: true, ..PLAIN }, 500.0, 0.1, 1.0);
    let at = numbers.len() - 4000;
    numbers[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(refusal(numbers), Reason::NoNumbers);
}

#[test]
fn a_file_that_is_still_being_copied_is_refused() {
    let whole = good();
    for length in [13, 30, 60, whole.len() / 2, whole.len() - 1] {
        let reason = refusal(whole[..length].to_vec());
        assert!(matches!(reason, Reason::Truncated | Reason::NoWav(_)), "{length}: {reason:?}");
    }
}

#[test]
fn notes_in_the_file_are_passed_over_even_of_odd_length() {
    let plain = good();
    let mut noted = plain[..12].to_vec();
    noted.extend(*b"LIST\x05\0\0\0abcde\0");
    noted.extend(&plain[12..]);
    noted.extend(*b"id3 \x02\0\0\0xx");
    let loaded = Memory::of([("forst.wav", noted)]).over_built_in().loaded().unwrap();
    assert_eq!(loaded.lines[PromptId::Forst as usize].heard.unwrap().length_ms, 1000);
}

proptest! {
    #[test]
    fn no_file_and_no_manifest_can_panic_the_check(at in 0usize..60, damage in proptest::collection::vec(any::<u8>(), 0..24), cut in 0usize..200) {
        for format in [PLAIN, Format { channels: 2, bits: 24, ..PLAIN }, Format { bits: 32, float: true, ..PLAIN }] {
            let mut octets = tone(format, SPEECHLIKE_HZ, 0.1, 0.01);
            for (octet, damage) in octets.iter_mut().skip(at).zip(&damage) {
                *octet = *damage;
            }
            octets.truncate(octets.len().saturating_sub(cut));
            let _ = prompt(&octets, false);
        }
        let _ = manifest::read(&damage);
    }
}
