//! The menu and the meeting's keys, by the clock.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::names::{CallId, Key, MeetingKey, SayToken};

const RIGHT: &str = "123456789";
const WRONG: &str = "987654321";
const MEETING: MeetingKey = MeetingKey(7);

/// A call, its clock, and a world that knows one meeting.
struct Desk {
    call: Call,
    now: Instant,
    start: Instant,
    said: Vec<String>,
    speaking: Option<SayToken>,
    hushed: usize,
    finds: usize,
    muted: Option<bool>,
    over: Option<Farewell>,
    participants: usize,
    full: bool,
}

impl Desk {
    fn new(entrance: Entrance) -> Self {
        let now = Instant::now();
        let mut desk = Self {
            call: Call::new(now, entrance),
            now,
            start: now,
            said: Vec::new(),
            speaking: None,
            hushed: 0,
            finds: 0,
            muted: None,
            over: None,
            participants: 0,
            full: false,
        };
        desk.drain();
        desk
    }

    fn drain(&mut self) {
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
                    let found = (id == RIGHT.parse::<CallId>().unwrap()).then_some(MEETING);
                    self.call.handle_input(self.now, Input::Found(found));
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

    fn feed(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
        self.drain();
    }

    /// Let time pass, waking the call when it asks.
    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some((at, _)) = self.call.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.feed(Input::Timeout);
        }
        self.now = end;
    }

    fn keys(&mut self, text: &str) {
        for c in text.chars() {
            self.feed(Input::Key(Key::from_char(c).unwrap()));
            self.pass(100);
        }
    }

    /// What is being said comes to its end.
    fn finish(&mut self) {
        let token = self.speaking.take().expect("something is being said");
        self.feed(Input::Said(token));
    }

    fn last(&self) -> &str {
        self.said.last().map_or("", String::as_str)
    }
}

fn begun() -> Desk {
    let mut desk = Desk::new(Entrance::Menu);
    desk.feed(Input::FirstPacket);
    desk.pass(300);
    assert_eq!(desk.last(), "valkommen id_ange");
    desk
}

#[test]
fn speech_begins_300_ms_after_the_first_packet() {
    let mut desk = Desk::new(Entrance::Menu);
    desk.pass(200);
    desk.feed(Input::FirstPacket);
    desk.pass(299);
    assert_eq!(desk.said.len(), 0);
    desk.pass(1);
    assert_eq!(desk.said, ["valkommen id_ange"]);
    desk.feed(Input::FirstPacket);
    desk.pass(2000);
    assert_eq!(desk.said.len(), 1);
}

#[test]
fn speech_begins_after_a_second_at_the_latest() {
    let mut silent = Desk::new(Entrance::Menu);
    silent.pass(999);
    assert_eq!(silent.said.len(), 0);
    silent.pass(1);
    assert_eq!(silent.said, ["valkommen id_ange"]);
    let mut late = Desk::new(Entrance::Menu);
    late.pass(900);
    late.feed(Input::FirstPacket);
    late.pass(100);
    assert_eq!(late.said, ["valkommen id_ange"]);
}

#[test]
fn a_right_id_leads_into_the_meeting_at_once() {
    let mut desk = begun();
    desk.keys(RIGHT);
    assert_eq!(desk.hushed, 1, "the first key stops the welcome");
    assert_eq!(desk.said[1..], ["ansluter forst"]);
    assert_eq!(desk.participants, 1);
}

#[test]
fn keys_count_from_the_first_millisecond_even_before_a_word_is_said() {
    let mut desk = Desk::new(Entrance::Menu);
    desk.participants = 2;
    desk.keys(RIGHT);
    assert_eq!(desk.said, ["ansluter antal_1 tal_3 antal_2"]);
}

#[test]
fn three_wrong_ids_end_with_goodbye() {
    let mut desk = begun();
    desk.keys(WRONG);
    assert_eq!(desk.last(), "id_fel");
    desk.finish();
    desk.keys(WRONG);
    assert_eq!(desk.last(), "id_sista");
    desk.finish();
    desk.keys(WRONG);
    assert_eq!(desk.last(), "id_adjo");
    desk.keys(RIGHT);
    assert_eq!((desk.finds, desk.over), (3, None));
    desk.finish();
    assert_eq!(desk.over, Some(Farewell::WrongId));
}

#[test]
fn no_key_is_lost_between_two_prompts_or_under_one() {
    let mut desk = begun();
    desk.keys("987654321123");
    assert_eq!(desk.last(), "id_fel");
    assert_eq!(desk.hushed, 2, "the next attempt's first key stops the words about the last");
    desk.keys("456789");
    assert_eq!(desk.participants, 1);
}

#[test]
fn silence_three_times_ends_with_goodbye() {
    let mut desk = begun();
    for expected in ["id_tomt id_ange", "id_tomt id_sista", "tyst_adjo"] {
        desk.finish();
        desk.pass(9_999);
        assert_ne!(desk.last(), expected);
        desk.pass(1);
        assert_eq!(desk.last(), expected);
    }
    desk.finish();
    assert_eq!(desk.over, Some(Farewell::Silent));
}

