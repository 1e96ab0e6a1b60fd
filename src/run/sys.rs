//! What the system gives only to unsafe code; beside the DSP's wide instructions the only unsafe code of the bridge.
#![allow(
    unsafe_code,
    reason = "sched_setscheduler, connect to AF_UNSPEC, malloc_trim, watching a descriptor; each use states why it is sound"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;

use nix::sys::eventfd::EventFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Let the calling thread run before all ordinary ones, first come first served, at this priority (1 to 99).
pub fn schedule_first(priority: i32) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: 0 names the calling thread; the kernel reads `parameter`, a live value of the type it expects, and keeps no pointer to it.
    let outcome = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Give free memory back to the system. It is looked through for whole pages, milliseconds after thousands of calls, and whoever allocates
/// meanwhile waits: not for the media threads, which do not.
pub fn trim_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) may be called at any time from any thread; it takes the allocator's own locks and touches free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Undo `connect` on a datagram socket: it takes datagrams from anybody again (connect(2), "AF_UNSPEC").
pub fn disconnect(socket: impl AsFd) -> io::Result<()> {
    let nobody = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed; the kernel reads `length` octets of `nobody`, exactly its size.
    let outcome = unsafe { libc::connect(socket.as_fd().as_raw_fd(), &raw const nobody, length) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// An event descriptor in a tokio runtime.
#[derive(Debug)]
pub struct Watched(AsyncFd<Held>);

#[derive(Debug)]
struct Held(Arc<EventFd>);

impl AsRawFd for Held {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Watched {
    /// Of a non-blocking event descriptor. In a runtime.
    pub fn new(event: Arc<EventFd>) -> io::Result<Self> {
        // SAFETY: `Held` always names the same descriptor, and owns a share of it as long as it is registered: it is not closed before.
        unsafe { AsyncFd::register_with_interest(Held(event), Interest::READABLE) }.map(Self).map_err(io::Error::from)
    }

    /// Once it has been set; it is clear then, and what comes from now on sets it again. Nothing is lost when this is dropped halfway.
    pub async fn set(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(read) = ready.try_io(|held| held.get_ref().0.read().map_err(io::Error::from)) {
                return read.map(drop);
            }
        }
    }
}
