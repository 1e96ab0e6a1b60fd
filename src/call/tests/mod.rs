//! The menu and the meeting's keys, by the clock: a call, its clock, and a world that knows one meeting.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

mod any;
mod meeting;
mod menu;

use std::time::{Duration, Instant};

use super::*;
use crate::names::{CallId, Key, MeetingKey, SayToken};

pub const RIGHT: &str = "123456789";
pub const WRONG: &str = "987654321";
pub const MEETING: MeetingKey = MeetingKey(7);

/// A call, its clock, and a world that knows one meeting.
pub struct Desk {
    pub call: Call,
    pub now: Instant,
    pub said: Vec<String>,
    pub speaking: Option<SayToken>,
    pub hushed: usize,
    pub finds: usize,
    pub muted: Option<bool>,
    pub over: Option<Farewell>,
    pub participants: usize,
    pub full: bool,
    /// The world takes its time: a lookup stays unanswered until the test answers.
    pub slow: bool,
    pub finding: Option<CallId>,
}

impl Desk {
    pub fn new(entrance: Entrance) -> Self {
        Self::with_others(entrance, 0)
    }

    /// So many are in the meeting already.
    pub fn with_others(entrance: Entrance, participants: usize) -> Self {
        let now = Instant::now();
        let mut desk = Self {
            call: Call::new(now, entrance),
            now,
            said: Vec::new(),
            speaking: None,
            hushed: 0,
            finds: 0,
            muted: None,
            over: None,
            participants,
            full: false,
            slow: false,
            finding: None,
        };
        desk.drain();
        desk
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.call.poll_output() {
            assert_eq!(self.over, None, "something after the hang-up");
            match output {
                Output::Say(words, token) => {
                    self.said.push(words.iter().map(|p| p.name()).collect::<Vec<_>>().join(" "));
                    self.speaking = Some(token);
                }
                Output::Hush => {
                    self.hushed += 1;
                    self.speaking = None;
                }
                Output::Find(id) => {
                    self.finds += 1;
                    self.finding = Some(id);
                    if !self.slow {
                        self.answer();
                    }
                }
                Output::Enter(key) => {
                    assert_eq!(key, MEETING);
                    if self.full {
                        self.call.handle_input(self.now, Input::MeetingFull);
                    } else {
                        self.participants += 1;
                        self.call.handle_input(self.now, Input::Entered { participants: self.participants });
                    }
                }
                Output::Mute(muted) => self.muted = Some(muted),
                Output::Count => self.call.handle_input(self.now, Input::Participants(self.participants)),
                Output::HangUp(why) => self.over = Some(why),
            }
        }
    }

    /// Answer the lookup that waits.
    pub fn answer(&mut self) {
        let id = self.finding.take().expect("an ID is being looked up");
        let found = (id == RIGHT.parse::<CallId>().unwrap()).then_some(MEETING);
        self.call.handle_input(self.now, Input::Found(found));
    }

    pub fn feed(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
        self.drain();
    }

    /// Let time pass, waking the call when it asks.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some((at, _)) = self.call.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.feed(Input::Timeout);
        }
        self.now = end;
    }

    pub fn keys(&mut self, text: &str) {
        for c in text.chars() {
            self.feed(Input::Key(Key::from_char(c).unwrap()));
            self.pass(100);
        }
    }

    /// What is being said comes to its end.
    pub fn finish(&mut self) {
        let token = self.speaking.take().expect("something is being said");
        self.feed(Input::Said(token));
    }

    /// What is being said comes to its end, and nothing is keyed after it.
    pub fn wait_out(&mut self) {
        self.finish();
        self.pass(10_000);
    }

    pub fn last(&self) -> &str {
        self.said.last().map_or("", String::as_str)
    }
}

pub fn begun() -> Desk {
    let mut desk = Desk::new(Entrance::Menu);
    desk.feed(Input::FirstPacket);
    desk.pass(300);
    assert_eq!(desk.last(), "valkommen id_ange");
    desk
}
