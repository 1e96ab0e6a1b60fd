//! From an INVITE to a live call: whom it asks for, its port, its answer; then new offers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use tracing::{debug, info, warn};

use super::figures::way;
use super::overload::Promise;
use super::session::{Ending, Live, Session, State};
use super::{ControlPlane, Stop};
use crate::bridge::{ControlOutput, MediaCommand, SeenBy, WhenFull};
use crate::call::{Call, Entrance};
use crate::media::{Codecs, LegSetup, LegUpdate};
use crate::meeting::Source;
use crate::names::{CallHandle, CallId, LegId, MeetingKey, WorkerId};
use crate::sip::answer::{self, AnswerError, Local, Sent};
use crate::sip::target::Address;
use crate::sip::{Flow, Invite, Refusal, SipKey, Target, Transport};

/// What `Retry-After` says when ports have run out or the bridge stops: long enough for a few calls to end or for a restart.
const RETRY_AFTER: Duration = Duration::from_secs(10);

fn unavailable() -> Refusal {
    Refusal { status: 503, retry_after: Some(RETRY_AFTER) }
}

fn refusal(error: &AnswerError) -> Refusal {
    let status = match error {
        AnswerError::NotSdp => 400,
        AnswerError::NoCommonCodec(_) => 488,
    };
    Refusal { status, retry_after: None }
}

impl ControlPlane {
    pub(super) fn invite(&mut self, now: Instant, invite: Invite) {
        let handle = CallHandle(self.random.random());
        let source = match invite.caller {
            Some(number) => Source::Number(number),
            None => Source::Address(invite.flow.peer.ip()),
        };
        if self.stop != Stop::Not {
            info!(call = %handle, "refused: the bridge stops");
            return self.refuse(now, invite.key, unavailable());
        }
        let Some(mut entrance) = self.entrance(now, &invite.flow, &source, &invite.target) else {
            // RFC 3261 §21.4.5. Never which number or address it was: it may be a samtals-ID with one digit wrong.
            info!(call = %handle, "refused: no such number or meeting");
            return self.refuse(now, invite.key, Refusal { status: 404, retry_after: None });
        };
        if self.admits(entrance) {
            self.admitted += 1;
        } else if self.has_room_to_say_so() {
            entrance = Entrance::Full;
        } else {
            info!(call = %handle, "refused: the house is full");
            return self.refuse(now, invite.key, unavailable());
        }
        let leg = LegId(self.next_leg);
        self.next_leg += 1;
        let transport = match invite.flow.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        let way = way(entrance);
        self.figures.begun.count(way);
        info!(call = %handle, transport, way, offer = invite.sdp.is_some(), "call comes");
        self.outputs.push_back(ControlOutput::OpenPort(leg, SeenBy { local: invite.flow.local.ip(), peer: invite.flow.peer.ip() }));
        self.by_leg.insert(leg, invite.key);
        let session = Session {
            handle,
            leg,
            flow: invite.flow,
            source,
            entrance,
            started: now,
            ends: now + self.settings.longest,
            local: None,
            sent: None,
            state: State::Opening { offer: invite.sdp },
        };
        self.alarms.set(invite.key, session.deadline());
        self.sessions.insert(invite.key, session);
    }

    /// Whether a new call is let in: there are not as many as may be, and the worker it would be on is not near its budget.
    fn admits(&self, entrance: Entrance) -> bool {
        let worker = self.worker_for(entrance);
        self.admitted < self.settings.max_calls && self.overload.admits(worker)
    }

    /// Whether one more may hear `upptaget`: that takes a leg and some seconds.
    fn has_room_to_say_so(&self) -> bool {
        let told = self.sessions.len().saturating_sub(self.admitted);
        let spare = self.settings.agent.max_sessions.saturating_sub(self.settings.max_calls);
        self.settings.when_full == WhenFull::Say && told < spare && self.overload.spares(self.overload.lightest(&self.legs))
    }

    /// The worker for a new call: its meeting's, if somebody is there already, so that it need not move.
    fn worker_for(&self, entrance: Entrance) -> WorkerId {
        let room = match entrance {
            Entrance::Meeting(meeting) => self.rooms.get(meeting.0 as usize).and_then(|room| room.worker),
            Entrance::Menu | Entrance::Full => None,
        };
        room.unwrap_or_else(|| self.overload.lightest(&self.legs))
    }

