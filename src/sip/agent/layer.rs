//! The transactions in flight (RFC 3261 §17, on `sipx-sip`'s machines), each bound to the peer it is with.
//!
//! The library has such a table too, but it knows a transaction by its Via alone (RFC 3261 §17.2.3). Behind NATs two peers write the same
//! Via, and simple ones count their branches from one: then one would be sent the other's answer, and its CANCEL end the other's call.

use std::collections::HashMap;

use sipx_sip::transaction::{ClientState, ClientTransaction, ServerTransaction};
use sipx_sip::{Output, Reliability, Request, Response, Timer, Timers, TransactionKey};

use super::super::Flow;

/// Both sides' transactions.
pub struct Layer {
    clients: HashMap<TransactionKey, ClientTransaction>,
    servers: HashMap<TransactionKey, ServerTransaction>,
    timers: Timers,
}

/// The transaction a request from this peer belongs to. `None`: its Via or CSeq is not readable.
pub fn key_of(request: &Request, flow: Flow) -> Option<TransactionKey> {
    TransactionKey::from_request(request).map(|key| bound(key, flow))
}

/// The INVITE that a CANCEL from this peer means (RFC 3261 §9.2).
pub fn cancelled_by(request: &Request, flow: Flow) -> Option<TransactionKey> {
    TransactionKey::for_cancelled_invite(request).map(|key| bound(key, flow))
}

/// By address alone: a peer may repeat a request from another port or on another connection.
fn bound(mut key: TransactionKey, flow: Flow) -> TransactionKey {
    let (TransactionKey::Rfc3261 { sent_by: place, .. } | TransactionKey::Legacy { top_via: place, .. }) = &mut key;
    // A blank can be in no sent-by.
    place.extend_from_slice(format!(" {}", flow.peer.ip().to_canonical()).as_bytes());
    key
}

impl Layer {
    pub fn new(timers: Timers) -> Self {
        Self { clients: HashMap::new(), servers: HashMap::new(), timers }
    }

    /// Give up the room of many that are over.
    pub fn tidy(&mut self) {
        self.clients.shrink_to(2 * self.clients.len());
        self.servers.shrink_to(2 * self.servers.len());
    }

    /// How many requests of others are held.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    pub fn knows(&self, key: &TransactionKey) -> bool {
        self.servers.contains_key(key)
    }

    /// A request nobody has seen before.
    pub fn open(&mut self, key: &TransactionKey, request: Request, reliability: Reliability) -> Vec<Output> {
        let (machine, outputs) = ServerTransaction::new(request, reliability, self.timers);
        self.servers.insert(key.clone(), machine);
        outputs
    }

    /// A request of a transaction that is known: a repetition, or the ACK.
    pub fn repeated(&mut self, key: &TransactionKey, request: &Request) -> Vec<Output> {
        self.server(key, |machine| machine.on_request(request))
    }

    pub fn send_response(&mut self, key: &TransactionKey, response: Response) -> Vec<Output> {
        self.server(key, |machine| machine.on_tu_response(response))
    }

    /// A request of ours; its branch is random, so that nobody else can answer it.
    pub fn send_request(&mut self, request: Request, reliability: Reliability) -> Option<(TransactionKey, Vec<Output>)> {
        let key = TransactionKey::from_sent_request(&request)?;
        let (machine, outputs) = ClientTransaction::new(request, reliability, self.timers);
        self.clients.insert(key.clone(), machine);
        Some((key, outputs))
    }

    /// `None`: an answer to nothing we asked.
    pub fn receive_response(&mut self, response: Response) -> Option<(TransactionKey, Vec<Output>)> {
        let key = TransactionKey::from_response(&response)?;
        self.clients.contains_key(&key).then(|| {
            let outputs = self.client(&key, |machine| machine.on_response(response));
            (key, outputs)
        })
    }

    pub fn on_timer(&mut self, key: &TransactionKey, timer: Timer) -> Vec<Output> {
        let mut outputs = self.client(key, |machine| machine.on_timer(timer));
        outputs.extend(self.server(key, |machine| machine.on_timer(timer)));
        outputs
    }

    pub fn on_transport_error(&mut self, key: &TransactionKey) -> Vec<Output> {
        let mut outputs = self.clients.remove(key).map(|mut machine| machine.on_transport_error()).unwrap_or_default();
        outputs.extend(self.servers.remove(key).map(|mut machine| machine.on_transport_error()).unwrap_or_default());
        outputs
    }

    /// Give up a request of ours that is only provisionally answered: an INVITE may be so for ever (RFC 3261 §17.1.1.2). `false`: it is not.
    pub fn abandon(&mut self, key: &TransactionKey) -> bool {
        let waits = self.clients.get(key).is_some_and(|machine| machine.state() == ClientState::Proceeding);
        if waits {
            self.clients.remove(key);
        }
        waits
    }

    fn server(&mut self, key: &TransactionKey, act: impl FnOnce(&mut ServerTransaction) -> Vec<Output>) -> Vec<Output> {
        let Some(machine) = self.servers.get_mut(key) else { return Vec::new() };
        let outputs = act(machine);
        if machine.state().is_terminated() {
            self.servers.remove(key);
        }
        outputs
    }

    fn client(&mut self, key: &TransactionKey, act: impl FnOnce(&mut ClientTransaction) -> Vec<Output>) -> Vec<Output> {
        let Some(machine) = self.clients.get_mut(key) else { return Vec::new() };
        let outputs = act(machine);
        if machine.state().is_terminated() {
            self.clients.remove(key);
        }
        outputs
    }
}
