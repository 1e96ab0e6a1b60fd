//! SIP over TCP: a task per connection, which no peer can hold up for another (RFC 3261 §18, RFC 5626 §4.4).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use nix::sys::socket::{
    setsockopt,
    sockopt::{Ipv4Tos, Ipv6TClass},
};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::udp::SIGNALLING;
use super::{Gate, Inbound};
use crate::run::counters::Counters;
use crate::sip::framer::{Framed, Framer};
use crate::sip::{Flow, Transport};

/// Connections at once. Trunks open one or two each, room systems one: 256 is more than a region has rooms on TCP, and few enough descriptors.
pub const CONNECTIONS: usize = 256;
/// Connections from one address: a proxy may open several for its rooms, and no single host can take all.
const CONNECTIONS_PER_PEER: usize = 64;
/// Connections the kernel accepts ahead of us.
const BACKLOG: i32 = 128;
/// Messages waiting to be written to a peer: a trunk's answers to a burst of calls. A peer so far behind is not reading.
const WRITE_QUEUE: usize = 128;
/// A peer that takes no octet of a message for so long is gone: 64·T1 would have ended its transactions by then too.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// From the first octet of a message to its last; a packet lost twice on a bad line takes 3 s.
const WHOLE_MESSAGE: Duration = Duration::from_secs(10);
/// From the connection to its first whole message.
const FIRST_MESSAGE: Duration = Duration::from_secs(30);
/// Silence: twice the session interval of 1800 s, so that a connection with a call on it (refreshed every 900 s) never gets there.
const IDLE: Duration = Duration::from_secs(3600);
/// Half of what `IDLE` cannot see: a peer that vanished without a word. The kernel asks after a minute, then every 15 s, and gives up after four.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4);
/// Octets taken off a connection at a time.
const READ: usize = 8192;

/// Bind and listen, not yet in a runtime.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Connections of the run before may linger in TIME_WAIT; a second live listener is refused all the same.
    socket.set_reuse_address(true)?;
    match address {
        SocketAddr::V4(_) => {
            let _ = setsockopt(&socket, Ipv4Tos, &SIGNALLING);
        }
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            let _ = setsockopt(&socket, Ipv6TClass, &SIGNALLING);
        }
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Who is connected, over all listeners.
#[derive(Debug)]
pub struct Census {
    peers: Mutex<HashMap<IpAddr, usize>>,
    next: AtomicU64,
    counters: Arc<Counters>,
}

/// One connection's place in the census, given back when dropped.
#[derive(Debug)]
struct Seat {
    census: Arc<Census>,
    peer: IpAddr,
}

impl Census {
    /// Nobody yet.
    pub fn new(counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { peers: Mutex::default(), next: AtomicU64::new(0), counters })
    }

    fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = peers.values().sum();
        let here = peers.get(&peer).copied().unwrap_or(0);
        if all >= CONNECTIONS || here >= CONNECTIONS_PER_PEER {
            self.counters.connections_too_many.count();
            return None;
        }
        peers.insert(peer, here + 1);
        Some(Seat { census: self.clone(), peer })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut peers = self.census.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = peers.get_mut(&self.peer) {
            *here -= 1;
            if *here == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

/// Accept until the control task is gone.
pub async fn listen(listener: TcpListener, gate: Arc<Gate>, census: Arc<Census>, inbound: mpsc::Sender<Inbound>) {
    while !inbound.is_closed() {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // EMFILE and ECONNABORTED pass; the pause keeps the first from taking the core.
                tracing::warn!(%error, "cannot accept a SIP connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let seat = if gate.allows(peer.ip(), Transport::Tcp) { census.enter(peer.ip()) } else { None };
        let (Some(seat), Ok(local)) = (seat, stream.local_addr()) else {
            // A reset leaves nothing behind in the kernel.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            continue;
        };
        let id = census.next.fetch_add(1, Ordering::Relaxed);
        let flow = Flow { transport: Transport::Tcp, local, peer, id };
        tokio::spawn(connection(stream, flow, inbound.clone(), seat));
    }
}

/// Why reading ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The peer said so, or the line broke.
    Closed,
    /// Silent, half a message, or not SIP.
    GivenUp,
    /// The control task is gone.
    Stopped,
}

async fn connection(stream: TcpStream, flow: Flow, inbound: mpsc::Sender<Inbound>, seat: Seat) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE);
    let (writer, queue) = mpsc::channel(WRITE_QUEUE);
    let pongs = writer.downgrade();
    if inbound.send(Inbound::Opened(flow, writer)).await.is_err() {
        return;
    }
    let (reading, writing) = stream.into_split();
    let mut write = pin!(write(writing, queue));
    let end = tokio::select! {
        end = read(reading, flow, &inbound, &pongs) => Some(end),
        () = &mut write => None,
    };
    match end {
        None => seat.census.counters.connections_stuck.count(),
        Some(End::GivenUp) => seat.census.counters.connections_given_up.count(),
        Some(End::Closed | End::Stopped) => {}
    }
    let told = inbound.send(Inbound::Closed(flow)).await;
    if end == Some(End::Closed) && told.is_ok() {
        // The peer may have closed its sending half only: what was answered before goes out, then the control task drops the queue.
        let _ = timeout(WRITE_DEADLINE, write).await;
    }
}

async fn read(mut stream: OwnedReadHalf, flow: Flow, inbound: &mpsc::Sender<Inbound>, pongs: &mpsc::WeakSender<Bytes>) -> End {
    let mut framer = Framer::new();
    let mut buffer = vec![0; READ];
    let first_by = Instant::now() + FIRST_MESSAGE;
    let mut heard = false;
    let mut whole_by = None;
    loop {
        let limit = whole_by.unwrap_or(if heard { Instant::now() + IDLE } else { first_by });
        let octets = match timeout_at(limit, stream.read(&mut buffer)).await {
            Err(_) => return End::GivenUp,
            Ok(Err(_) | Ok(0)) => return End::Closed,
            Ok(Ok(n)) => buffer.get(..n).unwrap_or_default(),
        };
        let Ok(framed) = framer.push(octets) else { return End::GivenUp };
        let mut whole = false;
        for one in framed {
            match one {
                Framed::Message(message) => {
                    whole = true;
                    if inbound.send(Inbound::Message(flow, message)).await.is_err() {
                        return End::Stopped;
                    }
                }
                // RFC 5626 §4.4.1: a single CRLF answers. One too many for the queue is one too many.
                Framed::Ping => {
                    if let Some(writer) = pongs.upgrade() {
                        let _ = writer.try_send(Bytes::from_static(b"\r\n"));
                    }
                }
            }
        }
        heard |= whole;
        whole_by = match framer.pending() {
            0 => None,
            _ if whole => Some(Instant::now() + WHOLE_MESSAGE),
            _ => whole_by.or_else(|| Some(Instant::now() + WHOLE_MESSAGE)),
        };
    }
}

/// Until the queue is dropped and empty, or the peer does not read.
async fn write(mut stream: OwnedWriteHalf, mut queue: mpsc::Receiver<Bytes>) {
    while let Some(octets) = queue.recv().await {
        match timeout(WRITE_DEADLINE, stream.write_all(&octets)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
