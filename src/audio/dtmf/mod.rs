//! In-band keys: which key a caller presses, heard in the sound itself (DTMF), and which samples of it nobody else should hear.
//!
//! Limits are those of ITU-T Q.24 (the column of AT&T) together with ETSI ES 201 235-3. Three steps, each dearer and rarer than the one before:
//! a `bank` of eight correlations for every 5 ms; where two frequencies of the keypad explain the sound, a `look` at the samples themselves:
//! the two sines that explain them best (`fit`), their exact frequencies, levels, steadiness, first and last sample; and a memory of the press
//! that is going on, so that a dropout or a lost packet leaves one key.
//!
//! Nothing is allocated. Nothing here shows a key.

mod bank;
mod dial;
mod fit;
mod look;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod wide;

use std::fmt;

use self::bank::{BLOCK, BLOCKS, Block, Sums};
use self::dial::{Dial, Swings};
use self::look::{Grade, Held, Sight};
use super::{FRAME, Frame, prefetch};
use crate::names::Key;

/// Ticks of sound that are held: the newest and two before it, as long as the longest stretch that is looked at.
const HELD_TICKS: usize = 3;
const HELD: usize = HELD_TICKS * FRAME;
const HELD_BLOCKS: usize = HELD_TICKS * BLOCKS;
/// Where the newest tick begins, in the order of time.
const NEW: usize = HELD - FRAME;
const NEW_BLOCK: usize = HELD_BLOCKS - BLOCKS;

/// A tick with less energy than a tone of −46 dBm0 would have holds no key.
const LEAST_ENERGY: f32 = FRAME as f32 * 100.0 * 100.0 / 2.0;

/// What was heard in a tick.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Heard {
    /// A key that was pressed; once for each press.
    pub key: Option<Key>,
    /// First sample of this tick that belongs, or may well belong, to the tone of a key.
    pub from: usize,
    /// The sample after the last such one; `from == to`: none.
    pub to: usize,
    /// At the end of this tick the tone of a key is going on, or what may well be its first moments, too short to tell as yet.
    pub goes_on: bool,
}

/// The key that is being pressed.
#[derive(Clone, Copy)]
struct Press {
    key: u8,
    /// Correlation power of row and column in a block of its tone.
    power: [f32; 2],
    /// Squared amplitudes of its tones.
    level: [f32; 2],
    /// The sample after its tone's last, counted in what is held.
    end: i32,
    /// The sample after the last of what followed without a gap, weaker: an echo.
    tail: i32,
}

/// Something like a tone that was too short to be a key yet.
#[derive(Clone, Copy)]
struct Piece {
    key: u8,
    length: usize,
    end: i32,
}

/// Hears keys in one caller's sound.
#[derive(Clone, Copy)]
pub struct DtmfDetector {
    /// The ticks that are held, in a ring.
    sound: [Frame; HELD_TICKS],
    blocks: [[Block; BLOCKS]; HELD_TICKS],
    /// Place of the newest.
    newest: usize,
    /// Ticks of silence up to now, as far as they matter.
    silent: usize,
    dial: Dial,
    press: Option<Press>,
    piece: Option<Piece>,
}

/// A pause of 40 ms separates two presses of a key (ITU-T Q.24), a lost packet of 20 ms does not.
const SAME_PRESS: i32 = 240;
/// Shortest tone that is a key while it goes on: 20.6 ms. Under 20 ms must be refused (ETSI ES 201 235-3).
const ONGOING: usize = 165;
/// Shortest tone that is a key when it is over: 24 ms. Under 23 ms should be refused (ITU-T Q.24, AT&T), 40 ms must be accepted.
const OVER: usize = 192;
/// Shortest tone that is a key although it did not begin out of silence: 30 ms.
const PURE: usize = 240;
/// A dropout of 10 ms or a lost packet of 20 ms leaves one tone; samples.
const DROPOUT: i32 = 200;
/// Shortest tone that others should not hear.
const SUSPICIOUS: usize = 104;
/// Part of a block's energy that two frequencies of the keypad explain where a tone begins.
const BEGINS: f32 = 0.85;
/// Most energy before that, as a part of it: 10 dB below.
const BEFORE: f32 = 0.1;
/// How near the end of a tick a tone must reach to go on.
const AT_END: usize = 6;

