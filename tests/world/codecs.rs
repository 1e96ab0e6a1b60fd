//! Which codec a phone is answered with, and that phones of all codecs hear each other.

use ljudbro::codec::Codec;
use ljudbro::sim::{KeyMethod, OfferIn};

use crate::desk::Id;
use crate::ears::VOICE_DBOV;
use crate::world::{ID, World};

/// A phone with these codecs in the meeting.
fn caller(world: &mut World, codecs: &[Codec], offer_in: OfferIn, keys_by: KeyMethod) -> Id {
    let before = world.control.participants();
    let id = world.dial(|settings| {
        settings.codecs = codecs.to_vec();
        settings.offer_in = offer_in;
        settings.keys_by = keys_by;
    });
    world.press(id, ID);
    world.run_ms(9_000);
    assert_eq!(world.control.participants(), before + 1, "{codecs:?} {offer_in:?} {keys_by:?}: heard {:?}", world.heard(id));
    id
}

#[test]
fn wideband_is_answered_first_and_every_phone_hears_every_other() {
    let mut world = World::new(600);
    let phones = [
        (vec![Codec::Pcma, Codec::G722, Codec::Opus], Codec::Opus),
        (vec![Codec::Pcmu, Codec::Pcma, Codec::G722], Codec::G722),
        (vec![Codec::Pcmu, Codec::Pcma], Codec::Pcma),
        (vec![Codec::Pcmu], Codec::Pcmu),
    ];
    let ids: Vec<Id> = phones.iter().map(|(codecs, _)| caller(&mut world, codecs, OfferIn::Invite, KeyMethod::Rfc4733)).collect();
    for (id, (_, answered)) in ids.iter().zip(&phones) {
        assert_eq!(world.phone(*id).hears_in(), Some(*answered));
    }
    world.run_ms(3_000);
    for listener in &ids {
        for speaker in ids.iter().filter(|speaker| *speaker != listener) {
            assert!(world.hears(*listener, *speaker), "{listener:?} hears {speaker:?}: {:.1} dBov", world.loudness(*listener, *speaker));
        }
    }
    ids.into_iter().for_each(|id| world.hang_up(id));
    world.assert_nothing_is_left();
}

#[test]
fn the_configured_order_decides_and_a_codec_left_out_is_never_answered() {
    for (seed, order, answered) in [
        (610, vec![Codec::Pcmu, Codec::Opus], Codec::Pcmu),
        (611, vec![Codec::G722, Codec::Opus], Codec::G722),
        (612, vec![Codec::Opus], Codec::Opus),
    ] {
        let mut world = World::with(seed, |settings| settings.codecs = order.into_iter().collect());
        let id = caller(&mut world, &Codec::ALL, OfferIn::Invite, KeyMethod::Rfc4733);
        assert_eq!(world.phone(id).hears_in(), Some(answered));
    }
}

#[test]
fn keys_come_from_wideband_phones_in_every_way_and_with_the_offer_on_either_side() {
    for (seed, codec, offer_in, keys_by) in [
        (620, Codec::Opus, OfferIn::Invite, KeyMethod::Rfc4733),
        (621, Codec::Opus, OfferIn::Response, KeyMethod::Rfc4733),
        (622, Codec::G722, OfferIn::Response, KeyMethod::Rfc4733),
        (623, Codec::G722, OfferIn::Invite, KeyMethod::Info),
    ] {
        let mut world = World::new(seed);
        let id = caller(&mut world, &[codec], offer_in, keys_by);
        assert_eq!(world.phone(id).hears_in(), Some(codec));
        world.hang_up(id);
        world.assert_nothing_is_left();
    }
}

#[test]
fn a_call_changes_between_codecs_of_every_rate_and_back() {
    let mut world = World::new(630);
    let (a, b) = (world.in_meeting(), world.in_meeting());
    for next in [Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Opus, Codec::Pcma] {
        world.with_phone(a, |phone, now| phone.change_codecs(now, &[next]));
        world.run_ms(3_500);
        assert_eq!(world.phone(a).hears_in(), Some(next));
        assert!(world.hears(a, b) && world.hears(b, a), "{next:?}");
        for (listener, speaker) in [(a, b), (b, a)] {
            assert!((world.loudness(listener, speaker) - VOICE_DBOV).abs() < 2.0, "{next:?}: {:.1}", world.loudness(listener, speaker));
        }
    }
    world.hang_up(a);
    world.hang_up(b);
    world.assert_nothing_is_left();
}
