//! What the system says of this process: memory, time, open files.

use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::sys::time::TimeVal;

/// As of now. What the system does not say is 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Process {
    /// Processor time, of all threads.
    pub cpu: Duration,
    /// Memory in use, octets.
    pub resident: u64,
    /// Address space, octets.
    pub virtual_memory: u64,
    /// Open files.
    pub open_files: u64,
    /// Open files there may be.
    pub most_files: u64,
    /// Threads.
    pub threads: u64,
}

/// Ask.
pub fn look() -> Process {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // The one that reads the folder is open too.
    let open_files = std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1) as u64);
    let cpu = getrusage(UsageWho::RUSAGE_SELF).map_or(Duration::ZERO, |usage| duration(usage.user_time()) + duration(usage.system_time()));
    Process {
        cpu,
        resident: value(&status, "VmRSS:").saturating_mul(1024),
        virtual_memory: value(&status, "VmSize:").saturating_mul(1024),
        open_files,
        most_files: getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft),
        threads: value(&status, "Threads:"),
    }
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_secs(time.tv_sec().try_into().unwrap_or(0)) + Duration::from_micros(time.tv_usec().try_into().unwrap_or(0))
}

/// A number of proc_pid_status(5).
fn value(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_threads_and_has_taken_time() {
        let process = look();
        assert!(process.resident > 1_000_000 && process.virtual_memory >= process.resident, "{process:?}");
        assert!(process.open_files >= 3 && process.most_files >= process.open_files && process.threads >= 1, "{process:?}");
        assert!(process.cpu > Duration::ZERO);
    }

    #[test]
    fn what_is_not_said_is_nothing() {
        assert_eq!(value("VmRSS:\t  12 kB\nThreads:\tx\n", "VmRSS:"), 12);
        assert_eq!(value("Threads:\tx\n", "Threads:"), 0);
        assert_eq!(value("", "VmRSS:"), 0);
    }
}
