//! `ljudbro keys`: which keys are pressed in recordings.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::call::wav;
use crate::audio::dtmf::DtmfDetector;
use crate::audio::{FRAME, RATE_HZ};
use crate::codec::g711;

/// Recordings to look for keys in.
#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    /// WAV files of any rate: PCM, floating point, A-law, µ-law; several channels are mixed into one
    #[arg(required = true, value_name = "FILE.wav")]
    files: Vec<PathBuf>,
}

/// Exit status 0: all files were heard; 1: some could not be read, the others were heard.
pub(super) fn run(args: &KeysArgs) -> ExitCode {
    let mut status = ExitCode::SUCCESS;
    for file in &args.files {
        match read(file) {
            Ok(samples) => {
                if tell(file, &keys(&samples), &mut io::stdout().lock()).is_err() {
                    // A reader who closes the pipe has seen enough.
                    return status;
                }
            }
            Err(reason) => {
                eprintln!("{}: {reason}", file.display());
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

/// The file as one channel at 8 kHz, or what is wrong with it and what to do.
fn read(file: &Path) -> Result<Vec<i16>, String> {
    let octets = fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; give the path of a WAV file".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder; name the WAV files in it".to_owned(),
        _ => format!("cannot be read ({error}); make it readable, or copy it to where it is"),
    })?;
    if octets.is_empty() {
        return Err("is empty; record it again".to_owned());
    }
    if octets.get(..4) != Some(b"RIFF") || octets.get(8..12) != Some(b"WAVE") {
        return Err("is no WAV file; convert it to WAV, PCM, 16 bit".to_owned());
    }
    if let Some(samples) = companded(&octets) {
        return Ok(samples);
    }
    let samples = wav::read(file).map_err(|error| match error {
        hound::Error::IoError(_) => "ends too early; copy it again from where it was recorded".to_owned(),
        error => format!("is of a kind that cannot be read ({error}); convert it to WAV, PCM, 16 bit"),
    })?;
    Ok(samples.to_vec())
}

/// Format tags of RFC 2361, appendix A.
const ALAW: u16 = 6;
const ULAW: u16 = 7;

/// Recorders on telephone lines write G.711 as it comes; the library knows only linear samples. `None`: it is something else.
fn companded(octets: &[u8]) -> Option<Vec<i16>> {
    let (mut rest, mut format) = (octets.get(12..)?, None);
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, length @ ..] = *head;
        let length = u32::from_le_bytes(length) as usize;
        match &[a, b, c, d] {
            b"fmt " => {
                let &[t0, t1, c0, c1, r0, r1, r2, r3] = body.first_chunk::<8>()?;
                format = Some((u16::from_le_bytes([t0, t1]), u16::from_le_bytes([c0, c1]), u32::from_le_bytes([r0, r1, r2, r3])));
            }
            b"data" => {
                let (law, channels, rate_hz) = format?;
                // A recorder that was cut off has written no length, or one that it never reached.
                let data = body.get(..length).unwrap_or(body);
                let mut samples = vec![0; data.len()];
                match law {
                    ALAW => g711::decode_alaw(data, &mut samples),
                    ULAW => g711::decode_ulaw(data, &mut samples),
                    _ => return None,
                }
                return Some(mixed(&samples, channels.max(1), rate_hz.max(1)));
            }
            _ => {}
        }
        // Chunks of odd length are padded.
        rest = body.get(length.checked_add(length % 2)?..)?;
    }
    None
}

fn mixed(samples: &[i16], channels: u16, rate_hz: u32) -> Vec<i16> {
    let mono =
        samples.chunks_exact(usize::from(channels)).map(|frame| frame.iter().map(|s| f32::from(*s)).sum::<f32>() / f32::from(channels));
    if rate_hz == RATE_HZ {
        return mono.map(|sample| sample as i16).collect();
    }
    let mono: Vec<f32> = mono.collect();
    wav::to_telephone(&mono, rate_hz).into_iter().map(|sample| sample as i16).collect()
}

/// Each key, with the end of the tick that reported it in samples from the beginning.
fn keys(samples: &[i16]) -> Vec<(usize, char)> {
    let mut detector = DtmfDetector::new();
    let mut found = Vec::new();
    for (tick, samples) in samples.chunks(FRAME).enumerate() {
        let mut frame = [0; FRAME];
        frame.iter_mut().zip(samples).for_each(|(to, from)| *to = *from);
        found.extend(detector.hear(&frame).key.map(|key| ((tick + 1) * FRAME, key.expose())));
    }
    found
}

fn tell(file: &Path, keys: &[(usize, char)], out: &mut impl Write) -> io::Result<()> {
    for (at, key) in keys {
        writeln!(out, "{}\t{:.3}\t{key}", file.display(), *at as f64 / f64::from(RATE_HZ))?;
    }
    Ok(())
}
