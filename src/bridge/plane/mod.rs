//! The media plane of one worker: legs, meetings, and the tick.
//!
//! A worker wakes every 5 ms. Each meeting, and each leg in none, has its turn at every fourth wake, on its own phase: it receives, is mixed
//! and sends. A late wake takes the turns of the wakes it slept through late; turns missed whole are counted and pass as lost packets
//! (`seat.rs` says how). Nothing is allocated, locked or logged after [`MediaPlane::new`]; what is given up goes back to the caller.
//!
//! ```text
//! tick -> phase   what is due            -> seats    who is in it
//!      -> seat    receive, render        -> meeting  sum, shared mix, own mixes -> seat  speech, encode, send
//! ```

mod meeting;
mod phase;
mod seat;
mod seats;
mod shared;
mod tally;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::figures::MediaFigures;
use super::{MediaCommand, MediaEvent};
use crate::media::mixer::{Hearing, MixSettings};
use crate::media::{Codecs, Leg, LegUpdate, PromptSet};
use crate::names::{LegId, MeetingKey};
use meeting::{Desk, Meeting};
use phase::Round;
use seat::{Ears, Place, Seat, send_report};
use seats::{Chain, Seats};
use shared::KEEPS;
use tally::Tally;

/// Four phases of 5 ms in a tick of 20 ms: a worker wakes every 5 ms, a meeting is mixed on one of the four.
pub const PHASES: usize = 4;
/// Time between two wakes of a worker.
pub const WAKE: Duration = Duration::from_millis(5);

/// Place of a leg in its worker; the worker keeps the leg's port under the same number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slot(pub u32);

/// One received datagram; its octets are in the buffer given.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedDatagram {
    /// Octets.
    pub len: usize,
    /// From where.
    pub from: SocketAddr,
    /// When the kernel got it.
    pub arrived: Instant,
}

/// The legs' sockets, as the plane sees them: real ones in `run/`, queues in tests and benches. Must neither block nor allocate.
pub trait Ports {
    /// The next RTP datagram waiting at a leg's port.
    fn receive(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram>;
    /// The next RTCP datagram waiting (read once a second).
    fn receive_rtcp(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram>;
    /// Send from a leg's RTP port.
    fn send(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]);
    /// Send from a leg's RTCP port.
    fn send_rtcp(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]);
}

/// Wakes in which the slow work of all slots is done once: a second.
const SLOW_ROUND: u64 = 200;

/// All sound of one worker.
#[derive(Debug)]
pub struct MediaPlane {
    epoch: Instant,
    prompts: Arc<PromptSet>,
    seats: Seats,
    menu: [Menu; PHASES],
    /// In no order; each has at least one member.
    meetings: Vec<Meeting>,
    desk: Desk,
    ears: Ears,
    tally: Tally,
    /// Last wake whose share of the slow work is done.
    slow: u64,
}

/// Legs in no meeting, on one phase.
#[derive(Debug)]
struct Menu {
    round: Round,
    legs: Chain,
}

impl MediaPlane {
    /// Room for `capacity` legs is allocated here. `epoch` is the instant of a wake of phase 0.
    pub fn new(epoch: Instant, capacity: usize, prompts: Arc<PromptSet>, mix: MixSettings) -> Self {
        Self {
            epoch,
            prompts,
            seats: Seats::new(capacity),
            menu: std::array::from_fn(|phase| Menu { round: Round::after(0, phase), legs: Chain::default() }),
            meetings: Vec::with_capacity(capacity),
            desk: Desk::new(capacity, mix),
            ears: Ears::new(capacity),
            tally: Tally::new(capacity),
            slow: 0,
        }
    }

