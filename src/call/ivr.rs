//! The behaviour of one call from the answer to the goodbye: silence, menu, meeting.
//!
//! It knows what to say and when, and what keys mean; not how words sound, where meetings are mixed, or how the call reached us.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use super::controls::{Command, Controls};
use super::digits::{DigitCollector, Typed};
use super::{Entrance, Farewell, Input, Output, Reason, say};
use crate::media::{PromptId as P, Utterance};
use crate::names::{CallId, Key, MeetingKey, SayToken};

/// Gateways open the sound path late: what is said in the first moments after the caller's first RTP is not heard.
const AFTER_FIRST_PACKET: Duration = Duration::from_millis(300);
/// A caller whose gateway sends nothing in silence is spoken to after this.
const AT_LATEST: Duration = Duration::from_secs(1);
/// Silence after the menu has spoken, to the first digit.
const FIRST_DIGIT: Duration = Duration::from_secs(10);
/// Silence between two digits.
const NEXT_DIGIT: Duration = Duration::from_secs(5);
/// Attempts in a call.
const ATTEMPTS: u8 = 3;
/// If the end of an utterance is never reported, go on after this: the menu's longest is two prompts of at most 20 s each.
const SAID_AT_LATEST: Duration = Duration::from_secs(45);
/// "You are alone" is said at most so often: somebody with a bad line comes and goes.
const ALONE_AGAIN: Duration = Duration::from_secs(30);
/// Keys kept while an ID is looked up: the digits of the two attempts a call has left at most.
const KEPT_KEYS: usize = 2 * CallId::DIGITS;

/// One call. Mutate with `handle_input`, then drain `poll_output`.
#[derive(Debug)]
pub struct Call {
    stage: Stage,
    /// Speaking may begin; before, words wait here.
    opening: Option<Opening>,
    speaking: Option<Speaking>,
    next_token: u32,
    digits: DigitCollector,
    controls: Controls,
    /// Failed attempts.
    failed: u8,
    muted: bool,
    alone_said: Option<Instant>,
    alone: Alone,
    outputs: VecDeque<Output>,
}

/// The silence at the start.
#[derive(Debug)]
struct Opening {
    at: Instant,
    heard: bool,
    words: Option<Utterance>,
}

/// What is being said.
#[derive(Debug)]
struct Speaking {
    token: SayToken,
    /// When its end was missed.
    lost_at: Instant,
}

/// Whether the caller has yet to hear that they are alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Alone {
    /// No.
    Told,
    /// When what is being said has ended: it is not cut.
    Waiting,
    /// Somebody may have come meanwhile: the count is asked for.
    Asking,
}

#[derive(Debug)]
enum Stage {
    /// In the menu; when the caller has been silent long enough.
    Menu { deadline: Instant },
    /// An ID is being looked up; what is keyed meanwhile.
    Finding { keys: ArrayVec<Key, KEPT_KEYS> },
    /// On the way into a meeting; whether the caller is told so.
    Entering { announce: bool },
    /// In a meeting.
    Meeting,
    /// The last words are being said; at the latest then it is over.
    Leaving { why: Farewell, deadline: Instant },
    /// Hung up.
    Over,
}

/// How an attempt failed.
#[derive(Clone, Copy)]
enum Failure {
    Wrong,
    Short,
    Silent,
}

impl Call {
    /// A call that has just been answered.
    pub fn new(now: Instant, entrance: Entrance) -> Self {
        let mut call = Self {
            stage: Stage::Menu { deadline: now + SAID_AT_LATEST },
            opening: Some(Opening { at: now + AT_LATEST, heard: false, words: None }),
            speaking: None,
            next_token: 0,
            digits: DigitCollector::default(),
            controls: Controls::default(),
            failed: 0,
            muted: false,
            alone_said: None,
            alone: Alone::Told,
            outputs: VecDeque::new(),
        };
        match entrance {
            Entrance::Menu => call.say(now, say::words(&[P::Valkommen, P::IdAnge])),
            Entrance::Meeting(meeting) => {
                call.stage = Stage::Entering { announce: false };
                call.outputs.push_back(Output::Enter(meeting));
            }
            Entrance::Full => call.leave(now, Farewell::Full, &[P::Upptaget]),
        }
        call
    }

