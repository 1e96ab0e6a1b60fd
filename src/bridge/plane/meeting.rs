//! One meeting's turn: everybody is heard, summed, and given back the others.

use std::sync::Arc;
use std::time::Instant;

use super::phase::{self, Round, Turn};
use super::seat::Ears;
use super::seats::{Chain, Seats};
use super::{PHASES, Ports};
use crate::audio::limiter::Limiter;
use crate::audio::{FRAME, Frame, Rate, SILENCE, Sound};
use crate::codec::{Codec, Payload};
use crate::media::PromptId;
use crate::media::mixer::{Hearing, Mixer, Tail, Ways, ways};
use crate::media::prompt::{Player, PromptSet, Utterance};
use crate::names::{MeetingKey, SayToken};

/// Members up to which the phase is chosen anew. With more, one phase suits as many as another, and a shift disturbs more.
const FEW: usize = 3;
/// Turns between two looks at the phase: two seconds.
const LOOK: u64 = 100;

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
    tone: Player,
    tone_ways: Ways,
    limiter: Limiter,
}

/// The shared mix, encoded when the first listener of a codec asks for it.
struct Shared {
    frame: Frame,
    encoded: [Option<Payload>; 2],
}

impl Shared {
    /// `None`: this codec remembers, and has to be encoded for each.
    fn encoded(&mut self, codec: Codec, streams: usize) -> Option<&Payload> {
        let place = match codec {
            Codec::Pcma => &mut self.encoded[0],
            Codec::Pcmu => &mut self.encoded[1],
            Codec::G722 | Codec::Opus => return None,
        };
        Some(place.get_or_insert_with(|| {
            let mut octets = [codec.silence(); FRAME];
            if streams > 0 {
                codec.encode(&self.frame, &mut octets);
            }
            let mut payload = Payload::EMPTY;
            payload.set(&octets);
            payload
        }))
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
            tone: Player::default(),
            tone_ways: ways(),
            limiter: Limiter::default(),
        }
    }

    /// Play a tone to everybody.
    pub fn play(&mut self, prompts: &Arc<PromptSet>, tone: PromptId) {
        // Nobody waits for its end: the token is never told.
        self.tone.say(prompts, Utterance::from_iter([tone]), SayToken::default());
    }

    /// One tick.
    pub fn turn<P: Ports>(&mut self, now: Instant, turn: Turn, seats: &mut Seats, mixer: &mut Mixer, ears: &mut Ears, ports: &mut P) {
        mixer.begin();
        seats.each(self.members, |slot, seat| {
            if let Some(sounding) = seat.listen(now, turn, slot, ears, ports) {
                mixer.want(seat.voice.listens);
                mixer.hear(&mut seat.voice, sounding, !seat.leaving);
            }
        });
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

        let mut shared = Shared { frame: SILENCE, encoded: [None, None] };
        let mut sound = Sound::silence(Rate::Narrow);
        mixer.shared(Rate::Narrow, &mut self.limiter, &mut sound);
        shared.frame.copy_from_slice(sound.samples());
        let streams = mixer.streams(Rate::Narrow);
        let limiter = self.limiter;
        seats.each(self.members, |slot, seat| {
            if !seat.present {
                return;
            }
            let speaks = seat.voice.adds();
            if !speaks {
                // Should it speak next, its own mix goes on as loud as the shared one was.
                seat.limiter = limiter;
            }
            let prompted = seat.player.speaking();
            let target = match (seat.leaving, prompted) {
                (true, _) => Hearing::NOTHING,
                (false, true) => Hearing::DUCKED,
                (false, false) => Hearing::FULL,
            };
            let plain = !prompted && target == Hearing::FULL && seat.hearing == Hearing::FULL;
            if plain && !speaks {
                match shared.encoded(seat.leg.codec(), streams) {
                    Some(payload) => seat.send(now, slot, payload, ports),
                    None => seat.send_frame(now, slot, &shared.frame, ports),
                }
            } else if plain && streams == 1 {
                // Alone in the sum.
                seat.send_silence(now, slot, ports);
            } else {
                let mut frame = shared.frame;
                if speaks {
                    mixer.without(&seat.voice, &mut seat.limiter, &mut sound);
                    frame.copy_from_slice(sound.samples());
                }
                if !plain {
                    seat.hearing.toward(target, &mut frame);
                    seat.hear_speech(ears, &mut frame);
                }
                seat.send_frame(now, slot, &frame, ports);
            }
        });
    }

    /// While few are in it, follow the speakers' packets to the phase on which they wait least.
    pub fn reconsider(&mut self, epoch: Instant, turn: Turn, seats: &Seats) {
        // The key spreads the looks of many meetings.
        let look = (turn.wake / PHASES as u64 + u64::from(self.key.0)).is_multiple_of(LOOK);
        if look && self.members.len() <= FEW {
            let waits = seats.iter(self.members).filter_map(|(_, seat)| seat.leg.phase_waits(epoch));
            let phase = phase::best(self.round.phase, waits);
            if phase != self.round.phase {
                self.round.shift(turn, phase);
            }
        }
    }
}
