//! The sums of a meeting: each speaker hears the sum without its own sound, everybody else one shared sum.
//!
//! Nobody who makes a sound is gated out while there is a place; when more than [`MixSettings::speakers`] sound at once, those who speak
//! come before those who do not, and the louder before the quieter; lines whose senders themselves say that there is only noise get no place
//! then. Every entry into the sums and every exit (silence, mute, join, leave,
//! a lost place) is a fade of 5 ms.
//!
//! There is a sum (a bus) for each rate that somebody hears at. Whoever is in the sums is resampled once to each bus of another rate;
//! listeners never are. What a speaker has added to the bus it hears is kept until it is taken out again.
//!
//! ```text
//! begin · per leg: want, hear · cut · per leg: settle · add_tail, add_tone · shared and without
//! ```

mod bus;
mod hearing;
mod source;
mod voice;

use crate::audio::limiter::Limiter;
use crate::audio::resample::Resampler;
use crate::audio::{Rate, Sound};

use self::bus::Bus;
pub use self::hearing::{Hearing, speak_over};
pub use self::source::{Brings, Source};
pub use self::voice::{Tail, Voice};

/// How many and how loud.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MixSettings {
    /// Most who are in the sums at once, at least 1.
    pub speakers: usize,
    /// Whether speakers are brought to one level.
    pub level: bool,
}

impl MixSettings {
    /// Fewest and most speakers: two make a conversation; twenty-four who speak at once are a choir, and the noise of their lines adds up
    /// (14 dB).
    pub const SPEAKERS: std::ops::RangeInclusive<usize> = 2..=24;
}

impl Default for MixSettings {
    fn default() -> Self {
        // More than five who speak at once nobody understands.
        Self { speakers: 5, level: true }
    }
}

/// Ways from one rate to each of the three.
pub type Ways = [Resampler; Rate::ALL.len()];

/// Ways that nothing has gone yet.
pub const fn ways() -> Ways {
    [Resampler::new(Rate::Narrow), Resampler::new(Rate::Wide), Resampler::new(Rate::Full)]
}

/// Length of a fade among so many samples of a tick: 5 ms, too short to blunt a word, too long to click.
const fn fade(samples: usize) -> usize {
    samples / 4
}

/// A rise from just above 0 to just below 1 in `steps` without corners: 3t² − 2t³.
fn rise(step: usize, steps: usize) -> f32 {
    let t = (2 * step + 1) as f32 / (2 * steps) as f32;
    t * t * (3.0 - 2.0 * t)
}

/// The sums of one tick. One mixer serves all meetings of a worker, one after the other.
#[derive(Debug)]
pub struct Mixer {
    settings: MixSettings,
    buses: [Bus; Rate::ALL.len()],
    bids: Vec<f32>,
    /// A sound on its way to a bus.
    passing: Sound,
}

impl Mixer {
    /// For meetings of at most `legs` legs; all memory is allocated here.
    pub fn new(legs: usize, settings: MixSettings) -> Self {
        let settings = MixSettings { speakers: settings.speakers.max(1), ..settings };
        Self { settings, buses: Default::default(), bids: Vec::with_capacity(legs), passing: Sound::silence(Rate::Narrow) }
    }

    /// A new tick.
    pub fn begin(&mut self) {
        self.bids.clear();
        self.buses.iter_mut().for_each(Bus::clear);
    }

    /// Somebody hears at this rate. To be said of all before anything is added.
    pub fn want(&mut self, rate: Rate) {
        self.buses[rate as usize].wanted = true;
    }

    /// One tick of a leg's sound, which bids for a place in the sums. `stays` is false in the last tick before it leaves.
    pub fn hear(&mut self, voice: &mut Voice, brings: Brings, stays: bool) {
        voice.source.hear(voice.sound.samples(), brings, stays, self.settings.level);
        // More than there was room made for cannot all be speakers anyway.
        if let Some(bid) = voice.source.bid().filter(|_| self.bids.len() < self.bids.capacity()) {
            self.bids.push(bid);
        }
    }

    /// The least that gets a source into the sums.
    pub fn cut(&mut self) -> f32 {
        if self.bids.len() <= self.settings.speakers {
            return 0.0;
        }
        let last = *self.bids.select_nth_unstable_by(self.settings.speakers - 1, |a, b| b.total_cmp(a)).1;
        // In a crowd nothing is not enough.
        last.max(f32::MIN_POSITIVE)
    }

    /// Bring a leg's sound to its level, fade it in or out as the choice demands ([`Mixer::cut`]'s), and add it where it belongs.
    pub fn settle(&mut self, cut: f32, voice: &mut Voice) {
        let Voice { source, sound, own, adds, rings, listens, ways, .. } = voice;
        let audible = source.settle(cut, sound.samples_mut());
        *adds = false;
        if !audible && !std::mem::take(rings) {
            return;
        }
        for rate in Rate::ALL {
            let (bus, way) = (&mut self.buses[rate as usize], &mut ways[rate as usize]);
            let hears = rate == *listens;
            if rate == sound.rate() {
                if audible && bus.wanted {
                    bus.add(sound.samples());
                    *adds |= hears;
                }
            } else if bus.wanted && (audible || way.is_ringing()) {
                let out = if hears { &mut *own } else { &mut self.passing };
                if audible {
                    way.run(sound, out);
                } else {
                    way.run_out(out);
                }
                bus.add(out.samples());
                *adds |= hears;
                *rings |= way.is_ringing();
            } else {
                way.reset();
            }
        }
    }

    /// Add a tone that everybody hears, or what is left of it in the ways.
    pub fn add_tone(&mut self, tone: Option<&Sound>, ways: &mut Ways) {
        for (bus, way) in self.buses.iter_mut().zip(ways).filter(|(bus, _)| bus.wanted) {
            match tone {
                Some(tone) => way.run(tone, &mut self.passing),
                None if way.is_ringing() => way.run_out(&mut self.passing),
                None => continue,
            }
            bus.add(self.passing.samples());
        }
    }

    /// Add what is left of legs that are gone.
    pub fn add_tail(&mut self, tail: &mut Tail) {
        if tail.streams > 0 {
            for (bus, rate) in self.buses.iter_mut().zip(Rate::ALL).filter(|(bus, _)| bus.wanted) {
                bus.add_sum(tail.sums.get(rate), tail.streams);
            }
            tail.clear();
        }
    }

    /// Whether anybody hears at this rate.
    pub fn is_wanted(&self, rate: Rate) -> bool {
        self.buses[rate as usize].wanted
    }

    /// How many sounds are on a bus.
    pub fn streams(&self, rate: Rate) -> usize {
        self.buses[rate as usize].streams
    }

    /// What everybody hears at this rate who is not in the sum.
    pub fn shared(&self, rate: Rate, limiter: &mut Limiter, out: &mut Sound) {
        out.set_rate(rate);
        self.buses[rate as usize].shared(rate, limiter, out.samples_mut());
    }

    /// What a speaker hears: the bus it listens to, without what it added there.
    pub fn without(&self, voice: &Voice, limiter: &mut Limiter, out: &mut Sound) {
        let rate = voice.listens;
        out.set_rate(rate);
        let own = if voice.sound.rate() == rate { &voice.sound } else { &voice.own };
        self.buses[rate as usize].without(rate, own.samples(), limiter, out.samples_mut());
    }
}

#[cfg(test)]
mod tests;
