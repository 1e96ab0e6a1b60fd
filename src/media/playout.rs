//! Play-out: renders exactly one tick of a caller's sound, whatever has come.
//!
//! Usually the next 20 ms are there and are what is heard, bit by bit. Where they are not, sound is made up from the past
//! ([`crate::audio::conceal`], or the codec's own means) until one of three things shows what happened:
//!
//! - *What comes next begins later:* something was lost. As much is made up as is missing, and no delay is added. (Where the next packet carries
//!   it again, and is here in time, that is played.)
//! - *What was missing comes after all:* it was late. It is played then, so nothing of it is lost, and the delay has grown at once by as much as
//!   it was late. (If few are that late, `adjust.rs` sheds the delay again.)
//! - *Nothing comes:* after 60 ms it is silent, or sounds like the background the caller's phone described (RFC 3389). What comes then
//!   begins with the delay that suits the network, however long it was.
//!
//! ```text
//! buffer (packets) -> decode -> ready (samples) -> [made up | shortened | lengthened] -> one tick, and the past
//! ```

mod adjust;
mod gaps;
mod patch;

use self::adjust::Adjuster;
pub use self::patch::Patch;
use super::jitter::{JitterBuffer, UNITS_A_MS};
use super::rate_of;
use crate::audio::conceal::{Concealer, PAST};
use crate::audio::noise::{Background, Noise};
use crate::audio::{LONGEST_FRAME, RATE_HZ, Rate, Sound};
use crate::codec::{Codec, Decoders};

/// Longest packet taken, samples: 120 ms of Opus (RFC 6716 §2.1.4), and far more than RFC 3551 §4.2 asks for (200 ms at 8 kHz).
const LONGEST_PACKET: usize = 5760;
/// Samples decoded ahead: a packet, and what a change of length looks at.
const READY: usize = LONGEST_PACKET + 3 * LONGEST_FRAME;

/// What is being heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The caller.
    Plain,
    /// Sound made up from the past.
    Concealing,
    /// Sound made up by the decoder.
    Own,
    /// Nothing, or the background.
    Pause,
}

/// Renders one stream.
pub struct Playout {
    rate: Rate,
    codec: Option<Codec>,
    state: State,
    /// Decoded samples: those from `from` to `to` are still to be played, the first of them at the buffer's play position.
    ready: Box<[i16]>,
    from: usize,
    to: usize,
    /// What was rendered last, newest last.
    past: Box<[i16]>,
    concealer: Concealer,
    /// Units made up while the next sound was awaited: if it was lost, so much of the gap is filled.
    owed: i64,
    noise: Noise,
    /// The background the caller's phone described, and from where in the sound on.
    background: Option<(i64, Background)>,
    adjuster: Adjuster,
    /// What of the last tick came.
    patch: Patch,
    counts: Counts,
}

/// What was done, samples at 8 kHz.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Made up in place of sound that did not come in time. Of a pause only its beginning counts.
    pub concealed: u64,
    /// Taken out to shed delay.
    pub shed: u64,
    /// Put in to wait longer.
    pub stretched: u64,
    /// Most held at the end of a tick.
    pub most_delay: u32,
    /// Stretches of made-up sound.
    pub gaps: u64,
}

impl Default for Playout {
    fn default() -> Self {
        Self {
            rate: Rate::Narrow,
            codec: None,
            state: State::Pause,
            ready: vec![0; READY].into_boxed_slice(),
            from: 0,
            to: 0,
            past: vec![0; PAST].into_boxed_slice(),
            concealer: Concealer::default(),
            owed: 0,
            noise: Noise::default(),
            background: None,
            adjuster: Adjuster::default(),
            patch: Patch::default(),
            counts: Counts::default(),
        }
    }
}

impl Playout {
    /// The next tick of `buffer`. `sound` gets the rate of the caller's codec.
    pub fn render(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, sound: &mut Sound) {
        buffer.tick();
        self.follow_rate(buffer);
        sound.set_rate(self.rate);
        let out = sound.samples_mut();
        let whole = out.len();
        let mut at = 0;
        self.patch.begin();
        if self.adjust(buffer, decoders, out) {
            self.remember(out);
            at = whole;
        }
        while at < whole {
            let written = self.step(buffer, decoders, &mut out[at..], at);
            self.remember(&out[at..at + written]);
            self.patch.note(&out[..at + written], at, self.state != State::Plain);
            at += written;
        }
        self.counts.most_delay = self.counts.most_delay.max(eighths(buffer.held()));
    }

    /// The caller says nothing from `position` on, and it sounds like this.
    pub fn background(&mut self, position: i64, background: Background) {
        if self.background.is_none() {
            self.noise.begin();
        }
        self.background = Some((position, background));
    }

    /// What of the last tick came, and what was made up.
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What was decoded and what was heard has nothing to do with what comes next.
    pub fn reset(&mut self) {
        (self.from, self.to) = (0, 0);
        self.background = None;
        self.past.fill(0);
        self.conceal();
        self.state = State::Pause;
        self.owed = 0;
    }

