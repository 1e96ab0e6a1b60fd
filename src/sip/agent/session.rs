//! A session's life: answer, new offers, acknowledgement, goodbye.

use std::time::Instant;

use bytes::Bytes;
use sipx_sip::{HeaderName, Method, Request, Response, TransactionKey};

use super::super::body;
use super::super::{AgentEvent, EndReason, Flow, Refusal, SipKey, Transport};
use super::dialog::{Phase, Unacked, cseq, dialog_of, record_routes};
use super::respond::{ALLOW, Answer, SUPPORTED, contact, seconds};
use super::{Agent, Alarm, Purpose};

impl Agent {
    /// Answer a new call or a new offer with 200 and this SDP (an offer of ours where the request had none).
    pub fn accept(&mut self, now: Instant, key: SipKey, sdp: Bytes) {
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        let (transaction, request) = match (&dialog.phase, dialog.pending.take()) {
            (Phase::Early { invite, request }, _) => (invite.clone(), request.clone()),
            (_, Some(pending)) => (pending.transaction, pending.request),
            _ => return,
        };
        self.schedule.clear(&Alarm::Unanswered(key));
        let first = matches!(dialog.phase, Phase::Early { .. });
        let tag = dialog.local_tag.clone();
        let flow = dialog.flow;
        dialog.last_sdp = sdp.clone();
        dialog.phase = Phase::Confirmed;
        let Some(mut answer) = Answer::to(&request, 200) else { return };
        if first {
            // RFC 3261 §12.1.1: Record-Route goes back as it came.
            for route in record_routes(&request) {
                answer = answer.with(HeaderName::RecordRoute, route);
            }
        }
        answer = answer.with(HeaderName::Contact, contact(flow)).with(HeaderName::Allow, ALLOW).with(HeaderName::Supported, SUPPORTED);
        for (name, value) in self.session_answer(now, key, &request) {
            answer = answer.with(name, value);
        }
        let response = answer.body("application/sdp", sdp).build(&self.settings.product, Some(&tag));
        if request.method == Method::Invite
            && let Some(dialog) = self.dialogs.get_mut(&key)
        {
            dialog.unacked = Some(Unacked {
                transaction: transaction.clone(),
                response: response.clone(),
                cseq: cseq(&request).unwrap_or_default(),
                interval: self.timers.t1,
                offered: matches!(body::sdp(&request), Ok(None)),
            });
            // RFC 3261 §13.3.1.4: from T1 up to T2, until the ACK, at most 64·T1; on TCP too, since a hop behind may be UDP.
            self.schedule.set(Alarm::Again(key), now + self.timers.t1);
            self.schedule.set(Alarm::NoAck(key), now + self.timers.timeout());
        }
        self.send_response(now, &transaction, response);
    }

    /// Refuse a new call (the session ends) or a new offer (it goes on as it was).
    pub fn refuse(&mut self, now: Instant, key: SipKey, refusal: Refusal) {
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        let after = refusal.retry_after.map(|after| (HeaderName::RetryAfter, seconds(after)));
        self.schedule.clear(&Alarm::Unanswered(key));
        // Anything else would not be a refusal, or no response at all.
        let status = if (400..700).contains(&refusal.status) { refusal.status } else { 500 };
        if let Phase::Early { invite, request } = &dialog.phase {
            let (invite, request) = (invite.clone(), request.clone());
            self.refuse_invite(now, key, &invite, &request, status, after);
            self.remove(key, EndReason::Refused);
        } else if let Some(pending) = dialog.pending.take() {
            let headers: Vec<_> = after.into_iter().collect();
            self.answer(now, &pending.transaction, &pending.request, status, &headers);
        }
    }

    /// End a session: BYE when it is answered, else a refusal with 480. `Ended` comes at once; the BYE is retransmitted behind it.
    pub fn hang_up(&mut self, now: Instant, key: SipKey) {
        let Some(dialog) = self.dialogs.get(&key) else { return };
        match dialog.phase {
            Phase::Early { .. } => self.give_up(now, key, 480, EndReason::HungUp),
            Phase::Confirmed => self.say_bye(now, key, EndReason::HungUp),
            Phase::Ending => {}
        }
    }

