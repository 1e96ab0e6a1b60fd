//! What may be dialled, and where it leads.

use ljudbro::media::PromptId::*;
use ljudbro::sim::{Ended, PhoneEvent};

use crate::desk::Id;
use crate::world::{ID, World};

fn dial(world: &mut World, target: &str) -> Id {
    let id = world.dial(|settings| settings.target = target.to_owned());
    world.run_ms(1_500);
    id
}

#[test]
fn a_room_system_is_in_its_meeting_at_once_by_name_and_by_id() {
    let mut world = World::new(500);
    let caller = world.in_meeting();
    let targets = ["sip:testmote1@mote.example", "sip:TestMote1@MOTE.example:5060", "sip:testmote1@10.1.0.1;transport=udp"];
    for (n, target) in targets.into_iter().chain([format!("sip:{ID}@mote.example").as_str()]).enumerate() {
        let room = dial(&mut world, target);
        assert_eq!(world.control.participants(), 2 + n, "{target}");
        world.run_ms(4_000);
        let words = world.words(room);
        assert!(!words.contains(&Valkommen) && !words.contains(&IdAnge), "{target}: {words:?}");
        assert!(world.hears(caller, room) && world.hears(room, caller), "{target}");
    }
}

#[test]
fn all_spellings_of_the_number_lead_to_the_menu() {
    let mut world = World::new(501);
    for target in [
        "sip:0480445511@10.1.0.1",
        "sip:0480445511@trunk.example",
        "sip:+46480445511@10.1.0.1;user=phone",
        "sip:46480445511@mote.example",
        "sip:0480-44-55-11@10.1.0.1;user=phone",
        "tel:+46-480-44-55-11",
        "tel:0480445511;phone-context=+46",
    ] {
        let id = dial(&mut world, target);
        assert_eq!(world.words(id).first(), Some(&Valkommen), "{target}: {:?}", world.events(id));
        world.hang_up(id);
    }
}

#[test]
fn what_is_not_known_here_is_not_found() {
    let mut world = World::new(502);
    for target in [
        "sip:0480445512@10.1.0.1",
        "sip:testmote9@mote.example",
        "sip:999999999@mote.example",
        "sip:31415926@mote.example",
        "sip:testmote1@elsewhere.example",
        "sip:mote.example",
        "tel:+46480445512",
    ] {
        let id = dial(&mut world, target);
        assert_eq!(world.ended(id), Some(Ended::Refused(404)), "{target}");
        assert!(!world.events(id).contains(&PhoneEvent::Answered));
    }
    world.assert_nothing_is_left();
}
