//! Entering the samtals-ID.

use super::*;

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
    assert_eq!((desk.participants, desk.said.len()), (3, 0), "in the meeting before a word is said");
    desk.pass(100);
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
    desk.keys("##");
    assert_eq!((desk.last(), desk.hushed), ("id_fel", 1), "what was wrong is said to its end");
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
fn a_hash_two_seconds_after_the_ninth_digit_is_too_short() {
    let mut desk = begun();
    desk.keys(WRONG);
    desk.pass(1_900);
    desk.keys("#");
    assert_eq!(desk.last(), "id_kort id_sista");
}

#[test]
fn the_first_key_stops_every_prompt_of_the_menu() {
    type Way = fn(&mut Desk);
    let ways: [(&str, Way); 6] = [
        ("id_fel", |desk| desk.keys(WRONG)),
        ("id_sista", |desk| desk.keys(&WRONG.repeat(2))),
        ("id_kort id_ange", |desk| desk.keys("1#")),
        ("id_kort id_sista", |desk| desk.keys("1#1#")),
        ("id_tomt id_ange", |desk| desk.wait_out()),
        ("id_tomt id_sista", |desk| {
            desk.wait_out();
            desk.wait_out();
        }),
    ];
    for (words, way) in ways {
        for first in ["1", "*"] {
            let mut desk = begun();
            way(&mut desk);
            assert_eq!(desk.last(), words);
            let hushed = desk.hushed;
            desk.keys(first);
            assert_eq!((desk.hushed, desk.speaking), (hushed + 1, None), "{first} under {words}");
            desk.keys(if first == "1" { "23456789" } else { RIGHT });
            assert_eq!(desk.participants, 1, "{first} under {words}");
        }
    }
}

#[test]
fn goodbye_is_said_to_its_end_whatever_is_pressed() {
    let mut desk = begun();
    desk.keys("1#1#1#");
    let hushed = desk.hushed;
    desk.keys("*123456789#");
    assert_eq!((desk.last(), desk.hushed, desk.finds), ("id_adjo", hushed, 0));
    desk.finish();
    assert_eq!(desk.over, Some(Farewell::WrongId));
}

#[test]
fn the_last_attempt_decides_which_goodbye_is_said() {
    let mut desk = begun();
    desk.keys(WRONG);
    desk.keys("1#");
    desk.wait_out();
    assert_eq!(desk.last(), "tyst_adjo");
}

#[test]
fn a_key_that_is_on_no_ordinary_phone_stops_nothing_and_starts_no_timer() {
    let mut desk = begun();
    desk.keys("A");
    assert_eq!(desk.hushed, 0);
    desk.finish();
    desk.pass(9_000);
    desk.keys("D");
    desk.pass(900);
    assert_eq!(desk.last(), "id_tomt id_ange");
}

#[test]
fn a_star_gives_ten_seconds_anew_and_each_digit_five() {
    let mut desk = begun();
    desk.keys("12*");
    desk.pass(9_899);
    assert_eq!(desk.said.len(), 1);
    desk.keys("1");
    desk.pass(4_899);
    desk.keys("2");
    desk.pass(4_899);
    assert_eq!(desk.said.len(), 1);
    desk.pass(1);
    assert_eq!(desk.last(), "id_kort id_ange");
}

#[test]
fn an_answer_to_an_early_key_still_waits_for_the_sound_path() {
    let mut desk = Desk::new(Entrance::Menu);
    desk.feed(Input::FirstPacket);
    desk.keys("#");
    assert_eq!(desk.said.len(), 0, "100 ms after the first packet nothing would be heard");
    desk.pass(200);
    assert_eq!(desk.said, ["id_kort id_ange"]);
}

#[test]
fn keys_pressed_while_an_id_is_looked_up_count_for_the_next_attempt() {
    let mut desk = begun();
    desk.slow = true;
    desk.keys(WRONG);
    desk.keys(RIGHT);
    assert_eq!(desk.finds, 1, "one at a time");
    desk.answer();
    desk.drain();
    assert_eq!((desk.finds, desk.last()), (2, "id_fel"));
    desk.answer();
    desk.drain();
    assert_eq!(desk.participants, 1);
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
