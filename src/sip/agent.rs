//! The user agent: transactions, dialogs, timers. To be written.

use std::time::Instant;

use bytes::Bytes;
use sipx_sip::Message;

use super::{AgentEvent, AgentSettings, Flow, Refusal, SipKey, Transmit};

/// The answering user agent. Feed it messages and time; drain `poll_transmit` and `poll_event` after every call.
#[derive(Debug)]
pub struct Agent {}

impl Agent {
    /// `seed` feeds tags, branches and identifiers; it must be unpredictable (RFC 3261 §19.3).
    pub fn new(_settings: AgentSettings, _seed: [u8; 32]) -> Self {
        todo!()
    }

    /// One UDP datagram.
    pub fn handle_datagram(&mut self, _now: Instant, _flow: Flow, _datagram: Bytes) {
        todo!()
    }

    /// One message framed from a stream by [`super::framer::Framer`].
    pub fn handle_message(&mut self, _now: Instant, _flow: Flow, _message: Message) {
        todo!()
    }

    /// A connection is gone, or could not be written to.
    pub fn handle_flow_closed(&mut self, _now: Instant, _flow: Flow) {
        todo!()
    }

    /// The deadline of `poll_timeout` has come.
    pub fn handle_timeout(&mut self, _now: Instant) {
        todo!()
    }

    /// Answer a new call or a new offer with 200 and this SDP (an offer of ours where the request had none).
    pub fn accept(&mut self, _now: Instant, _key: SipKey, _sdp: Bytes) {
        todo!()
    }

    /// Refuse a new call (the session ends) or a new offer (it goes on as it was).
    pub fn refuse(&mut self, _now: Instant, _key: SipKey, _refusal: Refusal) {
        todo!()
    }

    /// End a session: BYE when it is answered, else a refusal with 480. `Ended` comes at once; the BYE is retransmitted behind it.
    pub fn hang_up(&mut self, _now: Instant, _key: SipKey) {
        todo!()
    }

    /// Octets to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        todo!()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<AgentEvent> {
        todo!()
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Nothing is left to send or await: all dialogs ended, all BYEs answered or given up.
    pub fn is_idle(&self) -> bool {
        todo!()
    }
}
