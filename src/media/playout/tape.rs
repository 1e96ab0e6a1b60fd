//! What was heard last and what is decoded to be heard next, in one line of samples: what is played stays where it is and is the past then.

use crate::audio::conceal::{PAST, PAST_MS};
use crate::audio::{Rate, prefetch, silence};

/// The two, of one stream. At least as much of the past as [`PAST_MS`] is always there; at the beginning it is silence.
pub(super) struct Tape {
    line: Box<[i16]>,
    /// Samples of the past that are kept, at the present rate.
    kept: usize,
    /// What is before this was heard; from here on it will be.
    at: usize,
    /// Past the last decoded sample.
    end: usize,
}

/// Longest packet taken at a rate, samples: RFC 3551 §4.2 asks for 200 ms at 8 kHz, and what is held at most is as long at 16 kHz;
/// Opus has 120 ms at most (RFC 6716 §2.1.4).
pub(super) const fn longest_packet(rate: Rate) -> usize {
    match rate {
        Rate::Narrow => 1600,
        Rate::Wide => 3200,
        Rate::Full => 5760,
    }
}

fn kept(rate: Rate) -> usize {
    PAST_MS * rate.hz() as usize / 1000
}

impl Tape {
    /// For sound at rates up to this one.
    pub fn new(top: Rate) -> Self {
        // Decoded ahead: a packet, and what a change of length looks at.
        let length = kept(top) + longest_packet(top) + 3 * top.frame();
        let kept = kept(Rate::Narrow);
        Self { line: silence(length), kept, at: kept, end: kept }
    }

    /// Go on where `other`, which is shorter, is.
    pub fn take_over(&mut self, other: &Self) {
        let used = other.end - (other.at - other.kept);
        self.line[..used].copy_from_slice(&other.line[other.at - other.kept..other.end]);
        (self.kept, self.at, self.end) = (other.kept, other.kept, used);
    }

    /// A tick of `room` comes soon ([`crate::audio::prefetch`]).
    pub fn prefetch(&self, rate: Rate) {
        prefetch::all(&self.line[self.end..self.line.len().min(self.end + rate.frame())]);
    }

    /// What was heard last, newest last.
    pub fn past(&self) -> &[i16] {
        &self.line[self.at - self.kept..self.at]
    }

    /// What will be heard next.
    pub fn ready(&self) -> &[i16] {
        &self.line[self.at..self.end]
    }

    /// The same, to be changed.
    pub fn ready_mut(&mut self) -> &mut [i16] {
        &mut self.line[self.at..self.end]
    }

    /// `back` samples of the past, and at most `ahead` of what is ready.
    pub fn around(&self, back: usize, ahead: usize) -> &[i16] {
        &self.line[self.at - back.min(self.kept)..self.end.min(self.at + ahead)]
    }

    /// Room for `length` samples behind what is ready, at most the longest packet's; [`Tape::push`] makes them so.
    pub fn room(&mut self, length: usize) -> &mut [i16] {
        if self.end + length > self.line.len() {
            let from = self.at - self.kept;
            self.line.copy_within(from..self.end, 0);
            (self.at, self.end) = (self.kept, self.end - from);
        }
        let to = self.line.len().min(self.end + length);
        &mut self.line[self.end..to]
    }

    /// `written` samples are in the room; all but the first `known` of them are ready.
    pub fn push(&mut self, written: usize, known: usize) {
        if known > 0 {
            self.line.copy_within(self.end + known..self.end + written, self.end);
        }
        self.end += written - known;
    }

    /// Play as much as is ready and fits; how much.
    pub fn play(&mut self, out: &mut [i16]) -> usize {
        let length = out.len().min(self.end - self.at);
        out[..length].copy_from_slice(&self.line[self.at..self.at + length]);
        self.at += length;
        length
    }

    /// Something else was heard, while nothing was ready.
    pub fn remember(&mut self, heard: &[i16]) {
        self.room(heard.len()).copy_from_slice(heard);
        self.end += heard.len();
        self.at = self.end;
    }

    /// In place of the next `count` samples `heard` was heard: a tick, longer than what it was lengthened by.
    pub fn replace(&mut self, count: usize, heard: &[i16]) {
        let before = self.at;
        self.at += count;
        let start = self.at - heard.len();
        // What was heard before it lies right before it.
        let keep = self.kept.saturating_sub(heard.len());
        self.line.copy_within(before - keep..before, start - keep);
        self.line[start..self.at].copy_from_slice(heard);
    }

