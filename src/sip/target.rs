//! Whom a request asks for, and who asks.

use sipx_sip::headers::Address as NameAddress;
use sipx_sip::{HeaderName, Host, Request, Scheme, Uri};

use super::lenient;
use crate::names::PhoneNumber;

/// The Request-URI, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A telephone number: `tel:`, `user=phone`, or a user part that is one.
    /// `user` and `host` are kept, since a meeting's ID or name may look like a number too.
    Number {
        /// In canonical spelling.
        number: PhoneNumber,
        /// The address as it stands, if it was a SIP URI.
        address: Option<Address>,
    },
    /// Any other address.
    Address(Address),
}

/// User and host of a SIP URI, unescaped; host in lower case, IPv6 without brackets. The user part may be a samtals-ID: it does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Before the `@`, without password and user parameters.
    pub user: String,
    /// After it, without port.
    pub host: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

/// Longest user or host taken from a URI: no number, ID or meeting name is longer (RFC 1035 §2.3.4 for hosts).
const LONGEST: usize = 255;

impl Target {
    /// Read a Request-URI. `None` for schemes other than `sip`, `sips` and `tel`, and for what cannot be anybody's address.
    pub fn parse(uri: &Uri) -> Option<Self> {
        match uri.scheme() {
            Scheme::Tel => {
                let parts = uri.tel_parts()?;
                let number = number(text(parts.subscriber())?, text(parts.parameters().unwrap_or_default())?)?;
                Some(Self::Number { number, address: None })
            }
            Scheme::Sip | Scheme::Sips => {
                let user = match uri.decoded_user() {
                    Some(user) => String::from_utf8(user).ok().filter(|user| user.len() <= LONGEST)?,
                    None => String::new(),
                };
                // RFC 3261 §19.1.1: what follows `;` in a telephone-subscriber are its parameters (`;phone-context=…`).
                let (bare, parameters) = user.split_once(';').unwrap_or((user.as_str(), ""));
                let address = Address { user: bare.to_owned(), host: host(uri)? };
                // A number is digits and separators; with `user=phone` or without, trunks write both (RFC 3261 §19.1.1).
                Some(match number(bare, parameters) {
                    Some(number) => Self::Number { number, address: Some(address) },
                    None => Self::Address(address),
                })
            }
            _ => None,
        }
    }
}

/// A subscriber with its parameters: a local number belongs to a global `phone-context` (RFC 3966 §5.1.5).
fn number(subscriber: &str, parameters: &str) -> Option<PhoneNumber> {
    let context = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("phone-context="));
    match context {
        // A leading zero is the trunk prefix, which the canonical spelling takes away itself.
        Some(context) if context.starts_with('+') && !subscriber.starts_with(['+', '0']) => format!("{context}{subscriber}").parse().ok(),
        _ => subscriber.parse().ok(),
    }
}

fn host(uri: &Uri) -> Option<String> {
    Some(match uri.host()? {
        Host::Ip(address) => address.to_canonical().to_string(),
        Host::Name(name) => text(name.as_bytes()).filter(|name| name.len() <= LONGEST)?.trim_end_matches('.').to_ascii_lowercase(),
    })
}

fn text(octets: &[u8]) -> Option<&str> {
    std::str::from_utf8(octets).ok()
}

/// Who calls, as the trunk says: P-Asserted-Identity (RFC 3325 §9.1), else From; `None` if that is no number.
pub fn caller(request: &Request) -> Option<PhoneNumber> {
    let asserted = request
        .headers
        .get_all(&HeaderName::PAssertedIdentity)
        .flat_map(|header| NameAddress::parse_list(&header.value(), "P-Asserted-Identity").unwrap_or_default());
    let from = request.headers.value(&HeaderName::From).and_then(|value| lenient::address(&value, "From"));
    asserted.chain(from).find_map(|address| match Target::parse(&address.uri)? {
        Target::Number { number, .. } => Some(number),
        Target::Address(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(uri: &str) -> Option<Target> {
        Target::parse(&Uri::parse(Bytes::copy_from_slice(uri.as_bytes())).unwrap())
    }

    #[test]
    fn every_spelling_of_a_number_is_that_number() {
        let home: PhoneNumber = "0480445511".parse().unwrap();
        for uri in [
            "sip:0480445511@bro.example.se",
            "sip:+46480445511@198.51.100.1:5060;user=phone",
            "sip:46480445511@[2001:db8::1]",
            "sip:0046480445511@x",
            "sip:0480-44.55.11@x",
            "sip:%2B46480445511@x",
            "sip:+46480445511;phone-context=+46@x;user=phone",
            "sips:0480445511@x",
            "tel:+46-480-44-55-11",
            "tel:0480445511;phone-context=+46",
            "tel:480-445511;phone-context=+46",
            "sip:480445511;phone-context=+46@x;user=phone",
        ] {
            assert!(matches!(parse(uri), Some(Target::Number { number, .. }) if number == home), "{uri}");
        }
    }

    #[test]
    fn other_addresses_keep_user_and_host() {
        let address = |user: &str, host: &str| Some(Target::Address(Address { user: user.into(), host: host.into() }));
        assert_eq!(parse("sip:testmote1@BRO.example.se:5080"), address("testmote1", "bro.example.se"));
        assert_eq!(parse("sip:m%C3%B6te:secret@10.0.0.1;transport=tcp"), address("m\u{f6}te", "10.0.0.1"));
        assert_eq!(parse("sip:[::ffff:10.0.0.1]"), address("", "10.0.0.1"));
        assert_eq!(parse("http:x"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_uri_makes_it_panic(rest in "[ -~]{0,60}", scheme in "(sip|tel|sips|x)") {
            if let Ok(uri) = Uri::parse(Bytes::from(format!("{scheme}:{rest}"))) {
                let _ = Target::parse(&uri);
            }
        }
    }

    #[test]
    fn an_address_does_not_show_itself() {
        let shown = format!("{:?}", parse("sip:123456789@bro.example.se"));
        assert!(!shown.contains("123456789") && !shown.contains("example"), "{shown}");
    }
}
