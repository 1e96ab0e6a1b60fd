//! The media plane allocates nothing once it runs: not in a tick, not in a command, not in an event, not when legs come and go.

mod queues;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use ljudbro::bridge::MediaCommand;
use ljudbro::codec::Codec;
use ljudbro::media::{Direction, PromptId};
use ljudbro::names::{LegId, MeetingKey, SayToken};
use queues::{Caller, EVENTS, Sound, World, prompts};

/// Counts what its thread takes and gives back.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more, and nobody asks.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

#[allow(unsafe_code, reason = "an allocator cannot be counted otherwise")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often memory was taken or given back in `work`.
fn allocations<T>(work: impl FnOnce() -> T) -> u64 {
    let before = COUNT.get();
    let kept = work();
    let after = COUNT.get();
    drop(kept);
    after - before
}

const LEGS: u64 = 20;

/// All there are, in one meeting.
fn codec(leg: u64) -> Codec {
    Codec::ALL[leg as usize % 4]
}

/// What is ordered at this wake; everything there is, over and over, on changing legs.
fn order(world: &mut World, wake: u64) {
    let leg = LegId(wake / 7 % LEGS);
    let command = match wake % 7 {
        0 => MediaCommand::Say(leg, [PromptId::Antal2, PromptId::Tal5].into_iter().collect(), SayToken(wake as u32)),
        1 => MediaCommand::Tone(MeetingKey(1), PromptId::TonUt),
        2 => MediaCommand::Mute(LegId(wake % LEGS), wake.is_multiple_of(2)),
        3 => MediaCommand::Leave(leg),
        4 => MediaCommand::Join(leg, MeetingKey((wake / 28 % 3) as u32)),
        5 => {
            let mut media = Caller::update(leg.0, if wake.is_multiple_of(2) { codec(leg.0) } else { Codec::Pcmu });
            media.direction = if wake.is_multiple_of(3) { Direction::ReceiveOnly } else { Direction::SendReceive };
            MediaCommand::Update(leg, media, None)
        }
        _ => MediaCommand::Hush(LegId(wake % LEGS)),
    };
    world.command(command);
}

fn turn(world: &mut World) {
    world.advance();
    let wake = world.wake;
    if wake.is_multiple_of(50) {
        let caller = (wake / 50) as usize % world.callers.len();
        let caller = &mut world.callers[caller];
        caller.send(&mut world.queues, EVENTS, &[5, 0x8a, 0x03, 0x20], std::time::Duration::ZERO);
    }
    order(world, wake);
    // Now and then a wake is late, and some are left out.
    if wake % 37 > 3 && wake % 401 > 20 {
        world.plane.tick(world.queues.now, wake, &mut world.queues);
    }
    while world.plane.poll_event().is_some() {}
}

#[test]
fn a_busy_plane_allocates_nothing() {
    let mut world = World::new(LEGS as usize + 1, false);
    for leg in 0..LEGS {
        let sound = match leg % 3 {
            0 => Sound::Tone(300.0 + 100.0 * leg as f64, 9000.0),
            1 => Sound::Noise,
            _ => Sound::Silence,
        };
        world.join_by(leg, codec(leg), sound, 1);
    }
    (0..1000).for_each(|_| turn(&mut world));
    assert_eq!(allocations(|| (0..8000).for_each(|_| turn(&mut world))), 0);
    assert!(world.queues.slots.iter().take(LEGS as usize).all(|slot| slot.count > 500), "it did work meanwhile");
}

#[test]
fn legs_and_prompt_sets_come_and_go_without_allocation() {
    let mut world = World::new(4, false);
    world.join(1, Sound::Tone(425.0, 4000.0), 1);
    world.join(2, Sound::Tone(700.0, 4000.0), 1);
    (0..400).for_each(|_| turn(&mut world));
    let mut sets = [prompts(), prompts()];
    let mut leg = Some(Caller::leg(world.now(), 9, Codec::Opus));
    let count = allocations(|| {
        for round in 0..50u32 {
            let now = world.queues.now;
            let slot = world.plane.add(now, leg.take().expect("it came back")).expect("there is room");
            world.command(MediaCommand::Join(LegId(9), MeetingKey(round % 3)));
            let utterance = [PromptId::Ensam].into_iter().collect();
            world.command(MediaCommand::Say(LegId(9), utterance, SayToken(round)));
            (0..10).for_each(|_| turn(&mut world));
            let set = &mut sets[round as usize % 2];
            *set = world.plane.set_prompts(Arc::clone(set));
            let now = world.queues.now;
            let gone = if round % 2 == 0 { world.plane.remove(now, LegId(9), &mut world.queues) } else { world.plane.release(LegId(9)) };
            let (from, given) = gone.expect("it was there");
            assert_eq!(from, slot);
            leg = Some(given);
        }
        leg.take()
    });
    assert_eq!(count, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| std::hint::black_box(Box::new(7))), 1);
}
