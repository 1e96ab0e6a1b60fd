//! Where log lines go: standard error, as text or JSON, UTC.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt;

/// Start logging for the whole process. A second start is ignored: the first one's choice stands.
pub fn start(level: LevelFilter, json: bool) {
    let builder = fmt::Subscriber::builder().with_max_level(level).with_writer(std::io::stderr);
    // `try_init` fails only when a subscriber is there already.
    let _ = if json { builder.json().try_init() } else { builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init() };
}
