//! `ljudbro prompts`: what the set says, whether a folder can be used, and how an utterance sounds.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use hound::{SampleFormat, WavSpec, WavWriter};

use crate::audio::{RATE_HZ, SILENCE};
use crate::media::prompt::{Fault, Line, Loaded, Player, Report, UTTERANCE};
use crate::media::{PromptId, PromptSet, Utterance};
use crate::names::SayToken;
use crate::run::prompts;

/// Characters of a prompt's text in a table whose other columns matter more.
const TEXT_WIDTH: usize = 36;

#[derive(Debug, Args)]
pub(super) struct PromptArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every prompt: id, file, text
    List {
        /// Folder laid over the built-in prompts; without it the built-in prompts alone
        folder: Option<PathBuf>,
    },
    /// Check a folder as the bridge would before using it, and show a table. Exit status 1: it has faults
    Check {
        /// Folder laid over the built-in prompts; without it the built-in prompts alone
        folder: Option<PathBuf>,
    },
    /// Write what a caller hears, prompt after prompt, as WAV (8 kHz, 16 bit)
    Render {
        /// The prompts, in order
        #[arg(required = true, value_name = "ID", num_args = 1..=UTTERANCE, value_parser = id)]
        ids: Vec<PromptId>,
        /// The file to write
        #[arg(long, value_name = "FILE.wav")]
        out: PathBuf,
        /// Folder laid over the built-in prompts
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

/// Exit status 0: done; 1: faults in the folder, or the file cannot be written.
pub(super) fn run(args: &PromptArgs) -> ExitCode {
    let done = match &args.command {
        Command::List { folder } => {
            let report = prompts::check(folder.as_deref());
            tell_faults(folder.as_deref(), &report.faults);
            // A reader who closes the pipe has seen enough.
            let _ = list(&report, &mut io::stdout().lock());
            report.faults.is_empty()
        }
        Command::Check { folder } => {
            let report = prompts::check(folder.as_deref());
            let _ = table(&report, &mut io::stdout().lock());
            tell_faults(folder.as_deref(), &report.faults);
            report.faults.is_empty()
        }
        Command::Render { ids, out, folder } => match prompts::load(folder.as_deref()) {
            Ok(loaded) => write_wav(out, &loaded, ids),
            Err(faults) => {
                tell_faults(folder.as_deref(), &faults);
                false
            }
        },
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn id(name: &str) -> Result<PromptId, &'static str> {
    PromptId::by_name(name).ok_or("no prompt has this name; `ljudbro prompts list` shows them all")
}

fn tell_faults(folder: Option<&Path>, faults: &[Fault]) {
    let folder = folder.unwrap_or(Path::new("(built-in)"));
    for fault in faults {
        let file = if fault.file == "." { folder.to_owned() } else { folder.join(&fault.file) };
        eprintln!("{}", printable(&format!("{}: {}", file.display(), fault.reason)));
    }
}

fn list(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for line in &report.lines {
        writeln!(out, "{:<14} {:<18} {}", line.id.name(), line.file.as_deref().unwrap_or("(built-in)"), printable(&line.text))?;
    }
    Ok(())
}

fn table(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:<14} {:<TEXT_WIDTH$} {:>7} {:>6}  {:<20} verdict", "id", "text", "length", "dBov", "format")?;
    let (mut own, mut warnings) = (0, 0);
    for line in &report.lines {
        own += usize::from(line.file.is_some());
        warnings += usize::from(line.warning.is_some());
        let (length, level, format) = line.heard.map_or_else(
            || ("-".to_owned(), "-".to_owned(), "-".to_owned()),
            |heard| (format!("{:.2} s", f64::from(heard.length_ms) / 1000.0), format!("{:.1}", heard.level_dbov), heard.format.to_string()),
        );
        let text = shortened(&printable(&line.text));
        writeln!(out, "{:<14} {text:<TEXT_WIDTH$} {length:>7} {level:>6}  {format:<20} {}", line.id.name(), verdict(line, report))?;
    }
    for name in &report.strays {
        writeln!(out, "{}: not used, no prompt has this name", printable(name))?;
    }
    let strays = report.strays.len();
    let built_in = report.lines.len() - own;
    writeln!(out, "{own} from files, {built_in} built-in, {} faults, {} warnings", report.faults.len(), warnings + strays)
}

fn verdict(line: &Line, report: &Report) -> String {
    let faults: Vec<String> =
        report.faults.iter().filter(|fault| fault.prompt == Some(line.id)).map(|fault| fault.reason.to_string()).collect();
    if !faults.is_empty() {
        printable(&format!("FAULT: {}", faults.join("; ")))
    } else if let Some(warning) = &line.warning {
        format!("ok, but {warning}")
    } else if line.file.is_none() {
        "ok (built-in)".to_owned()
    } else {
        "ok".to_owned()
    }
}

/// A folder's own words must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_WIDTH {
        return text.to_owned();
    }
    text.chars().take(TEXT_WIDTH - 1).chain(['…']).collect()
}

