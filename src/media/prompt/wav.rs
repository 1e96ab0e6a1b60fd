//! A WAV file's octets to samples: every kind of file an operator's recorder or editor may make, checked for what a caller would hear as damage.

use std::fmt;
use std::io::Read;

use dasp_sample::{I24, Sample};
use hound::{SampleFormat, WavReader};

use super::fault::Reason;

/// Accepted sampling rates, Hz.
pub const RATES_HZ: [u32; 7] = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/// Accepted bits of an integer sample.
pub const BITS: [u16; 4] = [8, 16, 24, 32];
/// Longest prompt, seconds.
pub const LONGEST_S: u32 = 20;

/// Successive samples at full scale that are a cut-off top: a sound whose highest top just reaches full scale has one or two there.
const PLATEAU: usize = 3;
/// The same in 8 bit, where a step is so coarse that a round top is flat for longer.
const COARSE_PLATEAU: usize = 8;
/// From how much of full scale on a sample is at it: the last code of 16 bit, and of 8.
const FULL_SCALE: f32 = 32_767.0 / 32_768.0;
const COARSE_FULL_SCALE: f32 = 127.0 / 128.0;
/// Part of a second at full scale from which on one hears it: a millisecond.
const CLIPPED_PART: usize = 1000;

/// What kind of file it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// Sampling rate, Hz.
    pub rate_hz: u32,
    /// 1 or 2.
    pub channels: u16,
    /// Bits a sample.
    pub bits: u16,
    /// Floating-point samples.
    pub float: bool,
}

/// As `16 kHz 16 bit mono`.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.float { "float" } else { "bit" };
        let channels = if self.channels == 1 { "mono" } else { "stereo" };
        write!(f, "{} kHz {} {kind} {channels}", f64::from(self.rate_hz) / 1000.0, self.bits)
    }
}

/// The samples of a WAV file, mixed down to one channel, full scale ±1 (more only in floating-point files).
///
/// Errors: each of its own kind, see [`Reason`].
pub fn read(octets: &[u8]) -> Result<(Format, Vec<f32>), Reason> {
    if octets.is_empty() {
        return Err(Reason::Empty);
    }
    let (head, data) = fmt_and_data(octets)?;
    let mut reader = WavReader::new(head.chain(data)).map_err(no_wav)?;
    let spec = reader.spec();
    let float = spec.sample_format == SampleFormat::Float;
    let format = Format { rate_hz: spec.sample_rate, channels: spec.channels, bits: spec.bits_per_sample, float };
    let known = RATES_HZ.contains(&format.rate_hz) && (1..=2).contains(&format.channels) && (float || BITS.contains(&format.bits));
    if !known {
        return Err(Reason::Format { rate_hz: format.rate_hz, bits: format.bits, channels: format.channels });
    }
    let length_ms = u64::from(reader.duration()) * 1000 / u64::from(format.rate_hz);
    if length_ms > u64::from(LONGEST_S) * 1000 {
        return Err(Reason::TooLong(length_ms));
    }
    let mut samples = Vec::new();
    if float {
        for sample in reader.samples::<f32>() {
            samples.push(sample.map_err(no_wav)?);
        }
    } else {
        for sample in reader.samples::<i32>() {
            samples.push(to_float(sample.map_err(no_wav)?, format.bits));
        }
    }
    if samples.is_empty() {
        return Err(Reason::Empty);
    }
    if samples.iter().any(|s| !s.is_finite()) {
        return Err(Reason::NoNumbers);
    }
    let channels = usize::from(format.channels);
    let clipped = (0..channels).map(|channel| clipped(samples.iter().skip(channel).step_by(channels), format)).max().unwrap_or(0);
    if clipped > format.rate_hz as usize / CLIPPED_PART {
        return Err(Reason::Clipped((clipped * 1000).div_ceil(format.rate_hz as usize) as u32));
    }
    let mono = samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    Ok((format, mono))
}

/// The two chunks that matter, as a file of its own: the reader does not know that chunks of odd length are padded (Multimedia Programming
/// Interface and Data Specifications 1.0, 1991, "RIFF"), which editors that write notes into the file rely on.
fn fmt_and_data(octets: &[u8]) -> Result<(std::io::Cursor<Vec<u8>>, &[u8]), Reason> {
    let damaged = |what| Reason::NoWav(what);
    if octets.get(..4) != Some(b"RIFF") || octets.get(8..12) != Some(b"WAVE") {
        return Err(damaged("no RIFF/WAVE header"));
    }
    let mut head = octets.get(..12).unwrap_or_default().to_vec();
    let mut rest = octets.get(12..).unwrap_or_default();
    while let Some((chunk, body)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, length @ ..] = *chunk;
        let length = u32::from_le_bytes(length) as usize;
        let padded = length.saturating_add(length % 2);
        match &[a, b, c, d] {
            b"fmt " => {
                head.extend_from_slice(chunk);
                head.extend_from_slice(body.get(..length).ok_or(Reason::Truncated)?);
            }
            b"data" if head.len() == 12 => return Err(damaged("its data come before its format")),
            b"data" => {
                let data = body.get(..length).ok_or(Reason::Truncated)?;
                head.extend_from_slice(chunk);
                return Ok((std::io::Cursor::new(head), data));
            }
            _ => {}
        }
        rest = body.get(padded..).ok_or(Reason::Truncated)?;
    }
    Err(damaged("no data chunk"))
}

fn no_wav(error: hound::Error) -> Reason {
    match error {
        hound::Error::FormatError(what) => Reason::NoWav(what),
        hound::Error::IoError(_) => Reason::Truncated,
        hound::Error::Unsupported => Reason::NoWav("compressed or of a rare kind; save it as PCM"),
        _ => Reason::NoWav("samples of another size than its header says"),
    }
}

fn to_float(sample: i32, bits: u16) -> f32 {
    match bits {
        // The reader checked that the value has that many bits.
        8 => (sample as i8).to_sample(),
        16 => (sample as i16).to_sample(),
        24 => I24::new_unchecked(sample).to_sample(),
        _ => sample.to_sample(),
    }
}

/// Samples of one channel in cut-off tops. A floating-point file above full scale is only loud.
fn clipped<'a>(channel: impl Iterator<Item = &'a f32>, format: Format) -> usize {
    let (plateau, full) = if format.bits == 8 { (COARSE_PLATEAU, COARSE_FULL_SCALE) } else { (PLATEAU, FULL_SCALE) };
    let (mut clipped, mut run, mut top) = (0, 0, 0.0);
    for &sample in channel {
        if sample.abs() < full || (run > 0 && sample != top) {
            run = 0;
        }
        if sample.abs() >= full {
            top = sample;
            run += 1;
            // The whole run counts from when it is one.
            clipped += if run == plateau { plateau } else { usize::from(run > plateau) };
        }
    }
    clipped
}
