//! The user agent: transactions, dialogs, timers. It answers calls and ends them; it never makes one.
//!
//! RFC 3261 transactions are `sipx-sip`'s; what is around them is here. It knows no sockets and no clock, and nothing of what a call is for.
//!
//! - `mod.rs`: messages and time in, messages and events out.
//! - `request.rs`: what becomes of a request.
//! - `session.rs`: a session's life: answer, new offers, acknowledgement, goodbye.
//! - `refresh.rs`: session timers (RFC 4028).
//! - `dialog.rs`: what is remembered of a dialog; requests of ours inside it.
//! - `respond.rs`: responses, and where they go.
//! - `check.rs`: whether a request can be worked with.
//! - `layer.rs`: the transactions, each bound to its peer.

mod check;
mod dialog;
mod layer;
mod refresh;
mod request;
mod respond;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sipx_sip::{Message, Output, Reliability, Request, Response, Timer, Timers, TransactionKey, TuEvent, parse_datagram};

use self::dialog::{Dialog, DialogId};
use self::layer::Layer;
use super::framer::limits;
use super::lenient::salvage;
use super::{AgentEvent, AgentSettings, Flow, Schedule, SipKey, Transmit, Transport};

/// How long the call's owner may think about an INVITE or an offer. It answers within milliseconds; this is for the day it does not, before
/// the peer's own patience of 64·T1 is over (RFC 3261 §17.1.2.2, RFC 3311 §5.2).
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The answering user agent. Feed it messages and time; drain `poll_transmit` and `poll_event` after every call.
pub struct Agent {
    settings: AgentSettings,
    random: StdRng,
    /// Makes tags of answers that are not remembered.
    secret: u64,
    layer: Layer,
    timers: Timers,
    schedule: Schedule<Alarm>,
    transactions: HashMap<TransactionKey, Transaction>,
    /// Requests in progress outside dialogs, to tell merged ones (RFC 3261 §8.2.2.2).
    merging: HashMap<MergeKey, TransactionKey>,
    dialogs: HashMap<SipKey, Dialog>,
    by_id: HashMap<DialogId, SipKey>,
    /// The INVITE transactions that can be cancelled.
    by_invite: HashMap<TransactionKey, SipKey>,
    /// Open connections, by number: another way to a peer whose own connection broke. `run/` bounds how many there are.
    connections: BTreeMap<u64, Flow>,
    next_key: u64,
    transmits: VecDeque<Transmit>,
    events: VecDeque<AgentEvent>,
}

/// Nothing of any message shows itself.
impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("dialogs", &self.dialogs.len())
            .field("transactions", &self.transactions.len())
            .finish_non_exhaustive()
    }
}

/// Call-ID, From tag, CSeq with its method.
type MergeKey = (Vec<u8>, Vec<u8>, u32, Vec<u8>);

/// What is known of a transaction beside its machine.
struct Transaction {
    flow: Flow,
    merge: Option<MergeKey>,
    /// Of ours: in which session, and what for.
    ours: Option<(SipKey, Purpose)>,
}

/// Why a request of ours was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Bye,
    /// Session timer, by UPDATE.
    Update,
    /// Session timer, by re-INVITE.
    Invite,
}

/// What time brings.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Alarm {
    Transaction(TransactionKey, Timer),
    /// Send the 200 again (RFC 3261 §13.3.1.4).
    Again(SipKey),
    /// No ACK came.
    NoAck(SipKey),
    /// An INVITE or an offer has not been answered.
    Unanswered(SipKey),
    /// Refresh the session, or end one that was not refreshed (RFC 4028 §10).
    Session(SipKey),
}

impl Agent {
    /// `seed` feeds tags, branches and identifiers; it must be unpredictable (RFC 3261 §19.3).
    pub fn new(settings: AgentSettings, seed: [u8; 32]) -> Self {
        let timers = Timers::default();
        let mut random = StdRng::from_seed(seed);
        Self {
            settings,
            secret: random.random(),
            random,
            layer: Layer::new(timers),
            timers,
            schedule: Schedule::default(),
            transactions: HashMap::new(),
            merging: HashMap::new(),
            dialogs: HashMap::new(),
            by_id: HashMap::new(),
            by_invite: HashMap::new(),
            connections: BTreeMap::new(),
            next_key: 1,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// One UDP datagram.
    pub fn handle_datagram(&mut self, now: Instant, flow: Flow, datagram: Bytes) {
        // RFC 5626 §3.5.1, and many NATs: keep-alives are line ends, zeros, or four octets of anything.
        if datagram.len() <= 4 || datagram.iter().all(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            return;
        }
        // RFC 3261 §7.5: leading line ends are passed over.
        let start = datagram.iter().position(|octet| !matches!(octet, b'\r' | b'\n')).unwrap_or(0);
        let datagram = datagram.slice(start..);
        if let Some(message) = parse_datagram(datagram.clone(), &limits()).ok().or_else(|| salvage(&datagram)) {
            self.message(now, flow, message);
        }
    }

    /// One message framed from a stream by [`super::framer::Framer`].
    pub fn handle_message(&mut self, now: Instant, flow: Flow, message: Message) {
        if flow.transport == Transport::Tcp {
            self.connections.insert(flow.id, flow);
        }
        self.message(now, flow, message);
    }

    /// A connection is gone, or could not be written to. Calls that have been answered go on: their sound does not depend on it, and the
    /// peer opens another one for its next request (RFC 3261 §18.4 leaves the dialog alone).
    pub fn handle_flow_closed(&mut self, now: Instant, flow: Flow) {
        self.connections.remove(&flow.id);
        let lost: Vec<TransactionKey> =
            self.transactions.iter().filter(|(_, transaction)| transaction.flow == flow).map(|(key, _)| key.clone()).collect();
        for key in lost {
            let outputs = self.layer.on_transport_error(&key);
            self.perform(now, &key, outputs);
            self.forget(&key);
        }
        self.sessions_without(now, flow);
    }

    /// The deadline of `poll_timeout` has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(alarm) = self.schedule.pop_due(now) {
            match alarm {
                Alarm::Transaction(key, timer) => {
                    let outputs = self.layer.on_timer(&key, timer);
                    self.perform(now, &key, outputs);
                }
                Alarm::Again(key) => self.answer_again(now, key),
                Alarm::NoAck(key) => self.no_ack(now, key),
                Alarm::Unanswered(key) => self.unanswered(now, key),
                Alarm::Session(key) => self.session_timer(now, key),
            }
        }
    }

