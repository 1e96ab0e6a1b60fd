//! The two system calls that nix lacks, and the only unsafe code of the bridge.
#![allow(unsafe_code, reason = "sched_setscheduler and connect to AF_UNSPEC are not wrapped by nix; each call states why it is sound")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Let the calling thread run before all ordinary ones, first come first served, at this priority (1 to 99).
pub fn schedule_first(priority: i32) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: 0 names the calling thread; the kernel reads `parameter`, a live value of the type it expects, and keeps no pointer to it.
    let outcome = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Undo `connect` on a datagram socket: it takes datagrams from anybody again (connect(2), "AF_UNSPEC").
pub fn disconnect(socket: impl AsFd) -> io::Result<()> {
    let nobody = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed; the kernel reads `length` octets of `nobody`, exactly its size.
    let outcome = unsafe { libc::connect(socket.as_fd().as_raw_fd(), &raw const nobody, length) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