impl Default for DtmfDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DtmfDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DtmfDetector(…)")
    }
}

impl DtmfDetector {
    /// Has heard nothing yet.
    pub fn new() -> Self {
        Self {
            sound: [[0; FRAME]; HELD_TICKS],
            blocks: [[Block::SILENT; BLOCKS]; HELD_TICKS],
            newest: 0,
            silent: HELD_TICKS + 1,
            dial: Dial::new(),
            press: None,
            piece: None,
        }
    }

    /// Forget what was heard.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Whether a key is being pressed, as far as is known.
    pub fn is_pressed(&self) -> bool {
        self.press.is_some()
    }

    /// The next tick comes soon ([`super::prefetch`]).
    pub fn prefetch(&self) {
        prefetch::all(&self.newest);
        prefetch::all(&self.silent);
        prefetch::all(&self.dial);
        prefetch::all(&self.press);
        prefetch::all(&self.piece);
    }

    /// It comes sooner: ask for what lies where that says.
    pub fn prefetch_more(&self) {
        if self.silent <= HELD_TICKS {
            let (oldest, newest) = (self.place(0), self.newest);
            prefetch::all(&self.sound[oldest]);
            prefetch::all(&self.blocks[oldest]);
            prefetch::all(&self.blocks[newest]);
        }
    }

    /// Hear the next tick.
    pub fn hear(&mut self, frame: &Frame) -> Heard {
        #[cfg(target_arch = "x86_64")]
        if let Some(heard) = wide::hear(self, frame) {
            return heard;
        }
        self.hear_by(frame, bank::correlate, bank::energy)
    }

    /// By means of these sums or what does the same. Inlined, with what it calls for every tick, into a caller for this processor.
    #[inline(always)]
    fn hear_by(
        &mut self,
        frame: &Frame,
        correlate: impl Fn(&[i16; BLOCK]) -> Sums,
        energy: impl Fn(&[i16; BLOCK], &[i16; BLOCK]) -> f32,
    ) -> Heard {
        let energies = energies(frame, &energy);
        let silent = energies.iter().sum::<f32>() < LEAST_ENERGY;
        self.silent = if silent { (self.silent + 1).min(HELD_TICKS + 1) } else { 0 };
        if self.silent > HELD_TICKS {
            return Heard::default();
        }
        self.hold(frame, energies, silent, energy);
        let mut heard = Heard::default();
        self.listen(correlate);
        let known = self.follow(&mut heard);
        if silent {
            return heard;
        }
        if let Some(sight) = self.look(known) {
            heard.goes_on = sight.to + AT_END >= HELD;
            self.weigh(sight, &mut heard);
        }
        heard.goes_on |= heard.from < heard.to && heard.to == FRAME || self.begins();
        heard
    }

    /// The newest tick in, the oldest out.
    #[inline(always)]
    fn hold(&mut self, frame: &Frame, mut energies: [f32; BLOCKS], silent: bool, energy: impl Fn(&[i16; BLOCK], &[i16; BLOCK]) -> f32) {
        self.newest = (self.newest + 1) % HELD_TICKS;
        let samples = &mut self.sound[self.newest];
        *samples = *frame;
        let swings = Swings { changes: dial::changes(frame, &energy), energy: energies[BLOCKS - 1] };
        if self.dial.pass(samples, energies.iter().sum(), swings, self.press.is_some()) {
            energies = self::energies(samples, energy);
        }
        self.blocks[self.newest] = energies.map(|energy| if silent { Block::SILENT } else { Block::unheard(energy) });
        if let Some(press) = &mut self.press {
            press.end -= FRAME as i32;
            press.tail -= FRAME as i32;
        }
        self.piece = self.piece.map(|piece| Piece { end: piece.end - FRAME as i32, ..piece }).filter(|piece| piece.end > 0);
    }

