//! Watches an operator's folder and hands out the new set once it has been quiet for a moment.
//!
//! Watched are the folder, with all in it, and its own name in the folder above: it may be a link that is pointed elsewhere, or be moved away and
//! replaced. Where the system tells nothing (network file systems), [`Watcher::reload`] does the same on demand.

#![allow(clippy::disallowed_methods, reason = "run/ holds the clocks")]

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tracing::{debug, error, warn};

use super::{load, tell};
use crate::media::PromptSet;
use crate::media::prompt::Loaded;

/// Quiet for this long, a copy is taken to be done. (One that is not is refused as cut off, and looked at again when it goes on.)
const QUIET: Duration = Duration::from_millis(500);
/// A folder that never is quiet is looked at this often all the same, in so many quiet times.
const IMPATIENCE: u32 = 10;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    desk: Arc<Desk>,
}

impl Watcher {
    /// Look now, whatever the system tells (SIGHUP). Returns at once; the outcome is logged.
    pub fn reload(&self) {
        self.desk.ask(|state| state.reload = true);
    }
}

impl Drop for Watcher {
    /// The thread ends when it is done with what it does; nobody waits for it.
    fn drop(&mut self) {
        self.desk.ask(|state| state.stop = true);
    }
}

/// Watch `folder`, of which `loaded` is in use; hand every other good set to `on_change`, on a thread of its own. A bad set is logged, each fault a
/// line, and handed to nobody. Errors: no thread to be had.
pub fn watch(folder: &Path, loaded: Loaded, on_change: impl FnMut(Arc<PromptSet>) + Send + 'static) -> io::Result<Watcher> {
    start(folder, loaded, QUIET, on_change)
}

fn start(folder: &Path, loaded: Loaded, quiet: Duration, on_change: impl FnMut(Arc<PromptSet>) + Send + 'static) -> io::Result<Watcher> {
    let folder = std::path::absolute(folder)?;
    let desk = Arc::new(Desk::default());
    // What changed between loading and watching is seen by looking once more.
    desk.ask(|state| state.changed(Instant::now()));
    let eyes = Eyes::open(&folder, &desk);
    let worker = Worker { folder, eyes, quiet, loaded, on_change };
    let at = Arc::clone(&desk);
    thread::Builder::new().name("prompts".to_owned()).spawn(move || worker.work(&at))?;
    Ok(Watcher { desk })
}

/// Where those who ask and the one who works meet.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The first and the last change not yet looked at.
    changes: Option<(Instant, Instant)>,
    reload: bool,
    stop: bool,
}

impl State {
    fn changed(&mut self, now: Instant) {
        let (first, _) = self.changes.unwrap_or((now, now));
        self.changes = Some((first, now));
    }

    /// When to look.
    fn due(&self, quiet: Duration, now: Instant) -> Option<Instant> {
        if self.reload {
            return Some(now);
        }
        self.changes.map(|(first, last)| (last + quiet).min(first + quiet * IMPATIENCE))
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No holder of the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.bell.notify_one();
    }

    /// Wait until it is time to look. False: stop.
    fn wait(&self, quiet: Duration) -> bool {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.stop {
                return false;
            }
            state = match state.due(quiet, now) {
                Some(due) if due <= now => {
                    *state = State::default();
                    return true;
                }
                Some(due) => self.bell.wait_timeout(state, due - now).map_or_else(|e| e.into_inner().0, |(state, _)| state),
                None => self.bell.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

struct Worker<F> {
    folder: PathBuf,
    eyes: Option<Eyes>,
    quiet: Duration,
    /// What is in use.
    loaded: Loaded,
    on_change: F,
}

impl<F: FnMut(Arc<PromptSet>)> Worker<F> {
    fn work(mut self, desk: &Desk) {
        while desk.wait(self.quiet) {
            // Before reading, so that what changes meanwhile is seen.
            if let Some(eyes) = &mut self.eyes {
                eyes.follow(&self.folder);
            }
            match load(Some(&self.folder)) {
                Ok(loaded) if loaded == self.loaded => debug!("the prompts are the same as before"),
                Ok(loaded) => {
                    tell(&self.folder, &loaded);
                    self.loaded = loaded;
                    (self.on_change)(Arc::clone(&self.loaded.set));
                }
                Err(faults) => {
                    for fault in &faults {
                        error!(prompt = fault.prompt.map(|id| id.name()), "prompt folder: {fault}");
                    }
                    error!(folder = %self.folder.display(), faults = faults.len(), "prompts not changed: the set in use stays");
                }
            }
        }
    }
}

/// The system's watch on the folder.
struct Eyes {
    system: RecommendedWatcher,
    /// Device and number of the folder that is watched.
    watched: Option<(u64, u64)>,
}

impl Eyes {
    /// Without a watch there is still `reload`: not to have one is no reason not to serve.
    fn open(folder: &Path, desk: &Arc<Desk>) -> Option<Self> {
        let (desk, own) = (Arc::clone(desk), folder.to_owned());
        let system = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| concerns(&event, &own)) {
                desk.ask(|state| state.changed(Instant::now()));
            }
        });
        let mut system = system.inspect_err(|e| warn!("prompt folder not watched ({e}): after a change, send SIGHUP")).ok()?;
        if let Some(above) = folder.parent()
            && let Err(e) = system.watch(above, RecursiveMode::NonRecursive)
        {
            debug!("the folder above the prompts is not watched ({e}): after replacing the whole folder, send SIGHUP");
        }
        let mut eyes = Self { system, watched: None };
        eyes.follow(folder);
        Some(eyes)
    }

    /// Watch what has the folder's name now.
    fn follow(&mut self, folder: &Path) {
        let there = fs::metadata(folder).ok().map(|meta| (meta.dev(), meta.ino()));
        if there == self.watched {
            return;
        }
        if self.watched.is_some() {
            // A folder that is gone has taken its watch along.
            let _ = self.system.unwatch(folder);
        }
        self.watched = there.filter(|_| match self.system.watch(folder, RecursiveMode::Recursive) {
            Ok(()) => true,
            Err(e) => {
                warn!("prompt folder not watched ({e}): after a change, send SIGHUP");
                false
            }
        });
    }
}

/// Whether an event may mean other sounds. Reading is none, or our own look would be the next reason to look.
fn concerns(event: &notify::Event, folder: &Path) -> bool {
    let change = !matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
    event.need_rescan() || (change && event.paths.iter().any(|path| path.starts_with(folder)))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
pub(super) mod tests;
