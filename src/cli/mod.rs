//! Subcommands.

use std::process::ExitCode;

/// Parse the command line and run it.
pub fn main() -> ExitCode {
    todo!()
}