    /// Refuse a call.
    fn refuse(&mut self, now: Instant, key: SipKey, refusal: Refusal) {
        self.figures.refused.count(&refusal.status.to_string());
        self.agent.refuse(now, key, refusal);
    }

    /// Where a call goes by what was dialled: a number of ours to the menu; a meeting's name or samtals-ID at our domain to the meeting.
    fn entrance(&mut self, now: Instant, flow: &Flow, source: &Source, target: &Target) -> Option<Entrance> {
        let address = match target {
            // A trunk writes its own or our host behind a number: the number alone counts.
            Target::Number { number, .. } if self.settings.numbers.contains(number) => return Some(Entrance::Menu),
            Target::Number { address, .. } => address.as_ref()?,
            Target::Address(address) => address,
        };
        self.meeting_of(now, flow, source, address).map(Entrance::Meeting)
    }

    fn meeting_of(&mut self, now: Instant, flow: &Flow, source: &Source, address: &Address) -> Option<MeetingKey> {
        let ours = address.host == self.settings.domain || address.host.parse() == Ok(flow.local.ip().to_canonical());
        if !ours {
            return None;
        }
        match address.user.parse::<CallId>() {
            Ok(id) => self.directory.find(now, source, id),
            Err(_) => self.directory.by_name(&address.user),
        }
    }

    pub(super) fn port_opened(&mut self, now: Instant, leg: LegId, address: SocketAddr) {
        // The caller may have given up meanwhile.
        let Some((key, session)) = self.by_leg.get(&leg).and_then(|key| Some((*key, self.sessions.get_mut(key)?))) else {
            return self.outputs.push_back(ControlOutput::ClosePort(leg));
        };
        let State::Opening { offer } = &mut session.state else { return };
        let offer = offer.take();
        let local = Local {
            address: address.ip(),
            port: address.port(),
            // RFC 8866 §5.2: numeric and unique; 63 bits, since some peers read it as a signed number.
            session_id: self.random.random::<u64>() >> 1,
            version: 1,
            signalled_from: session.flow.peer.ip(),
            codecs: self.settings.codecs.clone(),
        };
        session.local = Some(local.clone());
        let Some(offer) = offer else {
            session.state = State::Offered;
            let offer = answer::offer(&local);
            session.sent = Some(Sent(offer.clone()));
            return self.agent.accept(now, key, offer);
        };
        match answer::answer(&offer, &local) {
            Ok((sdp, agreed)) => {
                session.sent = Some(Sent(sdp.clone()));
                self.go_live(now, key, agreed);
                self.agent.accept(now, key, sdp);
            }
            Err(error) => {
                info!(call = %session.handle, %error, "refused");
                self.refuse(now, key, refusal(&error));
                self.end(now, key, Ending::NoCommonCodec);
            }
        }
    }

    pub(super) fn port_failed(&mut self, now: Instant, leg: LegId) {
        if let Some(&key) = self.by_leg.get(&leg) {
            self.refuse(now, key, unavailable());
            self.end(now, key, Ending::NoPort);
        }
    }

    /// The one place where a call gets its sound and its behaviour.
    fn go_live(&mut self, now: Instant, key: SipKey, media: LegUpdate) {
        let Some(entrance) = self.sessions.get(&key).map(|session| session.entrance) else { return };
        let worker = self.worker_for(entrance);
        let Some(session) = self.sessions.get_mut(&key) else { return };
        self.figures.answered += 1;
        info!(call = %session.handle, codec = media.codec.name(), ptime = media.ptime_ms, events = !media.events.is_empty(), "answered");
        let mut cname = [0; 16];
        for octet in &mut cname {
            // RFC 7022 §4.2: 96 random bits or more would be better still; 64 are written in sixteen hexadecimal digits.
            *octet = b"0123456789abcdef"[self.random.random_range(0..16)];
        }
        let codecs = match Codecs::new(&media, None, &self.settings.opus) {
            Ok(codecs) => Box::new(codecs),
            Err(error) => {
                warn!(call = %session.handle, %error, "no codec");
                return self.end(now, key, Ending::NoCodec);
            }
        };
        let made_for = media.clone();
        let cost = self.settings.costs.of(media.codec);
        let promise = match entrance {
            Entrance::Menu | Entrance::Meeting(_) => self.overload.comes(worker, cost),
            Entrance::Full => {
                self.overload.expect(worker, cost.menu);
                Promise::default()
            }
        };
        let setup = LegSetup {
            leg: session.leg,
            ssrc: self.random.random(),
            // RFC 3711 §3.3.1 would have it below 2^15; it costs nothing and spares peers a wrap in the first second.
            first_sequence: self.random.random::<u16>() >> 1,
            first_timestamp: self.random.random(),
            cname,
            media,
            codecs,
        };
        session.state = State::Live(Box::new(Live {
            call: Call::new(now, session.entrance),
            worker,
            waiting: None,
            meeting: None,
            saying: None,
            offered: false,
            made_for,
            cost,
            promise,
            keys: None,
            leaving: None,
        }));
        self.legs[usize::from(worker.0)] += 1;
        self.outputs.push_back(ControlOutput::AddLeg(worker, Box::new(setup)));
        self.drain(now, key);
    }

