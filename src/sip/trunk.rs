//! Who may call at all.

use std::net::IpAddr;

use ipnet::IpNet;

/// The addresses signalling is accepted from.
#[derive(Clone, Debug, Default)]
pub struct Trunks {
    nets: Vec<IpNet>,
}

impl Trunks {
    /// These ranges and no others.
    pub fn new(nets: Vec<IpNet>) -> Self {
        Self { nets }
    }

    /// Whether signalling from this address is taken. An IPv4-mapped IPv6 address counts as its IPv4 address (RFC 4291 §2.5.5.2).
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.nets.iter().any(|net| net.contains(&address))
    }
}
