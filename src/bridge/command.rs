//! What crosses between the planes, and between the control plane and the world.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use arrayvec::ArrayVec;
use bytes::Bytes;
use sipx_sip::Message;

use crate::codec::{Codec, OpusSettings};
use crate::media::{Codecs, LegReport, LegSetup, LegUpdate, PromptId, Utterance};
use crate::names::{CallId, Key, LegId, MeetingKey, PhoneNumber, SayToken, WorkerId};
use crate::sip::{AgentSettings, Flow, Transmit};

/// To a media plane, about a leg or a meeting it has.
#[derive(Debug)]
pub enum MediaCommand {
    /// The offer changed; with what the leg's codecs need for that, if it lacks anything.
    Update(LegId, LegUpdate, Option<Box<Codecs>>),
    /// Mix this leg into a meeting of this worker. The first to join makes the mixer.
    Join(LegId, MeetingKey),
    /// Out of its meeting, still connected.
    Leave(LegId),
    /// Say this to this leg alone, in place of what is being said; in a meeting, over it (the meeting goes on quieter).
    Say(LegId, Utterance, SayToken),
    /// Stop speaking to this leg.
    Hush(LegId),
    /// Take the leg's sound out of the meeting, or back in.
    Mute(LegId, bool),
    /// Play a tone to everybody in a meeting.
    Tone(MeetingKey, PromptId),
}

/// From a media plane.
#[derive(Clone, Debug)]
pub enum MediaEvent {
    /// The first RTP packet of a leg came.
    FirstPacket(LegId),
    /// A key was pressed (RFC 4733).
    Key(LegId, Key),
    /// An utterance was said to its end (not: stopped or replaced).
    Said(LegId, SayToken),
    /// The media watchdog gave a leg up.
    Dead(LegId),
}

/// Who sees an address or a number: which of our media addresses to name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenBy {
    /// The address the signalling came to.
    pub local: IpAddr,
    /// The address the signalling came from.
    pub peer: IpAddr,
}

/// Into the control plane. `Debug` shows no octets.
pub enum ControlInput {
    /// One UDP datagram.
    Datagram(Flow, Bytes),
    /// One message off a stream.
    Message(Flow, Box<Message>),
    /// A connection is gone.
    FlowClosed(Flow),
    /// Answer to [`ControlOutput::OpenPort`]: what the SDP shall say.
    PortOpened(LegId, SocketAddr),
    /// Answer to [`ControlOutput::OpenPort`]: no port to be had.
    PortFailed(LegId),
    /// From a media worker.
    Media(WorkerId, MediaEvent),
    /// Answer to [`ControlOutput::MoveLeg`]: the leg is at its new worker, commands may follow.
    LegMoved(LegId),
    /// Answer to [`ControlOutput::RemoveLeg`]: totals.
    LegRemoved(LegId, LegReport),
    /// A worker refused a leg (it is full): answer to [`ControlOutput::AddLeg`].
    LegRefused(LegId),
    /// For this share of the time `over`, a worker had something due and not done.
    Load {
        /// Which.
        worker: WorkerId,
        /// Of the time, 0 to 1.
        share: f32,
        /// Since it was measured before.
        over: Duration,
    },
    /// The deadline of `poll_timeout` has come.
    Timeout,
    /// Say goodbye to everybody and stop.
    Stop,
}

impl fmt::Debug for ControlInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Numbers, samtals-IDs and keys are in there.
            Self::Datagram(flow, octets) => f.debug_tuple("Datagram").field(flow).field(&octets.len()).finish(),
            Self::Message(flow, _) => f.debug_tuple("Message").field(flow).finish_non_exhaustive(),
            Self::FlowClosed(flow) => f.debug_tuple("FlowClosed").field(flow).finish(),
            Self::PortOpened(leg, address) => f.debug_tuple("PortOpened").field(leg).field(address).finish(),
            Self::PortFailed(leg) => f.debug_tuple("PortFailed").field(leg).finish(),
            Self::Media(worker, event) => f.debug_tuple("Media").field(worker).field(event).finish(),
            Self::LegMoved(leg) => f.debug_tuple("LegMoved").field(leg).finish(),
            Self::LegRemoved(leg, report) => f.debug_tuple("LegRemoved").field(leg).field(report).finish(),
            Self::LegRefused(leg) => f.debug_tuple("LegRefused").field(leg).finish(),
            Self::Load { worker, share, .. } => f.debug_tuple("Load").field(worker).field(share).finish(),
            Self::Timeout => f.write_str("Timeout"),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

