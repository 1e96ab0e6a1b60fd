//! Pairs of ports for sound: binds them, remembers which are out, chooses the address the SDP names.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;

use nix::sys::socket::{
    setsockopt,
    sockopt::{Ipv4Tos, Ipv6TClass, ReceiveTimestampns},
};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use super::port::LegPort;
use crate::bridge::SeenBy;

/// EF, telephony (RFC 4594 §4.1, RFC 3246), in the upper six bits (RFC 2474 §3).
const SOUND: i32 = 46 << 2;
/// Sound that waits at most: the kernel doubles this and counts about 1 KiB a packet, so a second of packets. What is older is worth nothing.
const RTP_BUFFER: usize = 32 * 1024;
/// Reports come every few seconds.
const RTCP_BUFFER: usize = 8 * 1024;
/// Pairs that other programs hold, before we give up: more means that the range is not ours at all.
const TAKEN_BY_OTHERS: usize = 64;

/// No pair can be bound.
#[derive(Debug, Error)]
pub enum PortError {
    /// All are out on calls.
    #[error("all ports for sound are in use")]
    Exhausted,
    /// The system refuses.
    #[error("ports for sound cannot be bound: {0}")]
    Refused(io::Error),
}

/// The pairs of one range.
#[derive(Debug)]
pub struct PortPool {
    ports: RangeInclusive<u16>,
    address: Option<IpAddr>,
    out: HashSet<u16>,
}

impl PortPool {
    /// Even ports of this range, each with the next. `address`: what the SDP names; `None`: the local address of the route to the caller.
    pub fn new(ports: RangeInclusive<u16>, address: Option<IpAddr>) -> Self {
        Self { ports, address, out: HashSet::new() }
    }

    /// Pairs in the range.
    pub fn pairs(&self) -> usize {
        let first = self.ports.start().next_multiple_of(2);
        (usize::from(*self.ports.end()) + 1).saturating_sub(usize::from(first)) / 2
    }

    /// Bind the first free pair from a `random` one on, and say what the SDP shall name. A random start, so that nobody can tell where the
    /// next call's sound will be, and so that what still comes for the last call does not meet the next one.
    pub fn open(&mut self, seen: SeenBy, random: u32) -> Result<(LegPort, SocketAddr), PortError> {
        let named = self.address.unwrap_or_else(|| route(seen.peer).unwrap_or(seen.local)).to_canonical();
        let pairs = self.pairs();
        let first = usize::from(self.ports.start().next_multiple_of(2));
        let mut refused = None;
        let mut taken = 0;
        for turn in 0..pairs {
            let number = u16::try_from(first + 2 * ((random as usize % pairs + turn) % pairs)).map_err(|_| PortError::Exhausted)?;
            if self.out.contains(&number) {
                continue;
            }
            match pair(named, number) {
                Ok((rtp, rtcp)) => {
                    self.out.insert(number);
                    return Ok((LegPort::new(rtp, rtcp, number), SocketAddr::new(named, number)));
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && taken < TAKEN_BY_OTHERS => {
                    taken += 1;
                    refused = Some(error);
                }
                Err(error) => return Err(PortError::Refused(error)),
            }
        }
        Err(refused.map_or(PortError::Exhausted, PortError::Refused))
    }

    /// A pair comes back: its sockets are closed here, on the control side.
    pub fn close(&mut self, port: LegPort) {
        self.out.remove(&port.number());
    }
}

/// The local address the system would send from. No packet is sent by connecting (udp(7)); port 9 is discard.
pub fn route(peer: IpAddr) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    let socket = UdpSocket::bind((unspecified(peer), 0)).ok()?;
    socket.connect((peer, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn pair(named: IpAddr, number: u16) -> io::Result<(UdpSocket, UdpSocket)> {
    let both = |ip: IpAddr| io::Result::Ok((bind(SocketAddr::new(ip, number), true)?, bind(SocketAddr::new(ip, number + 1), false)?));
    match both(named) {
        // The address named is the outer one of a NAT, or a link-local one without its interface: hear all addresses of this machine.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => both(unspecified(named)),
        other => other,
    }
}

fn bind(address: SocketAddr, rtp: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The rest are wishes: sound comes without them too.
    let _ = socket.set_recv_buffer_size(if rtp { RTP_BUFFER } else { RTCP_BUFFER });
    if rtp {
        let _ = setsockopt(&socket, ReceiveTimestampns, &true);
    }
    match address {
        SocketAddr::V4(_) => {
            let _ = setsockopt(&socket, Ipv4Tos, &SOUND);
        }
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            let _ = setsockopt(&socket, Ipv6TClass, &SOUND);
        }
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: SeenBy = SeenBy { local: IpAddr::V4(Ipv4Addr::LOCALHOST), peer: IpAddr::V4(Ipv4Addr::LOCALHOST) };

    /// A range of its own for each test, so that tests side by side do not take each other's ports.
    fn pool(first: u16, pairs: u16) -> PortPool {
        PortPool::new(first..=first + 2 * pairs - 1, None)
    }

    #[test]
    fn pairs_are_even_and_odd_and_run_out() {
        let mut pool = pool(12_000, 3);
        assert_eq!(pool.pairs(), 3);
        let mut numbers = Vec::new();
        let mut ports = Vec::new();
        for _ in 0..3 {
            let (port, address) = pool.open(HOME, 4).unwrap();
            assert_eq!(address.ip(), HOME.local);
            assert_eq!(address.port(), port.number());
            assert_eq!(port.number() % 2, 0);
            numbers.push(port.number());
            ports.push(port);
        }
        assert_eq!(numbers, [12_002, 12_004, 12_000], "from the random start on, round the range");
        assert!(matches!(pool.open(HOME, 0), Err(PortError::Exhausted)));
        pool.close(ports.remove(0));
        assert_eq!(pool.open(HOME, 0).unwrap().0.number(), 12_002);
    }

    #[test]
    fn a_pair_that_another_program_holds_half_of_is_passed_over() {
        let mut pool = pool(12_020, 2);
        let other = UdpSocket::bind("127.0.0.1:12021").unwrap();
        assert_eq!(pool.open(HOME, 0).unwrap().0.number(), 12_022);
        assert!(matches!(pool.open(HOME, 0), Err(PortError::Refused(_))));
        drop(other);
        assert_eq!(pool.open(HOME, 0).unwrap().0.number(), 12_020);
    }

    #[test]
    fn an_address_of_another_machine_is_named_and_all_of_ours_are_heard() {
        let outer: IpAddr = "192.0.2.7".parse().unwrap();
        let mut pool = PortPool::new(12_040..=12_041, Some(outer));
        let (port, named) = pool.open(HOME, 0).unwrap();
        assert_eq!(named, SocketAddr::new(outer, 12_040));
        let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
        caller.send_to(b"x", "127.0.0.1:12040").unwrap();
        drop(port);
    }

    #[test]
    fn the_route_to_a_loopback_caller_is_loopback() {
        assert_eq!(route(HOME.peer), Some(HOME.peer));
        if UdpSocket::bind("[::1]:0").is_ok() {
            let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
            assert_eq!(route(six), Some(six));
            let (_port, named) = pool(12_060, 1).open(SeenBy { local: six, peer: six }, 7).unwrap();
            assert_eq!(named, SocketAddr::new(six, 12_060));
        }
    }
}
