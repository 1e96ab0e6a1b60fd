//! What is heard where nothing came: what the next packet carries of it, else what the codec makes of the past, else what we make of it.

use super::super::jitter::{JitterBuffer, UNITS_A_MS};
use super::{Playout, State};
use crate::codec::{Codec, Decoders};

/// Sound made up by a codec itself for longer than this is at an end, ms.
const OWN_MS: i64 = 100;

impl Playout {
    /// Whether what was lost and partly made up already may be played late, whole, from what the next packet carries of it: where the delay
    /// should be as long as it then is. `at` samples of this tick are rendered.
    pub(super) fn may_be_late(&self, buffer: &mut JitterBuffer, gap: i64, at: usize) -> bool {
        let per = self.units_a_sample();
        let repeated = buffer.peek().map_or(0, |next| Decoders::repeated(next.codec, next.payload)) as i64 * per;
        repeated == gap && buffer.surplus().is_some_and(|surplus| surplus + at as i64 * per <= UNITS_A_MS)
    }

    /// At most `missing` samples for sound that is known to be lost; how many.
    pub(super) fn fill_gap(
        &mut self,
        buffer: &mut JitterBuffer,
        decoders: &mut Decoders,
        codec: Codec,
        missing: i64,
        out: &mut [i16],
    ) -> usize {
        let per = self.units_a_sample();
        // The redundancy is about what lies just before the packet that carries it.
        let repeated = buffer.peek().map_or(0, |next| Decoders::repeated(codec, next.payload));
        if missing <= repeated as i64 && !self.dozes() {
            let payload = buffer.peek().map(|next| next.payload);
            if decoders.conceal(codec, payload, self.room.tape.room(repeated)) == repeated {
                // Sent twice: nothing is made up.
                self.room.tape.push(repeated, repeated - missing as usize);
                buffer.fill(missing * per);
                return 0;
            }
        }
        // The codec's own means make whole quarters of 10 ms, at most a tick at a time.
        let quarter = (self.rate.hz() / 400) as i64;
        let before = if missing > repeated as i64 { missing - repeated as i64 } else { missing };
        let length = before.min(self.rate.frame() as i64);
        if length % quarter == 0 && matches!(self.state, State::Plain | State::Own) && !self.dozes() {
            let made = decoders.conceal(codec, None, self.room.tape.room(length as usize));
            if made > 0 {
                self.room.tape.push(made, 0);
                self.counts.gaps += u64::from(self.state == State::Plain);
                self.count(made);
                self.state = State::Own;
                buffer.fill(made as i64 * per);
                return 0;
            }
        }
        let length = before.clamp(1, out.len() as i64) as usize;
        let made = self.make_up(decoders, &mut out[..length]);
        buffer.skip_to(buffer.taken() + made as i64 * per);
        made
    }

    /// Sound in place of sound; all of `out`.
    pub(super) fn make_up(&mut self, decoders: &mut Decoders, out: &mut [i16]) -> usize {
        let per = self.units_a_sample();
        let plain = matches!(self.state, State::Plain | State::Own) && !self.dozes();
        let own = plain && self.background.is_none() && out.len() == self.rate.frame();
        if let Some(codec) = self.codec.filter(|_| own) {
            let made = decoders.conceal(codec, None, out);
            if made == out.len() {
                self.counts.gaps += u64::from(self.state == State::Plain);
                self.state = State::Own;
                self.count(made);
                if (self.owed + made as i64 * per) > OWN_MS * UNITS_A_MS {
                    self.conceal();
                }
                self.room.tape.remember(out);
                return made;
            }
        }
        if matches!(self.state, State::Plain | State::Own) {
            self.counts.gaps += u64::from(self.state == State::Plain && self.background.is_none());
            self.conceal();
        }
        if self.state == State::Pause {
            out.fill(0);
        } else {
            self.room.concealer.render(out);
            if self.background.is_none() {
                self.count(out.len());
            }
            if self.room.concealer.is_silent() || self.background.is_some() {
                self.state = State::Pause;
            }
        }
        if let Some((_, background)) = &self.background {
            self.noise.mix_into(background, self.rate, out);
        }
        self.room.tape.remember(out);
        out.len()
    }

    pub(super) fn conceal(&mut self) {
        self.room.concealer.begin(self.room.tape.past(), self.rate);
        self.state = State::Concealing;
    }
}