fn write_wav(out: &Path, loaded: &Loaded, ids: &[PromptId]) -> bool {
    let spec = WavSpec { channels: 1, sample_rate: RATE_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let written = WavWriter::create(out, spec).and_then(|mut writer| {
        for sample in rendered(&loaded.set, ids) {
            writer.write_sample(sample)?;
        }
        writer.finalize()
    });
    written.inspect_err(|error| eprintln!("{}: cannot be written ({error})", out.display())).is_ok()
}

/// Through the same player as in a call, tick by tick.
fn rendered(set: &Arc<PromptSet>, ids: &[PromptId]) -> Vec<i16> {
    // The command line takes no more than an utterance holds.
    let utterance: Utterance = ids.iter().copied().take(UTTERANCE).collect();
    let mut player = Player::default();
    player.say(set, utterance, SayToken(0));
    let mut samples = Vec::new();
    let mut frame = SILENCE;
    while player.speaking() {
        player.render(&mut frame);
        samples.extend_from_slice(&frame);
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::prompt::built_in;

    #[test]
    fn the_table_has_a_line_for_every_prompt_and_one_for_the_sum() {
        let mut out = Vec::new();
        table(&prompts::check(None), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), PromptId::ALL.len() + 2);
        let line = text.lines().find(|line| line.starts_with("valkommen ")).unwrap();
        for part in ["Välkommen till mötestjänsten.", "2.06 s", "-26.0", "16 kHz 16 bit mono", " ok"] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert_eq!(text.lines().last(), Some("82 from files, 0 built-in, 0 faults, 0 warnings"));
    }

    #[test]
    fn a_faulty_folder_is_shown_with_the_reason_in_the_prompts_own_line() {
        let folder = std::env::temp_dir().join(format!("ljudbro-cli-prompts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("forst.wav"), b"no sound").unwrap();
        std::fs::write(folder.join("f\u{1b}.wav"), b"").unwrap();
        let mut out = Vec::new();
        let report = prompts::check(Some(&folder));
        table(&report, &mut out).unwrap();
        list(&report, &mut out).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().any(|line| line.starts_with("forst ") && line.contains("FAULT: is no readable WAV file")), "{text}");
        assert!(text.contains("1 from files, 81 built-in, 1 faults, 1 warnings"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_rendered_utterance_is_its_prompts_one_after_the_other() {
        let set = &built_in().set;
        let samples = rendered(set, &[PromptId::Antal1, PromptId::Tal7, PromptId::Antal2]);
        let mut expected = Vec::new();
        for id in [PromptId::Antal1, PromptId::Tal7, PromptId::Antal2] {
            expected.extend_from_slice(&set.get(id).samples);
        }
        assert!(samples.starts_with(&expected));
        assert!(samples.len() - expected.len() < SILENCE.len() && samples[expected.len()..].iter().all(|&s| s == 0));
    }

    #[test]
    fn an_unknown_id_is_refused_with_a_hint() {
        assert_eq!(id("valkommen"), Ok(PromptId::Valkommen));
        assert!(id("valkomen").unwrap_err().contains("prompts list"));
    }
}
