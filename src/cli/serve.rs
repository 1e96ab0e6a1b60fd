//! `ljudbro serve`: from the configuration to a running bridge.

use std::process::ExitCode;

use super::ConfigArgs;
use crate::run;

/// The exit status of a bridge that could not start.
const CANNOT_START: u8 = 2;

/// Until a signal ends it: status 0. Status 2: it could not start, and standard error says why.
pub fn run(args: &ConfigArgs) -> ExitCode {
    let config = match args.load() {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(CANNOT_START);
        }
    };
    run::logging::start(config.log.level, config.log.json);
    ExitCode::from(CANNOT_START)
}