    /// Where in the ring a tick is, counted from the oldest.
    #[inline(always)]
    fn place(&self, tick: usize) -> usize {
        let place = self.newest + 1 + tick;
        if place < HELD_TICKS { place } else { place - HELD_TICKS }
    }

    /// A block, counted from the oldest.
    #[inline(always)]
    fn block(&self, b: usize) -> &Block {
        &self.blocks[self.place(b / BLOCKS)][b % BLOCKS]
    }

    /// Correlate what may matter. A tone that is a key reaches over the end of this tick, or over its beginning: in most sound neither the
    /// last block of this tick nor that of the one before is like a key, and then the others are left.
    #[inline(always)]
    fn listen(&mut self, correlate: impl Fn(&[i16; BLOCK]) -> Sums) {
        let known = self.press.is_some() || self.piece.is_some() || self.block(NEW_BLOCK - 1).like_a_key;
        for tick in (0..HELD_TICKS).rev() {
            let tick = self.place(tick);
            for (block, samples) in self.blocks[tick].iter_mut().zip(self.sound[tick].as_chunks::<BLOCK>().0).rev() {
                if block.unheard {
                    *block = bank::listen(samples, block.energy, &correlate);
                }
                if !known && !block.like_a_key {
                    return;
                }
            }
        }
    }

    /// How the press goes on; which blocks of the newest tick are of it.
    #[inline(always)]
    fn follow(&mut self, heard: &mut Heard) -> [bool; BLOCKS] {
        let mut known = [false; BLOCKS];
        // In place: what `hold` has just changed of it is not ready to be copied whole.
        let Some(press) = &mut self.press else { return known };
        for (b, block) in self.blocks[self.newest].iter().enumerate() {
            let from = NEW + b * BLOCK;
            let start = from as i32;
            if start - press.end > SAME_PRESS && start - press.tail > BLOCK as i32 {
                self.press = None;
                return [false; BLOCKS];
            }
            if press.is_in(block) {
                known[b] = true;
                press.end = start + BLOCK as i32;
                heard.mute(from - BLOCK, from + 2 * BLOCK);
            } else if start == press.end {
                heard.mute(from, from + BLOCK);
            }
        }
        known
    }

    /// Whether a tone may have begun in the last 15 ms, out of next to nothing, too shortly ago for a look.
    fn begins(&self) -> bool {
        let last = self.block(HELD_BLOCKS - 1);
        if !last.like_a_key || last.explained() <= BEGINS {
            return false;
        }
        self.block(NEW_BLOCK).energy < BEFORE * last.energy
    }

    /// Look at the last stretch of blocks that are like a key and are not the press that is known.
    #[inline(always)]
    fn look(&self, known: [bool; BLOCKS]) -> Option<Sight> {
        if known == [true; BLOCKS] {
            return None;
        }
        let mut last = HELD_BLOCKS;
        while last > NEW_BLOCK {
            let mut first = last;
            while first > 0 && self.block(first - 1).like_a_key {
                first -= 1;
            }
            // A tone that is over is a key only with three whole blocks or more; one that goes on is suspicious with two.
            let enough = if last == HELD_BLOCKS { 2 } else { 3 };
            if last - first >= enough && !known[first.max(NEW_BLOCK) - NEW_BLOCK..last - NEW_BLOCK].iter().all(|known| *known) {
                let (piece, pressed) = (self.piece.map(|piece| piece.key), self.press.map(|press| press.end));
                let (sound, blocks) = self.in_order();
                return look::look(Held { sound: &sound, blocks: &blocks, piece, pressed }, first, last);
            }
            last = if first < last { first } else { last - 1 };
        }
        None
    }

    /// All that is held, oldest first.
    fn in_order(&self) -> ([f32; HELD], [Block; HELD_BLOCKS]) {
        let (mut sound, mut blocks) = ([0.0; HELD], [Block::SILENT; HELD_BLOCKS]);
        for tick in 0..HELD_TICKS {
            let place = self.place(tick);
            for (to, from) in sound[tick * FRAME..][..FRAME].iter_mut().zip(&self.sound[place]) {
                *to = f32::from(*from);
            }
            blocks[tick * BLOCKS..][..BLOCKS].copy_from_slice(&self.blocks[place]);
        }
        (sound, blocks)
    }

