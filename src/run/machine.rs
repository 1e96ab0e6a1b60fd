//! What this machine can carry.
//!
//! A call is two sockets (RTP and RTCP), a pair of ports, and a share of a core. The smallest of the three is the most calls at once.

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::unistd::Pid;
use thiserror::Error;

/// Calls a core carries. A call costs 4.0–4.4 µs of system calls every 20 ms (one packet in, one out, measured on a small virtual machine)
/// and a little for sound; 10 µs with room for cold caches. Half a core is left to signalling and the rest of the machine: 20 ms / 10 µs / 2.
pub const CALLS_PER_CORE: usize = 1000;

/// Descriptors that are not calls: listeners, event descriptors, the folder watch, log and state files.
const OTHER_DESCRIPTORS: usize = 64;

/// Sockets of a call.
const DESCRIPTORS_PER_CALL: usize = 2;

/// What bounds the number of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine {
    /// Open files this process may have.
    pub descriptors: usize,
    /// Connections SIP over TCP may take of them.
    pub connections: usize,
    /// Pairs of ports.
    pub pairs: usize,
    /// Media workers.
    pub workers: usize,
}

/// How many calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Most calls in the menu and in meetings.
    pub calls: usize,
    /// Legs at most: beyond `calls`, some hear `upptaget`, and a call that ends holds its ports for a moment longer.
    pub legs: usize,
}

/// The operator wants more calls than there are open files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "{calls} calls need {needed} open files, and this process may have {limit}; raise the limit (LimitNOFILE= in systemd, ulimit -n) or lower call.max_calls"
)]
pub struct TooFewDescriptors {
    calls: usize,
    needed: usize,
    limit: usize,
}

/// Legs beyond the most calls: a sixteenth, at least eight, for callers who hear `upptaget` (a few seconds each) and for goodbyes.
fn spare(calls: usize) -> usize {
    (calls / 16).max(8)
}

impl Machine {
    /// The room there is, or the room asked for.
    pub fn room(self, asked: Option<usize>) -> Result<Room, TooFewDescriptors> {
        let other = OTHER_DESCRIPTORS + self.connections;
        let sockets = self.descriptors.saturating_sub(other) / DESCRIPTORS_PER_CALL;
        let legs = sockets.min(self.pairs);
        // Of `legs` about a seventeenth is spare.
        let calls = match asked {
            Some(calls) => calls,
            None => legs.saturating_sub(spare(legs)).min(self.workers * CALLS_PER_CORE).max(1),
        };
        // With a pair of ports for each call and none to spare, the one call too many is refused without a word; that is the operator's choice.
        let legs = (calls + spare(calls)).min(self.pairs.max(calls));
        let needed = legs * DESCRIPTORS_PER_CALL + other;
        if needed > self.descriptors {
            return Err(TooFewDescriptors { calls, needed, limit: self.descriptors });
        }
        Ok(Room { calls, legs })
    }
}

/// Raise the limit of open files as far as this user may; returns what it is then.
pub fn raise_descriptors() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return usize::try_from(hard).unwrap_or(usize::MAX);
    }
    usize::try_from(soft).unwrap_or(usize::MAX)
}

/// Keep in memory what is there at the start: code, tables, prompts. What a call brings is touched when it is made ([`crate::audio::silence`]), and is
/// not locked, so that it goes back to the system when the call is over. Errors: `EPERM` where there is a limit on locked memory.
pub fn lock_memory() -> Result<(), Errno> {
    // With the right to it (CAP_SYS_RESOURCE) there is none any more.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    // Below a limit it might succeed, and an allocation fail later.
    if getrlimit(Resource::RLIMIT_MEMLOCK)?.0 != RLIM_INFINITY {
        return Err(Errno::EPERM);
    }
    mlockall(MlockAllFlags::MCL_CURRENT)
}

/// Keep the calling thread on one of the cores this process may use, the `index`-th, so that its caches stay warm. More threads than cores
/// are left to the system.
pub fn stay_on_core(index: usize) -> Result<(), Errno> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let Some(core) = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).nth(index) else { return Ok(()) };
    let mut only = CpuSet::new();
    only.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &only)
}

/// Cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: Machine = Machine { descriptors: 1_000_000, connections: 256, pairs: 8192, workers: 2 };

    #[test]
    fn the_scarcest_of_cores_ports_and_descriptors_bounds_the_calls() {
        assert_eq!(BIG.room(None).unwrap().calls, 2000);
        assert_eq!(Machine { workers: 64, ..BIG }.room(None).unwrap().calls, 8192 - 512);
        let small = Machine { descriptors: 1024, ..BIG }.room(None).unwrap();
        assert_eq!((small.calls, small.legs), (330, 350));
    }

    #[test]
    fn what_the_operator_asks_for_stands_unless_files_are_too_few() {
        assert_eq!(BIG.room(Some(40)).unwrap(), Room { calls: 40, legs: 48 });
        assert_eq!(Machine { pairs: 2, ..BIG }.room(Some(2)).unwrap(), Room { calls: 2, legs: 2 });
        let error = Machine { descriptors: 1024, ..BIG }.room(Some(1000)).unwrap_err();
        assert!(error.to_string().contains("1000 calls need 2444 open files"), "{error}");
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "what is tested is a thread's")]
    fn a_thread_stays_on_the_core_it_is_given_and_others_do_not() {
        let allowed = || {
            let set = sched_getaffinity(Pid::from_raw(0)).unwrap();
            (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap()).count()
        };
        let own = |index: usize| {
            std::thread::spawn(move || {
                stay_on_core(index).unwrap();
                allowed()
            })
        };
        assert_eq!(own(0).join().unwrap(), 1);
        assert_eq!(own(allowed()).join().unwrap(), allowed(), "there is no such core");
    }

    #[test]
    fn the_smallest_machine_still_takes_one_call() {
        assert_eq!(Machine { descriptors: 400, pairs: 1, ..BIG }.room(None).unwrap(), Room { calls: 1, legs: 1 });
    }
}
