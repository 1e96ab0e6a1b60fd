//! Prompts from the disk: an operator's folder over the built-in set, loaded at start, and again whenever it changes.
//!
//! ```text
//! load(folder) -> Loaded -> tell                         at start; faults keep the bridge from starting
//! watch(folder, loaded, on_change) -> Watcher            afterwards; faults are logged, and the set in use stays
//! check(folder) -> Report                                for `ljudbro check` and `ljudbro prompts`
//! ```

mod disk;
mod watch;

use std::path::Path;

use tracing::{info, warn};

pub use disk::Disk;
pub use watch::{Watcher, watch};

use crate::media::prompt::{BuiltIn, Fault, Loaded, Report, built_in, load as load_folder};

/// Everything there is to say about a folder laid over the built-in set, or (`None`) about the built-in set itself.
pub fn check(folder: Option<&Path>) -> Report {
    match folder {
        Some(folder) => load_folder(&Disk::new(folder), Some(built_in())),
        None => load_folder(&BuiltIn, None),
    }
}

/// The set of a folder laid over the built-in one, or (`None`) the built-in set. Errors: every fault of the folder at once.
pub fn load(folder: Option<&Path>) -> Result<Loaded, Vec<Fault>> {
    match folder {
        Some(_) => check(folder).loaded(),
        None => Ok(built_in().clone()),
    }
}

/// Log what an operator should know of a set that comes into use.
pub fn tell(folder: &Path, loaded: &Loaded) {
    let built_in: Vec<&str> = loaded.fallen_back().map(|id| id.name()).collect();
    let own = loaded.lines.len() - built_in.len();
    info!(folder = %folder.display(), own, built_in = built_in.len(), "prompts in use from the next one spoken on");
    for line in &loaded.lines {
        if let (Some(file), Some(warning)) = (&line.file, &line.warning) {
            warn!(prompt = line.id.name(), file, "prompt: {warning}");
        }
    }
    for file in &loaded.strays {
        warn!(file, "prompt folder: no prompt has this name, not used");
    }
    if own == 0 {
        warn!(folder = %folder.display(), "prompt folder: nothing in it is a prompt, all prompts are the built-in ones");
    } else if !built_in.is_empty() {
        warn!(prompts = built_in.join(" "), "not in the prompt folder, so the built-in ones");
    }
}
