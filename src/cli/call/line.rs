//! The phone's sockets: signalling connected to the server, an even RTP port, and the RTCP port above it, which is only held.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

/// Largest datagram read; SIP over UDP stays below this, and RTP far below.
const DATAGRAM: usize = 65_535;
/// How often another even port with a free neighbour is looked for.
const PORT_TRIES: usize = 100;

/// One phone's sockets.
#[derive(Debug)]
pub struct Line {
    sip: UdpSocket,
    rtp: UdpSocket,
    /// Nobody reads it; it keeps RTCP from reaching a stranger.
    _rtcp: UdpSocket,
    sip_address: SocketAddr,
    rtp_address: SocketAddr,
    server: SocketAddr,
}

impl Line {
    /// Sockets on the local address that leads to `server`.
    pub async fn open(server: SocketAddr) -> io::Result<Self> {
        let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
        let sip = UdpSocket::bind((any, 0)).await?;
        // Connected, the system tells our address, and when nobody listens there.
        sip.connect(server).await?;
        let sip_address = sip.local_addr()?;
        let (rtp, rtcp) = pair(sip_address.ip()).await?;
        let rtp_address = rtp.local_addr()?;
        Ok(Self { sip, rtp, _rtcp: rtcp, sip_address, rtp_address, server })
    }

    /// Where signalling comes to.
    pub fn sip_address(&self) -> SocketAddr {
        self.sip_address
    }

    /// Where RTP comes to.
    pub fn rtp_address(&self) -> SocketAddr {
        self.rtp_address
    }

    /// Where signalling goes.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// A datagram that cannot be sent is as lost as one on the wire: the phone repeats what matters.
    pub async fn send_sip(&self, _to: SocketAddr, octets: &[u8]) {
        let _ = self.sip.send(octets).await;
    }

    /// As [`Line::send_sip`].
    pub async fn send_rtp(&self, to: SocketAddr, octets: &[u8]) {
        let _ = self.rtp.send_to(octets, to).await;
    }

    /// The next signalling datagram. Errors: `ConnectionRefused` when nobody listens there.
    pub async fn receive_sip(&self) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; DATAGRAM];
        let len = self.sip.recv(&mut buffer).await?;
        buffer.truncate(len);
        Ok(buffer)
    }

    /// The next RTP datagram. Errors of earlier sends are passed over.
    pub async fn receive_rtp(&self) -> Vec<u8> {
        let mut buffer = vec![0; 2_048];
        loop {
            if let Ok((len, _)) = self.rtp.recv_from(&mut buffer).await {
                buffer.truncate(len);
                return buffer;
            }
        }
    }
}

/// RFC 3550 §11: RTP on an even port, RTCP on the next.
async fn pair(ip: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORT_TRIES {
        let rtp = UdpSocket::bind((ip, 0)).await?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 1 {
            continue;
        }
        match UdpSocket::bind((ip, port + 1)).await {
            Ok(rtcp) => return Ok((rtp, rtcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}
