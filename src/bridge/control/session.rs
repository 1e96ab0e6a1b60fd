//! What the control plane holds about one call, and why a call ends.

use std::fmt;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use bytes::Bytes;

use super::overload::Promise;
use crate::bridge::{LegCost, MediaCommand};
use crate::call::{Call, Entrance, Farewell};
use crate::media::{LegUpdate, Utterance};
use crate::meeting::Source;
use crate::names::{CallHandle, LegId, MeetingKey, SayToken, WorkerId};
use crate::sip::answer::{Local, Sent};
use crate::sip::{EndReason, Flow};

/// Most commands that wait for a leg to arrive at its new worker. A move takes milliseconds; in that time a caller can press a key or
/// two, and entering a meeting makes four. More than this and something is broken: the call ends.
pub const MOVING_COMMANDS: usize = 32;

/// One SIP session, from INVITE to its end.
#[derive(Debug)]
pub struct Session {
    /// What the log calls it.
    pub handle: CallHandle,
    /// Its sound path.
    pub leg: LegId,
    /// Where its INVITE came from.
    pub flow: Flow,
    /// Who is counted when IDs are guessed.
    pub source: Source,
    /// How it begins.
    pub entrance: Entrance,
    /// When its INVITE came.
    pub started: Instant,
    /// When it has lasted long enough.
    pub ends: Instant,
    /// Our side of the SDP, once there is a port.
    pub local: Option<Local>,
    /// The last SDP we sent.
    pub sent: Option<Sent>,
    /// How far it has come.
    pub state: State,
}

/// How far a session has come. `Debug` shows no SDP.
pub enum State {
    /// Its port is being bound.
    Opening {
        /// The caller's offer.
        offer: Option<Bytes>,
    },
    /// Our offer went out in the 200; the answer comes in the ACK (RFC 3261 §13.2.1).
    Offered,
    /// It has sound.
    Live(Box<Live>),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening { offer } => f.debug_struct("Opening").field("octets", &offer.as_ref().map(Bytes::len)).finish(),
            Self::Offered => f.write_str("Offered"),
            Self::Live(live) => live.fmt(f),
        }
    }
}

/// A session with sound.
#[derive(Debug)]
pub struct Live {
    /// Its behaviour.
    pub call: Call,
    /// Where its leg is, or is going.
    pub worker: WorkerId,
    /// Commands for a leg on its way to `worker`; `None`: it is there.
    pub waiting: Option<Box<ArrayVec<MediaCommand, MOVING_COMMANDS>>>,
    /// Its meeting.
    pub meeting: Option<MeetingKey>,
    /// What it is being told. The worker a leg comes from forgets it; the one it goes to is told again.
    pub saying: Option<(Utterance, SayToken)>,
    /// Whether our own offer is out in a re-INVITE's 200.
    pub offered: bool,
    /// What its leg's codecs were made for.
    pub made_for: LegUpdate,
    /// What its leg costs its worker.
    pub cost: LegCost,
    /// The room that is kept for it until it is in a meeting.
    pub promise: Promise,
    /// How keys reach us.
    pub keys: Option<KeyPath>,
    /// Saying goodbye after the longest call; hung up then at the latest.
    pub leaving: Option<Instant>,
}

/// Some gateways send every key both ways: the first way that brings one is taken, the other ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyPath {
    /// RFC 4733 telephone-event.
    Media,
    /// SIP INFO.
    Info,
}

/// Why a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// By signalling.
    Signalling(EndReason),
    /// By the call's own doing.
    Farewell(Farewell),
    /// No RTP came.
    DeadMedia,
    /// It lasted as long as a call may.
    Longest,
    /// No worker took its leg, or the leg was lost on the way.
    NoWorker,
    /// The answer to our offer was no use.
    NoCommonCodec,
    /// No port to be had.
    NoPort,
    /// No memory for its codec.
    NoCodec,
    /// The bridge stops.
    Stop,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signalling(why) => match why {
                EndReason::Bye => "the caller hung up",
                EndReason::Cancelled => "the caller gave up before the answer",
                EndReason::HungUp => "we hung up",
                EndReason::NoAck => "no ACK came",
                EndReason::SessionExpired => "the session timer ran out",
                EndReason::PeerGone => "the peer no longer answers",
                EndReason::Refused => "refused",
                EndReason::NoAnswer => "no answer to our offer came",
                EndReason::Transport => "the connection broke",
            },
            Self::Farewell(why) => match why {
                Farewell::WrongId => "wrong ID too often",
                Farewell::Silent => "nothing was keyed",
                Farewell::Full => "the house is full",
                Farewell::MeetingFull => "the meeting is full",
            },
            Self::DeadMedia => "no sound came",
            Self::Longest => "the longest call is over",
            Self::NoWorker => "no media worker had room",
            Self::NoCommonCodec => "no common codec",
            Self::NoPort => "no port was free",
            Self::NoCodec => "there was no memory for its codec",
            Self::Stop => "the bridge stops",
        })
    }
}

impl Ending {
    /// Its name among the figures.
    pub fn cause(self) -> &'static str {
        match self {
            Self::Signalling(why) => match why {
                EndReason::Bye => "bye",
                EndReason::Cancelled => "cancelled",
                EndReason::HungUp => "hung_up",
                EndReason::NoAck => "no_ack",
                EndReason::SessionExpired => "session_expired",
                EndReason::PeerGone => "peer_gone",
                EndReason::Refused => "refused",
                EndReason::NoAnswer => "no_answer",
                EndReason::Transport => "transport",
            },
            Self::Farewell(why) => match why {
                Farewell::WrongId => "wrong_id",
                Farewell::Silent => "silent",
                Farewell::Full => "full",
                Farewell::MeetingFull => "meeting_full",
            },
            Self::DeadMedia => "dead_media",
            Self::Longest => "longest",
            Self::NoWorker => "no_worker",
            Self::NoCommonCodec => "no_common_codec",
            Self::NoPort => "no_port",
            Self::NoCodec => "no_codec",
            Self::Stop => "stop",
        }
    }
}

impl Session {
    /// With sound, if it has.
    pub fn live(&mut self) -> Option<&mut Live> {
        match &mut self.state {
            State::Live(live) => Some(live),
            _ => None,
        }
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Instant {
        match &self.state {
            State::Live(live) => {
                let last = live.leaving.unwrap_or(self.ends);
                live.call.poll_timeout().map_or(last, |(at, _)| at.min(last))
            }
            _ => self.ends,
        }
    }

    /// How long it has lasted.
    pub fn lasted(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }
}
