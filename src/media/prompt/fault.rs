//! What can be wrong with a set of prompts. Every text says what to do where it is not plain.

use thiserror::Error;

use super::PromptId;
use super::wav::{BITS, LONGEST_S, RATES_HZ};

/// The most octets of a sound file: 20 s of stereo at 48 kHz and 32 bit are 7.7 million, and a recorder's own notes may come on top.
pub const FILE_OCTETS: usize = 16 << 20;
/// The most octets of a manifest: ours has 8,000.
pub const MANIFEST_OCTETS: usize = 256 << 10;
/// The most files looked at in a folder: a set has 82, and a whole sound library is not one.
pub const FOLDER_FILES: usize = 4096;

/// Something that keeps a whole set from being used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{file}: {reason}")]
pub struct Fault {
    /// The file's name in its folder; "." is the folder.
    pub file: String,
    /// Whose sound, where it is one's.
    pub prompt: Option<PromptId>,
    /// What is wrong.
    pub reason: Reason,
}

/// Why a prompt, or a folder, cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The manifest names a file that is not there.
    #[error("there is no such file; take its line out of manifest.toml to have the built-in prompt")]
    Missing,
    /// The system refuses.
    #[error("cannot be read ({0})")]
    Unreadable(String),
    /// A folder, a pipe, a device.
    #[error("is no file")]
    NoFile,
    /// More octets than any prompt needs.
    #[error("is larger than {} MiB, more than any prompt needs", .0 >> 20)]
    Oversize(usize),
    /// More files than any set needs.
    #[error("holds more than {FOLDER_FILES} files; give a folder with nothing but prompts in it")]
    Crowded,
    /// A path that leads out of the folder.
    #[error("leads out of the folder; every sound of a set lies inside it")]
    Outside,
    /// Manifest: no TOML.
    #[error("line {line}: {message}")]
    Manifest {
        /// From 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// Manifest: an entry that says something else than text, file, gain and say.
    #[error("{id}: {message}")]
    Entry {
        /// The entry.
        id: String,
        /// What the parser says.
        message: String,
    },
    /// Manifest: no prompt has this name.
    #[error("{0:?} is no prompt's name; `ljudbro prompts list` shows them all")]
    UnknownId(String),
    /// Not a WAV file, or a damaged one.
    #[error("is no readable WAV file ({0})")]
    NoWav(&'static str),
    /// Shorter than its header says.
    #[error("ends before its header says; it may still be being copied")]
    Truncated,
    /// A WAV file, but not of an accepted kind.
    #[error(
        "is {rate_hz} Hz, {bits} bit, {channels} channels; accepted: {RATES_HZ:?} Hz, PCM of {BITS:?} bit or 32-bit float, mono or stereo"
    )]
    Format {
        /// Sampling rate, Hz.
        rate_hz: u32,
        /// Bits a sample.
        bits: u16,
        /// Channels.
        channels: u16,
    },
    /// Floating-point samples that are no numbers.
    #[error("holds samples that are no numbers")]
    NoNumbers,
    /// No samples.
    #[error("is empty")]
    Empty,
    /// Nothing to hear.
    #[error("is silent")]
    Silent,
    /// The tops are cut off.
    #[error("is clipped: {0} ms of it are at full scale; record it again at a lower level")]
    Clipped(u32),
    /// Nobody listens that long.
    #[error("is {} s long, at most {LONGEST_S} s", .0.div_ceil(1000))]
    TooLong(u64),
}

/// Something an operator should know about a prompt that is used all the same.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum Warning {
    /// Far from the level of speech.
    #[error("level {level_dbov:.0} dBov instead of -26, {}", if *.kept { "kept as the manifest says" } else { "corrected" })]
    Level {
        /// As it was, dBov.
        level_dbov: f64,
        /// The manifest says `gain = "keep"`.
        kept: bool,
    },
}