    /// Some samples of this tick into `out`, `at` of which are rendered already; how many.
    fn step(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, out: &mut [i16], at: usize) -> usize {
        if self.from < self.to {
            return self.play(buffer, out);
        }
        let per = self.units_a_sample();
        let (taken, state) = (buffer.taken(), self.state);
        let wait_for = buffer.peek().map(|next| (next.position, next.codec));
        let Some((position, codec)) = wait_for.filter(|&(_, codec)| rate_of(codec) == self.rate) else {
            let made = self.make_up(decoders, out);
            self.owed += made as i64 * per;
            return made;
        };
        if state == State::Pause {
            // Whatever the pause was, what comes next is played with the delay that suits the network.
            let wait = (buffer.wait_for(position.max(taken)) / per) as usize;
            if wait > at {
                let length = (wait - at).min(out.len());
                return self.make_up(decoders, &mut out[..length]);
            }
            self.owed = 0;
            buffer.skip_to(position);
        }
        let mut gap = (position - buffer.taken()).max(0);
        if self.owed > 0 {
            if gap > 0 && !self.may_be_late(buffer, gap, at) {
                // Lost, and made up while it was awaited.
                let filled = gap.min(self.owed);
                buffer.skip_to(buffer.taken() + filled);
                gap -= filled;
            } else if gap == 0 && state == State::Concealing {
                // Late: it fits on after a whole period.
                let more = self.concealer.to_whole_period().min(out.len());
                if more > 0 {
                    let made = self.make_up(decoders, &mut out[..more]);
                    self.owed += made as i64 * per;
                    return made;
                }
            }
            self.owed = 0;
        }
        if gap > 0 {
            return self.fill_gap(buffer, decoders, codec, gap / per, out);
        }
        self.decode(buffer, decoders);
        0
    }

    /// Play what is ready.
    fn play(&mut self, buffer: &mut JitterBuffer, out: &mut [i16]) -> usize {
        self.come_back();
        let length = out.len().min(self.to - self.from);
        out[..length].copy_from_slice(&self.ready[self.from..self.from + length]);
        self.from += length;
        buffer.advance(length as i64 * self.units_a_sample());
        length
    }

    /// Real sound is ready again.
    fn come_back(&mut self) {
        match self.state {
            State::Plain => return,
            State::Concealing | State::Pause => {
                let ready = &mut self.ready[self.from..self.to];
                self.patch.keep(ready);
                self.concealer.merge(ready);
            }
            // The decoder has seen to it.
            State::Own => {}
        }
        self.state = State::Plain;
    }

    /// The next packet, which begins at or before what is taken, becomes ready.
    fn decode(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders) {
        let per = self.units_a_sample();
        let taken = buffer.taken();
        let Some(next) = buffer.peek() else { return };
        let (codec, position) = (next.codec, next.position);
        let length = ((next.length / per) as usize).min(LONGEST_PACKET);
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
        } else if self.to + length > self.ready.len() {
            self.ready.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        let room = &mut self.ready[self.to..self.to + length];
        let written = decoders.decode(codec, next.payload, room).min(length);
        // A broken packet is as good as silence.
        room[written..].fill(0);
        let known = ((taken - position).max(0) / per) as usize;
        let known = known.min(length);
        if known > 0 {
            self.ready.copy_within(self.to + known..self.to + length, self.to);
        }
        self.to += length - known;
        self.codec = Some(codec);
        if self.background.is_some_and(|(from, _)| from <= position) {
            self.background = None;
        }
        buffer.pop();
    }

    /// A packet of another sampling rate is next and nothing of the former is left: go on at its rate.
    fn follow_rate(&mut self, buffer: &mut JitterBuffer) {
        if self.from < self.to {
            return;
        }
        let Some(rate) = buffer.peek().map(|next| rate_of(next.codec)).filter(|rate| *rate != self.rate) else { return };
        // The past is only to be faded from: straight lines between its samples will do.
        let (from, to) = (self.rate.hz() as usize, rate.hz() as usize);
        let mut past = [0; PAST];
        let used = PAST * to / Rate::Full.hz() as usize;
        for (n, sample) in past[PAST - used..].iter_mut().rev().enumerate() {
            let back = n * from / to;
            let (part, near) = (n * from % to, PAST - 1 - back.min(PAST - 2));
            let (a, b) = (i32::from(self.past[near]), i32::from(self.past[near - 1]));
            *sample = (a + (b - a) * part as i32 / to as i32) as i16;
        }
        self.past.copy_from_slice(&past);
        self.rate = rate;
        if self.state != State::Pause {
            self.conceal();
        }
    }

    fn past_length(&self) -> usize {
        PAST * self.rate.hz() as usize / Rate::Full.hz() as usize
    }

    /// What was rendered is the past of what comes next.
    fn remember(&mut self, rendered: &[i16]) {
        let used = self.past_length();
        let past = &mut self.past[PAST - used..];
        let length = rendered.len().min(used);
        past.copy_within(length.., 0);
        past[used - length..].copy_from_slice(&rendered[rendered.len() - length..]);
    }

    fn count(&mut self, samples: usize) {
        self.counts.concealed += (samples * RATE_HZ as usize / self.rate.hz() as usize) as u64;
    }

    fn units_a_sample(&self) -> i64 {
        UNITS_A_MS * 1000 / i64::from(self.rate.hz())
    }
}

impl std::fmt::Debug for Playout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Playout").field("state", &self.state).field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// Units as samples at 8 kHz.
pub(super) fn eighths(units: i64) -> u32 {
    // At most some seconds.
    (units * 8 / UNITS_A_MS) as u32
}

#[cfg(test)]
mod tests;
