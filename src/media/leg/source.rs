//! From whom sound is taken, and to whom it goes: symmetric RTP (RFC 4961), latched once.
//!
//! A latch that follows whoever sends can be hijacked. So only two hosts may latch at all: the one the SDP named and the one the signalling
//! came from (a caller behind NAT names a private address in the SDP). The first of them whose packet is sound keeps its port until a
//! new offer names another address.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::GRACE;
use crate::media::LegUpdate;

/// Addresses of one caller.
#[derive(Debug)]
pub(super) struct Source {
    /// Last usable address of the SDP. A hold by `c=0.0.0.0` does not change it.
    signalled: Option<SocketAddr>,
    signalled_rtcp: Option<SocketAddr>,
    signalled_from: IpAddr,
    latched: Option<SocketAddr>,
    latched_rtcp: Option<SocketAddr>,
    /// Latched before the address changed. What is still under way from there is heard but must not latch again, until `former_until`:
    /// then it is the caller after all (behind NAT, the address in the SDP tells nothing).
    former: Option<SocketAddr>,
    former_until: Instant,
}

impl Source {
    pub(super) fn new(now: Instant, media: &LegUpdate) -> Self {
        Self {
            signalled: media.remote,
            signalled_rtcp: media.remote_rtcp,
            signalled_from: media.signalled_from,
            latched: None,
            latched_rtcp: None,
            former: None,
            former_until: now,
        }
    }

    /// A new offer was answered.
    pub(super) fn update(&mut self, now: Instant, media: &LegUpdate) {
        self.signalled_from = media.signalled_from;
        if media.remote.is_some() && media.remote != self.signalled {
            self.signalled = media.remote;
            self.former = self.latched.take().filter(|latched| Some(*latched) != media.remote);
            self.former_until = now + GRACE;
            self.latched_rtcp = None;
        }
        if media.remote_rtcp.is_some() && media.remote_rtcp != self.signalled_rtcp {
            self.signalled_rtcp = media.remote_rtcp;
            self.latched_rtcp = None;
        }
    }

    /// Whether RTP from there is taken.
    pub(super) fn allows(&self, arrived: Instant, from: SocketAddr) -> bool {
        match self.latched {
            Some(latched) => latched == from || self.is_fading(arrived, from),
            None => self.vouched(from.ip()) || self.is_fading(arrived, from),
        }
    }

    /// A good packet came from an allowed address: from now on, only from there and only to there.
    pub(super) fn latch(&mut self, arrived: Instant, from: SocketAddr) {
        if self.latched.is_none() && self.vouched(from.ip()) && !self.is_fading(arrived, from) {
            self.latched = Some(from);
        }
    }

    /// Whether RTCP from there is taken: it may come from any port.
    pub(super) fn allows_rtcp(&self, from: SocketAddr) -> bool {
        let named = self.signalled_rtcp.is_some_and(|rtcp| same_host(rtcp.ip(), from.ip()));
        named || self.vouched(from.ip())
    }

    /// Reports go back to where the caller's come from.
    pub(super) fn latch_rtcp(&mut self, from: SocketAddr) {
        self.latched_rtcp.get_or_insert(from);
    }

    /// Where RTP goes.
    pub(super) fn destination(&self) -> Option<SocketAddr> {
        self.latched.or(self.signalled)
    }

    /// Where RTCP goes: by default the port after RTP's (RFC 3550 §11).
    pub(super) fn rtcp_destination(&self, mux: bool) -> Option<SocketAddr> {
        if mux {
            return self.destination();
        }
        self.latched_rtcp.or(self.signalled_rtcp).or_else(|| {
            let mut rtcp = self.destination()?;
            rtcp.set_port(rtcp.port().checked_add(1)?);
            Some(rtcp)
        })
    }

    fn vouched(&self, host: IpAddr) -> bool {
        same_host(host, self.signalled_from) || self.signalled.is_some_and(|signalled| same_host(host, signalled.ip()))
    }

    fn is_fading(&self, arrived: Instant, from: SocketAddr) -> bool {
        self.former == Some(from) && arrived < self.former_until
    }
}

/// An IPv4 caller on an IPv6 socket has a mapped address (RFC 4291 §2.5.5.2).
fn same_host(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}
