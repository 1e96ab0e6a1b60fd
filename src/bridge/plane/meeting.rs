//! One meeting's turn: everybody is heard, summed, and given back the others.

use std::sync::Arc;
use std::time::Instant;

use super::phase::{self, Average, Round, Turn};
use super::seat::{Ears, Seat};
use super::seats::{Chain, Seats};
use super::shared::{KEEPS, Shared, keeps};
use super::{PHASES, Ports, Slot};
use crate::audio::limiter::Limiter;
use crate::audio::{Rate, Sound};
use crate::codec::Encoders;
use crate::media::PromptId;
use crate::media::mixer::{MixSettings, Mixer, Tail, Ways, ways};
use crate::media::prompt::{Player, PromptSet, Utterance};
use crate::names::{LegId, MeetingKey, SayToken};

/// Members up to which the phase is chosen before anybody speaks. With more, one phase suits as many as another.
const FEW: usize = 3;
/// Turns between two looks at the phase: a second, in which a clock that is 500 ppm off drifts by half a millisecond.
const LOOK: u64 = 50;
/// Looks after which one who speaks alone is followed at once: ten seconds of a lecture, longer than a turn of a conversation.
const ALONE: u8 = 10;

/// A meeting with somebody in it.
#[derive(Debug)]
pub(super) struct Meeting {
    /// Its name.
    pub key: MeetingKey,
    /// Its turns.
    pub round: Round,
    /// Who is in it.
    pub members: Chain,
    /// What died away in the last turn.
    pub tail: Tail,
    /// Members that leave after the next turn.
    pub leaving: usize,
    /// How long the packets of those who speak wait on each phase, microseconds.
    waits: Option<Average>,
    /// Who was the only one to speak in the last looks, and in how many more than one.
    lecturer: (Option<LegId>, u8),
    tone: Player,
    tone_ways: Ways,
    /// Of what all listeners hear, by rate.
    limiters: [Limiter; Rate::ALL.len()],
    shared: Shared,
}

/// What a turn is made on; one for all meetings of a worker.
#[derive(Debug)]
pub(super) struct Desk {
    mixer: Mixer,
    /// What listeners hear in this turn, by rate.
    heard: [Sound; Rate::ALL.len()],
    /// What one of them hears.
    own: Sound,
}

impl Desk {
    /// For meetings of at most `legs` legs.
    pub fn new(legs: usize, mix: MixSettings) -> Self {
        Self { mixer: Mixer::new(legs, mix), heard: Rate::ALL.map(Sound::silence), own: Sound::silence(Rate::Narrow) }
    }
}

impl Meeting {
    /// A meeting nobody is in yet.
    pub fn new(key: MeetingKey, round: Round) -> Self {
        Self {
            key,
            round,
            members: Chain::default(),
            tail: Tail::default(),
            leaving: 0,
            waits: None,
            lecturer: (None, 0),
            tone: Player::default(),
            tone_ways: ways(),
            limiters: Default::default(),
            shared: Shared::new(),
        }
    }

    /// Play a tone to everybody.
    pub fn play(&mut self, prompts: &Arc<PromptSet>, tone: PromptId) {
        // Nobody waits for its end: the token is never told.
        self.tone.say(prompts, Utterance::from_iter([tone]), SayToken::default());
    }

    /// One tick.
    pub fn turn<P: Ports>(&mut self, now: Instant, turn: Turn, seats: &mut Seats, desk: &mut Desk, ears: &mut Ears, ports: &mut P) {
        let mixer = &mut desk.mixer;
        mixer.begin();
        seats.in_rows(
            self.members,
            &mut (&mut *ears, &mut *ports),
            |(ears, ports), at, seat| seat.collect(turn, at, ears, *ports),
            |(ears, ports), at, seat| {
                if let Some(brings) = seat.listen(now, turn, at, ears, *ports) {
                    if seat.leg.media().direction.sends() {
                        mixer.want(seat.voice.listens);
                    }
                    mixer.hear(&mut seat.voice, brings, !seat.leaving);
                }
            },
        );
        let cut = mixer.cut();
        seats.each(self.members, |_, seat| {
            if seat.present {
                mixer.settle(cut, &mut seat.voice);
            }
        });
        mixer.add_tail(&mut self.tail);
        let mut tone = Sound::silence(Rate::Narrow);
        let sounds = self.tone.speaking();
        if sounds {
            let _token = tone.samples_mut().first_chunk_mut().and_then(|frame| self.tone.render(frame));
        }
        mixer.add_tone(sounds.then_some(&tone), &mut self.tone_ways);

        for (sound, limiter) in desk.heard.iter_mut().zip(&mut self.limiters).filter(|(sound, _)| mixer.is_wanted(sound.rate())) {
            mixer.shared(sound.rate(), limiter, sound);
        }
        self.shared.begin();
        // First those with a stream of their own: some go on from where the shared one was in the last turn.
        seats.each(self.members, |slot, seat| {
            if seat.present && !seat.listens_only() {
                self.send_own(now, slot, seat, desk, ears, ports);
            }
        });
        seats.each(self.members, |slot, seat| {
            if seat.present && seat.listens_only() {
                self.send_shared(now, slot, seat, desk, ports);
            }
        });
        if desk.mixer.is_wanted(Rate::Full) {
            self.shared.end(&desk.heard[Rate::Full as usize]);
        }
    }