    pub(super) fn acked(&mut self, now: Instant, key: SipKey, answer: Option<Bytes>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(local) = session.local.clone() else { return };
        let first = matches!(session.state, State::Offered);
        let awaited = first || session.live().is_some_and(|live| std::mem::take(&mut live.offered));
        if !awaited {
            return;
        }
        let offered = session.sent.as_ref().map_or(&[][..], |Sent(sdp)| sdp);
        let agreed = answer.as_deref().map(|sdp| answer::read_answer(sdp, offered, &local));
        match agreed {
            Some(Ok(agreed)) if first => self.go_live(now, key, agreed),
            Some(Ok(agreed)) => self.change(now, key, agreed),
            // A dialog whose offer was not answered can only be ended (RFC 3261 §13.2.2.4).
            _ => self.end(now, key, Ending::NoCommonCodec),
        }
    }

    /// A new offer inside the call: hold, resume, another codec, another address (RFC 3264 §8).
    pub(super) fn offer(&mut self, now: Instant, key: SipKey, sdp: Option<Bytes>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let (State::Live(live), Some(local)) = (&mut session.state, &mut session.local) else {
            // RFC 3261 §14.2: an offer of ours is not answered yet.
            return self.agent.refuse(now, key, Refusal { status: 491, retry_after: None });
        };
        let next = Local { version: local.version + 1, ..local.clone() };
        let Some(sdp) = sdp else {
            live.offered = true;
            *local = next;
            let offer = session.sent.as_ref().map_or_else(|| answer::offer(local), |Sent(sent)| answer::offer_again(sent, local));
            session.sent = Some(Sent(offer.clone()));
            return self.agent.accept(now, key, offer);
        };
        match answer::answer(&sdp, &next) {
            Ok((answer, agreed)) => {
                *local = next;
                session.sent = Some(Sent(answer.clone()));
                self.change(now, key, agreed);
                self.agent.accept(now, key, answer);
            }
            Err(error) => {
                debug!(call = %session.handle, %error, "new offer refused");
                self.agent.refuse(now, key, refusal(&error));
            }
        }
    }

    fn change(&mut self, now: Instant, key: SipKey, update: LegUpdate) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        info!(call = %session.handle, codec = update.codec.name(), held = update.direction.held(), "sound changes");
        let (leg, enters) = (session.leg, session.entrance != Entrance::Full);
        let Some(live) = session.live() else { return };
        // The phone behind the call may be another one now: let it choose again how it sends keys.
        live.keys = None;
        let mut codecs = None;
        if !Codecs::suffice(&live.made_for, &update) {
            match Codecs::new(&update, Some(&live.made_for), &self.settings.opus) {
                Ok(new) => codecs = Some(Box::new(new)),
                Err(error) => {
                    warn!(call = %session.handle, %error, "no codec");
                    return self.end(now, key, Ending::NoCodec);
                }
            }
            live.made_for = update.clone();
        }
        let cost = self.settings.costs.of(update.codec);
        if cost.meeting > std::mem::replace(&mut live.cost, cost).meeting {
            if live.meeting.is_some() {
                self.overload.expect(live.worker, cost.meeting);
            } else if enters {
                self.overload.forget(live.worker, std::mem::take(&mut live.promise));
                live.promise = self.overload.comes(live.worker, cost);
            }
        }
        self.command(now, key, MediaCommand::Update(leg, update, codecs));
    }
}
