//! Whether somebody speaks, tick by tick, from nothing but the energy of each tick.
//!
//! The noise of the line is what the quietest moments of the last two seconds were (minimum statistics); speech stands out above it, and is
//! taken to go on over the pauses inside a sentence. A sound that stays the same for longer is noise to it, however loud. Speech is told
//! from tones by its syllables: its level falls and rises several times a second.
//!
//! It never decides whether somebody is heard, only who comes first, and when the level may be judged.

/// Ticks of a block whose least energy is kept: 200 ms.
const BLOCK: u8 = 10;
/// Blocks kept: with the one that is going on, 1.8 to 2 s, longer than anybody speaks without the shortest pause.
const BLOCKS: usize = 9;
/// A line is taken to be no quieter than this, mean square: −75 dBov. Below, A-law has two or three steps.
const QUIETEST: f32 = 34.0;
/// Speech begins this much above the noise (9 dB)…
const BEGINS: f32 = 8.0;
/// …and goes on until it is this near to it (5 dB).
const GOES_ON: f32 = 3.2;
/// Below this mean square nothing begins: −63 dBov, which a whisper in a corner of a room exceeds.
const FAINTEST: f32 = 538.0;
/// Ticks for which speech is taken to go on: 600 ms, longer than the pauses inside a sentence.
const HANG: u8 = 30;
/// Share of the peak that is left after a tick: 11 dB a second.
const FORGET: f32 = 0.95;
/// A syllable is over when the level is this far below the peak (10 dB)…
const DIP: f32 = 0.1;
/// …and the next begins when it is this near to it again (5 dB).
const RISE: f32 = 0.3;
/// Ticks in which speech has at least two syllables: 2 s.
const SYLLABLES_WITHIN: u8 = 100;

/// What one source does.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Least energies of the blocks before this.
    least: [f32; BLOCKS],
    /// Which of them is the oldest.
    oldest: u8,
    /// Least energy of this block.
    now: f32,
    /// Ticks of it.
    ticks: u8,
    /// Ticks until speech is over; 0: nobody speaks.
    hang: u8,
    /// This tick stands out.
    loud: bool,
    /// Recent peak.
    peak: f32,
    /// The level has fallen since the last syllable.
    fallen: bool,
    /// Ticks since the last syllable began, and since the one before it.
    ages: [u8; 2],
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            least: [QUIETEST; BLOCKS],
            oldest: 0,
            now: f32::MAX,
            ticks: 0,
            hang: 0,
            loud: false,
            peak: 0.0,
            fallen: true,
            ages: [u8::MAX; 2],
        }
    }
}

impl Activity {
    /// One tick with this mean square (0 to 2³⁰).
    pub fn hear(&mut self, mean_square: f32) {
        let floor = self.floor();
        let least = if self.loud { floor * GOES_ON } else { (floor * BEGINS).max(FAINTEST) };
        self.loud = mean_square >= least;
        self.hang = if self.loud { HANG } else { self.hang.saturating_sub(1) };

        self.peak = (self.peak * FORGET).max(mean_square);
        self.ages = self.ages.map(|age| age.saturating_add(1));
        if mean_square <= self.peak * DIP {
            self.fallen = true;
        } else if self.loud && mean_square >= self.peak * RISE && std::mem::replace(&mut self.fallen, false) {
            self.ages = [0, self.ages[0]];
        }

        self.now = self.now.min(mean_square);
        self.ticks += 1;
        if self.ticks == BLOCK {
            if let Some(oldest) = self.least.get_mut(usize::from(self.oldest)) {
                *oldest = self.now;
            }
            self.oldest = (self.oldest + 1) % BLOCKS as u8;
            (self.now, self.ticks) = (f32::MAX, 0);
        }
    }

    /// Somebody speaks, or is in a pause of a sentence.
    pub fn is_speaking(&self) -> bool {
        self.hang > 0
    }

    /// This very tick is speech: it stands out from the noise, and the last two seconds had syllables.
    pub fn is_speech(&self) -> bool {
        self.loud && self.ages[1] < SYLLABLES_WITHIN
    }

    /// The noise of the line, mean square: at least that of a very quiet one.
    pub fn floor(&self) -> f32 {
        self.least.iter().fold(self.now, |least, &block| least.min(block)).max(QUIETEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean square of a level, dBov.
    fn at(level_dbov: f32) -> f32 {
        32_768.0 * 32_768.0 * 10f32.powf(level_dbov / 10.0)
    }

    /// Syllables of 160 ms at this level, 100 ms apart, over noise.
    fn syllables(tick: usize, level_dbov: f32, noise_dbov: f32) -> f32 {
        at(noise_dbov) + if tick % 13 < 8 { at(level_dbov) } else { 0.0 }
    }

    #[test]
    fn speech_is_speaking_from_its_first_tick_to_the_end_of_its_pauses() {
        for (level, noise) in [(-20.0, -70.0), (-26.0, -50.0), (-45.0, -62.0), (-50.0, -90.0)] {
            let mut activity = Activity::default();
            (0..150).for_each(|_| activity.hear(at(noise)));
            assert!(!activity.is_speaking(), "{noise} dBov is noise");
            for tick in 0..500 {
                activity.hear(syllables(tick, level, noise));
                assert!(activity.is_speaking(), "{level} over {noise} dBov, tick {tick}");
            }
            (0..usize::from(HANG) + 5).for_each(|_| activity.hear(at(noise)));
            assert!(!activity.is_speaking());
        }
    }

    #[test]
    fn a_steady_noise_or_tone_is_noise_after_two_seconds_and_speech_over_it_is_heard() {
        let mut activity = Activity::default();
        (0..100).for_each(|_| activity.hear(0.0));
        for _ in 0..300 {
            activity.hear(at(-40.0));
            assert!(!activity.is_speech(), "it has no syllables");
        }
        assert!(!activity.is_speaking());
        (0..40).for_each(|tick| activity.hear(syllables(tick, -25.0, -40.0)));
        assert!(activity.is_speaking());
        (0..300).for_each(|_| activity.hear(0.0));
        activity.hear(at(-50.0));
        assert!(activity.is_speaking(), "the noise is gone");
    }

    #[test]
    fn speech_is_known_by_its_second_syllable() {
        let mut activity = Activity::default();
        let first = (0..200).position(|tick| {
            activity.hear(syllables(tick, -30.0, -65.0));
            activity.is_speech()
        });
        assert_eq!(first, Some(13));
    }

    #[test]
    fn silence_is_silence_from_the_start() {
        let mut activity = Activity::default();
        for _ in 0..300 {
            activity.hear(0.0);
            assert!(!activity.is_speaking() && !activity.is_speech());
        }
    }
}
