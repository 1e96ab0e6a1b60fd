//! What a live call wants done: words, keys, the way into its meeting, and the one way out.

use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::session::{Ending, KeyPath, Live, State};
use super::{Closing, ControlPlane};
use crate::bridge::{ControlOutput, MediaCommand};
use crate::call::{Entrance, Input, Output};
use crate::media::{PromptId, Utterance};
use crate::names::{Key, LegId, MeetingKey, SayToken, WorkerId};
use crate::sip::SipKey;

/// The goodbye after the longest call: a token no call uses (they count from 0).
const FAREWELL: SayToken = SayToken(u32::MAX);
/// How long that goodbye may take: `bortkopplad` is three seconds.
const FAREWELL_AT_MOST: Duration = Duration::from_secs(6);

impl ControlPlane {
    /// Tell a call what happened, and do what it wants then.
    pub(super) fn drive(&mut self, now: Instant, key: SipKey, input: Input) {
        let Some(live) = self.live(key) else { return };
        live.call.handle_input(now, input);
        self.drain(now, key);
    }

    pub(super) fn key(&mut self, now: Instant, key: SipKey, path: KeyPath, pressed: Key) {
        let Some(live) = self.live(key) else { return };
        if *live.keys.get_or_insert(path) == path {
            self.figures.keys.count(match path {
                KeyPath::Media => "media",
                KeyPath::Info => "info",
            });
            self.drive(now, key, Input::Key(pressed));
        }
    }

    pub(super) fn said(&mut self, now: Instant, key: SipKey, token: SayToken) {
        let Some(live) = self.live(key) else { return };
        if live.saying.as_ref().is_some_and(|(_, saying)| *saying == token) {
            live.saying = None;
        }
        if live.leaving.is_none() {
            self.drive(now, key, Input::Said(token));
        } else if token == FAREWELL {
            self.end(now, key, Ending::Longest);
        }
    }

