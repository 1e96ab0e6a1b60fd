//! SIP over UDP: one socket per listening address, answers from the same socket and the same local address.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use bytes::Bytes;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt::{Ipv4PacketInfo, Ipv4Tos, Ipv6RecvPacketInfo, Ipv6TClass},
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::{Gate, Inbound};
use crate::run::port::socket_address;
use crate::sip::{Flow, Transport};

/// The largest datagram there is; SIP sets no smaller limit (RFC 3261 §18.1.1).
const DATAGRAM: usize = 65_535;

/// A burst of a few hundred INVITEs waits here while the control task is busy; the system may grant less.
const RECEIVE_BUFFER: usize = 1024 * 1024;

/// CS3, signalling (RFC 4594 §4.3), in the upper six bits (RFC 2474 §3).
pub const SIGNALLING: i32 = 24 << 2;

/// One listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: UdpSocket,
    local: SocketAddr,
}

/// Bind, not yet in a runtime.
pub fn bind(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The rest are wishes: a listener without them still serves.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    match address {
        SocketAddr::V4(_) => {
            let _ = setsockopt(&socket, Ipv4Tos, &SIGNALLING);
            // With the wildcard address bound, the packet information is the only word on which address was asked for.
            setsockopt(&socket, Ipv4PacketInfo, &true)?;
        }
        SocketAddr::V6(_) => {
            // IPv4 callers have a listener of their own, so no address is ever IPv4-mapped.
            socket.set_only_v6(true)?;
            let _ = setsockopt(&socket, Ipv6TClass, &SIGNALLING);
            setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
        }
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Room for the one control message asked for, aligned as the kernel's headers are.
#[repr(align(8))]
struct Control([u8; 64]);

impl Listener {
    /// Take a bound socket into the runtime.
    pub fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self { socket: UdpSocket::from_std(socket)?, local })
    }

    /// Where it listens.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The next datagram: how long, from where, and to which of our addresses.
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        loop {
            self.socket.readable().await?;
            let received = self.socket.try_io(Interest::READABLE, || {
                let mut control = Control([0; 64]);
                let mut slices = [IoSliceMut::new(buffer)];
                let message =
                    recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut slices, Some(&mut control.0), MsgFlags::MSG_DONTWAIT)?;
                let asked = message.cmsgs().ok().and_then(|mut all| {
                    all.find_map(|one| match one {
                        ControlMessageOwned::Ipv4PacketInfo(info) => {
                            // `ipi_spec_dst` is the local address to answer from, also for a broadcast (ip(7)).
                            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr))))
                        }
                        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr))),
                        _ => None,
                    })
                });
                let peer = message.address.as_ref().and_then(socket_address);
                Ok((message.bytes, peer, asked))
            });
            match received {
                Ok((len, Some(peer), asked)) => {
                    let ip = asked.filter(|ip| !ip.is_unspecified() && !ip.is_multicast()).unwrap_or(self.local.ip());
                    return Ok((len, peer, SocketAddr::new(ip, self.local.port())));
                }
                Ok((_, None, _)) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // An ICMP error about an earlier answer of ours: it says nothing about the next datagram.
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused || e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Send now or not at all.
    pub fn send(&self, flow: Flow, octets: &[u8]) -> io::Result<()> {
        let to = SockaddrStorage::from(flow.peer);
        self.socket.try_io(Interest::WRITABLE, || {
            let slices = [IoSlice::new(octets)];
            let fd = self.socket.as_raw_fd();
            let flags = MsgFlags::MSG_DONTWAIT;
            // From the address the request was sent to: a NAT or a firewall lets nothing else through.
            let sent = match (self.local.ip().is_unspecified(), flow.local.ip()) {
                (true, IpAddr::V4(ip)) => {
                    let from = libc::in_pktinfo {
                        ipi_ifindex: 0,
                        ipi_spec_dst: libc::in_addr { s_addr: u32::from(ip).to_be() },
                        ipi_addr: libc::in_addr { s_addr: 0 },
                    };
                    sendmsg(fd, &slices, &[ControlMessage::Ipv4PacketInfo(&from)], flags, Some(&to))
                }
                (true, IpAddr::V6(ip)) => {
                    let from = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
                    sendmsg(fd, &slices, &[ControlMessage::Ipv6PacketInfo(&from)], flags, Some(&to))
                }
                (false, _) => sendmsg(fd, &slices, &[], flags, Some(&to)),
            };
            Ok(sent.map(|_| ())?)
        })
    }
}

/// Bring datagrams to the control task until it is gone.
pub async fn listen(listener: Arc<Listener>, id: u64, gate: Arc<Gate>, inbound: mpsc::Sender<Inbound>) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (len, peer, local) = match listener.receive(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // ENOBUFS, ENOMEM: passing. A short pause keeps a lasting error from taking the core.
                tracing::warn!(%error, "cannot read from a SIP socket");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        if !gate.allows(peer.ip(), Transport::Udp) {
            continue;
        }
        let flow = Flow { transport: Transport::Udp, local, peer, id };
        let octets = Bytes::copy_from_slice(buffer.get(..len).unwrap_or_default());
        if inbound.send(Inbound::Datagram(flow, octets)).await.is_err() {
            return;
        }
    }
}
