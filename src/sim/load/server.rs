//! The bridge's process from outside: processor time, memory, threads, once a second, from `/proc` (proc(5)).
//!
//! It works for any program on this machine. With a thread for each call, as some bridges have, single threads are not looked at: that would cost
//! more than it tells.

use std::fs;
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde::Serialize;

use super::clock;

/// With more threads than this only the whole process is looked at.
const MOST_THREADS: usize = 32;

/// The process at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Steady clock, nanoseconds.
    pub at: u64,
    /// Processor time used since its start, nanoseconds.
    pub cpu: u64,
    /// Of it in the system, share 0 to 1.
    pub in_system: f64,
    /// Resident memory, kB.
    pub resident: u64,
    /// Most resident memory ever, kB.
    pub resident_peak: u64,
    /// Context switches since its start: waited, and pushed out. 0 with very many threads.
    pub switches: (u64, u64),
    /// Threads there are.
    pub threads: u64,
    /// Name and processor time of each, nanoseconds; empty with very many.
    pub by_thread: Vec<(String, u64)>,
    /// Calls up then.
    pub calls: u64,
}

/// Looks at one process.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pid: i32,
}

impl Watch {
    /// At this process. `None`: there is none, or it is not ours to look at.
    pub fn new(pid: i32) -> Option<Self> {
        let watch = Self { pid };
        watch.sample(0).map(|_| watch)
    }

    /// Now; `None`: it has ended.
    pub fn sample(&self, calls: u64) -> Option<Sample> {
        let folder = format!("/proc/{}", self.pid);
        let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
        let (user, system) = times(&stat)?;
        let status = fs::read_to_string(format!("{folder}/status")).ok()?;
        // A process that has ended and is not buried has no memory.
        let resident = field(&status, "VmRSS:")?;
        let threads = field(&status, "Threads:").unwrap_or(0);
        let mut sample = Sample {
            at: clock::steady(),
            cpu: self.cpu().unwrap_or((user + system) * 10_000_000),
            in_system: system as f64 / (user + system).max(1) as f64,
            resident,
            resident_peak: field(&status, "VmHWM:").unwrap_or(resident),
            threads,
            calls,
            ..Sample::default()
        };
        if threads as usize <= MOST_THREADS {
            self.look_at_threads(&folder, &mut sample);
        }
        Some(sample)
    }

    /// To the nanosecond, ended threads too.
    fn cpu(&self) -> Option<u64> {
        let time = clock_gettime(clock_getcpuclockid(Pid::from_raw(self.pid)).ok()?).ok()?;
        u64::try_from(Duration::from(time).as_nanos()).ok()
    }

    fn look_at_threads(&self, folder: &str, sample: &mut Sample) {
        let Ok(tasks) = fs::read_dir(format!("{folder}/task")) else { return };
        for task in tasks.flatten() {
            let path = task.path();
            let read = |file: &str| fs::read_to_string(path.join(file)).unwrap_or_default();
            let spent = read("schedstat").split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0);
            sample.by_thread.push((read("comm").trim().to_owned(), spent));
            let status = read("status");
            sample.switches.0 += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
            sample.switches.1 += field(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0);
        }
        sample.by_thread.sort();
    }
}

/// User and system time, clock ticks (USER_HZ is 100 wherever Linux runs).
fn times(stat: &str) -> Option<(u64, u64)> {
    // The name in parentheses may hold spaces and parentheses; fields 14 and 15 count from the pid.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn field(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_seen_and_its_time_goes_on() {
        let watch = Watch::new(std::process::id() as i32).unwrap();
        let before = watch.sample(3).unwrap();
        assert!(before.resident > 1_000 && before.resident_peak >= before.resident && before.threads >= 1);
        assert_eq!(before.calls, 3);
        let mut sum = 0u64;
        let after = loop {
            sum = (0..1_000_000u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n.wrapping_mul(31)));
            let after = watch.sample(0).unwrap();
            if after.cpu > before.cpu {
                break after;
            }
        };
        assert!(after.at > before.at);
        assert!(Watch::new(i32::MAX).is_none());
    }

    #[test]
    fn names_with_parentheses_do_not_confuse() {
        let stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14";
        assert_eq!(times(stat), Some((11, 12)));
        assert_eq!(field("VmRSS:\t  1234 kB\nvoluntary_ctxt_switches:\t7\n", "VmRSS:"), Some(1_234));
        assert_eq!(field("nonvoluntary_ctxt_switches:\t7\n", "voluntary_ctxt_switches:"), None);
    }
}
