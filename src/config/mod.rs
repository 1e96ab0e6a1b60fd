//! The configuration: a TOML file and the environment in, checked values out.
//!
//! All faults are found in one go and each is one line that names file, line and key (or the variable). It reads the file and looks at the
//! prompt folder, and does nothing else: sockets are bound and prompts are loaded by those who use them.
//!
//! `raw` walks the document and the environment, `check` makes typed values of what it found, `values` reads the single texts.

mod check;
mod fault;
mod raw;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrayvec::ArrayVec;
use ipnet::IpNet;
use tracing::level_filters::LevelFilter;

use crate::bridge::WhenFull;
use crate::bridge::command::MeetingSettings;
use crate::codec::{Codec, OpusSettings};
use crate::media::mixer::MixSettings;
use crate::names::PhoneNumber;
use crate::sip::Transport;

pub use fault::{Fault, Faults, Place, Problem};
pub use raw::ENV_PREFIX;

/// Everything an operator can set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[sip]`
    pub sip: SipConfig,
    /// `[media]`
    pub media: MediaConfig,
    /// `[opus]`
    pub opus: OpusSettings,
    /// `[mix]`
    pub mix: MixSettings,
    /// `[prompts]`
    pub prompts: PromptsConfig,
    /// `[call]`
    pub call: CallConfig,
    /// `[[meeting]]`; empty: the one meeting that is drawn at first start.
    pub meetings: Vec<MeetingSettings>,
    /// `[http]`
    pub http: HttpConfig,
    /// `[log]`
    pub log: LogConfig,
}

/// Signalling.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// Addresses to listen on, at least one.
    pub listen: Vec<Listen>,
    /// Numbers answered with the menu.
    pub numbers: Vec<PhoneNumber>,
    /// Host part of meeting addresses, lower case.
    pub domain: String,
    /// Who may call, at least one range.
    pub trunks: Vec<IpNet>,
}

/// One address to listen on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    /// UDP or TCP.
    pub transport: Transport,
    /// Where; port 0 lets the system choose.
    pub address: SocketAddr,
    /// Part of the default list: an address family this machine lacks is passed over.
    pub optional: bool,
    /// Where it was written, for the line that says it is taken.
    pub place: Place,
}

impl Listen {
    /// The line to print when this address cannot be bound.
    pub fn fault(&self, error: &std::io::Error) -> Fault {
        Fault::new(self.place.clone(), "sip.listen", unbound(self.to_string(), error))
    }
}

/// Why an address cannot be bound.
fn unbound(listen: String, error: &std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Problem::AddressTaken { listen },
        std::io::ErrorKind::AddrNotAvailable => Problem::AddressNotHere { listen },
        std::io::ErrorKind::PermissionDenied => Problem::AddressForbidden { listen },
        _ => Problem::AddressUnusable { listen, reason: error.to_string() },
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        write!(f, "{scheme}:{}", self.address)
    }
}

/// Sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaConfig {
    /// What the SDP says; `None`: the local address of the route to the caller.
    pub address: Option<IpAddr>,
    /// RTP and RTCP ports.
    pub ports: PortRange,
    /// Worker threads; `None`: one per core.
    pub workers: Option<u16>,
    /// Codecs, the one to choose first; at least one.
    pub codecs: ArrayVec<Codec, 4>,
}

/// A range of UDP ports that holds at least one pair (even RTP, odd RTCP).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRange {
    /// First RTP port, even.
    pub first: u16,
    /// Last RTCP port, odd.
    pub last: u16,
}

impl PortRange {
    /// The pairs that lie whole between two ports; `None` when there is none.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        let first = if first.is_multiple_of(2) { first } else { first.checked_add(1)? };
        let last = if last % 2 == 1 { last } else { last.checked_sub(1)? };
        (first > 0 && first < last).then_some(Self { first, last })
    }

    /// How many pairs, at least 1.
    pub fn pairs(self) -> usize {
        usize::from(self.last.saturating_sub(self.first)).div_ceil(2)
    }
}

/// What is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PromptsConfig {
    /// The operator's folder over the built-in set.
    pub folder: Option<PathBuf>,
    /// Where it was written.
    pub place: Place,
}

/// Limits of calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallConfig {
    /// Most calls at once; `None`: from the machine.
    pub max_calls: Option<usize>,
    /// What becomes of a call that is one too many.
    pub when_full: WhenFull,
    /// Longest call.
    pub longest: Duration,
}

/// Metrics and health.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpConfig {
    /// Where; port 0 lets the system choose. `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// Where it was written, for the line that says it is taken.
    pub place: Place,
}

impl HttpConfig {
    /// The line to print when the address cannot be bound.
    pub fn fault(&self, error: &std::io::Error) -> Fault {
        let listen = self.listen.map(|address| address.to_string()).unwrap_or_default();
        Fault::new(self.place.clone(), "http.listen", unbound(listen, error))
    }
}

/// The log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// What is written.
    pub level: LevelFilter,
    /// JSON instead of text.
    pub json: bool,
}

impl PromptsConfig {
    /// The line to print for something wrong with a prompt of the folder.
    pub fn fault(&self, fault: crate::media::prompt::Fault) -> Fault {
        Fault::new(self.place.clone(), "prompts.folder", Problem::Prompt { fault })
    }
}

impl Config {
    /// Read a file (none: defaults), lay the environment over it, check all of it. Errors: every fault there is.
    pub fn load(file: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let mut raw = match file {
            None => raw::RawConfig::default(),
            Some(path) => raw::read_file(path, &mut faults),
        };
        raw::read_environment(environment, &mut raw, &mut faults);
        check::check(raw, faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_range_counts_whole_pairs_only() {
        assert_eq!(PortRange::new(16384, 32767).map(PortRange::pairs), Some(8192));
        assert_eq!(PortRange::new(4001, 4004), Some(PortRange { first: 4002, last: 4003 }));
        assert_eq!(PortRange::new(4002, 4003).map(PortRange::pairs), Some(1));
        assert_eq!(PortRange::new(4001, 4002), None);
        assert_eq!(PortRange::new(0, 1), None);
        assert_eq!(PortRange::new(65535, 65535), None);
    }
}
