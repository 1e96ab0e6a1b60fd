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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_ranges_may_call_and_mapped_addresses_count_as_ipv4() {
        let trunks = Trunks::new(vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        for (address, allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("2001:db8::7", true),
            ("11.0.0.1", false),
            ("::1", false),
            ("::ffff:11.0.0.1", false),
        ] {
            assert_eq!(trunks.allows(address.parse().unwrap()), allowed, "{address}");
        }
        assert!(!Trunks::default().allows("127.0.0.1".parse().unwrap()));
    }
}
