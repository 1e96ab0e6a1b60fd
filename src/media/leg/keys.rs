//! Keys in the sound: heard, and taken out of it so that nobody else in the meeting has to listen to them.

use std::ops::Range;

use crate::audio::dtmf::DtmfDetector;
use crate::audio::resample::Resampler;
use crate::audio::{Frame, Rate, SILENCE, Sound, prefetch};
use crate::names::Key;

/// Samples at 8 kHz that the resampler is late by, 4 ms: in wideband sound the tone begins so much earlier than the detector says.
const LATE: usize = 32;
/// Wideband sound with no sample above this holds no key: a tenth of one tone of the weakest key a detector must hear (−25 dBm0, ITU-T Q.24).
const QUIET: u16 = 128;
/// Length of the edges of what is taken out, ms: no click.
const EDGE_MS: usize = 1;

/// Hears keys in one caller's sound at any rate.
#[derive(Debug)]
pub(super) struct KeyEar {
    detector: DtmfDetector,
    narrow: Resampler,
    key: Option<Key>,
    /// The last tick ended in a tone.
    goes_on: bool,
}

impl Default for KeyEar {
    fn default() -> Self {
        Self { detector: DtmfDetector::new(), narrow: Resampler::new(Rate::Narrow), key: None, goes_on: false }
    }
}

impl KeyEar {
    /// See [`super::Leg::prefetch`].
    pub(super) fn prefetch(&self) {
        self.detector.prefetch();
        prefetch::all(&self.key);
    }

    /// See [`super::Leg::prefetch_more`].
    pub(super) fn prefetch_more(&self) {
        self.detector.prefetch_more();
    }

    /// Hear one tick, and take out of it what belongs to the tone of a key. Of that tick only this `came`, if not all, and in place of what did
    /// not come is what was `made_up`: after a tone, that tone again. It prolongs a press that is known, so that a loss leaves one key, but it is no
    /// sign of another.
    pub(super) fn hear(&mut self, sound: &mut Sound, came: Option<&[i16]>, made_up: Range<usize>) {
        let repeats = self.goes_on && made_up.start == 0;
        let (from, to) = match came.filter(|_| !self.detector.is_pressed()) {
            None => self.listen(sound),
            Some(came) => {
                let mut real = Sound::silence(sound.rate());
                real.samples_mut().copy_from_slice(came);
                self.listen(&real)
            }
        };
        if from < to {
            mute(sound, from, to);
        }
        if repeats && !made_up.is_empty() {
            mute(sound, 0, made_up.end);
            self.goes_on |= made_up.end == sound.samples().len();
        }
    }

    /// Samples from and to which there is a tone.
    fn listen(&mut self, sound: &Sound) -> (usize, usize) {
        let rate = sound.rate();
        let (heard, late) = if let (Rate::Narrow, Some(frame)) = (rate, sound.samples().first_chunk()) {
            (self.detector.hear(frame), 0)
        } else if sound.samples().iter().all(|sample| sample.unsigned_abs() <= QUIET) {
            // A listener costs no resampling.
            self.narrow.reset();
            (self.detector.hear(&SILENCE), LATE)
        } else {
            let mut narrow = Sound::silence(Rate::Narrow);
            self.narrow.run(sound, &mut narrow);
            let frame: &Frame = narrow.samples().first_chunk().unwrap_or(&SILENCE);
            (self.detector.hear(frame), LATE)
        };
        self.key = heard.key.or(self.key);
        self.goes_on = heard.goes_on;
        let step = (rate.hz() / Rate::Narrow.hz()) as usize;
        if heard.from < heard.to { (heard.from.saturating_sub(late) * step, heard.to * step) } else { (0, 0) }
    }

    /// A tick that is silent, or as good as that.
    pub(super) fn hear_nothing(&mut self) {
        self.narrow.reset();
        self.goes_on = self.detector.hear(&SILENCE).goes_on;
    }

    /// A key that was pressed since this was last asked.
    pub(super) fn take(&mut self) -> Option<Key> {
        self.key.take()
    }
}

/// Silence from one sample to another, fading where sound goes on before or after it in this tick.
fn mute(sound: &mut Sound, from: usize, to: usize) {
    let edge = EDGE_MS * sound.rate().hz() as usize / 1000;
    let samples = sound.samples_mut();
    let to = to.min(samples.len());
    let (fall, rise) = (if from > 0 { edge } else { 0 }, if to < samples.len() { edge } else { 0 });
    for (at, sample) in samples.iter_mut().enumerate().take(to).skip(from) {
        let (after, before) = (at - from, to - at);
        let left = fall.saturating_sub(after).max(rise.saturating_sub(before));
        // A share of the sample.
        *sample = (i32::from(*sample) * left as i32 / (edge as i32 + 1)) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::level::energy;
    use crate::audio::tone::KeyTone;

    /// A press of 100 ms after 33 ms of silence, at a rate.
    fn press(rate: Rate, key: Key) -> Vec<Sound> {
        let mut tone = KeyTone::new(key, 100);
        let mut narrow = vec![0i16; 264];
        let mut pressed = vec![0; 800];
        tone.render(&mut pressed);
        narrow.extend(pressed);
        narrow.resize(1920, 0);
        let mut up = Resampler::new(rate);
        let ticks = narrow.chunks_exact(160).map(|chunk| {
            let mut sound = Sound::silence(Rate::Narrow);
            sound.samples_mut().copy_from_slice(chunk);
            if rate == Rate::Narrow {
                return sound;
            }
            let mut out = Sound::silence(rate);
            up.run(&sound, &mut out);
            out
        });
        ticks.collect()
    }

    #[test]
    fn a_key_is_heard_once_at_every_rate_and_nearly_nothing_of_it_is_left() {
        for rate in Rate::ALL {
            for key in (0..16).filter_map(Key::from_event) {
                let mut ear = KeyEar::default();
                let (mut before, mut after, mut heard) = (0, 0, Vec::new());
                for mut sound in press(rate, key) {
                    before += energy(sound.samples());
                    ear.hear(&mut sound, None, 0..0);
                    after += energy(sound.samples());
                    heard.extend(ear.take());
                }
                assert_eq!(heard, [key], "{rate:?}");
                // 15 of 100 ms.
                assert!(after * 100 <= before * 15, "{rate:?}: {} % left", after * 100 / before);
            }
        }
    }

    #[test]
    fn what_is_no_key_passes_bit_by_bit() {
        let mut tone = crate::audio::tone::Tone::new(440.0, -20.0);
        let mut ear = KeyEar::default();
        for _ in 0..50 {
            let mut sound = Sound::silence(Rate::Narrow);
            tone.render(sound.samples_mut());
            let as_said = sound.clone();
            ear.hear(&mut sound, None, 0..0);
            assert_eq!(sound.samples(), as_said.samples());
            assert_eq!(ear.take(), None);
        }
    }
}
