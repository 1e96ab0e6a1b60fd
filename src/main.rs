//! The command: parse the command line, run a subcommand, end with its exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    ljudbro::cli::main()
}
