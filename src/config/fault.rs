//! What is wrong with a configuration, said so that it can be mended at once.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Where a value was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Nowhere: it is a default.
    Default,
    /// In a file.
    File {
        /// As the operator wrote its path.
        file: Arc<str>,
        /// From 1; 0: the file as a whole.
        line: usize,
    },
    /// In an environment variable.
    Environment(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("(default)"),
            Self::File { file, line: 0 } => f.write_str(file),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment(name) => f.write_str(name),
        }
    }
}

/// What is wrong, and what to do. Values that are secret (IDs, numbers) are never repeated.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[allow(missing_docs, reason = "each variant's message is its documentation")]
pub enum Problem {
    #[error("cannot be read ({reason}); give a readable TOML file with --config")]
    Unreadable { reason: String },
    #[error("larger than {most} bytes; a configuration is a small text file, is this the right one?")]
    TooLarge { most: u64 },
    #[error("not valid TOML: {reason}")]
    Syntax { reason: String },
    #[error("unknown section; the sections are {known}{}", did_you_mean(.nearest))]
    UnknownSection { known: String, nearest: Option<&'static str> },
    #[error("unknown key; the keys here are {known}{}", did_you_mean(.nearest))]
    UnknownKey { known: String, nearest: Option<&'static str> },
    #[error("no such setting; a variable is LJUDBRO_<SECTION>_<KEY>, for example LJUDBRO_SIP_LISTEN{}", did_you_mean(.nearest))]
    UnknownVariable { nearest: Option<String> },
    #[error("not UTF-8; write it as plain text")]
    NotUtf8,
    #[error("{found} where {expected} belongs, for example {example}")]
    WrongType { found: &'static str, expected: &'static str, example: &'static str },
    #[error(
        "{text:?} is not an address to listen on; write udp: or tcp:, an IP address and a port, as in \"udp:0.0.0.0:5060\" or \"tcp:[::]:5060\""
    )]
    Listen { text: String },
    #[error("{text:?} is not an address for HTTP; write an IP address and a port, as in \"127.0.0.1:8080\", or \"\" for none")]
    HttpListen { text: String },
    #[error("no address to listen on; give at least one, as in [\"udp:0.0.0.0:5060\"]")]
    NoListen,
    #[error("{listen} is there twice; remove one")]
    ListenTwice { listen: String },
    #[error("{listen} is taken by another program; stop that program or choose another port")]
    AddressTaken { listen: String },
    #[error("{listen} is no address of this machine; write one that is, or 0.0.0.0 or [::] for all")]
    AddressNotHere { listen: String },
    #[error("{listen} may not be bound by this user; ports below 1024 need CAP_NET_BIND_SERVICE")]
    AddressForbidden { listen: String },
    #[error("{listen} cannot be bound ({reason}); choose another address")]
    AddressUnusable { listen: String, reason: String },
    #[error("not a telephone number; write 3 to 15 digits, as in \"0480445511\" or \"+46480445511\"")]
    PhoneNumber,
    #[error("{text:?} is not a host name or IP address; write one without port, as in \"bro.example.se\"")]
    Domain { text: String },
    #[error("{text:?} is not an address range; write an IP address, with or without a prefix length, as in \"192.0.2.0/24\" or \"::1\"")]
    Range { text: String },
    #[error("empty, so nobody could call; give at least one range, or leave the key out for loopback and private addresses")]
    NoTrunks,
    #[error("{text:?} is neither \"auto\" nor an IP address a caller can send to")]
    MediaAddress { text: String },
    #[error("{text:?} is not a range of ports with room for a pair; write first-last, as in \"16384-32767\"")]
    Ports { text: String },
    #[error("{text:?} is no codec of ours; they are opus, G722, PCMA and PCMU{}", did_you_mean(.nearest))]
    Codec { text: String, nearest: Option<&'static str> },
    #[error("{codec} is there twice; remove one")]
    CodecTwice { codec: &'static str },
    #[error("no codec, so nobody could be answered; give at least one, or leave the key out for [\"opus\", \"G722\", \"PCMA\", \"PCMU\"]")]
    NoCodecs,
    #[error("{value} is out of range; write a whole number from {least} to {most}")]
    OutOfRange { value: String, least: u64, most: u64 },
    #[error("{calls} calls need as many pairs of ports, and media.ports has only {pairs}; widen media.ports or lower call.max_calls")]
    TooFewPorts { calls: usize, pairs: usize },
    #[error("{text:?} is nothing to do when full; write \"upptaget\" (the caller hears so) or \"503\" (the trunk tries its next route)")]
    WhenFull { text: String },
    #[error("{text:?} is not a duration; write hours, minutes and seconds, as in \"12h\", \"90s\" or \"1h30m\"")]
    Duration { text: String },
    #[error("{text:?} is too short or too long; write from 1s to 7d")]
    DurationRange { text: String },
    #[error("{text:?} cannot be read ({reason}); give a readable folder, or \"\" for the built-in prompts")]
    PromptFolder { text: String, reason: String },
    #[error("{fault}")]
    Prompt { fault: crate::media::prompt::Fault },
    #[error("{text:?} is not a log level; write error, warn, info, debug or trace")]
    LogLevel { text: String },
    #[error("{text:?} is not a log format; write text or json")]
    LogFormat { text: String },
    #[error("missing; every [[meeting]] has a name and an id")]
    Missing,
    #[error("not a samtals-ID; write exactly nine digits in quotes")]
    CallId,
    #[error("this samtals-ID belongs to another meeting too; give each meeting its own")]
    CallIdTwice,
    #[error("{text:?} cannot be a meeting's name; write 1 to 64 letters, digits, hyphens, underscores or dots, not digits alone")]
    MeetingName { text: String },
    #[error("{text:?} is the name of another meeting too; give each meeting its own")]
    MeetingNameTwice { text: String },
}

fn did_you_mean(nearest: &Option<impl fmt::Display>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

/// One fault: one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// `section.key`, or empty when it concerns the file as a whole.
    pub key: String,
    /// What.
    pub problem: Problem,
}

impl Fault {
    /// Of these parts.
    pub fn new(place: Place, key: impl Into<String>, problem: Problem) -> Self {
        Self { place, key: key.into(), problem }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A control character inside a quoted value is already escaped; the TOML parser's own words may hold a line break.
        let problem = self.problem.to_string().replace('\n', " ");
        match self.key.as_str() {
            "" => write!(f, "{}: {problem}", self.place),
            key => write!(f, "{}: {key}: {problem}", self.place),
        }
    }
}

/// All faults of a configuration, at least one, in the order of the file; then the environment.
#[derive(Clone, Debug, Error)]
#[error("{}", .faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Faults {
    /// At least one.
    pub faults: Vec<Fault>,
    /// What could be read, with defaults for what could not: to look for further faults in, and for nothing else.
    pub rest: Box<super::Config>,
}

impl Faults {
    /// In their order.
    pub fn new(mut faults: Vec<Fault>, rest: Box<super::Config>) -> Self {
        faults.sort_by_key(|fault| match &fault.place {
            Place::File { line, .. } => (0, *line),
            Place::Environment(_) => (1, 0),
            Place::Default => (2, 0),
        });
        Self { faults, rest }
    }

    /// Whether something is wrong with this key already.
    pub fn concern(&self, key: &str) -> bool {
        self.faults.iter().any(|fault| fault.key == key)
    }
}
