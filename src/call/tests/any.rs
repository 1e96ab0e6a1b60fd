//! What holds whatever comes in.

use proptest::prelude::*;

use super::*;

fn step(desk: &mut Desk, step: u8, number: u64) {
    match step {
        0 => desk.feed(Input::FirstPacket),
        1 => desk.feed(Input::Said(SayToken(u32::try_from(number % 5).unwrap()))),
        2 if desk.speaking.is_some() => desk.finish(),
        3 => desk.feed(Input::Alone),
        4 | 5 => desk.pass(number),
        6 => desk.keys("*"),
        7 => desk.keys("#"),
        8 => desk.keys("A"),
        9 => desk.keys(RIGHT),
        10 => desk.keys(WRONG),
        11 if desk.finding.is_some() => {
            desk.answer();
            desk.drain();
        }
        // Answers nobody asked for.
        12 => desk.feed(Input::Found(number.is_multiple_of(2).then_some(MEETING))),
        13 => desk.feed(Input::Entered { participants: 2 }),
        14 => desk.feed(Input::MeetingFull),
        15 => desk.feed(Input::Participants(usize::try_from(number).unwrap())),
        16 => desk.feed(Input::Timeout),
        _ => desk.keys(&number.to_string()),
    }
}

proptest! {
    #[test]
    fn there_are_three_attempts_the_hang_up_is_last_and_deadlines_lie_ahead(
        entrance in 0usize..3, slow: bool, full: bool, steps in prop::collection::vec((0u8..20, 0u64..12_000), 0..200)
    ) {
        let mut desk = Desk::new([Entrance::Menu, Entrance::Meeting(MEETING), Entrance::Full][entrance]);
        (desk.slow, desk.full) = (slow, full);
        for (which, number) in steps {
            // The desk itself refuses any output after the hang-up.
            step(&mut desk, which, number);
            if desk.over.is_some() {
                prop_assert_eq!(desk.call.poll_timeout(), None);
            }
            desk.pass(0);
            if let Some((at, _)) = desk.call.poll_timeout() {
                prop_assert!(at > desk.now, "a deadline that has passed stays");
            }
        }
        prop_assert!(desk.finds <= 3);
    }

    #[test]
    fn a_caller_who_does_nothing_is_let_go_in_the_end(words_end: bool) {
        let mut desk = Desk::new(Entrance::Menu);
        for _ in 0..10 {
            desk.pass(15_000);
            if words_end && desk.speaking.is_some() {
                desk.finish();
            }
        }
        desk.pass(60_000);
        prop_assert_eq!(desk.over, Some(Farewell::Silent));
    }
}
