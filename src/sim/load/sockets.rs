//! The generator's sockets: one for all signalling, a pair for each call's sound; and reading them without waiting, with the kernel's stamps.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::time::Duration;

/// Ports for sound lie from here on; below are bridges' usual ranges.
const FIRST_PORT: u16 = 33_000;
/// Ports tried from there on.
const PORTS: u16 = 32_000;
/// Signalling of thousands of calls may come at once.
const SIP_BUFFER: usize = 4 * 1024 * 1024;
/// RTCP is not read: its socket only keeps "port unreachable" from being sent, with as little memory as the kernel gives.
const RTCP_BUFFER: usize = 1;

/// A call's sockets: sound, and the port above it, which is only held.
#[derive(Debug)]
pub struct Pair {
    /// Sound.
    pub rtp: UdpSocket,
    /// Where it is.
    pub address: SocketAddr,
    _rtcp: UdpSocket,
}

/// Pairs that no call has at the moment, the longest rested first.
#[derive(Debug)]
pub struct Pool(VecDeque<Pair>);

impl Pool {
    /// So many pairs at this address. Errors: too few ports or open files.
    pub fn open(ip: IpAddr, count: usize, random: u32) -> io::Result<Self> {
        let mut pairs = VecDeque::with_capacity(count);
        let begin = random % u32::from(PORTS / 2);
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for turn in 0..u32::from(PORTS / 2) {
            if pairs.len() == count {
                break;
            }
            // RFC 3550 §11: RTP on an even port, RTCP on the next.
            let port = FIRST_PORT + 2 * ((begin + turn) % u32::from(PORTS / 2)) as u16;
            match pair(ip, port) {
                Ok(pair) => pairs.push_back(pair),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => last = error,
            }
            if last.raw_os_error() == Some(Errno::EMFILE as i32) {
                return Err(last);
            }
        }
        if pairs.len() < count { Err(last) } else { Ok(Self(pairs)) }
    }

    /// One for a call.
    pub fn take(&mut self) -> Option<Pair> {
        self.0.pop_front()
    }

    /// A call is over.
    pub fn give_back(&mut self, pair: Pair) {
        self.0.push_back(pair);
    }
}

fn pair(ip: IpAddr, port: u16) -> io::Result<Pair> {
    let rtp = UdpSocket::bind((ip, port))?;
    let rtcp = UdpSocket::bind((ip, port + 1))?;
    let _ = SockRef::from(&rtcp).set_recv_buffer_size(RTCP_BUFFER);
    rtp.set_nonblocking(true)?;
    setsockopt(&rtp, ReceiveTimestampns, &true)?;
    Ok(Pair { address: rtp.local_addr()?, rtp, _rtcp: rtcp })
}

/// The socket for signalling, connected to the bridge.
pub fn signalling(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = Socket::new(Domain::for_address(server), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // A wish.
    let _ = socket.set_recv_buffer_size(SIP_BUFFER);
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    socket.bind(&SocketAddr::new(any, 0).into())?;
    // Connected, the system tells our own address, and when nobody listens there.
    socket.connect(&server.into())?;
    Ok(socket.into())
}

/// Reads datagrams, several in one system call.
#[derive(Debug)]
pub struct Inbox<const COUNT: usize, const SIZE: usize> {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Box<[[u8; SIZE]; COUNT]>,
}

impl<const COUNT: usize, const SIZE: usize> Inbox<COUNT, SIZE> {
    /// With its buffers.
    pub fn new() -> Self {
        let headers = MultiHeaders::preallocate(COUNT, Some(nix::cmsg_space!(TimeSpec)));
        Self { headers, buffers: Box::new([[0; SIZE]; COUNT]) }
    }

    /// Whatever is there, up to `most` datagrams and never more than `COUNT`, each with its stamp (nanoseconds of the wall clock; 0: none).
    /// How many there were.
    /// Errors: what an earlier send brought back, such as `ECONNREFUSED`.
    pub fn read(&mut self, socket: RawFd, most: usize, mut each: impl FnMut(u64, &[u8])) -> Result<usize, Errno> {
        let mut slices = self.buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let messages = match recvmmsg(socket, &mut self.headers, slices.iter_mut().take(most), MsgFlags::MSG_DONTWAIT, None) {
            Ok(messages) => messages,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut count = 0;
        for message in messages {
            let stamp = message.cmsgs().ok().and_then(|mut all| {
                all.find_map(|one| match one {
                    ControlMessageOwned::ScmTimestampns(stamp) => u64::try_from(Duration::from(stamp).as_nanos()).ok(),
                    _ => None,
                })
            });
            if let Some(octets) = message.iovs().next() {
                each(stamp.unwrap_or(0), octets);
            }
            count += 1;
        }
        Ok(count)
    }
}

impl<const COUNT: usize, const SIZE: usize> Default for Inbox<COUNT, SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

/// The descriptor, for [`Inbox::read`].
pub fn descriptor(socket: &UdpSocket) -> RawFd {
    socket.as_raw_fd()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_even_and_odd_and_datagrams_come_with_stamps_that_rise() {
        let mut pool = Pool::open([127, 0, 0, 1].into(), 3, 7).unwrap();
        let (a, b) = (pool.take().unwrap(), pool.take().unwrap());
        assert_eq!((a.address.port() % 2, b.address.port() % 2), (0, 0));
        a.rtp.connect(b.address).unwrap();
        let mut inbox = Inbox::<4, 64>::new();
        assert_eq!(inbox.read(descriptor(&b.rtp), 4, |_, _| panic!("nothing was sent")), Ok(0));
        for round in 0..3u8 {
            for n in 0..4 {
                a.rtp.send(&[round, n]).unwrap();
            }
            let mut got = Vec::new();
            // Loopback delivers at once.
            assert_eq!(inbox.read(descriptor(&b.rtp), 4, |stamp, octets| got.push((stamp, octets.to_vec()))), Ok(4));
            assert!(got.windows(2).all(|pair| pair[0].0 <= pair[1].0) && got[0].0 > 0, "{got:?}");
            assert_eq!(got.iter().map(|(_, octets)| octets.clone()).collect::<Vec<_>>(), [[round, 0], [round, 1], [round, 2], [round, 3]]);
        }
        pool.give_back(a);
        pool.give_back(b);
        assert_eq!((0..4).filter_map(|_| pool.take()).count(), 3);
    }
}
