//! What of a tick came, and what was put in place of the rest: whoever looks for signs in the sound must know them apart.

use std::ops::Range;

use crate::audio::conceal::LONGEST_MERGE_MS;
use crate::audio::{Rate, silence};

/// The last tick as it came.
#[derive(Debug)]
pub struct Patch {
    made_up: Range<usize>,
    came: Box<[i16]>,
    /// Samples of `came`; 0: it is what was rendered.
    length: usize,
    /// Real samples that are crossfaded with made-up ones when they are rendered.
    real: Box<[i16]>,
    kept: usize,
}

impl Patch {
    /// Of ticks at rates up to this one.
    pub(super) fn new(top: Rate) -> Self {
        let merge = LONGEST_MERGE_MS * top.hz() as usize / 1000;
        Self { made_up: 0..0, came: silence(top.frame()), length: 0, real: silence(merge), kept: 0 }
    }

    /// Samples in place of sound that was not there, from the first to the last: made up, or silence.
    pub fn made_up(&self) -> Range<usize> {
        self.made_up.clone()
    }

    /// The sound that came, with silence for what did not; `None`: it is what was rendered.
    pub fn came(&self) -> Option<&[i16]> {
        self.came.get(..self.length).filter(|came| !came.is_empty())
    }

    /// A tick begins.
    pub(super) fn begin(&mut self) {
        (self.made_up, self.length, self.kept) = (0..0, 0, 0);
    }

    /// The beginning of `real`, which will be rendered next, is about to be crossfaded.
    pub(super) fn keep(&mut self, real: &[i16]) {
        self.kept = real.len().min(self.real.len());
        self.real[..self.kept].copy_from_slice(&real[..self.kept]);
    }

    /// All of `out` is rendered, from `at` on just now: `made` up, or real.
    pub(super) fn note(&mut self, out: &[i16], at: usize, made: bool) {
        let kept = std::mem::take(&mut self.kept);
        if at == out.len() || self.length == 0 && !made && kept == 0 {
            return;
        }
        if self.length == 0 {
            self.came[..at].copy_from_slice(&out[..at]);
        }
        self.length = out.len();
        let came = &mut self.came[at..out.len()];
        if made {
            came.fill(0);
            let from = if self.made_up.is_empty() { at } else { self.made_up.start };
            self.made_up = from..out.len();
        } else {
            came.copy_from_slice(&out[at..]);
            let kept = kept.min(came.len());
            came[..kept].copy_from_slice(&self.real[..kept]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_told_from_what_was_made_up_and_crossfaded() {
        let mut patch = Patch::new(Rate::Narrow);
        patch.begin();
        patch.note(&[1; 100], 0, false);
        assert_eq!((patch.came(), patch.made_up()), (None, 0..0));
        patch.begin();
        let mut out = vec![1; 40];
        patch.note(&out, 0, false);
        out.resize(100, 2);
        patch.note(&out, 40, true);
        patch.keep(&[3; 20]);
        out.resize(110, 4);
        out.resize(160, 3);
        patch.note(&out, 100, false);
        let expected = [[1; 40].as_slice(), &[0; 60], &[3; 60]].concat();
        assert_eq!((patch.came(), patch.made_up()), (Some(&expected[..]), 40..100));
        patch.begin();
        assert_eq!(patch.came(), None);
    }
}
