//! `ljudbro load`: thousands of callers, and what became of them: a table, JSON, a page with plots.
#![allow(clippy::disallowed_methods, reason = "a load run starts the engine's thread and looks at the clock")]

mod args;
mod live;
mod page;
mod row;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use thiserror::Error;

pub use self::args::LoadArgs;
use crate::run::machine;
use crate::sim::load::{Engine, Progress, Repertoire, Run, Sample, Settings, Watch, analyse, codec_delay_ms, figures};

/// The exit status when calls failed.
const FAILED: u8 = 1;
/// The exit status when it could not start.
const CANNOT_START: u8 = 2;
/// The exit status when the figures are not the bridge's.
const INVALID: u8 = 3;
/// Open files that are not calls.
const OTHER_FILES: usize = 32;

#[derive(Debug, Error)]
enum LoadError {
    #[error("{0}")]
    Args(#[from] args::ArgsError),
    #[error("--pid {0}: there is no such process, or it is not ours to look at")]
    Pid(i32),
    #[error("--cpu {0}: this machine has {1} cores, counted from 0")]
    Cpu(usize, usize),
    #[error("{calls} calls need {needed} open files, and this process may have {limit}; raise the limit (ulimit -n) or lower --calls")]
    Files { calls: usize, needed: usize, limit: usize },
    #[error("no sockets: {0}")]
    Sockets(std::io::Error),
    #[error("no sound: {0}")]
    Sound(#[from] crate::codec::CodecError),
    #[error("the engine's thread broke down; the lines above say where")]
    Broken,
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Output(std::path::PathBuf, std::io::Error),
}

/// Exit status 0: every call went well and the run is valid.
pub fn run(args: &LoadArgs) -> ExitCode {
    match load(args) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(CANNOT_START)
        }
    }
}

fn load(args: &LoadArgs) -> Result<ExitCode, LoadError> {
    let settings = args.settings()?;
    let watch = args.pid().map(|pid| Watch::new(pid).ok_or(LoadError::Pid(pid))).transpose()?;
    check(&settings)?;
    let progress = Arc::new(Progress::default());
    let repertoire = Repertoire::new(settings.codec)?;
    let codec_ms = codec_delay_ms(&repertoire);
    let (run, samples) = drive(&settings, repertoire, &progress, watch)?;
    let figures = figures(&settings, &run, &analyse(&settings, &run), codec_ms, &samples, progress.window());
    match &args.row {
        Some(label) => println!("{}", row::row(label, &figures)),
        None => print!("{}", table::table(&figures)),
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&figures).map_err(|error| LoadError::Output(path.clone(), error.into()))?;
        std::fs::write(path, text + "\n").map_err(|error| LoadError::Output(path.clone(), error))?;
    }
    if let Some(path) = &args.report {
        std::fs::write(path, page::page(&figures)).map_err(|error| LoadError::Output(path.clone(), error))?;
    }
    Ok(match figures.valid {
        false => ExitCode::from(INVALID),
        true if figures.has_failures() => ExitCode::from(FAILED),
        true => ExitCode::SUCCESS,
    })
}

fn check(settings: &Settings) -> Result<(), LoadError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if let Some(cpu) = settings.cpu.filter(|cpu| *cpu >= cores) {
        return Err(LoadError::Cpu(cpu, cores));
    }
    let (calls, limit) = (settings.calls + settings.passing_at_once(), machine::raise_descriptors());
    let needed = 2 * calls + OTHER_FILES;
    if needed > limit {
        return Err(LoadError::Files { calls, needed, limit });
    }
    Ok(())
}

/// The engine on a thread of its own, and this one watching.
fn drive(
    settings: &Settings,
    repertoire: Repertoire,
    progress: &Arc<Progress>,
    watch: Option<Watch>,
) -> Result<(Run, Vec<Sample>), LoadError> {
    let mut live = live::Live::new(settings, progress.clone(), watch);
    let (settings, progress) = (settings.clone(), progress.clone());
    let engine = move || Engine::new(settings, repertoire, progress).map(Engine::run);
    let thread = std::thread::Builder::new().name("load".to_owned()).spawn(engine).map_err(LoadError::Sockets)?;
    live.until(|| thread.is_finished());
    let run = thread.join().map_err(|_| LoadError::Broken)?.map_err(LoadError::Sockets)?;
    Ok((run, live.finish()))
}
