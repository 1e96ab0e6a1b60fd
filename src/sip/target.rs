//! Whom a request asks for. To be written.

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