    /// An unanswered session ends: its INVITE gets this status.
    pub(super) fn give_up(&mut self, now: Instant, key: SipKey, status: u16, why: EndReason) {
        if let Some(dialog) = self.dialogs.get(&key)
            && let Phase::Early { invite, request } = &dialog.phase
        {
            let (invite, request) = (invite.clone(), request.clone());
            self.refuse_invite(now, key, &invite, &request, status, None);
        }
        self.remove(key, why);
    }

    fn refuse_invite(
        &mut self,
        now: Instant,
        key: SipKey,
        invite: &TransactionKey,
        request: &Request,
        status: u16,
        header: Option<(HeaderName, String)>,
    ) {
        let Some(tag) = self.dialogs.get(&key).map(|dialog| dialog.local_tag.clone()) else { return };
        let Some(mut answer) = Answer::to(request, status) else { return };
        if let Some((name, value)) = header {
            answer = answer.with(name, value);
        }
        let response = answer.build(&self.settings.product, Some(&tag));
        self.send_response(now, invite, response);
    }

    /// BYE, now or when the ACK has come (RFC 3261 §15); the session is over for the call in any case.
    pub(super) fn say_bye(&mut self, now: Instant, key: SipKey, why: EndReason) {
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        if matches!(dialog.phase, Phase::Ending) {
            return;
        }
        dialog.phase = Phase::Ending;
        dialog.timer = None;
        let waiting = dialog.unacked.is_some();
        let pending = dialog.pending.take();
        self.schedule.clear(&Alarm::Session(key));
        self.events.push_back(AgentEvent::Ended { key, why });
        if let Some(pending) = pending {
            self.answer(now, &pending.transaction, &pending.request, 487, &[]);
        }
        if !waiting {
            self.send_bye(now, key);
        }
    }

    fn send_bye(&mut self, now: Instant, key: SipKey) {
        let branch = self.word();
        let Some(flow) = self.way(key) else { return self.drop_dialog(key) };
        let product = self.settings.product.clone();
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        dialog.flow = flow;
        match dialog.request(Method::Bye, &branch, &product, &[], None) {
            Some(request) => {
                self.send_request(now, flow, key, Purpose::Bye, request);
            }
            None => self.drop_dialog(key),
        }
    }

    /// A path to the peer of a session: its own, or, if that was a connection and is gone, another open one from the same address.
    pub(super) fn way(&self, key: SipKey) -> Option<Flow> {
        let flow = self.dialogs.get(&key)?.flow;
        if flow.transport == Transport::Udp || self.connections.get(&flow.id) == Some(&flow) {
            return Some(flow);
        }
        self.connections.values().rev().find(|other| other.peer.ip() == flow.peer.ip()).copied()
    }

    /// The session is over; nothing more is sent.
    pub(super) fn remove(&mut self, key: SipKey, why: EndReason) {
        let Some(dialog) = self.dialogs.get(&key) else { return };
        let told = matches!(dialog.phase, Phase::Ending);
        self.drop_dialog(key);
        if !told {
            self.events.push_back(AgentEvent::Ended { key, why });
        }
    }

    fn drop_dialog(&mut self, key: SipKey) {
        for alarm in [Alarm::Again(key), Alarm::NoAck(key), Alarm::Unanswered(key), Alarm::Session(key)] {
            self.schedule.clear(&alarm);
        }
        if let Some(dialog) = self.dialogs.remove(&key) {
            self.by_id.remove(&dialog.id());
            if let Some(refresh) = dialog.refreshing.filter(|refresh| self.layer.abandon(refresh)) {
                self.forget(&refresh);
            }
        }
    }

    /// The call's owner has not said what becomes of an INVITE or an offer.
    pub(super) fn unanswered(&mut self, now: Instant, key: SipKey) {
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        if matches!(dialog.phase, Phase::Early { .. }) {
            self.give_up(now, key, 480, EndReason::Refused);
        } else if let Some(pending) = dialog.pending.take() {
            // RFC 3311 §5.2.
            self.answer(now, &pending.transaction, &pending.request, 504, &[]);
        }
    }

