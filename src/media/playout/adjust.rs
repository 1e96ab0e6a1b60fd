//! Keeps the delay where it should be: sheds what is too much, adds what is too little, a period at a time and where nobody hears it.
//!
//! Too much is shed only after half a second of it, for a burst after a stall, or a single late packet, often is followed by what makes it needless.
//! More than 100 ms too much is cut off at once. Too little is added at once.

use super::super::jitter::{JitterBuffer, UNITS_A_MS};
use super::{Playout, State, eighths, rate_of};
use crate::audio::level::energy;
use crate::audio::pitch::LONGEST_MS;
use crate::audio::stretch::{self, Demand, FADE_MS};
use crate::codec::Decoders;

/// Delay over the target that is cut off at once, whatever it costs.
const CAP: i64 = 100 * UNITS_A_MS;
/// Delay over the target that is not worth a change: 1 ms.
const LEAST_OVER: i64 = UNITS_A_MS;
/// Delay under the target that is: 5 ms. Less is the width of the measure.
const LEAST_UNDER: i64 = 5 * UNITS_A_MS;
/// Ticks of too much before anything is shed: half a second.
const PATIENCE: u32 = 25;
/// Ticks between two changes in speech, so that they do not add up to something to be heard.
const REST: u32 = 3;
/// Sound like itself at least this much may be changed (NetEQ's figure); the longer it waits, the less is asked: after 4 s,
/// [`LEAST_LIKE`].
const LIKE: f32 = 0.9;
const LEAST_LIKE: f32 = 0.5;
const EASE: f32 = (LIKE - LEAST_LIKE) / 200.0;
/// Mean square of sound that is quiet whatever else there is: −54 dBov.
const QUIET: f32 = 65.0 * 65.0;
/// Sound this much below the loudest lately is a pause between words: 20 dB.
const PAUSE: f32 = 0.01;
/// What is left of the loudest after a tick: it falls by 6 dB a second.
const FORGET: f32 = 0.973;

/// The patience of one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Adjuster {
    /// Ticks the delay has been too long.
    over: u32,
    /// Ticks the delay has been too short.
    under: u32,
    /// Ticks to rest.
    rest: u32,
    /// Mean square of the loudest tick lately.
    loudest: f32,
}

impl Adjuster {
    fn demand(&self, waited: u32) -> Demand {
        let correlation = (LIKE - EASE * waited as f32).max(LEAST_LIKE);
        Demand { correlation, quiet: QUIET.max(self.loudest * PAUSE) }
    }
}

impl Playout {
    /// Render this tick with a change of length, if one is due and possible.
    pub(super) fn adjust(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, out: &mut [i16]) -> bool {
        let Some(surplus) = buffer.surplus() else { return false };
        if surplus > CAP {
            self.cut(buffer, surplus - CAP);
        }
        let adjuster = &mut self.adjuster;
        adjuster.over = if surplus > LEAST_OVER { adjuster.over.saturating_add(1) } else { 0 };
        adjuster.under = if surplus < -LEAST_UNDER { adjuster.under.saturating_add(1) } else { 0 };
        adjuster.rest = adjuster.rest.saturating_sub(1);
        if self.state != State::Plain || adjuster.over == 0 && adjuster.under == 0 {
            adjuster.loudest *= FORGET;
            return false;
        }
        let past = self.room.tape.past();
        let last = &past[past.len().saturating_sub(out.len())..];
        adjuster.loudest = (adjuster.loudest * FORGET).max(energy(last) as f32 / last.len() as f32);
        if adjuster.rest > 0 || adjuster.under == 0 && adjuster.over < PATIENCE {
            return false;
        }
        let per = self.units_a_sample();
        let longest = self.longest_lag();
        if self.adjuster.over > 0 {
            let most = ((surplus / per) as usize).min(longest);
            self.shorten(buffer, decoders, most, out)
        } else {
            let most = ((-surplus / per) as usize).min(longest);
            self.lengthen(buffer, decoders, most, out)
        }
    }

    fn shorten(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, most: usize, out: &mut [i16]) -> bool {
        self.look_ahead(buffer, decoders, out.len() + most);
        let ready = self.room.tape.ready().len();
        let Some(room) = ready.checked_sub(out.len()).filter(|room| *room > 0) else { return false };
        let at = self.longest_lag();
        let line = self.room.tape.around(at, out.len() + most);
        let demand = self.adjuster.demand(self.adjuster.over - PATIENCE);
        let Some(shift) = stretch::shorten(line, at, most.min(room), demand, self.rate) else { return false };
        stretch::cross(line, at, at + shift, self.rate, out);
        self.counts.shed += u64::from(eighths(shift as i64 * self.units_a_sample()));
        self.consume(buffer, out.len() + shift, out);
        true
    }

    fn lengthen(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, most: usize, out: &mut [i16]) -> bool {
        self.look_ahead(buffer, decoders, out.len());
        let fade = FADE_MS * self.rate.hz() as usize / 1000;
        let ready = self.room.tape.ready().len();
        let at = self.longest_lag();
        let line = self.room.tape.around(at, out.len());
        let demand = self.adjuster.demand(self.adjuster.under);
        let Some(shift) = stretch::lengthen(line, at, most, demand, self.rate) else { return false };
        // The tick ends `shift` samples before what would have been its end, and all of that must be there.
        if ready < fade || ready + shift < out.len() {
            return false;
        }
        stretch::cross(line, at, at - shift, self.rate, out);
        self.counts.stretched += u64::from(eighths(shift as i64 * self.units_a_sample()));
        self.consume(buffer, out.len() - shift, out);
        true
    }

    fn consume(&mut self, buffer: &mut JitterBuffer, samples: usize, heard: &[i16]) {
        self.room.tape.replace(samples, heard);
        buffer.advance(samples as i64 * self.units_a_sample());
        self.adjuster.rest = REST;
    }

    /// Decode until so many samples are ready, as far as they have come without a hole.
    fn look_ahead(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, samples: usize) {
        while self.room.tape.ready().len() < samples {
            let taken = buffer.taken();
            let rate = self.rate;
            if !buffer.peek().is_some_and(|next| next.position <= taken && rate_of(next.codec) == rate) {
                return;
            }
            self.decode(buffer, decoders);
        }
    }

    /// Samples; as much of the past is looked at.
    fn longest_lag(&self) -> usize {
        LONGEST_MS * self.rate.hz() as usize / 1000
    }

    /// Leave out what has waited far too long, as far as there is something after it.
    fn cut(&mut self, buffer: &mut JitterBuffer, too_much: i64) {
        let per = self.units_a_sample();
        let spare = buffer.held() - self.rate.frame() as i64 * per;
        let samples = too_much.min(spare).max(0) / per;
        if samples == 0 {
            return;
        }
        if matches!(self.state, State::Plain | State::Own) {
            // From what was heard into what is heard next: a crossfade.
            self.conceal();
        }
        let before = buffer.waiting();
        let ready = self.room.tape.ready().len();
        self.room.tape.skip(samples as usize);
        if (samples as usize) < ready {
            buffer.advance(samples * per);
        } else {
            let there = buffer.play() + samples * per;
            buffer.skip_to(there);
        }
        // The hole that a pause leaves is no sound.
        self.counts.shed += u64::from(eighths(before - buffer.waiting()));
        self.owed = 0;
    }
}
