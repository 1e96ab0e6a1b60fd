//! What becomes of a request: checked, matched to its dialog, answered or handed on.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use sipx_sip::{HeaderName, Message, Method, Request, Response, Scheme, TransactionKey};

use super::super::body::{self, Unsupported};
use super::super::target::{Target, caller};
use super::super::{AgentEvent, EndReason, Flow, Invite, SipKey, Transmit};
use super::check::{partial, unfit, unknown_extensions};
use super::dialog::{Dialog, Pending, Phase, address, call_id, cseq, dialog_of};
use super::layer::{cancelled_by, key_of};
use super::respond::{ACCEPT, ALLOW, Answer, SUPPORTED, contact, seconds, stamp_via};
use super::{ANSWER_WITHIN, Agent, Alarm, Transaction, reliability};

/// What `Retry-After` says under overload: calls come and go in minutes, a burst of calls is over in seconds.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Largest random wait told to somebody whose offer crossed another, seconds (RFC 3261 §14.2).
const CROSSED_SECONDS: u64 = 10;
/// One transaction in so many is kept in reserve for calls that are up: each has a handful in its life, and under overload mostly its BYE.
const RESERVE: usize = 4;

impl Agent {
    /// A request as it came: straight to its transaction, or to a new one if there is room.
    pub(super) fn receive_request(&mut self, now: Instant, flow: Flow, mut request: Request) {
        let key = key_of(&request, flow);
        // Without a Via nobody can match an answer to a request.
        if !stamp_via(&mut request, flow) {
            return;
        }
        let ack = request.method == Method::Ack;
        if let Some(status) = unfit(&request) {
            if !ack {
                self.answer_without_state(flow, &request, status, None);
            }
            return;
        }
        let Some(key) = key else { return };
        if self.layer.knows(&key) {
            // The answer follows the request, should it be repeated from another port or on another connection.
            if let Some(known) = self.transactions.get_mut(&key) {
                known.flow = flow;
            }
            // So does a call that is not answered yet: it must not end with the way it left.
            if let Some(dialog) = self.by_invite.get(&key).and_then(|session| self.dialogs.get_mut(session))
                && matches!(dialog.phase, Phase::Early { .. })
            {
                dialog.flow = flow;
            }
            let outputs = self.layer.repeated(&key, &request);
            if outputs.is_empty() && !ack {
                // An INVITE whose 200 was lost gets it again at once; its own timer goes on.
                self.repeat_answer(now, &key);
            }
            return self.perform(now, &key, outputs);
        }
        if ack {
            // The ACK to a 200 is a transaction of its own (RFC 3261 §17.1.1.3, §13.3.1.4).
            return self.ack(now, flow, &request);
        }
        // What ends a call or belongs to one is let in when nothing new is: it makes room.
        let inside = request.method == Method::Cancel || dialog_of(&request).is_some_and(|id| self.by_id.contains_key(&id));
        let reserve = if inside { self.settings.max_transactions / RESERVE + 1 } else { 0 };
        if self.layer.servers() >= self.settings.max_transactions + reserve {
            return self.answer_without_state(flow, &request, 503, Some(RETRY_AFTER));
        }
        self.transactions.insert(key.clone(), Transaction { flow, merge: None, ours: None });
        let outputs = self.layer.open(&key, request, reliability(flow));
        self.perform(now, &key, outputs);
    }

    /// Answer and forget: for requests that are not fit for a transaction, or one too many.
    fn answer_without_state(&mut self, flow: Flow, request: &Request, status: u16, retry_after: Option<Duration>) {
        let tag = self.stateless_tag(request);
        let Some(mut answer) = Answer::to(request, status).or_else(|| partial(request, status)) else { return };
        if let Some(after) = retry_after {
            answer = answer.with(HeaderName::RetryAfter, seconds(after));
        }
        let response = answer.build(&self.settings.product, Some(&tag));
        self.transmits.push_back(Transmit { flow, bytes: Message::Response(response).to_bytes() });
    }

