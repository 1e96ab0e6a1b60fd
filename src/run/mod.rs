//! The only clocks, sockets, threads and randomness of the bridge: everything the two planes ask for is done here.
//!
//! [`Bridge::start`] takes all it needs from the machine (ports, files, memory, threads) and names every fault; [`Bridge::run`] then is the
//! bridge until a signal ends it.
//!
//! ```text
//! control thread (tokio, one task owns ControlPlane)          media workers (one OS thread per core)
//!   udp, tcp  -> inbound queue -> control_task  == rings and eventfds (link) ==>  worker: MediaPlane::tick every 5 ms
//!   ports: binds RTP/RTCP pairs, hands them over with the leg                      port: the pairs' sockets as bridge::Ports
//! ```

pub mod board;
mod control_task;
pub mod counters;
pub mod link;
pub mod logging;
pub mod machine;
pub mod meetings;
pub mod port;
pub mod ports;
mod price;
pub mod process;
pub mod prompts;
mod signals;
mod start;
mod sys;
pub mod ticker;
pub mod transport;
pub mod worker;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use arrayvec::ArrayVec;

use crate::bridge::WhenFull;
use crate::bridge::command::MeetingSettings;
use crate::codec::{Codec, OpusSettings};
use crate::media::mixer::MixSettings;
use crate::names::PhoneNumber;
use crate::sip::{Transport, Trunks};

pub use control_task::Ended;
pub use start::{Bridge, StartError, try_listen};
pub use sys::schedule_first;

/// What the bridge needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to listen on.
    pub listen: Vec<ListenSettings>,
    /// Who may call at all.
    pub trunks: Trunks,
    /// Numbers answered with the menu.
    pub numbers: Vec<PhoneNumber>,
    /// Host part of meeting addresses.
    pub domain: String,
    /// Meetings; empty: one, drawn at first start and kept in `data`.
    pub meetings: Vec<MeetingSettings>,
    /// What the SDP says; `None`: the local address of the route to the caller.
    pub media_address: Option<IpAddr>,
    /// UDP ports for sound: even RTP, odd RTCP.
    pub ports: RangeInclusive<u16>,
    /// Media workers; `None`: one per core.
    pub workers: Option<u16>,
    /// How many are mixed, and how loud.
    pub mix: MixSettings,
    /// Codecs, the one we like best first; at least one.
    pub codecs: ArrayVec<Codec, 4>,
    /// How Opus is sent.
    pub opus: OpusSettings,
    /// The operator's prompts over the built-in ones.
    pub prompts_folder: Option<PathBuf>,
    /// Most calls at once; `None`: from the machine.
    pub max_calls: Option<usize>,
    /// What becomes of a call that is one too many.
    pub when_full: WhenFull,
    /// Longest call.
    pub longest: Duration,
    /// Where the bridge keeps what it must remember.
    pub data: PathBuf,
}

/// One address to listen on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenSettings {
    /// UDP or TCP.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// Pass over it when this machine lacks the address family.
    pub optional: bool,
}
