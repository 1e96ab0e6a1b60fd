//! While it runs: a line that says how far it is, the bridge's process looked at each second, and SIGINT and SIGTERM as a wish to end.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::sim::load::{Progress, Sample, Settings, Stretch, Watch};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Between two samples of the bridge.
const SAMPLE: Duration = Duration::from_secs(1);
/// A bridge puts its house in order after the last call; its memory is looked at then.
const AFTERWARDS: Duration = Duration::from_secs(2);
/// Cells of the bar.
const BAR: usize = 30;

/// Watches a run.
#[derive(Debug)]
pub struct Live {
    progress: Arc<Progress>,
    watch: Option<Watch>,
    samples: Vec<Sample>,
    signals: Option<SignalFd>,
    screen: bool,
    calls: u64,
    seconds: u64,
    steady: Option<Instant>,
}

impl Live {
    /// Before the engine's thread is started: it inherits that signals come here.
    pub fn new(settings: &Settings, progress: Arc<Progress>, watch: Option<Watch>) -> Self {
        let mut set = SigSet::empty();
        set.add(Signal::SIGINT);
        set.add(Signal::SIGTERM);
        // Without it a signal ends the program at once, and the bridge's calls by their time-outs.
        let signals = set.thread_block().and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)).ok();
        Self {
            progress,
            watch,
            samples: Vec::new(),
            signals,
            screen: std::io::stderr().is_terminal(),
            calls: settings.calls as u64,
            seconds: settings.seconds,
            steady: None,
        }
    }

    /// Until `is_over`.
    pub fn until(&mut self, is_over: impl Fn() -> bool) {
        self.sample();
        let mut next = Instant::now() + SAMPLE;
        let mut was = Stretch::Preparing;
        while !is_over() {
            std::thread::sleep(LOOK);
            let stretch = self.progress.stretch();
            if Instant::now() >= next || stretch != was {
                self.sample();
                next = Instant::now() + SAMPLE;
                was = stretch;
            }
            if self.signals.as_ref().is_some_and(|signals| matches!(signals.read_signal(), Ok(Some(_)))) {
                self.progress.stop();
            }
            self.show();
        }
        if self.screen {
            eprint!("\r\x1b[K");
        }
    }

    /// All samples, with a last one when the bridge has put its house in order.
    pub fn finish(mut self) -> Vec<Sample> {
        if self.watch.is_some() {
            std::thread::sleep(AFTERWARDS);
            self.sample();
        }
        self.samples
    }

    fn sample(&mut self) {
        if let Some(watch) = &self.watch {
            self.samples.extend(watch.sample(self.progress.up.load(Ordering::Relaxed)));
        }
    }

    fn show(&mut self) {
        if !self.screen {
            return;
        }
        let read = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let (up, failed) = (read(&self.progress.up), read(&self.progress.failed));
        let (done, of, what) = match self.progress.stretch() {
            Stretch::Preparing => (0, 1, "preparing"),
            Stretch::Filling => (read(&self.progress.dialled), self.calls, "dialling"),
            Stretch::Settling => (1, 1, "settling"),
            Stretch::Steady => (self.steady.get_or_insert_with(Instant::now).elapsed().as_secs(), self.seconds, "measuring"),
            Stretch::Leaving | Stretch::Over => (1, 1, "hanging up"),
        };
        let full = (BAR as u64 * done.min(of) / of.max(1)) as usize;
        let bar = format!("{}{}", "#".repeat(full), "-".repeat(BAR - full));
        // Nobody may be looking; that is no fault.
        let _ = write!(std::io::stderr(), "\r\x1b[K[{bar}] {what} {done}/{of}, {up} up, {failed} failed");
    }
}