/// Out of the control plane.
#[derive(Debug)]
pub enum ControlOutput {
    /// Octets to send.
    Transmit(Transmit),
    /// Bind an RTP/RTCP port pair; answer with `PortOpened` or `PortFailed`, at once or later.
    OpenPort(LegId, SeenBy),
    /// Close a pair that never got a leg.
    ClosePort(LegId),
    /// Make a leg with the pair bound for it and give both to a worker.
    AddLeg(WorkerId, Box<LegSetup>),
    /// Take a leg, port and all, from the first worker to the second; then `LegMoved`.
    MoveLeg {
        /// Which.
        leg: LegId,
        /// Where it is.
        from: WorkerId,
        /// Where it goes.
        to: WorkerId,
    },
    /// Say RTCP BYE, take the leg from its worker, close its port; then `LegRemoved`.
    RemoveLeg(WorkerId, LegId),
    /// For a worker.
    Media(WorkerId, MediaCommand),
    /// After `Stop`: nothing is left to do.
    Stopped,
}

/// One meeting of the config.
#[derive(Clone, Debug)]
pub struct MeetingSettings {
    /// Local part of its address.
    pub name: String,
    /// Its samtals-ID.
    pub id: CallId,
}

/// What becomes of a call that is one too many.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum WhenFull {
    /// It is answered and hears `upptaget`, while there is room to say so; then as below.
    #[default]
    Say,
    /// It is refused with 503 and Retry-After, so that the trunk tries its next route.
    Refuse,
}

/// What a leg costs its worker, as shares of the worker's time, 0 to 1.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct LegCost {
    /// In the menu, where it is spoken to.
    pub menu: f32,
    /// In a meeting with a stream of its own: while it is greeted or speaks. Listeners that share one cost less.
    pub meeting: f32,
}

/// What legs cost, by the codec that is sent to them.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct LegCosts([LegCost; Codec::ALL.len()]);

impl LegCosts {
    /// The cost of a leg that is sent this.
    pub fn of(&self, codec: Codec) -> LegCost {
        Codec::ALL.iter().zip(self.0).find(|(one, _)| **one == codec).map_or_else(LegCost::default, |(_, cost)| cost)
    }
}

/// Of the codecs that are spoken; the others cost nothing.
impl FromIterator<(Codec, LegCost)> for LegCosts {
    fn from_iter<T: IntoIterator<Item = (Codec, LegCost)>>(costs: T) -> Self {
        let mut all = Self::default();
        for (codec, cost) in costs {
            for (_, place) in Codec::ALL.iter().zip(&mut all.0).filter(|(one, _)| **one == codec) {
                *place = cost;
            }
        }
        all
    }
}

/// What the control plane needs to know.
#[derive(Clone, Debug)]
pub struct ControlSettings {
    /// Signalling.
    pub agent: AgentSettings,
    /// Numbers answered with the menu.
    pub numbers: Vec<PhoneNumber>,
    /// Host part of meeting addresses; the host's own addresses count too.
    pub domain: String,
    /// Most calls at once.
    pub max_calls: usize,
    /// What the next one hears, and one that comes when the workers are near their budgets.
    pub when_full: WhenFull,
    /// Longest call.
    pub longest: Duration,
    /// Media workers.
    pub workers: u16,
    /// Codecs we speak, the one we like best first; at least one.
    pub codecs: ArrayVec<Codec, 4>,
    /// How Opus is sent.
    pub opus: OpusSettings,
    /// What a leg costs here: how many more may come is told from that until it is seen.
    pub costs: LegCosts,
    /// Meetings that always exist.
    pub meetings: Vec<MeetingSettings>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Transport;

    #[test]
    fn debug_output_of_an_input_shows_no_octets_of_it() {
        let flow =
            Flow { transport: Transport::Udp, local: "192.0.2.1:5060".parse().unwrap(), peer: "192.0.2.7:5060".parse().unwrap(), id: 0 };
        let text =
            "OPTIONS sip:904718263@x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nCall-ID: 904718263\r\nContent-Length: 0\r\n\r\n";
        let message = sipx_sip::parse_datagram(text.into(), &sipx_sip::Limits::datagram()).unwrap();
        for input in [ControlInput::Datagram(flow, text.into()), ControlInput::Message(flow, Box::new(message))] {
            let shown = format!("{input:?}");
            // Octets are shown as text or as numbers, where they are.
            assert!(!shown.contains("904718263") && !shown.contains("57, 48, 52"), "{shown}");
        }
        assert_eq!(format!("{:?}", ControlInput::LegMoved(LegId(7))), "LegMoved(LegId(7))");
    }
}