    /// Take a leg over; it sends and receives from its turn within the next four wakes on. Gives it back when the plane is full.
    pub fn add(&mut self, now: Instant, leg: Box<Leg>) -> Result<Slot, Box<Leg>> {
        let last = phase::wake_at(self.epoch, now);
        let fewest = self.menu.iter().enumerate().min_by_key(|(_, menu)| menu.legs.len());
        let phase = fewest.map_or(0, |(phase, _)| phase);
        let slot = self.seats.insert(leg, phase, phase::before_first(last))?;
        self.sit(slot, phase, last);
        if let Some(seat) = self.seats.get(slot) {
            self.tally.begin(slot, &seat.leg);
        }
        Ok(slot)
    }

    /// Give a leg up (to move it to another worker): out of its meeting, nothing said on the wire. What is being said to it ends untold.
    pub fn release(&mut self, leg: LegId) -> Option<(Slot, Box<Leg>)> {
        let slot = self.seats.find(leg)?;
        self.detach(slot);
        let leg = self.seats.remove(slot)?.into_leg();
        self.tally.add(slot, &leg);
        Some((slot, leg))
    }

    /// Give a leg up for good: RTCP BYE, then as `release`.
    pub fn remove<P: Ports>(&mut self, now: Instant, leg: LegId, ports: &mut P) -> Option<(Slot, Box<Leg>)> {
        let (slot, mut leg) = self.release(leg)?;
        leg.goodbye(now, |to, mux, octets| send_report(ports, slot, to, mux, octets));
        Some((slot, leg))
    }

    /// A command about a leg or a meeting here. Unknown legs are ignored: they may just have gone. What is not needed any more comes back, to
    /// be freed elsewhere.
    #[must_use = "it must not be freed on the media thread"]
    pub fn command(&mut self, now: Instant, command: MediaCommand) -> Option<Box<Codecs>> {
        match command {
            MediaCommand::Tone(key, tone) => {
                if let Some(meeting) = self.meetings.iter_mut().find(|meeting| meeting.key == key) {
                    meeting.play(&self.prompts, tone);
                }
            }
            MediaCommand::Join(leg, key) => self.join(now, leg, key),
            MediaCommand::Leave(leg) => self.leave(leg),
            MediaCommand::Update(leg, media, codecs) => return self.update(now, leg, media, codecs),
            MediaCommand::Say(leg, utterance, token) => self.with(leg, |seat, prompts| seat.player.say(prompts, utterance, token)),
            MediaCommand::Hush(leg) => self.with(leg, |seat, _| seat.player.hush()),
            MediaCommand::Mute(leg, muted) => self.with(leg, |seat, _| seat.voice.source.mute(muted)),
        }
        None
    }

    /// Use this set from the next utterance on; the old one is given back for its owner to free.
    pub fn set_prompts(&mut self, prompts: Arc<PromptSet>) -> Arc<PromptSet> {
        std::mem::replace(&mut self.prompts, prompts)
    }

    /// One wake, the `wake`-th since `epoch`: receive, mix and send all that is due on phase `wake % 4`, and a share of the slow work.
    /// Where wakes were left out, what was due at them is done now, once.
    pub fn tick<P: Ports>(&mut self, now: Instant, wake: u64, ports: &mut P) {
        for menu in &mut self.menu {
            if let Some(turn) = menu.round.due(self.epoch, wake) {
                self.seats.in_rows(
                    menu.legs,
                    &mut (&mut self.ears, &mut *ports),
                    |(ears, ports), at, seat| seat.collect(turn, at, ears, *ports),
                    |(ears, ports), at, seat| seat.menu_turn(now, turn, at, ears, *ports),
                );
            }
        }
        // From the end: a meeting that ends here is replaced by the last, which has had its turn.
        for index in (0..self.meetings.len()).rev() {
            let Some(meeting) = self.meetings.get_mut(index) else { continue };
            if let Some(turn) = meeting.round.due(self.epoch, wake) {
                meeting.turn(now, turn, &mut self.seats, &mut self.desk, &mut self.ears, ports);
                meeting.reconsider(self.epoch, turn, &self.seats);
                if meeting.leaving > 0 {
                    self.let_go(index);
                }
            }
        }
        self.slow_turns(now, wake, ports);
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.ears.take()
    }

    /// No leg: no wake-ups needed.
    pub fn is_idle(&self) -> bool {
        self.legs() == 0
    }