    /// An ACK to a 200.
    pub(super) fn ack(&mut self, now: Instant, flow: Flow, ack: &Request) {
        let Some(key) = dialog_of(ack).and_then(|id| self.by_id.get(&id).copied()) else { return };
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        dialog.came_on(flow);
        // RFC 3261 §13.2.2.4: the ACK has the CSeq of its INVITE.
        let Some(unacked) = dialog.unacked.take_if(|unacked| cseq(ack) == Some(unacked.cseq)) else { return };
        self.schedule.clear(&Alarm::Again(key));
        self.schedule.clear(&Alarm::NoAck(key));
        if matches!(dialog.phase, Phase::Ending) {
            return self.send_bye(now, key);
        }
        let answer = if unacked.offered { body::sdp(ack).ok().flatten() } else { None };
        if unacked.offered && answer.is_none() {
            return self.say_bye(now, key, EndReason::NoAnswer);
        }
        self.events.push_back(AgentEvent::Acked { key, answer });
    }

    pub(super) fn answer_again(&mut self, now: Instant, key: SipKey) {
        let Some(unacked) = self.dialogs.get_mut(&key).and_then(|dialog| dialog.unacked.as_mut()) else { return };
        unacked.interval = (unacked.interval * 2).min(self.timers.t2);
        let at = now + unacked.interval;
        self.schedule.set(Alarm::Again(key), at);
        let (transaction, response) = (unacked.transaction.clone(), unacked.response.clone());
        self.send_response(now, &transaction, response);
    }

    /// The same answer to the same INVITE, as long as it has no ACK.
    pub(super) fn repeat_answer(&mut self, now: Instant, transaction: &TransactionKey) {
        let dialog = self.by_invite.get(transaction).and_then(|key| self.dialogs.get(key));
        let unacked = dialog.and_then(|dialog| dialog.unacked.as_ref()).filter(|unacked| unacked.transaction == *transaction);
        if let Some(response) = unacked.map(|unacked| unacked.response.clone()) {
            self.send_response(now, transaction, response);
        }
    }

    /// RFC 3261 §13.3.1.4: no ACK for 64·T1, so BYE.
    pub(super) fn no_ack(&mut self, now: Instant, key: SipKey) {
        self.schedule.clear(&Alarm::Again(key));
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        dialog.unacked = None;
        if matches!(dialog.phase, Phase::Ending) {
            self.send_bye(now, key);
        } else {
            self.say_bye(now, key, EndReason::NoAck);
        }
    }

    /// A response to a request of ours.
    pub(super) fn response(&mut self, now: Instant, transaction: &TransactionKey, response: &Response) {
        let Some((key, purpose)) = self.transactions.get(transaction).and_then(|known| known.ours) else { return };
        let status = response.status.code();
        if status < 200 {
            return;
        }
        match purpose {
            // Whatever it says: the dialog is over (RFC 3261 §15.1.1).
            Purpose::Bye => self.remove(key, EndReason::HungUp),
            Purpose::Update | Purpose::Invite => self.refreshed(now, key, purpose, response),
        }
    }

    /// No response came (RFC 3261 §12.2.1.2: as if 408).
    pub(super) fn no_response(&mut self, now: Instant, transaction: &TransactionKey) {
        let Some((key, purpose)) = self.transactions.get(transaction).and_then(|known| known.ours) else { return };
        match purpose {
            Purpose::Bye => self.remove(key, EndReason::HungUp),
            Purpose::Update | Purpose::Invite => self.say_bye(now, key, EndReason::PeerGone),
        }
    }

    /// A connection broke: calls that still need it for their answer or its ACK end.
    pub(super) fn sessions_without(&mut self, now: Instant, flow: Flow) {
        let mut lost: Vec<SipKey> = self
            .dialogs
            .values()
            .filter(|dialog| dialog.flow == flow && matches!(dialog.phase, Phase::Early { .. } | Phase::Ending))
            .map(|dialog| dialog.key)
            .collect();
        lost.sort_unstable();
        for key in lost {
            let ending = self.dialogs.get(&key).is_some_and(|dialog| matches!(dialog.phase, Phase::Ending));
            if ending && self.way(key).is_some() {
                self.send_bye(now, key);
            } else {
                self.remove(key, EndReason::Transport);
            }
        }
    }
}
