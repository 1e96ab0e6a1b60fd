//! A leg's pair of sockets, and a worker's table of them as [`Ports`].
#![allow(clippy::disallowed_methods, reason = "kernel time stamps are on the wall clock: here they become instants")]

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrLike, SockaddrStorage, recvmsg};

use super::counters::Counters;
use super::sys;
use crate::bridge::{Ports, ReceivedDatagram, Slot};

/// A stamp older than this is not believed: the wall clock was set.
const OLDEST: Duration = Duration::from_secs(1);
/// How often the wall clock is compared with the steady one. At 100 ppm they part by 0.1 ms in that time.
const COMPARE: Duration = Duration::from_secs(1);

/// The pair of one leg: RTP on an even port, RTCP on the next.
#[derive(Debug)]
pub struct LegPort {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    /// The RTP port, to find the pair in the pool again.
    number: u16,
    /// Where the last RTP datagram came from.
    heard: Option<SocketAddr>,
    /// Whom the RTP socket is connected to: sending is cheaper, and the kernel drops what anybody else sends.
    connected: Option<SocketAddr>,
}

impl LegPort {
    /// Of two bound, non-blocking sockets.
    pub fn new(rtp: UdpSocket, rtcp: UdpSocket, number: u16) -> Self {
        Self { rtp, rtcp, number, heard: None, connected: None }
    }

    /// The RTP port.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn send(&mut self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        if self.connected != Some(to) {
            // Only an address that has itself been heard is connected to: before that, the caller's packets may come from another one
            // (the signalled address is often the one behind a NAT), and the kernel would drop them.
            if self.heard == Some(to) && self.rtp.connect(to).is_ok() {
                self.connected = Some(to);
            } else {
                if self.connected.take().is_some() {
                    sys::disconnect(&self.rtp)?;
                }
                return self.rtp.send_to(datagram, to);
            }
        }
        self.rtp.send(datagram)
    }
}

/// The instant of a wall clock's time.
#[derive(Clone, Copy, Debug)]
struct Clock {
    instant: Instant,
    wall: Duration,
}

impl Clock {
    fn now() -> Self {
        // Before 1970 every stamp is in the future and becomes "now".
        Self { instant: Instant::now(), wall: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() }
    }

    /// Never later than `now`, and never unbelievably early.
    fn instant(&self, stamp: Duration, now: Instant) -> Instant {
        let instant = match stamp.checked_sub(self.wall) {
            Some(after) => self.instant.checked_add(after),
            None => self.wall.checked_sub(stamp).and_then(|before| self.instant.checked_sub(before)),
        };
        instant.filter(|&i| i <= now && now.duration_since(i) <= OLDEST).unwrap_or(now)
    }
}

/// Room for one time stamp, aligned as the kernel's headers are.
#[derive(Debug)]
#[repr(align(8))]
struct Control([u8; 64]);

/// All pairs of a worker, by slot. Nothing here blocks or allocates after `new`.
#[derive(Debug)]
pub struct PortTable {
    slots: Box<[Option<LegPort>]>,
    control: Control,
    clock: Clock,
    now: Instant,
    counters: Arc<Counters>,
}

impl PortTable {
    /// Room for `capacity` pairs.
    pub fn new(capacity: usize, counters: Arc<Counters>) -> Self {
        let clock = Clock::now();
        Self { slots: (0..capacity).map(|_| None).collect(), control: Control([0; 64]), clock, now: clock.instant, counters }
    }

    /// A pair comes in. Gives it back when there is no such slot.
    pub fn put(&mut self, slot: Slot, port: LegPort) -> Result<(), LegPort> {
        match self.slots.get_mut(slot.0 as usize) {
            Some(place) => {
                *place = Some(port);
                Ok(())
            }
            None => Err(port),
        }
    }

    /// A pair goes out.
    pub fn take(&mut self, slot: Slot) -> Option<LegPort> {
        self.slots.get_mut(slot.0 as usize)?.take()
    }

    /// Before each tick: the time it is.
    pub fn wake(&mut self, now: Instant) {
        self.now = now;
        if now.duration_since(self.clock.instant) >= COMPARE {
            self.clock = Clock::now();
        }
    }

    fn sent(&self, outcome: io::Result<usize>) {
        let Err(error) = outcome else { return };
        match error.raw_os_error().map(Errno::from_raw) {
            // An ICMP error about an earlier packet: the caller's phone is not listening yet, or not any more. The watchdog sees to that.
            Some(Errno::ECONNREFUSED) => {}
            Some(Errno::ENOBUFS | Errno::EAGAIN | Errno::ENOMEM) => self.counters.media_blocked.count(),
            _ => self.counters.media_failed.count(),
        }
    }
}

impl Ports for PortTable {
    fn receive(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram> {
        let port = self.slots.get_mut(slot.0 as usize)?.as_mut()?;
        // A pending ICMP error is told in place of a datagram, once; behind it there may be one.
        for _ in 0..2 {
            let mut slices = [IoSliceMut::new(buffer)];
            match recvmsg::<SockaddrStorage>(port.rtp.as_raw_fd(), &mut slices, Some(&mut self.control.0), MsgFlags::MSG_DONTWAIT) {
                Ok(message) => {
                    let stamp = message.cmsgs().ok().and_then(|mut all| {
                        all.find_map(|one| match one {
                            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
                            _ => None,
                        })
                    });
                    let from = socket_address(message.address.as_ref()?)?;
                    let len = message.bytes;
                    port.heard = Some(from);
                    let arrived = stamp.map_or(self.now, |stamp| self.clock.instant(stamp, self.now));
                    return Some(ReceivedDatagram { len, from, arrived });
                }
                Err(Errno::ECONNREFUSED | Errno::EINTR) => {}
                Err(_) => return None,
            }
        }
        None
    }

    fn receive_rtcp(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram> {
        let port = self.slots.get_mut(slot.0 as usize)?.as_mut()?;
        let (len, from) = port.rtcp.recv_from(buffer).ok()?;
        Some(ReceivedDatagram { len, from, arrived: self.now })
    }

    fn send(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]) {
        if let Some(port) = self.slots.get_mut(slot.0 as usize).and_then(Option::as_mut) {
            let outcome = port.send(to, datagram);
            self.sent(outcome);
        }
    }

    fn send_rtcp(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]) {
        if let Some(port) = self.slots.get(slot.0 as usize).and_then(Option::as_ref) {
            self.sent(port.rtcp.send_to(datagram, to));
        }
    }
}

/// From the system's form of an address. `None` for other families.
pub fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    // `family` is `None` for an empty address (nothing was written to it).
    address.family()?;
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => Some(SocketAddr::V4((*v4).into())),
        (_, Some(v6)) => Some(SocketAddr::V6((*v6).into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_becomes_an_instant_and_an_unbelievable_one_becomes_now() {
        let clock = Clock { instant: Instant::now(), wall: Duration::from_secs(1_000_000) };
        let now = clock.instant + Duration::from_millis(500);
        let at = |ms: u64| clock.instant(Duration::from_secs(1_000_000) + Duration::from_millis(ms), now);
        assert_eq!(at(480), clock.instant + Duration::from_millis(480));
        assert_eq!(at(501), now, "from the future");
        let before = clock.instant(Duration::from_secs(1_000_000) - Duration::from_millis(20), now);
        assert_eq!(before, clock.instant - Duration::from_millis(20));
        assert_eq!(clock.instant(Duration::from_secs(999_000), now), now, "a thousand seconds old");
    }
}
