//! Being in a meeting.

use super::*;

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
    desk.finish();
    desk.feed(Input::Alone);
    assert_eq!(desk.said.len(), 2, "not again within half a minute");
    desk.pass(30_000);
    desk.feed(Input::Alone);
    assert_eq!(desk.said.len(), 3);
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

#[test]
fn a_room_system_that_is_not_first_hears_how_many_there_are() {
    let mut desk = Desk::with_others(Entrance::Meeting(MEETING), 1);
    desk.keys("*");
    desk.pass(1_000);
    assert_eq!(desk.said, ["antal_1 tal_2 antal_2"], "a key it sends on its way in changes nothing");
}

#[test]
fn somebody_left_alone_under_other_words_is_told_after_them() {
    let mut desk = Desk::with_others(Entrance::Menu, 1);
    desk.keys(RIGHT);
    desk.participants = 1;
    desk.feed(Input::Alone);
    desk.pass(100);
    assert_eq!(desk.last(), "ansluter antal_1 tal_2 antal_2");
    desk.finish();
    assert_eq!(desk.last(), "ensam");
    desk.finish();
    assert_eq!(desk.said.len(), 2);
}

#[test]
fn somebody_no_longer_alone_when_the_words_end_is_not_told_so() {
    let mut desk = begun();
    desk.keys(RIGHT);
    desk.finish();
    desk.keys("*1");
    desk.feed(Input::Alone);
    desk.participants = 2;
    desk.finish();
    assert_eq!(desk.last(), "hjalp");
    desk.keys("*3");
    assert_eq!(desk.last(), "antal_1 tal_2 antal_2", "the caller's own question is answered as ever");
}

#[test]
fn each_command_is_answered_in_place_of_what_is_being_said() {
    let mut desk = begun();
    desk.keys(RIGHT);
    desk.keys("*1*3*6*6*0");
    assert_eq!(desk.said[2..], ["hjalp", "antal_1 tal_en antal_2", "mik_av", "mik_pa", "fel_val"]);
}

#[test]
fn a_star_and_its_digit_belong_together_for_less_than_four_seconds() {
    let mut desk = begun();
    desk.keys(RIGHT);
    desk.keys("*");
    desk.pass(3_899);
    desk.keys("6");
    assert_eq!(desk.muted, Some(true));
    desk.keys("*");
    assert_eq!(desk.call.poll_timeout().map(|(_, reason)| reason), Some(Reason::Forget));
    desk.pass(3_900);
    assert_eq!(desk.call.poll_timeout(), None);
    desk.keys("6");
    assert_eq!(desk.muted, Some(true));
}

#[test]
fn digits_and_a_hash_after_a_right_id_do_nothing_in_the_meeting() {
    let mut desk = begun();
    desk.keys(&format!("{RIGHT}#1369#"));
    assert_eq!((desk.said.len(), desk.muted, desk.hushed), (2, None, 1));
}
