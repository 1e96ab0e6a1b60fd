//! One leg's place among those who are heard: how loud it is, whether it speaks, whether it has a place.

use super::{fade, rise};
use crate::audio::activity::Activity;
use crate::audio::gain::Gain;
use crate::audio::level::energy;

/// Ticks of silence after which a source gives its place up: 600 ms, longer than the pauses inside a sentence.
const HANG: u8 = 30;
/// Share of the loudness that is left after a tick: it falls by 11 dB a second.
const FORGET: f32 = 0.95;
/// How much louder somebody must be to take the place of one who has it (energy: 6 dB).
const INCUMBENT: f32 = 4.0;
/// Ticks without a place after which nobody waits for its noise: half a second, so that who comes and goes is not passed over and taken up again
/// all the time.
const OUTSIDE: u8 = 25;
/// Ticks of noise after which a line is only heard while there are places for all: 3 s, longer than anybody who is about to speak is taken
/// for noise. In a crowd the noise of the loudest lines is of no use to anybody, and each of them would have to be sent a mix of its own.
const NOISE: u8 = 150;
/// Encoders take noise for speech now and then, for a packet: one of a hundred at −60 dBov, one of fourteen at −50. Such a tick takes back five…
const DOUBT: u8 = 5;
/// …of at most so many, so that the third in a row, 60 ms of a voice too faint for us to notice, is heard.
const SURE: u8 = NOISE + 2 * DOUBT;
/// Who speaks comes before all who do not. Their mean squares are 2³⁰ at most, 16 times that after the gain; those of speech are no less
/// than 500, a fifth of that at the end of a pause.
const SPEAKING: f32 = (1u64 << 40) as f32;

/// What a leg brings to a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brings {
    /// Something that can be heard.
    Sound,
    /// Something that can be heard, and is no speech, as its sender says.
    Noise,
    /// Nothing.
    Silence,
    /// What was not decoded: nobody would have heard it ([`Source::is_unheard`]), and it is no speech.
    Unheard,
}

impl Brings {
    /// Whether there is something that can be heard.
    pub fn is_audible(self) -> bool {
        matches!(self, Self::Sound | Self::Noise)
    }
}

/// One leg's way into the sums.
#[derive(Clone, Debug, Default)]
pub struct Source {
    muted: bool,
    activity: Activity,
    gain: Gain,
    /// Ticks until it gives its place up; 0: it wants none.
    hang: u8,
    /// Recent peak, mean square, to rank by.
    loudness: f32,
    /// Whether this tick holds sound.
    sounding: bool,
    /// Whether the last settled tick ended at full gain.
    open: bool,
    /// Whether it is in the sums of this tick.
    audible: bool,
    /// Whether its sound of this tick is known.
    known: bool,
    /// Ticks for which it had no place and was not heard.
    outside: u8,
    /// Ticks for which it has been noise, both to its sender and to us, less [`DOUBT`] for each that was not; [`SURE`] at most.
    noise: u8,
}

impl Source {
    /// Take the leg's sound out of the meeting from the next tick on, or back in.
    pub fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Whether it is muted.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// Whether its sound is in the sums of this tick.
    pub fn is_audible(&self) -> bool {
        self.audible
    }

    /// Whether it is heard, and was to the end of this tick.
    pub fn is_open(&self) -> bool {
        self.audible && self.open
    }

    /// Whether somebody speaks there.
    pub fn is_speaking(&self) -> bool {
        self.activity.is_speaking()
    }

    /// Whether it is silent for the others however loud it is, unless somebody speaks there. Its ticks may be [`Brings::Unheard`] then.
    pub fn is_unheard(&self) -> bool {
        self.outside >= OUTSIDE && !self.is_speaking()
    }

    /// Out of any sum. A mute stays, and so does the level of whoever speaks there.
    pub fn reset(&mut self) {
        *self = Self { muted: self.muted, gain: self.gain.clone(), ..Self::default() };
    }

    /// One tick of the leg's sound.
    pub(super) fn hear(&mut self, samples: &[i16], brings: Brings, stays: bool, level: bool) {
        self.known = brings != Brings::Unheard;
        self.noise = match brings {
            Brings::Sound => self.noise.saturating_sub(DOUBT),
            Brings::Noise | Brings::Unheard => (self.noise + 1).min(SURE),
            Brings::Silence => self.noise,
        };
        if !self.known {
            // As loud as it was.
            self.sounding = false;
            self.hang = if self.muted || !stays { 0 } else { HANG };
            return;
        }
        let sounding = brings.is_audible();
        let mean_square = if sounding && !samples.is_empty() { energy(samples) as f32 / samples.len() as f32 } else { 0.0 };
        self.sounding = mean_square > 0.0;
        self.activity.hear(mean_square);
        if self.activity.is_speaking() {
            self.noise = 0;
        }
        if level && self.activity.is_speech() {
            self.gain.hear_speech(mean_square, self.activity.floor());
        }
        self.loudness = (self.loudness * FORGET).max(mean_square);
        self.hang = if self.sounding { HANG } else { self.hang.saturating_sub(1) };
        if self.muted || !stays {
            self.hang = 0;
        }
    }

    /// What it brings to the choice of speakers; nothing, of noise; `None`: silent.
    pub(super) fn bid(&self) -> Option<f32> {
        if self.noise >= NOISE {
            return (self.hang > 0).then_some(0.0);
        }
        let mut bid = self.loudness * self.gain.power();
        if self.open {
            bid *= INCUMBENT;
        }
        if self.activity.is_speaking() {
            bid *= SPEAKING;
        }
        (self.hang > 0).then_some(bid)
    }

    /// Its tick as it goes into the sums; whether it does.
    pub(super) fn settle(&mut self, cut: f32, samples: &mut [i16]) -> bool {
        let bid = self.bid();
        let gets_in = bid.is_some_and(|bid| bid >= cut);
        // Of what is not known only the next tick can be faded in.
        let (was, is) = (self.open, gets_in && self.known);
        let barred = self.muted || bid.is_some();
        self.outside = if barred && !was && !gets_in { self.outside.saturating_add(1) } else { 0 };
        self.open = is;
        self.audible = self.sounding && (was || is);
        if self.audible {
            self.gain.apply(samples);
            match (was, is) {
                (false, true) => fade_in(samples),
                (true, false) => fade_out(samples),
                _ => {}
            }
        }
        self.audible
    }
}

fn fade_in(samples: &mut [i16]) {
    let steps = fade(samples.len());
    for (i, sample) in samples.iter_mut().take(steps).enumerate() {
        // The factor is below 1.
        *sample = (f32::from(*sample) * rise(i, steps)) as i16;
    }
}

pub(super) fn fade_out(samples: &mut [i16]) {
    let steps = fade(samples.len());
    for (i, sample) in samples.iter_mut().take(steps).enumerate() {
        *sample = (f32::from(*sample) * rise(steps - 1 - i, steps)) as i16;
    }
    if let Some(after) = samples.get_mut(steps..) {
        after.fill(0);
    }
}