    /// To one who speaks, is spoken to, comes or goes, or did a moment ago.
    fn send_own<P: Ports>(&mut self, now: Instant, slot: Slot, seat: &mut Seat, desk: &mut Desk, ears: &mut Ears, ports: &mut P) {
        let Desk { mixer, heard, own } = desk;
        seat.leg.set_telephone(false);
        let rate = seat.voice.listens;
        let (speaks, plain) = (seat.voice.adds(), seat.is_plain());
        if !speaks {
            // Should it speak next, its own mix goes on as loud as the shared one was.
            seat.limiter = self.limiters[rate as usize];
        }
        if speaks || !plain {
            if seat.alone == 0 {
                self.shared.part(&mut seat.leg);
            }
            seat.alone = KEEPS;
        } else {
            seat.alone = keeps(seat.leg.codec(), seat.alone, &heard[rate as usize]);
        }
        if plain && mixer.streams(rate) == usize::from(speaks) && seat.limiter.is_open() {
            // Alone in the sum, or nobody is.
            return seat.send_silence(now, slot, ports);
        }
        if speaks {
            mixer.without(&seat.voice, &mut seat.limiter, own);
        } else {
            own.set_rate(rate);
            own.samples_mut().copy_from_slice(heard[rate as usize].samples());
        }
        if !plain {
            let target = seat.target();
            seat.hearing.toward(target, own.samples_mut());
            seat.hear_speech(ears, own);
        }
        seat.send_sound(now, slot, own, ports);
    }

    /// To one who listens, and has done so for a while.
    fn send_shared<P: Ports>(&mut self, now: Instant, slot: Slot, seat: &mut Seat, desk: &Desk, ports: &mut P) {
        let rate = seat.voice.listens;
        let (sound, limiter) = (&desk.heard[rate as usize], self.limiters[rate as usize]);
        seat.limiter = limiter;
        match self.shared.payload(&mut seat.leg, sound, desk.mixer.streams(rate) == 0 && limiter.is_open()) {
            Some(payload) => seat.send(now, slot, payload, ports),
            None => seat.send_sound(now, slot, sound, ports),
        }
    }

    /// The encoder that a member has lent, to be given back.
    pub fn take_lent(&mut self) -> Option<Encoders> {
        self.shared.take_lent()
    }

    /// Follow the packets of those who speak to the phase on which they wait least; while nobody does and few are in it, those of all. What is
    /// followed is an average over a quarter of a minute, so that a conversation does not drive the meeting to and fro; who has spoken alone for
    /// as long is followed at once.
    pub fn reconsider(&mut self, epoch: Instant, turn: Turn, seats: &Seats) {
        // The key spreads the looks of many meetings.
        let look = (turn.wake / PHASES as u64 + u64::from(self.key.0)).is_multiple_of(LOOK);
        if !look {
            return;
        }
        let all = || seats.iter(self.members).map(|(_, seat)| seat);
        let (mut speakers, mut first) = (0, None);
        let now = phase::mean(all().filter(|seat| seat.voice.source.is_speaking()).filter_map(|seat| {
            speakers += 1;
            first = first.or(Some(seat.leg.id()));
            seat.leg.phase_waits(epoch)
        }));
        match speakers {
            // A pause.
            0 => {}
            1 if self.lecturer.0 == first => self.lecturer.1 = self.lecturer.1.saturating_add(1),
            _ => self.lecturer = (first, 0),
        }
        if self.lecturer.1 >= ALONE {
            // Nobody else's packets matter, and theirs may drift, in a pause too.
            let lecturer = all().find(|seat| Some(seat.leg.id()) == self.lecturer.0);
            self.waits = lecturer.and_then(|seat| seat.leg.phase_waits(epoch)).map(Average::of).or(self.waits);
        } else if let Some(now) = now {
            match &mut self.waits {
                Some(waits) => waits.follow(now),
                none => *none = Some(Average::of(now)),
            }
        }
        let few = self.members.len() <= FEW;
        let waits = self
            .waits
            .map(|waits| waits.waits())
            .or_else(|| phase::mean(all().filter(|_| few).filter_map(|seat| seat.leg.phase_waits(epoch))));
        let phase = phase::best(self.round.phase, waits.into_iter());
        // Who has just come and let this turn pass would wait for the next one longer than a round: then a second later.
        if phase != self.round.phase && all().all(|seat| seat.present) {
            self.round.shift(turn, phase);
        }
    }
}
