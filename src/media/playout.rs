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
mod doze;
mod gaps;
mod patch;
mod tape;

use self::adjust::Adjuster;
use self::doze::Doze;
pub use self::doze::Wanted;
pub use self::patch::Patch;
use self::tape::{Tape, longest_packet};
use super::jitter::{JitterBuffer, UNITS_A_MS};
use super::rate_of;
use crate::audio::conceal::Concealer;
use crate::audio::noise::{Background, Noise};
use crate::audio::{RATE_HZ, Rate, Sound};
use crate::codec::{Codec, Decoders};

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

/// Memory for the sound of one stream, at rates up to its top one: 6 kB for phones, 30 kB for Opus.
pub struct Room {
    top: Rate,
    tape: Tape,
    concealer: Concealer,
    /// What of the last tick came.
    patch: Patch,
    /// Where decoding is worth being spared.
    doze: Option<Box<Doze>>,
}

impl Room {
    /// For sound at rates up to `top`.
    pub fn new(top: Rate) -> Self {
        Self {
            top,
            tape: Tape::new(top),
            concealer: Concealer::new(top),
            patch: Patch::new(top),
            doze: (top == Rate::Full).then(Box::default),
        }
    }
}

/// Renders one stream.
pub struct Playout {
    rate: Rate,
    codec: Option<Codec>,
    state: State,
    /// What of this tick anybody wants.
    wanted: Wanted,
    room: Room,
    /// Units made up while the next sound was awaited: if it was lost, so much of the gap is filled.
    owed: i64,
    noise: Noise,
    /// The background the caller's phone described, and from where in the sound on.
    background: Option<(i64, Background)>,
    adjuster: Adjuster,
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

impl Playout {
    /// Nothing has come yet.
    pub fn new(room: Room) -> Self {
        Self {
            rate: Rate::Narrow,
            codec: None,
            state: State::Pause,
            wanted: Wanted::Sound,
            room,
            owed: 0,
            noise: Noise::default(),
            background: None,
            adjuster: Adjuster::default(),
            counts: Counts::default(),
        }
    }

    /// Whether there is room for the sound of a codec.
    pub fn takes(&self, codec: Codec) -> bool {
        rate_of(codec) <= self.room.top
    }

    /// Take a larger room; gives back the one that is not needed.
    pub fn widen(&mut self, mut room: Room) -> Room {
        if room.top <= self.room.top {
            return room;
        }
        room.tape.take_over(&self.room.tape);
        room.concealer.take_over(&self.room.concealer);
        std::mem::replace(&mut self.room, room)
    }

    /// The next tick comes soon: ask for where it will be decoded ([`crate::audio::prefetch`]).
    pub fn prefetch_more(&self) {
        self.room.tape.prefetch(self.rate);
    }

    /// The next tick of `buffer`. `sound` gets the rate of the caller's codec.
    pub fn render(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, wanted: Wanted, sound: &mut Sound) {
        self.wanted = wanted;
        buffer.tick();
        self.follow_rate(buffer);
        sound.set_rate(self.rate);
        let out = sound.samples_mut();
        let whole = out.len();
        let mut at = 0;
        self.room.patch.begin();
        if self.adjust(buffer, decoders, out) {
            at = whole;
        }
        while at < whole {
            let written = self.step(buffer, decoders, &mut out[at..], at);
            self.room.patch.note(&out[..at + written], at, self.state != State::Plain);
            at += written;
        }
        // After a pause play-out still stands before it: no sound waits as long as that.
        let delay = if self.state == State::Pause { buffer.waiting() } else { buffer.held() };
        self.counts.most_delay = self.counts.most_delay.max(eighths(delay));
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
        &self.room.patch
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What was decoded and what was heard has nothing to do with what comes next.
    pub fn reset(&mut self) {
        self.background = None;
        self.room.tape.clear();
        if let Some(doze) = &mut self.room.doze {
            doze.clear();
        }
        self.conceal();
        self.state = State::Pause;
        self.owed = 0;
    }

    /// Some samples of this tick into `out`, `at` of which are rendered already; how many.
    fn step(&mut self, buffer: &mut JitterBuffer, decoders: &mut Decoders, out: &mut [i16], at: usize) -> usize {
        if !self.room.tape.ready().is_empty() {
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
                let more = self.room.concealer.to_whole_period().min(out.len());
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
        let length = self.room.tape.play(out);
        buffer.advance(length as i64 * self.units_a_sample());
        length
    }

    /// Real sound is ready again.
    fn come_back(&mut self) {
        match self.state {
            State::Plain => return,
            State::Concealing | State::Pause => {
                let ready = self.room.tape.ready_mut();
                self.room.patch.keep(ready);
                self.room.concealer.merge(ready);
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
        let length = ((next.length / per) as usize).min(longest_packet(self.rate));
        let room = self.room.tape.room(length);
        let passed = self.room.doze.as_mut().is_some_and(|doze| doze.pass(self.wanted, codec, next.payload, decoders, room));
        let written = if passed { 0 } else { decoders.decode(codec, next.payload, room).min(length) };
        // A broken packet is as good as silence.
        room[written..].fill(0);
        let known = ((taken - position).max(0) / per) as usize;
        self.room.tape.push(length, known.min(length));
        self.codec = Some(codec);
        if self.background.is_some_and(|(from, _)| from <= position) {
            self.background = None;
        }
        buffer.pop();
    }

    /// A packet of another sampling rate is next and nothing of the former is left: go on at its rate.
    fn follow_rate(&mut self, buffer: &mut JitterBuffer) {
        if !self.room.tape.ready().is_empty() {
            return;
        }
        let Some(rate) = buffer.peek().map(|next| rate_of(next.codec)).filter(|rate| *rate != self.rate) else { return };
        self.room.tape.change_rate(self.rate, rate);
        self.rate = rate;
        if self.state != State::Pause {
            self.conceal();
        }
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

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("top", &self.top).finish_non_exhaustive()
    }
}

/// Units as samples at 8 kHz.
pub(super) fn eighths(units: i64) -> u32 {
    // At most some seconds.
    (units * 8 / UNITS_A_MS) as u32
}

#[cfg(test)]
mod tests;