    fn weigh(&mut self, sight: Sight, heard: &mut Heard) {
        let Sight { key, from, to, powers, grade } = sight;
        let length = to - from;
        let goes_on = to + AT_END >= HELD;
        if let Some(press) = self.press.filter(|press| press.key == key)
            && (from as i32 - press.end <= SAME_PRESS || from as i32 - press.tail <= BLOCK as i32)
        {
            heard.mute(from, if goes_on { HELD } else { to + 8 });
            let end = if Press::as_loud(powers, press.level) { press.end.max(to as i32) } else { press.end };
            self.press = Some(Press { end, tail: to as i32, ..press });
            return;
        }
        // What went before it of the same key, up to a dropout or a splice, counts, too.
        let before = self.piece.filter(|piece| piece.key == key && from as i32 - piece.end < DROPOUT);
        let total = before.map_or(length, |piece| length.max(piece.length + (to as i32 - piece.end.max(from as i32)).max(0) as usize));
        if length < SUSPICIOUS && before.is_none() {
            return;
        }
        heard.mute(from.saturating_sub(8), if goes_on { HELD } else { to + 8 });
        let long_enough = match grade {
            Grade::Good if goes_on => ONGOING,
            Grade::Good => OVER,
            Grade::Pure => PURE,
        };
        if total >= long_enough {
            let (row, column) = (usize::from(key / 4), usize::from(key % 4));
            let inside = (from.div_ceil(BLOCK)..(to / BLOCK).min(HELD_BLOCKS)).map(|b| self.block(b));
            let mut power = [0.0f32; 2];
            let count = inside.len().max(1) as f32;
            for block in inside {
                power[0] += block.power(row) / count;
                power[1] += block.power(4 + column) / count;
            }
            self.press = Some(Press { key, power, level: powers, end: to as i32, tail: to as i32 });
            self.piece = None;
            heard.key = Key::from_char(char::from(PAD[usize::from(key) % PAD.len()]));
        } else {
            self.piece = Some(Piece { key, length: total, end: to as i32 });
        }
    }
}

/// Energy of each block of a tick. Inlined into a caller for this processor.
#[inline(always)]
fn energies(frame: &Frame, energy: impl Fn(&[i16; BLOCK], &[i16; BLOCK]) -> f32) -> [f32; BLOCKS] {
    let (blocks, _) = frame.as_chunks();
    std::array::from_fn(|b| energy(&blocks[b], &bank::SILENCE))
}

/// The keys on a pad of four by four.
const PAD: &[u8; 16] = b"123A456B789C*0#D";

impl Press {
    /// Whether its tone is in a block.
    #[inline(always)]
    fn is_in(&self, block: &Block) -> bool {
        let powers = [block.power(usize::from(self.key / 4)), block.power(4 + usize::from(self.key % 4))];
        // Crosstalk of the stronger tone may make a neighbour of the weaker look a little stronger than it is.
        let [row, column] = block.strongest;
        Self::as_loud(powers, self.power) && row < 2.0 * powers[0] && column < 2.0 * powers[1]
    }

    /// Not 7 dB weaker: an echo after the tone is 10 dB below it.
    fn as_loud(now: [f32; 2], then: [f32; 2]) -> bool {
        now[0] > then[0] / 5.0 && now[1] > then[1] / 5.0
    }
}

impl Heard {
    /// Widen by samples counted in what is held; those of older ticks have been heard already.
    fn mute(&mut self, from: usize, to: usize) {
        let (from, to) = (from.max(NEW) - NEW, to.clamp(NEW, HELD) - NEW);
        if from >= to {
            return;
        }
        if self.from == self.to {
            (self.from, self.to) = (from, to);
        } else {
            (self.from, self.to) = (self.from.min(from), self.to.max(to));
        }
    }
}