    /// Legs now.
    pub fn legs(&self) -> usize {
        self.seats.len()
    }

    /// What this plane has done, as of a second ago for each leg.
    pub fn figures(&mut self) -> &MediaFigures {
        self.tally.figures.legs = self.seats.len() as u64;
        self.tally.figures.meetings = self.meetings.len() as u64;
        &self.tally.figures
    }

    /// Turns of legs that passed unused because a wake came more than 15 ms late, since this was last asked.
    pub fn take_missed(&mut self) -> u64 {
        let missed = std::mem::take(&mut self.ears.missed);
        self.tally.figures.turns_missed += missed;
        missed
    }

    /// Events that were lost because nobody took them, since this was last asked.
    pub fn take_lost_events(&mut self) -> u64 {
        std::mem::take(&mut self.ears.lost)
    }

    /// Do something with a leg, if it is here.
    fn with(&mut self, leg: LegId, what: impl FnOnce(&mut Seat, &Arc<PromptSet>)) {
        if let Some(seat) = self.seats.find(leg).and_then(|slot| self.seats.get_mut(slot)) {
            what(seat, &self.prompts);
        }
    }

    fn update(&mut self, now: Instant, leg: LegId, media: LegUpdate, codecs: Option<Box<Codecs>>) -> Option<Box<Codecs>> {
        let Some(slot) = self.seats.find(leg) else { return codecs };
        let Some(seat) = self.seats.get_mut(slot) else { return codecs };
        if let (Place::Meeting(index), false) = (seat.place, media.direction.contributes()) {
            // On hold from now on: nothing more of it comes, so what was heard last dies away.
            if let Some(meeting) = self.meetings.get_mut(index) {
                meeting.tail.take(&mut seat.voice);
            }
        }
        seat.alone = KEEPS;
        if codecs.is_some() {
            self.give_back(slot);
        }
        self.seats.get_mut(slot)?.leg.update(now, media, codecs)
    }

    /// A leg goes, or changes its codecs: the encoder it has lent to its meeting comes back to it, or that of another member, so that the
    /// meeting's stream goes on.
    fn give_back(&mut self, slot: Slot) {
        let Some(seat) = self.seats.get_mut(slot) else { return };
        let Place::Meeting(index) = seat.place else { return };
        let Some(meeting) = self.meetings.get_mut(index).filter(|_| seat.leg.has_lent()) else { return };
        let mut another = None;
        self.seats.each(meeting.members, |other, seat| {
            if other != slot && another.is_none() {
                another = seat.leg.spare().take();
            }
        });
        if let Some(seat) = self.seats.get_mut(slot) {
            *seat.leg.spare() = another.or_else(|| meeting.take_lent());
        }
    }

    fn join(&mut self, now: Instant, leg: LegId, key: MeetingKey) {
        let Some(slot) = self.seats.find(leg) else { return };
        let Some(seat) = self.seats.get_mut(slot) else { return };
        let mut phase = match seat.place {
            Place::Menu(phase) => phase,
            Place::Meeting(index) => match self.meetings.get_mut(index) {
                Some(meeting) if meeting.key == key => {
                    if std::mem::take(&mut seat.leaving) {
                        meeting.leaving -= 1;
                    }
                    return;
                }
                Some(meeting) => meeting.round.phase,
                None => 0,
            },
        };
        phase = phase::best(phase, seat.leg.phase_waits(self.epoch).into_iter());
        self.detach(slot);
        let index = self.meetings.iter().position(|meeting| meeting.key == key).unwrap_or_else(|| {
            // Every meeting has a member, and this leg is in none: there are fewer meetings than slots.
            self.meetings.push(Meeting::new(key, Round::after(phase::wake_at(self.epoch, now), phase)));
            self.meetings.len() - 1
        });
        if let (Some(meeting), Some(seat)) = (self.meetings.get_mut(index), self.seats.get_mut(slot)) {
            seat.place = Place::Meeting(index);
            seat.voice.reset();
            seat.hearing = Hearing::NOTHING;
            self.seats.link(&mut meeting.members, slot);
        }
    }