    /// A call's deadline has come.
    pub(super) fn wake(&mut self, now: Instant, key: SipKey) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let leg = session.leg;
        match &mut session.state {
            State::Live(live) => match live.leaving {
                Some(at) if at <= now => return self.end(now, key, Ending::Longest),
                None if session.ends <= now => {
                    live.leaving = Some(now + FAREWELL_AT_MOST);
                    let words: Utterance = [PromptId::Bortkopplad].into_iter().collect();
                    self.say(now, key, leg, words, FAREWELL);
                }
                _ => {
                    if live.call.poll_timeout().is_some_and(|(at, _)| at <= now) {
                        live.call.handle_input(now, Input::Timeout);
                    }
                }
            },
            _ if session.ends <= now => return self.end(now, key, Ending::Longest),
            _ => {}
        }
        self.drain(now, key);
    }

    /// Do what a call wants, until it wants nothing more; then set its alarm.
    pub(super) fn drain(&mut self, now: Instant, key: SipKey) {
        loop {
            let Some(session) = self.sessions.get_mut(&key) else { return };
            let leg = session.leg;
            let State::Live(live) = &mut session.state else { break };
            let Some(output) = live.call.poll_output() else { break };
            match output {
                // The goodbye after the longest call is the last word.
                Output::Say(..) | Output::Hush if live.leaving.is_some() => {}
                Output::Say(words, token) => self.say(now, key, leg, words, token),
                Output::Hush => {
                    live.saying = None;
                    self.command(now, key, MediaCommand::Hush(leg));
                }
                Output::Find(id) => {
                    let found = self.directory.find(now, &session.source, id);
                    debug!(call = %session.handle, found = found.is_some(), "samtals-ID keyed");
                    live.call.handle_input(now, Input::Found(found));
                }
                Output::Enter(meeting) => self.enter(now, key, meeting),
                Output::Mute(muted) => {
                    debug!(call = %session.handle, muted, "own microphone");
                    self.command(now, key, MediaCommand::Mute(leg, muted));
                }
                Output::Count => {
                    let participants = live.meeting.and_then(|meeting| self.rooms.get(meeting.0 as usize));
                    let participants = participants.map_or(0, |room| room.meeting.participants());
                    live.call.handle_input(now, Input::Participants(participants));
                }
                Output::HangUp(farewell) => return self.end(now, key, Ending::Farewell(farewell)),
            }
        }
        if let Some(session) = self.sessions.get(&key) {
            self.alarms.set(key, session.deadline());
        }
    }

    fn live(&mut self, key: SipKey) -> Option<&mut Live> {
        self.sessions.get_mut(&key)?.live()
    }

    fn say(&mut self, now: Instant, key: SipKey, leg: LegId, words: Utterance, token: SayToken) {
        let Some(live) = self.live(key) else { return };
        live.saying = Some((words.clone(), token));
        self.command(now, key, MediaCommand::Say(leg, words, token));
    }

    /// To the worker of a call's leg; behind the leg, if it is on its way there.
    pub(super) fn command(&mut self, now: Instant, key: SipKey, command: MediaCommand) {
        let Some(live) = self.live(key) else { return };
        let Some(waiting) = &mut live.waiting else {
            let worker = live.worker;
            return self.outputs.push_back(ControlOutput::Media(worker, command));
        };
        if waiting.try_push(command).is_err() {
            self.end(now, key, Ending::NoWorker);
        }
    }

    /// Into a meeting: on the roster, then to the worker where it is mixed, then into the mix.
    fn enter(&mut self, now: Instant, key: SipKey, meeting: MeetingKey) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let (handle, leg) = (session.handle, session.leg);
        let (Some(live), Some(room)) = (session.live(), self.rooms.get_mut(meeting.0 as usize)) else { return };
        if live.meeting.is_some() {
            return;
        }
        // Those who are on that worker are heard without a gap; one more from elsewhere must not change that.
        if room.worker.is_some_and(|to| to != live.worker && self.overload.is_brimful(to)) {
            info!(call = %handle, "the worker of the meeting takes nobody more");
            return live.call.handle_input(now, Input::MeetingFull);
        }
        let Some(entered) = room.meeting.enter(now, leg) else {
            info!(call = %handle, "the meeting is full");
            return live.call.handle_input(now, Input::MeetingFull);
        };
        info!(call = %handle, participants = entered.participants, "in the meeting");
        live.meeting = Some(meeting);
        let to = *room.worker.get_or_insert(live.worker);
        self.overload.enters(std::mem::take(&mut live.promise), live.cost, (live.worker, to));
        if to != live.worker {
            let from = std::mem::replace(&mut live.worker, to);
            live.waiting = Some(Box::default());
            let speech = live.saying.clone();
            self.legs[usize::from(to.0)] += 1;
            self.unload(from);
            self.outputs.push_back(ControlOutput::MoveLeg { leg, from, to });
            if let Some((words, token)) = speech {
                self.command(now, key, MediaCommand::Say(leg, words, token));
            }
        }
        self.command(now, key, MediaCommand::Join(leg, meeting));
        if entered.tone {
            self.command(now, key, MediaCommand::Tone(meeting, PromptId::TonIn));
        }
        if let Some(live) = self.live(key) {
            live.call.handle_input(now, Input::Entered { participants: entered.participants });
        }
    }

    pub(super) fn leg_moved(&mut self, now: Instant, leg: LegId) {
        if let Some(closing) = self.closing.get_mut(&leg) {
            closing.moving = false;
            let worker = closing.worker;
            return self.outputs.push_back(ControlOutput::RemoveLeg(worker, leg));
        }
        let Some(&key) = self.by_leg.get(&leg) else { return };
        let Some(waiting) = self.live(key).and_then(|live| live.waiting.take()) else { return };
        for command in *waiting {
            self.command(now, key, command);
        }
    }

    /// A worker had no room: leg and port are gone already.
    pub(super) fn leg_refused(&mut self, now: Instant, leg: LegId) {
        if let Some(&key) = self.by_leg.get(&leg) {
            self.end(now, key, Ending::NoWorker);
        }
        if let Some(closing) = self.closing.remove(&leg) {
            self.unload(closing.worker);
        }
    }

    pub(super) fn unload(&mut self, worker: WorkerId) {
        if let Some(legs) = self.legs.get_mut(usize::from(worker.0)) {
            *legs = legs.saturating_sub(1);
        }
    }

    /// The one teardown: whoever ends a call, and however far it has come, it goes this way. Safe to call twice.
    pub(super) fn end(&mut self, now: Instant, key: SipKey, why: Ending) {
        let Some(session) = self.sessions.remove(&key) else { return };
        self.alarms.clear(&key);
        self.by_leg.remove(&session.leg);
        if session.entrance != Entrance::Full {
            self.admitted = self.admitted.saturating_sub(1);
        }
        self.figures.ended.count(why.cause());
        info!(call = %session.handle, seconds = session.lasted(now).as_secs(), %why, "call ended");
        if !matches!(why, Ending::Signalling(_)) {
            // Whatever the agent thinks of the session: without an answer 480, with one BYE, already refused nothing.
            self.agent.hang_up(now, key);
        }
        match session.state {
            // A port that is still being bound is closed when it comes.
            State::Opening { .. } if session.local.is_none() => {}
            State::Opening { .. } | State::Offered => self.outputs.push_back(ControlOutput::ClosePort(session.leg)),
            State::Live(live) => {
                if let Some(meeting) = live.meeting {
                    self.leave(now, session.leg, meeting);
                }
                let moving = live.waiting.is_some();
                self.overload.forget(live.worker, live.promise);
                self.closing.insert(session.leg, Closing { handle: session.handle, worker: live.worker, moving });
                if !moving {
                    self.outputs.push_back(ControlOutput::RemoveLeg(live.worker, session.leg));
                }
            }
        }
    }

    fn leave(&mut self, now: Instant, leg: LegId, meeting: MeetingKey) {
        let Some(room) = self.rooms.get_mut(meeting.0 as usize) else { return };
        let Some(left) = room.meeting.leave(now, leg) else {
            warn!(meeting = meeting.0, "a call left a meeting it was not in");
            return;
        };
        if let (true, Some(worker)) = (left.tone, room.worker) {
            self.outputs.push_back(ControlOutput::Media(worker, MediaCommand::Tone(meeting, PromptId::TonUt)));
        }
        if left.participants == 0 {
            room.worker = None;
        }
        if let Some(alone) = left.alone.and_then(|leg| self.by_leg.get(&leg)) {
            self.aside.push_back((*alone, Input::Alone));
        }
    }
}