    /// The next `count` samples, or all, will not be heard.
    pub fn skip(&mut self, count: usize) {
        let count = count.min(self.end - self.at);
        self.line.copy_within(self.at - self.kept..self.at, self.at - self.kept + count);
        self.at += count;
    }

    /// Nothing was heard, and nothing is ready.
    pub fn clear(&mut self) {
        self.line[..self.kept].fill(0);
        (self.at, self.end) = (self.kept, self.kept);
    }

    /// Go on at another rate, at most the top one; nothing is ready. The past is only to be faded from: straight lines between its samples will do.
    pub fn change_rate(&mut self, from: Rate, to: Rate) {
        let (from, to) = (from.hz() as usize, to.hz() as usize);
        let old = self.past();
        let mut past = [0; PAST];
        let used = PAST_MS * to / 1000;
        for (n, sample) in past[..used].iter_mut().rev().enumerate() {
            let back = n * from / to;
            let part = n * from % to;
            let near = old.len().saturating_sub(1 + back).max(1);
            let (a, b) = (i32::from(old[near]), i32::from(old[near - 1]));
            // Between two samples.
            *sample = (a + (b - a) * part as i32 / to as i32) as i16;
        }
        self.line[..used].copy_from_slice(&past[..used]);
        (self.kept, self.at, self.end) = (used, used, used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` samples from `first` on, one more each.
    fn count(first: i16, count: usize) -> Vec<i16> {
        (first..).take(count).collect()
    }

    fn push(tape: &mut Tape, samples: &[i16]) {
        tape.room(samples.len()).copy_from_slice(samples);
        tape.push(samples.len(), 0);
    }

    #[test]
    fn what_is_played_is_the_past_however_long_it_goes_on() {
        let mut tape = Tape::new(Rate::Narrow);
        assert_eq!(tape.past(), [0; 392]);
        let mut heard = vec![0; 392];
        for n in 0..200i16 {
            push(&mut tape, &count(n * 160, 160));
            let mut out = vec![0; 160];
            if n % 7 == 3 {
                tape.skip(200);
                out = count(-5, 160);
                tape.remember(&out);
            } else {
                assert_eq!(tape.play(&mut out[..100]), 100);
                assert_eq!(tape.ready(), &count(n * 160 + 100, 60)[..]);
                assert_eq!(tape.play(&mut out[100..]), 60);
            }
            heard.extend(&out);
            assert_eq!(tape.past(), &heard[heard.len() - 392..], "{n}");
        }
    }

    #[test]
    fn a_tick_played_in_more_or_less_sound_is_the_past_as_it_was_heard() {
        for used in [60, 280] {
            let mut tape = Tape::new(Rate::Narrow);
            push(&mut tape, &count(1, 300));
            let mut out = vec![0; 20];
            tape.play(&mut out);
            tape.replace(used, &count(-900, 160));
            let heard = [vec![0; 212], count(1, 20), count(-900, 160)].concat();
            assert_eq!(tape.past(), heard, "{used}");
            assert_eq!(tape.ready(), count(21 + used as i16, 280 - used));
        }
    }

    #[test]
    fn what_is_known_already_of_a_packet_is_left_out_and_the_longest_packet_fits() {
        let mut tape = Tape::new(Rate::Narrow);
        push(&mut tape, &count(0, 3 * 160));
        let packet = count(0, 1600);
        tape.room(1600).copy_from_slice(&packet);
        tape.push(1600, 600);
        assert_eq!(tape.ready()[480..], count(600, 1000));
        assert_eq!(tape.around(40, 3).len(), 43);
        tape.clear();
        assert_eq!((tape.past(), tape.ready()), (&[0; 392][..], &[][..]));
    }

    #[test]
    fn the_past_goes_on_at_another_rate_and_in_a_longer_tape() {
        let mut narrow = Tape::new(Rate::Narrow);
        narrow.remember(&count(1000, 392));
        push(&mut narrow, &count(7, 9));
        let mut full = Tape::new(Rate::Full);
        full.take_over(&narrow);
        assert_eq!((full.past(), full.ready()), (narrow.past(), narrow.ready()));
        full.skip(9);
        full.change_rate(Rate::Narrow, Rate::Full);
        assert_eq!(full.past().len(), PAST);
        assert_eq!(full.past()[PAST - 1], 1391);
        assert_eq!(full.past()[PAST - 1 - 6 * 100], 1291);
        full.change_rate(Rate::Full, Rate::Narrow);
        assert_eq!(full.past()[392 - 1 - 100], 1291);
    }
}