#[test]
fn five_seconds_between_digits_then_it_is_too_short() {
    let mut desk = begun();
    desk.keys("1234");
    desk.pass(4_800);
    assert_eq!(desk.said.len(), 1);
    desk.pass(100);
    assert_eq!(desk.last(), "id_kort id_ange");
    desk.keys(RIGHT);
    assert_eq!(desk.participants, 1);
}

#[test]
fn a_star_clears_and_an_early_hash_is_too_short() {
    let mut desk = begun();
    desk.keys("99*");
    desk.keys(RIGHT);
    assert_eq!(desk.participants, 1);
    let mut short = begun();
    short.keys("12345678#");
    assert_eq!(short.last(), "id_kort id_ange");
    short.keys("#");
    assert_eq!(short.last(), "id_kort id_sista");
    short.keys("1#");
    assert_eq!(short.last(), "id_adjo");
}

#[test]
fn a_hash_after_the_ninth_digit_is_no_attempt() {
    let mut desk = begun();
    desk.keys(WRONG);
    desk.keys("#");
    desk.keys(RIGHT);
    assert_eq!((desk.finds, desk.participants), (2, 1));
}

#[test]
fn an_utterance_whose_end_is_never_reported_holds_nothing_up() {
    let mut desk = begun();
    desk.pass(45_000);
    assert_eq!(desk.last(), "id_tomt id_ange");
}

#[test]
fn a_late_report_about_stopped_words_starts_no_timer() {
    let mut desk = begun();
    let stopped = desk.speaking.unwrap();
    desk.keys("1");
    desk.feed(Input::Said(stopped));
    desk.pass(4_899);
    assert_eq!(desk.said.len(), 1);
    desk.pass(2);
    assert_eq!(desk.last(), "id_kort id_ange");
}

#[test]
fn a_room_system_is_in_at_once_and_hears_who_is_there() {
    let mut desk = Desk::new(Entrance::Meeting(MEETING));
    assert_eq!(desk.participants, 1);
    desk.feed(Input::FirstPacket);
    desk.pass(300);
    assert_eq!(desk.said, ["forst"]);
    desk.finish();
    desk.feed(Input::Alone);
    assert_eq!(desk.last(), "ensam");
    desk.feed(Input::Alone);
    assert_eq!(desk.said.len(), 2, "not again within half a minute");
    desk.pass(30_000);
    desk.feed(Input::Alone);
    assert_eq!(desk.said.len(), 3);
}

#[test]
fn a_full_house_is_told_and_hung_up() {
    let mut desk = Desk::new(Entrance::Full);
    desk.feed(Input::FirstPacket);
    desk.keys(RIGHT);
    assert_eq!(desk.said, ["upptaget"]);
    desk.finish();
    assert_eq!((desk.over, desk.finds), (Some(Farewell::Full), 0));
}

#[test]
fn a_full_meeting_is_told_and_hung_up() {
    let mut desk = begun();
    desk.full = true;
    desk.keys(RIGHT);
    assert_eq!(desk.last(), "fullt");
    desk.finish();
    assert_eq!(desk.over, Some(Farewell::MeetingFull));
}

#[test]
fn star_commands_work_in_the_meeting_and_single_keys_do_nothing() {
    let mut desk = begun();
    desk.keys(RIGHT);
    desk.keys("123456789#0##");
    assert_eq!(desk.said.len(), 2);
    desk.keys("*1");
    assert_eq!(desk.last(), "hjalp");
    desk.participants = 4;
    desk.keys("*3");
    assert_eq!(desk.last(), "antal_1 tal_4 antal_2");
    desk.keys("*6");
    assert_eq!((desk.last(), desk.muted), ("mik_av", Some(true)));
    desk.keys("*6");
    assert_eq!((desk.last(), desk.muted), ("mik_pa", Some(false)));
    desk.keys("*5");
    assert_eq!(desk.last(), "fel_val");
    desk.keys("*");
    desk.pass(4_000);
    desk.keys("6");
    assert_eq!(desk.muted, Some(false));
}

proptest! {
    #[test]
    fn whatever_comes_in_there_are_three_attempts_and_the_hang_up_is_last(
        entrance in 0usize..3, steps in prop::collection::vec((0u8..9, 0u64..12_000), 0..200)
    ) {
        let mut desk = Desk::new([Entrance::Menu, Entrance::Meeting(MEETING), Entrance::Full][entrance]);
        for (step, number) in steps {
            if desk.over.is_some() {
                prop_assert_eq!(desk.call.poll_timeout(), None);
            }
            match step {
                0 => desk.feed(Input::FirstPacket),
                1 => desk.feed(Input::Said(SayToken(u32::try_from(number % 5).unwrap()))),
                2 => if desk.speaking.is_some() { desk.finish() },
                3 => desk.feed(Input::Alone),
                4 | 5 => desk.pass(number),
                6 => desk.feed(Input::Key(Key::Star)),
                7 => desk.feed(Input::Key(Key::Hash)),
                _ => desk.keys(&number.to_string()),
            }
            // `pass` returns, so no deadline stays in the past for ever.
        }
        prop_assert!(desk.finds <= 3);
        prop_assert!(desk.now >= desk.start);
    }
}
