//! Reads the single texts of a configuration: addresses, ranges, durations.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::PortRange;
use super::fault::Problem;
use super::raw::distance;
use crate::codec::Codec;
use crate::sip::Transport;

/// `udp:0.0.0.0:5060`, `tcp:[::]:5060`.
pub fn listen(text: &str) -> Option<(Transport, SocketAddr)> {
    let (scheme, address) = text.trim().split_once(':')?;
    let transport = match scheme.to_ascii_lowercase().as_str() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        _ => return None,
    };
    Some((transport, address.parse().ok()?))
}

/// `192.0.2.0/24`, or one address.
pub fn range(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `16384-32767`.
pub fn ports(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-')?;
    PortRange::new(first.trim().parse().ok()?, last.trim().parse().ok()?)
}

/// `12h`, `90s`, `1h30m`: numbers with a unit each (d, h, m, s), units falling.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = match tail.chars().next()? {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        if unit >= last_unit {
            return None;
        }
        last_unit = unit;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = tail.get(1..)?;
    }
    (last_unit != u64::MAX).then(|| Duration::from_secs(total))
}

/// `opus`, `G722`, `PCMA`, `PCMU`, in any case.
pub fn codec(text: &str) -> Result<Codec, Problem> {
    Codec::named(text).ok_or_else(|| {
        let likeness = |codec: &Codec| distance(&codec.name().to_ascii_lowercase(), &text.to_ascii_lowercase());
        let nearest = Codec::ALL.into_iter().filter(|codec| likeness(codec) <= 2).min_by_key(likeness);
        Problem::Codec { text: text.to_owned(), nearest: nearest.map(Codec::name) }
    })
}

/// A host name (RFC 1123 §2.1) or an IP address, lower case, IPv6 without brackets.
pub fn domain(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(&text);
    if bare.parse::<IpAddr>().is_ok() {
        return Some(bare.to_owned());
    }
    let label = |l: &str| {
        (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !l.starts_with('-') && !l.ends_with('-')
    };
    (text.len() <= 253 && text.split('.').all(label)).then_some(text)
}

/// The user part of a meeting's address. Digits alone would be read as a number or a samtals-ID.
pub fn meeting_name(text: &str) -> bool {
    // 64: the longest local part people know (RFC 5321 §4.5.3.1.1), and a room system's display shows no more.
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_falling_units() {
        let seconds = |text| duration(text).map(|d| d.as_secs());
        assert_eq!(seconds("12h"), Some(43_200));
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("1h30m"), Some(5_400));
        assert_eq!(seconds("1d1s"), Some(86_401));
        for bad in ["", "12", "h", "1m1h", "1h1h", "-1s", "1.5h", "1w", "99999999999999999999s", "18446744073709551615d", "1å"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn listen_addresses_name_transport_address_and_port() {
        assert_eq!(listen("udp:0.0.0.0:5060"), Some((Transport::Udp, "0.0.0.0:5060".parse().unwrap())));
        assert_eq!(listen("TCP:[::]:5060"), Some((Transport::Tcp, "[::]:5060".parse().unwrap())));
        for bad in ["", "udp", "udp:5060", "sctp:0.0.0.0:5060", "udp:localhost:5060", "udp:0.0.0.0", "udp:0.0.0.0:65536"] {
            assert_eq!(listen(bad), None, "{bad}");
        }
    }

    #[test]
    fn domains_are_host_names_or_addresses() {
        assert_eq!(domain("Bro.Example.SE").as_deref(), Some("bro.example.se"));
        assert_eq!(domain("[2001:db8::1]").as_deref(), Some("2001:db8::1"));
        for bad in ["", "a b", "a..b", "-a", "bro:5060", "sip:bro", "å.se"] {
            assert_eq!(domain(bad), None, "{bad}");
        }
    }
}
