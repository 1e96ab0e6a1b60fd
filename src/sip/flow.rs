//! Where a message came from, and so where its answer goes.

use std::net::SocketAddr;

/// SIP transports.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// One connection.
    Tcp,
}

/// One path to one peer: a UDP socket and an address, or one TCP connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flow {
    /// Which transport.
    pub transport: Transport,
    /// Our address as the peer sees it before any NAT: never the wildcard address.
    pub local: SocketAddr,
    /// The peer's address.
    pub peer: SocketAddr,
    /// UDP: index of the listening socket. TCP: number of the connection, unique for the life of the process.
    pub id: u64,
}