    /// The same for the same request repeated (RFC 3261 §8.2.7), and nobody else's to foresee.
    fn stateless_tag(&self, request: &Request) -> String {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
            request.headers.value(&name).hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }

    /// A request nobody has seen before, in its own transaction.
    pub(super) fn request(&mut self, now: Instant, transaction: &TransactionKey, request: Request) {
        let Some(flow) = self.transactions.get(transaction).map(|known| known.flow) else { return };
        if request.method == Method::Cancel {
            return self.cancel(now, flow, transaction, &request);
        }
        if let Some(unknown) = unknown_extensions(&request) {
            // RFC 3261 §8.2.2.3.
            return self.answer(now, transaction, &request, 420, &[(HeaderName::Unsupported, unknown)]);
        }
        let session = match dialog_of(&request) {
            Some(id) => match self.by_id.get(&id) {
                Some(session) => Some(*session),
                // RFC 3261 §12.2.2: a dialog that is not ours, or no more.
                None => return self.answer(now, transaction, &request, 481, &[]),
            },
            None => None,
        };
        match session {
            Some(session) => self.inside(now, flow, transaction, session, request),
            None => self.outside(now, flow, transaction, request),
        }
    }

    fn inside(&mut self, now: Instant, flow: Flow, transaction: &TransactionKey, session: SipKey, request: Request) {
        let Some(dialog) = self.dialogs.get_mut(&session) else { return };
        let sequence = cseq(&request).unwrap_or_default();
        if sequence < dialog.remote_cseq || (sequence == dialog.remote_cseq && request.method != Method::Bye) {
            // RFC 3261 §12.2.2. The same number in another transaction is the same request come by another way: one key is one key.
            return self.answer(now, transaction, &request, 500, &[]);
        }
        dialog.remote_cseq = sequence;
        dialog.came_on(flow);
        if matches!(dialog.phase, Phase::Ending) && request.method != Method::Bye {
            return self.answer(now, transaction, &request, 481, &[]);
        }
        match request.method {
            Method::Bye => self.bye(now, transaction, session, &request),
            Method::Invite | Method::Update => self.new_offer(now, transaction, session, request),
            Method::Info => match body::key(&request) {
                Ok(pressed) => {
                    if let Some(pressed) = pressed {
                        self.events.push_back(AgentEvent::Key { key: session, pressed });
                    }
                    self.answer(now, transaction, &request, 200, &[]);
                }
                // RFC 6086 §4.2.2: a package we have not said we take.
                Err(Unsupported) if request.headers.get(&named("Info-Package")).is_some() => {
                    self.answer(now, transaction, &request, 469, &[(named("Recv-Info"), String::new())]);
                }
                Err(Unsupported) => self.answer(now, transaction, &request, 415, &[(HeaderName::Accept, ACCEPT.into())]),
            },
            _ => self.elsewhere(now, transaction, &request),
        }
    }

    fn outside(&mut self, now: Instant, flow: Flow, transaction: &TransactionKey, request: Request) {
        if self.merged(transaction, &request) {
            return self.answer(now, transaction, &request, 482, &[]);
        }
        match request.method {
            Method::Invite => self.invite(now, flow, transaction, request),
            Method::Bye | Method::Info | Method::Update => self.answer(now, transaction, &request, 481, &[]),
            _ => self.elsewhere(now, transaction, &request),
        }
    }

    /// OPTIONS, and what we do not do.
    fn elsewhere(&mut self, now: Instant, transaction: &TransactionKey, request: &Request) {
        let allow = (HeaderName::Allow, ALLOW.to_owned());
        match request.method {
            // RFC 3261 §11.2.
            Method::Options => {
                let headers = [allow, (HeaderName::Accept, ACCEPT.into()), (HeaderName::Supported, SUPPORTED.into())];
                self.answer(now, transaction, request, 200, &headers);
            }
            Method::Other(_) => self.answer(now, transaction, request, 501, &[allow]),
            _ => self.answer(now, transaction, request, 405, &[allow]),
        }
    }

