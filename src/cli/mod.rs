//! The command line: one module a subcommand.

mod call;
mod check;
mod faults;
mod greeting;
mod keys;
mod load;
mod prompts;
mod serve;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Faults};

/// Telephone entrance to distance meetings.
#[derive(Debug, Parser)]
#[command(name = "ljudbro", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be the bridge until SIGINT or SIGTERM. Exit status 2: it could not start
    Serve(ConfigArgs),
    /// Name every fault of the configuration and the prompts. Exit status 1: there are some
    Check(ConfigArgs),
    /// Show, check and hear the prompts
    Prompts(prompts::PromptArgs),
    /// Show which keys are pressed in WAV files: path, seconds, key. Exit status 1: some file could not be read
    Keys(keys::KeysArgs),
    /// Be a phone: call, key, say, listen, hang up. Exit status 1: it was not answered, or not to the end
    Call(call::CallArgs),
    /// Be thousands of phones: load a bridge, measure what its callers hear. Exit status 1: calls failed, 2: it could not start, 3: the run is not valid
    Load(Box<load::LoadArgs>),
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// TOML file; without it everything has its default. Variables LJUDBRO_<SECTION>_<KEY> go before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, Faults> {
        // What is not Unicode is shown with replacement characters, and is no valid value for anything.
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        Config::load(self.config.as_deref(), environment)
    }
}

/// Parse the command line and run it.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Prompts(args) => prompts::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Call(args) => call::run(&args),
        Command::Load(args) => load::run(&args),
    }
}