    /// Out of its meeting after one more turn, in which it fades out.
    fn leave(&mut self, leg: LegId) {
        let Some(seat) = self.seats.find(leg).and_then(|slot| self.seats.get_mut(slot)) else { return };
        let Place::Meeting(index) = seat.place else { return };
        if let Some(meeting) = self.meetings.get_mut(index).filter(|_| !seat.leaving) {
            seat.leaving = true;
            meeting.leaving += 1;
        }
    }

    /// Those who have faded out of a meeting go back to the menu, on the same phase.
    fn let_go(&mut self, index: usize) {
        while let Some(meeting) = self.meetings.get(index).filter(|meeting| meeting.leaving > 0) {
            let (key, phase) = (meeting.key, meeting.round.phase);
            let gone = self.seats.iter(meeting.members).find(|(_, seat)| seat.leaving && seat.present);
            let Some((slot, last)) = gone.map(|(slot, seat)| (slot, seat.last)) else { return };
            self.detach(slot);
            self.sit(slot, phase, last);
            if self.meetings.get(index).is_none_or(|meeting| meeting.key != key) {
                return;
            }
        }
    }

    /// A leg that is nowhere goes to the menu. `last` is its last wake.
    fn sit(&mut self, slot: Slot, phase: usize, last: u64) {
        let (Some(menu), Some(seat)) = (self.menu.get_mut(phase), self.seats.get_mut(slot)) else { return };
        if menu.legs.is_empty() {
            menu.round = Round::after(last, phase);
        }
        seat.place = Place::Menu(phase);
        self.seats.link(&mut menu.legs, slot);
    }

    /// Out of menu or meeting. A meeting hears its sound die away; the last one out ends it.
    fn detach(&mut self, slot: Slot) {
        self.give_back(slot);
        let Some(seat) = self.seats.get_mut(slot) else { return };
        match seat.place {
            Place::Menu(phase) => {
                if let Some(menu) = self.menu.get_mut(phase) {
                    self.seats.unlink(&mut menu.legs, slot);
                }
            }
            Place::Meeting(index) => {
                let Some(meeting) = self.meetings.get_mut(index) else { return };
                if std::mem::take(&mut seat.leaving) {
                    meeting.leaving -= 1;
                }
                meeting.tail.take(&mut seat.voice);
                self.seats.unlink(&mut meeting.members, slot);
                if meeting.members.is_empty() {
                    self.end(index);
                }
            }
        }
    }

    /// An empty meeting ends; the last of the list takes its place.
    fn end(&mut self, index: usize) {
        self.meetings.swap_remove(index);
        if let Some(moved) = self.meetings.get(index) {
            self.seats.each(moved.members, |_, seat| seat.place = Place::Meeting(index));
        }
    }

    /// The slow work of all wakes up to this one, each wake its two-hundredth of the slots.
    fn slow_turns<P: Ports>(&mut self, now: Instant, wake: u64, ports: &mut P) {
        let first = (self.slow + 1).max((wake + 1).saturating_sub(SLOW_ROUND));
        self.slow = self.slow.max(wake);
        let capacity = self.seats.capacity();
        for share in first..=wake {
            // The remainder is below 200.
            for slot in ((share % SLOW_ROUND) as usize..capacity).step_by(SLOW_ROUND as usize) {
                let slot = Slot(slot as u32);
                if let Some(seat) = self.seats.get_mut(slot) {
                    seat.slow_turn(now, slot, &mut self.ears, ports);
                    let phase = match seat.place {
                        Place::Menu(phase) => Some(phase),
                        Place::Meeting(index) => self.meetings.get(index).map(|meeting| meeting.round.phase),
                    };
                    let wait = phase.and_then(|phase| seat.leg.phase_waits(self.epoch)?.get(phase).copied());
                    self.tally.look(slot, &seat.leg, wait);
                }
            }
        }
    }
}
