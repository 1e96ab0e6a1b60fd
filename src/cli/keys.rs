//! `ljudbro keys`: which keys are pressed in recordings.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use thiserror::Error;

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
            Err(fault) => {
                eprintln!("{}: {fault}", file.display());
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

/// What is wrong with a file, and what to do.
#[derive(Debug, Error)]
enum Fault {
    #[error("there is no such file; give the path of a WAV file")]
    Missing,
    #[error("is a folder; name the WAV files in it")]
    Folder,
    #[error("cannot be read ({0}); make it readable, or copy it to where it is")]
    Unreadable(#[source] io::Error),
    #[error("is empty; record it again")]
    Empty,
    #[error("is no WAV file; convert it to WAV, PCM, 16 bit")]
    NoWav,
    #[error("ends too early; copy it again from where it was recorded")]
    CutOff,
    #[error("is of a kind that cannot be read ({0}); convert it to WAV, PCM, 16 bit")]
    Kind(#[source] hound::Error),
}

/// The file as one channel at 8 kHz.
fn read(file: &Path) -> Result<Vec<i16>, Fault> {
    let octets = fs::read(file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::Missing,
        io::ErrorKind::IsADirectory => Fault::Folder,
        _ => Fault::Unreadable(error),
    })?;
    if octets.is_empty() {
        return Err(Fault::Empty);
    }
    if octets.get(..4) != Some(b"RIFF") || octets.get(8..12) != Some(b"WAVE") {
        return Err(Fault::NoWav);
    }
    if let Some(samples) = companded(&octets) {
        return Ok(samples);
    }
    let samples = wav::read(file).map_err(|error| match error {
        hound::Error::IoError(_) => Fault::CutOff,
        error => Fault::Kind(error),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_a_file_is_told_with_what_to_do() {
        let folder = std::env::temp_dir().join(format!("ljudbro-keys-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let fault = |name: &str, octets: &[u8]| {
            let file = folder.join(name);
            fs::write(&file, octets).unwrap();
            read(&file).unwrap_err()
        };
        assert!(matches!(fault("empty.wav", b""), Fault::Empty));
        assert!(matches!(fault("text.wav", b"hello, this is no sound"), Fault::NoWav));
        assert!(matches!(fault("short.wav", b"RIFF\x24\0\0\0WAVEfmt "), Fault::CutOff));
        let mpeg = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x55\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0";
        let kind = fault("mpeg.wav", mpeg);
        assert!(matches!(kind, Fault::Kind(_)) && kind.to_string().contains("convert it to WAV"), "{kind}");
        assert!(matches!(read(&folder), Err(Fault::Folder)));
        assert!(matches!(read(&folder.join("none.wav")), Err(Fault::Missing)));
        fs::remove_dir_all(&folder).unwrap();
    }
}