    /// The same request by two ways (RFC 3261 §8.2.2.2).
    fn merged(&mut self, transaction: &TransactionKey, request: &Request) -> bool {
        let from = address(request, &HeaderName::From).and_then(|from| from.tag().map(<[u8]>::to_vec));
        let (Some(call_id), Some(from), Some(sequence)) = (call_id(request), from, cseq(request)) else { return false };
        let merge = (call_id, from, sequence, request.method.as_bytes().to_vec());
        if self.merging.get(&merge).is_some_and(|other| other != transaction) {
            return true;
        }
        self.merging.insert(merge.clone(), transaction.clone());
        if let Some(known) = self.transactions.get_mut(transaction) {
            known.merge = Some(merge);
        }
        false
    }

    fn invite(&mut self, now: Instant, flow: Flow, transaction: &TransactionKey, request: Request) {
        // Those that only wait for the answer to a BYE take nobody's place.
        if self.dialogs.values().filter(|dialog| !matches!(dialog.phase, Phase::Ending)).count() >= self.settings.max_sessions {
            let after = [(HeaderName::RetryAfter, seconds(RETRY_AFTER))];
            return self.answer(now, transaction, &request, 503, &after);
        }
        let Some(target) = Target::parse(&request.uri) else {
            // RFC 3261 §8.2.2.1; an address that is none at all is 404.
            let known = matches!(request.uri.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Tel);
            return self.answer(now, transaction, &request, if known { 404 } else { 416 }, &[]);
        };
        let Ok(sdp) = body::sdp(&request) else {
            return self.answer(now, transaction, &request, 415, &[(HeaderName::Accept, ACCEPT.into())]);
        };
        if let Err(floor) = self.session_offer(&request) {
            return self.answer(now, transaction, &request, 422, &[(HeaderName::MinSe, seconds(floor))]);
        }
        let key = SipKey(self.next_key);
        self.next_key += 1;
        let tag = self.word();
        let invite = Invite { key, flow, target, caller: caller(&request), sdp };
        // RFC 3261 §8.1.1.8: an INVITE without Contact.
        let Some(dialog) = Dialog::from_invite(key, flow, transaction.clone(), request.clone(), tag) else {
            return self.answer(now, transaction, &request, 400, &[]);
        };
        self.by_id.insert(dialog.id(), key);
        self.by_invite.insert(transaction.clone(), key);
        self.dialogs.insert(key, dialog);
        self.schedule.set(Alarm::Unanswered(key), now + ANSWER_WITHIN);
        // RFC 3261 §8.2.6.1: no tag in a 100, and the peer's Timestamp back.
        if let Some(mut trying) = Answer::to(&request, 100) {
            if let Some(stamp) = request.headers.value(&HeaderName::Timestamp) {
                trying = trying.with(HeaderName::Timestamp, stamp.into_owned());
            }
            self.send_response(now, transaction, trying.build(&self.settings.product, None));
        }
        self.events.push_back(AgentEvent::Invite(Box::new(invite)));
    }

    fn cancel(&mut self, now: Instant, flow: Flow, transaction: &TransactionKey, request: &Request) {
        let invite = cancelled_by(request, flow);
        let Some(session) = invite.as_ref().and_then(|invite| self.by_invite.get(invite).copied()) else {
            return self.answer(now, transaction, request, 481, &[]);
        };
        // RFC 3261 §9.2: 200 in any case, with the tag of the INVITE's answer; what has been answered is not undone.
        let tag = self.dialogs.get(&session).map(|dialog| dialog.local_tag.clone()).unwrap_or_else(|| self.word());
        if let Some(answer) = Answer::to(request, 200) {
            self.send_response(now, transaction, answer.build(&self.settings.product, Some(&tag)));
        }
        let early = self.dialogs.get(&session).is_some_and(|dialog| matches!(dialog.phase, Phase::Early { .. }));
        if early {
            self.give_up(now, session, 487, EndReason::Cancelled);
            return;
        }
        // Of offers, only the one that is meant.
        let pending = self
            .dialogs
            .get_mut(&session)
            .and_then(|dialog| dialog.pending.take_if(|pending| Some(&pending.transaction) == invite.as_ref()));
        if let Some(Pending { transaction, request }) = pending {
            self.answer(now, &transaction, &request, 487, &[]);
        }
    }