    /// Octets to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    /// After a rush: give up the room of transactions and dialogs that are over.
    pub fn tidy(&mut self) {
        self.layer.tidy();
        self.schedule.tidy();
        self.transactions.shrink_to(2 * self.transactions.len());
        self.merging.shrink_to(2 * self.merging.len());
        self.dialogs.shrink_to(2 * self.dialogs.len());
        self.by_id.shrink_to(2 * self.by_id.len());
        self.by_invite.shrink_to(2 * self.by_invite.len());
        self.transmits.shrink_to(2 * self.transmits.len());
        self.events.shrink_to(2 * self.events.len());
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// Nothing is left to send or await: all dialogs ended, all BYEs answered or given up.
    pub fn is_idle(&self) -> bool {
        self.dialogs.is_empty()
    }

    fn message(&mut self, now: Instant, flow: Flow, message: Message) {
        match message {
            Message::Request(request) => self.receive_request(now, flow, request),
            Message::Response(response) => {
                if let Some((key, outputs)) = self.layer.receive_response(response) {
                    self.perform(now, &key, outputs);
                }
            }
        }
    }

    /// Do what a transaction wants done.
    fn perform(&mut self, now: Instant, key: &TransactionKey, outputs: Vec<Output>) {
        let mut told = Vec::new();
        let mut over = false;
        for output in outputs {
            match output {
                Output::Send(message) => {
                    if let Some(transaction) = self.transactions.get(key) {
                        self.transmits.push_back(Transmit { flow: transaction.flow, bytes: message.to_bytes() });
                    }
                }
                Output::SetTimer { timer, after } => self.schedule.set(Alarm::Transaction(key.clone(), timer), now + after),
                Output::ClearTimer(timer) => self.schedule.clear(&Alarm::Transaction(key.clone(), timer)),
                Output::ToTu(event) => told.push(event),
                Output::Terminated(_) => over = true,
                _ => {}
            }
        }
        for event in told {
            match *event {
                TuEvent::Request(request) => self.request(now, key, *request),
                TuEvent::Response(response) => self.response(now, key, &response),
                TuEvent::Ack(ack) => {
                    if let Some(flow) = self.transactions.get(key).map(|known| known.flow) {
                        self.ack(now, flow, &ack);
                    }
                }
                TuEvent::Timeout | TuEvent::TransportError => self.no_response(now, key),
                _ => {}
            }
        }
        if over {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: &TransactionKey) {
        for timer in Timer::ALL {
            self.schedule.clear(&Alarm::Transaction(key.clone(), timer));
        }
        self.by_invite.remove(key);
        if let Some(Transaction { merge: Some(merge), .. }) = self.transactions.remove(key) {
            self.merging.remove(&merge);
        }
    }

    /// Answer a request of a transaction.
    fn send_response(&mut self, now: Instant, key: &TransactionKey, response: Response) {
        let outputs = self.layer.send_response(key, response);
        self.perform(now, key, outputs);
    }

    /// Send a request of ours; its transaction.
    fn send_request(&mut self, now: Instant, flow: Flow, session: SipKey, purpose: Purpose, request: Request) -> Option<TransactionKey> {
        let (key, outputs) = self.layer.send_request(request, reliability(flow))?;
        self.transactions.insert(key.clone(), Transaction { flow, merge: None, ours: Some((session, purpose)) });
        self.perform(now, &key, outputs);
        Some(key)
    }

    /// A random word of 64 bits for a tag or a branch (RFC 3261 §19.3: at least 32).
    fn word(&mut self) -> String {
        format!("{:016x}", self.random.random::<u64>())
    }
}

fn reliability(flow: Flow) -> Reliability {
    match flow.transport {
        Transport::Udp => Reliability::Unreliable,
        Transport::Tcp => Reliability::Reliable,
    }
}
