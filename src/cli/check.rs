//! `ljudbro check`: every fault of configuration and prompts, one a line.

use std::process::ExitCode;

use super::ConfigArgs;

/// Exit status 0: none; 1: some.
pub fn run(args: &ConfigArgs) -> ExitCode {
    match args.load() {
        Ok(_) => {
            println!("No faults found.");
            ExitCode::SUCCESS
        }
        Err(faults) => {
            eprintln!("{faults}");
            ExitCode::FAILURE
        }
    }
}
