//! What the agent and the control plane say to each other.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::{Flow, Target};
use crate::names::{Key, PhoneNumber};

/// One INVITE session, from its INVITE to its end. Unique for the life of the agent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SipKey(pub u64);

/// Octets to send on a flow. If the flow is a connection that is gone they are dropped and the agent is told.
#[derive(Clone)]
pub struct Transmit {
    /// Where to.
    pub flow: Flow,
    /// A whole message.
    pub bytes: Bytes,
}

/// A new call that asks to be answered.
#[derive(Clone)]
pub struct Invite {
    /// Names the session from now on.
    pub key: SipKey,
    /// Where it came from.
    pub flow: Flow,
    /// Whom it asks for.
    pub target: Target,
    /// Who calls, as the trunk says (P-Asserted-Identity, else From), if that is a number.
    pub caller: Option<PhoneNumber>,
    /// The offer; `None`: we make one in the 200 and the answer comes in the ACK (RFC 3261 §13.2.1).
    pub sdp: Option<Bytes>,
}

// Bodies and numbers never show themselves: by hand, not derived.

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit").field("flow", &self.flow).field("octets", &self.bytes.len()).finish()
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite").field("key", &self.key).field("flow", &self.flow).field("sdp", &self.sdp.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for AgentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invite(invite) => invite.fmt(f),
            Self::Acked { key, answer } => f.debug_struct("Acked").field("key", key).field("answer", &answer.is_some()).finish(),
            Self::Offer { key, sdp } => f.debug_struct("Offer").field("key", key).field("sdp", &sdp.is_some()).finish(),
            Self::Key { key, .. } => f.debug_struct("Key").field("key", key).finish_non_exhaustive(),
            Self::Ended { key, why } => f.debug_struct("Ended").field("key", key).field("why", why).finish(),
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndReason {
    /// The caller sent BYE.
    Bye,
    /// The caller sent CANCEL before the answer.
    Cancelled,
    /// We hung up.
    HungUp,
    /// No ACK came for our 200 within 64·T1 (we sent BYE).
    NoAck,
    /// The session timer ran out (RFC 4028 §10).
    SessionExpired,
    /// A request of ours inside the dialog was answered with 408 or 481, or not at all.
    PeerGone,
    /// We refused it.
    Refused,
    /// The ACK carried no usable answer to our offer.
    NoAnswer,
    /// The connection it lived on broke and no other way leads to the peer.
    Transport,
}

/// What happens in signalling.
#[derive(Clone)]
pub enum AgentEvent {
    /// Somebody calls: answer with [`super::Agent::accept`] or [`super::Agent::refuse`].
    Invite(Box<Invite>),
    /// Our 200 was acknowledged. `answer` carries the SDP of an ACK to an offer of ours.
    Acked {
        /// The session.
        key: SipKey,
        /// SDP in the ACK.
        answer: Option<Bytes>,
    },
    /// The caller offers again (re-INVITE or UPDATE): answer with [`super::Agent::accept`] or [`super::Agent::refuse`].
    /// `None` is a re-INVITE that asks us to offer.
    Offer {
        /// The session.
        key: SipKey,
        /// SDP, or none.
        sdp: Option<Bytes>,
    },
    /// A key by INFO (`application/dtmf-relay` or `application/dtmf`).
    Key {
        /// The session.
        key: SipKey,
        /// The key pressed.
        pressed: Key,
    },
    /// The session is over. Nothing more comes with this key. Comes exactly once for each [`AgentEvent::Invite`].
    Ended {
        /// The session.
        key: SipKey,
        /// Why.
        why: EndReason,
    },
}

/// How to refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// 400 to 699.
    pub status: u16,
    /// For 503 (RFC 3261 §20.33) and 500 on crossing offers.
    pub retry_after: Option<Duration>,
}

/// What the agent needs to know.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// `User-Agent` and `Server` value.
    pub product: String,
    /// Session interval we ask for when the peer supports timers (RFC 4028).
    pub session_interval: Duration,
    /// Shortest session interval accepted (RFC 4028 §5: at least 90 s).
    pub min_se: Duration,
    /// Most sessions at once; above, INVITEs get 503 with Retry-After.
    pub max_sessions: usize,
    /// Most transactions held at once; above, requests get 503 statelessly.
    pub max_transactions: usize,
}