    fn bye(&mut self, now: Instant, transaction: &TransactionKey, session: SipKey, request: &Request) {
        self.answer(now, transaction, request, 200, &[]);
        let Some(dialog) = self.dialogs.get_mut(&session) else { return };
        if let Some(Pending { transaction, request }) = dialog.pending.take() {
            // RFC 3261 §15.1.2: requests that wait are answered 487.
            self.answer(now, &transaction, &request, 487, &[]);
        }
        let early = self.dialogs.get(&session).is_some_and(|dialog| matches!(dialog.phase, Phase::Early { .. }));
        if early {
            self.give_up(now, session, 487, EndReason::Bye);
        } else {
            self.remove(session, EndReason::Bye);
        }
    }

    /// re-INVITE or UPDATE.
    fn new_offer(&mut self, now: Instant, transaction: &TransactionKey, session: SipKey, request: Request) {
        let invite = request.method == Method::Invite;
        let sdp = body::sdp(&request);
        let offers = matches!(sdp, Ok(Some(_))) || invite;
        let wait = self.random.random_range(0..=CROSSED_SECONDS).to_string();
        let Some(dialog) = self.dialogs.get_mut(&session) else { return };
        if matches!(dialog.phase, Phase::Early { .. }) || dialog.pending.is_some() || (invite && dialog.unacked.is_some()) {
            // RFC 3261 §14.2, RFC 3311 §5.2: one of theirs is not answered yet.
            return self.answer(now, transaction, &request, 500, &[(HeaderName::RetryAfter, wait)]);
        }
        if offers && (dialog.refreshing.is_some() || dialog.unacked.as_ref().is_some_and(|unacked| unacked.offered)) {
            // An offer of ours is not answered yet.
            return self.answer(now, transaction, &request, 491, &[]);
        }
        let Ok(sdp) = sdp else {
            return self.answer(now, transaction, &request, 415, &[(HeaderName::Accept, ACCEPT.into())]);
        };
        if let Err(floor) = self.session_offer(&request) {
            return self.answer(now, transaction, &request, 422, &[(HeaderName::MinSe, seconds(floor))]);
        }
        if let Some(dialog) = self.dialogs.get_mut(&session) {
            dialog.takes_update |= sipx_sip::update::peer_allows(&request.headers);
            dialog.refresh_target(&request);
        }
        if !offers {
            // An UPDATE without an offer only refreshes (RFC 4028 §7.4).
            let headers = self.session_answer(now, session, &request);
            let flow = self.dialogs.get(&session).map(|dialog| dialog.flow);
            let contact = flow.map(|flow| (HeaderName::Contact, contact(flow)));
            let headers: Vec<_> = headers.into_iter().chain(contact).collect();
            return self.answer(now, transaction, &request, 200, &headers);
        }
        if invite {
            self.by_invite.insert(transaction.clone(), session);
        }
        if let Some(dialog) = self.dialogs.get_mut(&session) {
            dialog.pending = Some(Pending { transaction: transaction.clone(), request: Box::new(request) });
        }
        self.schedule.set(Alarm::Unanswered(session), now + ANSWER_WITHIN);
        self.events.push_back(AgentEvent::Offer { key: session, sdp });
    }

    /// Answer a request with these headers and no body.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        transaction: &TransactionKey,
        request: &Request,
        status: u16,
        headers: &[(HeaderName, String)],
    ) {
        let tag = match dialog_of(request).and_then(|id| self.by_id.get(&id)) {
            Some(_) => None,
            None => Some(self.word()),
        };
        let Some(mut answer) = Answer::to(request, status) else { return };
        for (name, value) in headers {
            answer = answer.with(name.clone(), value.clone());
        }
        let response: Response = answer.build(&self.settings.product, tag.as_deref());
        self.send_response(now, transaction, response);
    }
}

fn named(name: &'static str) -> HeaderName {
    HeaderName::parse(&Bytes::from_static(name.as_bytes()))
}
