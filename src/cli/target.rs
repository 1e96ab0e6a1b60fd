//! Whom to call: the address a SIP URI leads to.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use thiserror::Error;

/// RFC 3261 §19.1.2.
const SIP_PORT: u16 = 5060;

/// Why a target leads nowhere.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The target cannot be dialled.
    #[error("cannot dial that: {0}")]
    Unreadable(&'static str),
    /// The host name leads nowhere.
    #[error("cannot find the host: {0}")]
    Host(io::Error),
}

/// Where `sip:user@host:port` leads over UDP.
pub fn resolve(target: &str) -> Result<SocketAddr, TargetError> {
    let unreadable = |why| Err(TargetError::Unreadable(why));
    let Some(address) = target.strip_prefix("sip:") else { return unreadable("it must begin with sip:") };
    if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return unreadable("it holds spaces");
    }
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let mut parts = host.split(['?', ';']);
    let host = parts.next().unwrap_or_default();
    if parts.any(|part| part.eq_ignore_ascii_case("transport=tcp") || part.eq_ignore_ascii_case("transport=tls")) {
        return unreadable("this phone speaks SIP over UDP only");
    }
    let port = host.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let bare_v6 = host.starts_with('[') && host.ends_with(']');
    let (name, port) = match port {
        Some((name, port)) if !bare_v6 => match port.parse() {
            Ok(port) => (name, port),
            Err(_) => return unreadable("the port is above 65535"),
        },
        _ => (host, SIP_PORT),
    };
    let name = name.trim_matches(['[', ']']);
    if name.is_empty() {
        return unreadable("it names no host");
    }
    let mut found = (name, port).to_socket_addrs().map_err(TargetError::Host)?;
    found.next().ok_or(TargetError::Unreadable("the host has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_with_and_without_port_and_parameters() {
        for (target, server) in [
            ("sip:0480445511@127.0.0.1:5070", "127.0.0.1:5070"),
            ("sip:testmote1@127.0.0.1", "127.0.0.1:5060"),
            ("sip:+46480445511@127.0.0.1:5070;user=phone", "127.0.0.1:5070"),
            ("sip:a@[::1]", "[::1]:5060"),
            ("sip:a@[::1]:6000", "[::1]:6000"),
        ] {
            assert_eq!(resolve(target).unwrap(), server.parse().unwrap(), "{target}");
        }
        for bad in
            ["0480445511", "sips:a@127.0.0.1", "sip:a@", "sip:a@127.0.0.1;transport=tcp", "sip:a@127.0.0.1:99999", "sip:a b@127.0.0.1"]
        {
            assert!(resolve(bad).is_err(), "{bad}");
        }
    }
}
