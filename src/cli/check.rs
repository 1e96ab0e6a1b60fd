//! `ljudbro check`: every fault of configuration and prompts, one a line.

use std::process::ExitCode;

use super::{ConfigArgs, faults};
use crate::config::Faults;

/// Exit status 0: none; 1: some.
pub fn run(args: &ConfigArgs) -> ExitCode {
    let found = match args.load() {
        Ok(config) => Faults { faults: faults::of_prompts(&config), rest: Box::new(config) },
        Err(found) => faults::with_prompts(found),
    };
    if found.faults.is_empty() {
        println!("No faults found.");
        return ExitCode::SUCCESS;
    }
    eprintln!("{found}");
    ExitCode::FAILURE
}
