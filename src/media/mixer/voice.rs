//! All that a leg needs to be heard in a meeting, and what is left of it when it goes.

use super::bus::Sums;
use super::source::{Source, fade_out};
use super::{Ways, ways};
use crate::audio::resample::Resampler;
use crate::audio::{FRAME, Rate, Sound, prefetch};

/// One leg's sound in its meeting. Large (7 kB), so it is allocated with the leg and goes where the leg goes. In this order, so that what
/// every tick asks for lies side by side.
#[derive(Debug)]
#[repr(C)]
pub struct Voice {
    /// Its way into the sums.
    pub source: Source,
    /// Rate at which the leg hears the meeting.
    pub listens: Rate,
    /// Whether it added anything to the bus it hears.
    pub(super) adds: bool,
    /// Whether anything is still under way in `ways`.
    pub(super) rings: bool,
    /// This tick of it, at its own rate; after [`super::Mixer::settle`] as it is in the sum.
    pub sound: Sound,
    /// What it added to the bus it hears, where that has another rate than its sound.
    pub(super) own: Sound,
    /// To the buses of other rates.
    pub(super) ways: Ways,
    /// What is said to it, on its way from 8 kHz to the rate it hears at.
    pub speech: Resampler,
}

impl Voice {
    /// A leg that hears at this rate.
    pub const fn silent(source: Source, listens: Rate) -> Self {
        let sound = Sound::silence(listens);
        Self {
            source,
            listens,
            own: Sound::silence(listens),
            adds: false,
            rings: false,
            ways: ways(),
            speech: Resampler::new(listens),
            sound,
        }
    }

    /// Its next tick comes soon ([`crate::audio::prefetch`]): all that comes before the sounds, and a tick of narrowband.
    pub fn prefetch(&self) {
        prefetch::first(self, std::mem::offset_of!(Self, sound) + size_of::<[i16; FRAME + 1]>());
    }

    /// Whether it hears itself on its bus, unless that is taken out ([`super::Mixer::without`]).
    pub fn adds(&self) -> bool {
        self.adds
    }

    /// Out of any meeting.
    pub fn reset(&mut self) {
        self.source.reset();
        self.ways.iter_mut().for_each(Resampler::reset);
        (self.adds, self.rings) = (false, false);
    }
}

impl Default for Voice {
    fn default() -> Self {
        Self::silent(Source::default(), Rate::Narrow)
    }
}

/// The end of a sound that was cut off: its last 5 ms mirrored in time and faded, so that a leg which is suddenly gone does not click.
#[derive(Debug, Default)]
pub struct Tail {
    pub(super) sums: Sums,
    /// How many sounds die away in it.
    pub(super) streams: usize,
}

impl Tail {
    /// Let what `voice` put into the sums in its last tick die away; it is out of them then.
    pub fn take(&mut self, voice: &mut Voice) {
        let open = voice.source.is_open();
        if open || voice.rings {
            let mut end = Sound::silence(voice.sound.rate());
            if open {
                for (end, last) in end.samples_mut().iter_mut().zip(voice.sound.samples().iter().rev()) {
                    *end = *last;
                }
                fade_out(end.samples_mut());
            }
            let mut passing = Sound::silence(end.rate());
            for (way, rate) in voice.ways.iter_mut().zip(Rate::ALL) {
                let end = if rate == end.rate() {
                    &end
                } else if way.is_ringing() {
                    way.run(&end, &mut passing);
                    &passing
                } else {
                    // Nobody heard it there.
                    continue;
                };
                for (sum, sample) in self.sums.get_mut(rate).iter_mut().zip(end.samples()) {
                    *sum += i32::from(*sample);
                }
            }
            self.streams += 1;
        }
        voice.reset();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