    /// Something happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::FirstPacket => self.first_packet(now),
            Input::Key(key) => self.key(now, key),
            Input::Said(token) => self.said(now, token),
            Input::Found(meeting) => self.found(now, meeting),
            Input::Entered { participants } => self.entered(now, participants),
            Input::MeetingFull => {
                if matches!(self.stage, Stage::Entering { .. }) {
                    self.leave(now, Farewell::MeetingFull, &[P::Fullt]);
                }
            }
            Input::Participants(participants) => self.counted(now, participants),
            Input::Alone => self.alone(now),
            Input::Timeout => self.timeout(now),
        }
    }

    /// What to do next; `None` when nothing is left.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to feed [`Input::Timeout`].
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        let stage = match self.stage {
            Stage::Menu { deadline } | Stage::Leaving { deadline, .. } => Some((deadline, Reason::Silence)),
            Stage::Meeting => self.controls.deadline().map(|at| (at, Reason::Forget)),
            // The answer is what comes next.
            Stage::Finding { .. } | Stage::Entering { .. } => None,
            Stage::Over => return None,
        };
        let opening = self.opening.as_ref().map(|opening| (opening.at, Reason::Begin));
        [stage, opening].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn first_packet(&mut self, now: Instant) {
        if let Some(opening) = &mut self.opening
            && !std::mem::replace(&mut opening.heard, true)
        {
            opening.at = opening.at.min(now + AFTER_FIRST_PACKET);
        }
    }

    fn timeout(&mut self, now: Instant) {
        if self.opening.as_ref().is_some_and(|opening| opening.at <= now)
            && let Some(Opening { words: Some(words), .. }) = self.opening.take()
        {
            self.say(now, words);
        }
        self.controls.forget(now);
        match self.stage {
            Stage::Menu { deadline } if deadline <= now => {
                let failure = if self.digits.is_empty() { Failure::Silent } else { Failure::Short };
                self.fail(now, failure);
            }
            Stage::Leaving { why, deadline } if deadline <= now => self.hang_up(why),
            _ => {}
        }
    }

    fn key(&mut self, now: Instant, key: Key) {
        match &mut self.stage {
            Stage::Menu { .. } => self.typed(now, key),
            Stage::Finding { keys } => {
                // Beyond what the call's attempts can use, a key is worth nothing.
                let _ = keys.try_push(key);
            }
            Stage::Meeting => self.command(now, key),
            Stage::Entering { .. } | Stage::Leaving { .. } | Stage::Over => {}
        }
    }

    fn typed(&mut self, now: Instant, key: Key) {
        let typed = self.digits.key(now, key);
        if typed == Typed::Nothing {
            // A swallowed `#` must not silence the words that say the ID was wrong.
            return;
        }
        self.hush();
        match typed {
            Typed::More => self.stage = Stage::Menu { deadline: now + NEXT_DIGIT },
            Typed::Cleared | Typed::Nothing => self.stage = Stage::Menu { deadline: now + FIRST_DIGIT },
            Typed::TooShort => self.fail(now, Failure::Short),
            Typed::Whole(id) => {
                self.stage = Stage::Finding { keys: ArrayVec::new() };
                self.outputs.push_back(Output::Find(id));
            }
        }
    }

    fn command(&mut self, now: Instant, key: Key) {
        match self.controls.key(now, key) {
            Some(Command::Help) => self.say(now, say::words(&[P::Hjalp])),
            Some(Command::Count) => self.outputs.push_back(Output::Count),
            Some(Command::Microphone) => {
                self.muted = !self.muted;
                self.outputs.push_back(Output::Mute(self.muted));
                self.say(now, say::words(&[if self.muted { P::MikAv } else { P::MikPa }]));
            }
            Some(Command::Unknown) => self.say(now, say::words(&[P::FelVal])),
            None => {}
        }
    }

    fn said(&mut self, now: Instant, token: SayToken) {
        // A late report about words that were stopped or replaced.
        if self.speaking.take_if(|speaking| speaking.token == token).is_none() {
            return;
        }
        match self.stage {
            Stage::Menu { .. } => self.stage = Stage::Menu { deadline: now + FIRST_DIGIT },
            Stage::Leaving { why, .. } => self.hang_up(why),
            Stage::Meeting => {
                if self.alone == Alone::Waiting {
                    self.alone = Alone::Asking;
                    self.outputs.push_back(Output::Count);
                }
            }
            Stage::Finding { .. } | Stage::Entering { .. } | Stage::Over => {}
        }
    }

    fn found(&mut self, now: Instant, meeting: Option<MeetingKey>) {
        let Stage::Finding { keys } = &mut self.stage else { return };
        let keys = std::mem::take(keys);
        if let Some(meeting) = meeting {
            self.stage = Stage::Entering { announce: true };
            self.outputs.push_back(Output::Enter(meeting));
            return;
        }
        self.fail(now, Failure::Wrong);
        for key in keys {
            self.key(now, key);
        }
    }

    fn entered(&mut self, now: Instant, participants: usize) {
        let Stage::Entering { announce } = self.stage else { return };
        self.stage = Stage::Meeting;
        let mut said = Utterance::new();
        if announce {
            said.push(P::Ansluter);
        }
        if participants <= 1 {
            said.push(P::Forst);
        } else {
            said.extend(say::count(participants));
        }
        self.say(now, said);
    }

    /// How many are in the meeting: asked by the caller, or to know whether they are still alone.
    fn counted(&mut self, now: Instant, participants: usize) {
        if !matches!(self.stage, Stage::Meeting) {
            return;
        }
        if self.alone != Alone::Asking {
            return self.say(now, say::count(participants));
        }
        self.alone = Alone::Told;
        if participants <= 1 {
            self.alone(now);
        }
    }

    fn alone(&mut self, now: Instant) {
        let again = self.alone_said.is_none_or(|at| at + ALONE_AGAIN <= now);
        if !matches!(self.stage, Stage::Meeting) || !again {
            return;
        }
        let waiting = self.opening.as_ref().is_some_and(|opening| opening.words.is_some());
        if waiting || self.speaking.as_ref().is_some_and(|speaking| now < speaking.lost_at) {
            self.alone = Alone::Waiting;
        } else {
            self.alone_said = Some(now);
            self.say(now, say::words(&[P::Ensam]));
        }
    }

    /// An attempt failed: say what and go on, or say goodbye.
    fn fail(&mut self, now: Instant, failure: Failure) {
        self.digits.clear();
        self.failed += 1;
        if self.failed >= ATTEMPTS {
            return match failure {
                Failure::Silent => self.leave(now, Farewell::Silent, &[P::TystAdjo]),
                Failure::Wrong | Failure::Short => self.leave(now, Farewell::WrongId, &[P::IdAdjo]),
            };
        }
        let last = self.failed + 1 == ATTEMPTS;
        self.say(
            now,
            say::words(match (failure, last) {
                (Failure::Wrong, false) => &[P::IdFel],
                (Failure::Wrong, true) => &[P::IdSista],
                (Failure::Short, false) => &[P::IdKort, P::IdAnge],
                (Failure::Short, true) => &[P::IdKort, P::IdSista],
                (Failure::Silent, false) => &[P::IdTomt, P::IdAnge],
                (Failure::Silent, true) => &[P::IdTomt, P::IdSista],
            }),
        );
        self.stage = Stage::Menu { deadline: now + SAID_AT_LATEST };
    }

    fn leave(&mut self, now: Instant, why: Farewell, words: &[P]) {
        if matches!(self.stage, Stage::Leaving { .. } | Stage::Over) {
            return;
        }
        self.stage = Stage::Leaving { why, deadline: now + SAID_AT_LATEST };
        self.say(now, say::words(words));
    }

    fn hang_up(&mut self, why: Farewell) {
        self.stage = Stage::Over;
        self.opening = None;
        self.outputs.push_back(Output::HangUp(why));
    }

    fn say(&mut self, now: Instant, words: Utterance) {
        if let Some(opening) = &mut self.opening {
            opening.words = Some(words);
            return;
        }
        let token = SayToken(self.next_token);
        self.next_token = self.next_token.wrapping_add(1);
        self.speaking = Some(Speaking { token, lost_at: now + SAID_AT_LATEST });
        self.outputs.push_back(Output::Say(words, token));
    }

    /// A key stops what is said, and what was about to be said. The silence at the start stays: a key by INFO opens no sound path.
    fn hush(&mut self) {
        if let Some(opening) = &mut self.opening {
            opening.words = None;
        }
        if self.speaking.take().is_some() {
            self.outputs.push_back(Output::Hush);
        }
    }
}
