//! From a folder of sound files to a set, checked whole: every fault is found before anything is used.
//!
//! Who may read files hands the folder in ([`Folder`]), so that this is a function of octets. A prompt the folder does not have comes from the set
//! underneath, which for an operator's folder is the built-in one.

use std::sync::Arc;

use super::fault::{FILE_OCTETS, Fault, MANIFEST_OCTETS, Reason, Warning};
use super::loudness::{self, SPEECH_DBOV, TOLERANCE_DB};
use super::manifest::{self, Entry};
use super::wav::{self, Format};
use super::{Prompt, PromptId, PromptSet, resample};
use crate::audio::RATE_HZ;

/// A folder of prompts, read by somebody who may read.
pub trait Folder {
    /// The names of what lies directly in it.
    fn names(&self) -> Result<Vec<String>, Reason>;
    /// The octets of a file in it; [`Reason::Missing`] when there is none, [`Reason::Oversize`] when there are more than `most`.
    fn read(&self, file: &str, most: usize) -> Result<Vec<u8>, Reason>;
}

/// One prompt, as the check saw it.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// Which prompt.
    pub id: PromptId,
    /// What is said.
    pub text: String,
    /// From the folder's file of this name; `None`: the built-in prompt.
    pub file: Option<String>,
    /// As recorded, where it could be read.
    pub heard: Option<Heard>,
    /// What the operator should know.
    pub warning: Option<Warning>,
}

/// Length, level and format of a file.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Heard {
    /// Length, milliseconds.
    pub length_ms: u32,
    /// Active speech level before any correction, dBov.
    pub level_dbov: f64,
    /// Kind of file.
    pub format: Format,
}

/// What a check found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Every prompt, in the order of the table.
    pub lines: Vec<Line>,
    /// All that keeps the set from being used.
    pub faults: Vec<Fault>,
    /// Sound files in the folder that are no prompt's, in alphabetical order: most often a name with a slip in it.
    pub strays: Vec<String>,
    set: PromptSet,
}

/// A set that may be used.
#[derive(Clone, PartialEq, Debug)]
pub struct Loaded {
    /// The set.
    pub set: Arc<PromptSet>,
    /// Every prompt, in the order of the table.
    pub lines: Vec<Line>,
    /// See [`Report::strays`].
    pub strays: Vec<String>,
}

impl Loaded {
    /// The prompts that came from the built-in set because the folder has none.
    pub fn fallen_back(&self) -> impl Iterator<Item = PromptId> {
        self.lines.iter().filter(|line| line.file.is_none()).map(|line| line.id)
    }
}

impl Report {
    /// The set, if nothing speaks against it.
    pub fn loaded(self) -> Result<Loaded, Vec<Fault>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        Ok(Loaded { set: Arc::new(self.set), lines: self.lines, strays: self.strays })
    }
}

/// Read and check a whole folder over the set `under` it. Without one, every prompt must be there.
pub fn load(folder: &impl Folder, under: Option<&Loaded>) -> Report {
    let mut faults = Vec::new();
    let names = folder.names().unwrap_or_else(|reason| {
        faults.push(Fault { file: ".".to_owned(), prompt: None, reason });
        Vec::new()
    });
    let (entries, found) = match folder.read(manifest::FILE, MANIFEST_OCTETS) {
        Ok(octets) => manifest::read(&octets),
        // A folder with nothing but sounds is a set too: they are called as their prompts.
        Err(Reason::Missing) => Default::default(),
        // A folder that cannot be listed has been named already.
        Err(_) if !faults.is_empty() => Default::default(),
        Err(reason) => (Default::default(), vec![Fault { file: manifest::FILE.to_owned(), prompt: None, reason }]),
    };
    faults.extend(found);
    let mut lines: Vec<Line> = Vec::with_capacity(PromptId::ALL.len());
    let set = PromptSet::new(|id| {
        let below = under.map(|under| (&under.lines[id as usize], under.set.get(id)));
        let (line, prompt) = one(folder, id, entries.get(id.name()), &names, below, &mut faults);
        lines.push(line);
        prompt
    });
    let used = |name: &String| lines.iter().any(|line| line.file.as_ref() == Some(name)) || faults.iter().any(|fault| &fault.file == name);
    let mut strays: Vec<String> = names.iter().filter(|name| is_sound(name) && !used(name)).cloned().collect();
    strays.sort();
    Report { lines, faults, strays, set }
}

/// One prompt: from its file, or from below.
fn one(
    folder: &impl Folder,
    id: PromptId,
    entry: Option<&Entry>,
    names: &[String],
    below: Option<(&Line, &Prompt)>,
    faults: &mut Vec<Fault>,
) -> (Line, Prompt) {
    let text = entry.and_then(|entry| entry.text.clone()).or_else(|| below.map(|(line, _)| line.text.clone())).unwrap_or_default();
    let file = entry.and_then(|entry| entry.file.clone()).unwrap_or_else(|| format!("{}.wav", id.name()));
    // Something the manifest names must be there; a name that is only a habit may be missing where there is something underneath.
    let named = entry.is_some_and(|entry| entry.file.is_some());
    if let (false, false, Some((line, prompt))) = (named, names.contains(&file), below) {
        let line = Line { text, file: None, ..line.clone() };
        return (line, prompt.clone());
    }
    let keep = entry.is_some_and(|entry| entry.keep);
    let mut line = Line { id, text, file: Some(file.clone()), heard: None, warning: None };
    match folder.read(&file, FILE_OCTETS).and_then(|octets| prompt(&octets, keep)) {
        Ok((heard, prompt)) => {
            line.heard = Some(heard);
            if (heard.level_dbov - SPEECH_DBOV).abs() > TOLERANCE_DB {
                line.warning = Some(Warning::Level { level_dbov: heard.level_dbov, kept: keep });
            }
            (line, prompt)
        }
        Err(reason) => {
            faults.push(Fault { file, prompt: Some(id), reason });
            (line, Prompt::default())
        }
    }
}

/// A file's octets as a prompt: mixed down, resampled, brought to level.
fn prompt(octets: &[u8], keep: bool) -> Result<(Heard, Prompt), Reason> {
    let (format, samples) = wav::read(octets)?;
    // An accepted file has at most 20 s.
    let length_ms = (samples.len() as u64 * 1000 / u64::from(format.rate_hz)) as u32;
    let samples = resample::to_telephone(samples, format.rate_hz);
    let level_dbov = loudness::active_level(&samples).ok_or(Reason::Silent)?;
    let gain = if keep { 1.0 } else { loudness::gain(&samples, level_dbov) };
    let clipped = samples.iter().filter(|sample| sample.abs() * gain > 1.0).count() as u32 * 1000 / RATE_HZ;
    if clipped > 0 {
        return Err(Reason::Clipped(clipped));
    }
    // The cast saturates: a lone overshoot of the filter over full scale is not heard.
    let samples = samples.iter().map(|sample| (sample * gain * 32_768.0).round() as i16).collect();
    Ok((Heard { length_ms, level_dbov, format }, Prompt { samples }))
}

fn is_sound(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("wav"))
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
