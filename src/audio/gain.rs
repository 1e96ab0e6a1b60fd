//! Brings each speaker slowly toward the same level, −20 dBm0 of active speech.
//!
//! The level is that of the ticks that are speech and of no others, so that neither noise nor a pause moves anything: between words the gain
//! stays what it was. Whoever is near enough passes bit by bit. A newcomer is brought near within some seconds of speech; from then on the
//! gain follows at 2 dB a second at most. It reaches 12 dB either way, so a speaker at −8 dBm0 and one at −37 end 5 dB apart.
//!
//! In the manner of ITU-T G.169, slow and in speech only. Echo is not told from speech here: the echo of a phone whose caller never says a
//! word is raised like a quiet speaker.

use super::level::{DBM0_IN_DBOV, mean_square_dbov};
use super::limiter::{CEILING, nearest, soften};

/// Nominal active speech level, dBov: −20 dBm0 (ITU-T P.56, G.101).
pub const TARGET_DBOV: f32 = -20.0 + DBM0_IN_DBOV;
/// Most it changes a speaker, dB either way.
pub const RANGE_DB: f32 = 12.0;

/// A speaker nearer than this is left alone. Two of them are then at most 6 dB apart.
const BEGINS_DB: f32 = 3.0;
/// A speaker who needs less than this is let go: from there on bit by bit again.
const ENDS_DB: f32 = 1.5;
/// Speech heard before anything is moved, ticks: half a second.
const LISTENS: u16 = 25;
/// A newcomer is somebody of whom less speech than this was heard, ticks: four seconds.
const NEWCOMER: u16 = 200;
/// Change in a tick of speech, dB, for a newcomer and later: 8 and 2 dB a second.
const FAST_DB: f32 = 0.16;
const SLOW_DB: f32 = 0.04;
/// Ticks over which the level is averaged once that much speech was heard: 3 s.
const AVERAGED: f32 = 150.0;
/// Amplified noise stays below this: −45 dBov. A line with more noise is raised less.
const NOISE_DBOV: f32 = -45.0;

/// The gain of one speaker.
#[derive(Clone, Debug)]
pub struct Gain {
    /// Mean square of speech so far, forgetting.
    level: f32,
    /// Ticks of speech heard.
    heard: u16,
    /// What is aimed at, dB; 0 exactly: nothing.
    gain_db: f32,
    /// The same as a factor.
    factor: f32,
    /// Something is being done about the level.
    working: bool,
    /// Factor of the last sample.
    last: f32,
}

impl Default for Gain {
    fn default() -> Self {
        Self { level: 0.0, heard: 0, gain_db: 0.0, factor: 1.0, working: false, last: 1.0 }
    }
}

impl Gain {
    /// A tick of speech with this mean square, over a line whose noise has that one.
    pub fn hear_speech(&mut self, mean_square: f32, noise: f32) {
        self.heard = self.heard.saturating_add(1);
        self.level += (mean_square - self.level) / f32::from(self.heard).min(AVERAGED);
        if self.heard < LISTENS {
            return;
        }
        let missing = TARGET_DBOV - mean_square_dbov(self.level);
        self.working = missing.abs() > if self.working { ENDS_DB } else { BEGINS_DB };
        let quiet = (NOISE_DBOV - mean_square_dbov(noise)).max(0.0);
        let want = if self.working { missing.clamp(-RANGE_DB, RANGE_DB.min(quiet)) } else { 0.0 };
        let step = if self.heard < NEWCOMER { FAST_DB } else { SLOW_DB };
        let moved = self.gain_db + (want - self.gain_db).clamp(-step, step);
        self.gain_db = if moved.abs() < step && want == 0.0 { 0.0 } else { moved };
        self.factor = if self.gain_db == 0.0 { 1.0 } else { 10f32.powf(self.gain_db / 20.0) };
    }

    /// What is aimed at now, dB.
    pub fn gain_db(&self) -> f32 {
        self.gain_db
    }

    /// Factor the next tick ends with.
    pub fn factor(&self) -> f32 {
        self.factor
    }

    /// What it does to a mean square.
    pub fn power(&self) -> f32 {
        self.factor * self.factor
    }

    /// Apply it to a tick, in a straight line from where the last one ended. A peak that would not fit pulls the gain down for good;
    /// what sticks out meanwhile is bent.
    pub fn apply(&mut self, samples: &mut [i16]) {
        let mut to = self.factor;
        if to == 1.0 && self.last == 1.0 {
            return;
        }
        let peak = samples.iter().fold(0, |most, sample| most.max(sample.unsigned_abs()));
        if to > 1.0 && f32::from(peak) * to > CEILING as f32 {
            // At least 1: it only ever undoes what was added.
            to = (CEILING as f32 / f32::from(peak)).max(1.0);
            (self.factor, self.gain_db) = (to, 20.0 * to.log10());
        }
        // Down at once (in an eighth of a tick, 2.5 ms) where there is a peak to meet, else over the whole tick.
        let count = samples.len();
        let steps = if to < self.last && f32::from(peak) * self.last > CEILING as f32 { count / 8 } else { count }.max(1);
        let step = (to - self.last) / steps as f32;
        // What surely fits needs no bending.
        if f32::from(peak) * to.max(self.last) <= CEILING as f32 {
            for (i, sample) in samples.iter_mut().enumerate() {
                *sample = nearest(f32::from(*sample) * (self.last + step * (i + 1) as f32));
            }
            self.last = to;
            return;
        }
        let (ramp, rest) = samples.split_at_mut(steps.min(count));
        let mut at = self.last;
        for sample in ramp {
            at += step;
            *sample = soften((f32::from(*sample) * at) as i32);
        }
        for sample in rest {
            *sample = soften((f32::from(*sample) * to) as i32);
        }
        self.last = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::activity::Activity;
    use crate::audio::level::{energy, level_dbov};
    use crate::audio::tone::Tone;
    use crate::audio::{FRAME, Frame, SILENCE};

    /// Syllables: 160 ms of a vowel-like sum, 100 ms of line noise; the level is that of the syllables, dBm0.
    struct Speech {
        tones: [Tone; 3],
        tick: usize,
        seed: u32,
        noise: i16,
    }

    impl Speech {
        fn new(level_dbm0: f32, noise: i16) -> Self {
            let level = level_dbm0 + DBM0_IN_DBOV - 10.0 * 1.4f32.log10();
            let tones = [Tone::new(140.0, level), Tone::new(700.0, level - 6.0), Tone::new(1900.0, level - 8.24)];
            Self { tones, tick: 0, seed: 3, noise }
        }

        fn next(&mut self) -> Frame {
            let mut frame = SILENCE;
            if self.tick % 13 < 8 {
                self.tones.iter_mut().for_each(|tone| tone.mix_into(&mut frame));
            }
            for sample in &mut frame {
                self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = sample.saturating_add(((self.seed >> 16) as i16).checked_rem(self.noise).unwrap_or(0));
            }
            self.tick += 1;
            frame
        }
    }

    /// So many ticks of it; what came out.
    fn through(gain: &mut Gain, speech: &mut Speech, ticks: usize) -> Vec<i16> {
        let mut activity = Activity::default();
        let mut out = Vec::new();
        for _ in 0..ticks {
            let mut frame = speech.next();
            let mean_square = energy(&frame) as f32 / FRAME as f32;
            activity.hear(mean_square);
            if activity.is_speech() {
                gain.hear_speech(mean_square, activity.floor());
            }
            gain.apply(&mut frame);
            out.extend(frame);
        }
        out
    }

    /// Level of the loudest eighth of the ticks, dBm0.
    fn loud_dbm0(sound: &[i16]) -> f32 {
        let mut levels: Vec<f32> = sound.chunks(FRAME).map(level_dbov).collect();
        levels.sort_by(f32::total_cmp);
        levels[levels.len() * 7 / 8] - DBM0_IN_DBOV
    }

    #[test]
    fn after_five_seconds_of_speech_a_shouting_and_a_whispering_speaker_are_within_six_decibels() {
        let level = |dbm0| {
            let (mut gain, mut speech) = (Gain::default(), Speech::new(dbm0, 16));
            through(&mut gain, &mut speech, 250);
            loud_dbm0(&through(&mut gain, &mut speech, 100))
        };
        let (shout, whisper) = (level(-8.0), level(-37.0));
        println!("shouting −8 ends at {shout:.1}, whispering −37 at {whisper:.1} dBm0");
        assert!((shout - whisper).abs() < 6.0, "{shout} {whisper}");
        let (loud, quiet) = (level(-10.0), level(-30.0));
        assert!((loud + 20.0).abs() < 1.0 && (quiet + 20.0).abs() < 1.0, "{loud} {quiet}");
    }

    #[test]
    fn a_speaker_near_the_right_level_passes_bit_by_bit() {
        for level in [-22.7, -20.0, -17.3] {
            let mut gain = Gain::default();
            let out = through(&mut gain, &mut Speech::new(level, 16), 1000);
            let mut again = Speech::new(level, 16);
            let same: Vec<i16> = (0..1000).flat_map(|_| again.next()).collect();
            assert!(out == same, "{level}");
        }
    }

    #[test]
    fn tones_noise_and_pauses_move_nothing() {
        let mut gain = Gain::default();
        let mut activity = Activity::default();
        let mut tone = Tone::new(425.0, -10.0);
        for _ in 0..500 {
            let mut frame = SILENCE;
            tone.render(&mut frame);
            let mean_square = energy(&frame) as f32 / FRAME as f32;
            activity.hear(mean_square);
            assert!(!activity.is_speech());
        }
        let mut speech = Speech::new(-34.0, 16);
        through(&mut gain, &mut speech, 250);
        let before = gain.gain_db();
        assert!(before > 10.0);
        speech.tones.iter_mut().for_each(|tone| *tone = Tone::new(100.0, -120.0));
        let noise = through(&mut gain, &mut speech, 500);
        assert_eq!(gain.gain_db(), before);
        assert!(level_dbov(&noise[FRAME * 100..]) < NOISE_DBOV);
    }

    #[test]
    fn a_noisy_line_is_raised_less() {
        let mut gain = Gain::default();
        // ±500: −41 dBov.
        through(&mut gain, &mut Speech::new(-26.0, 500), 400);
        assert!(gain.gain_db() < 1.0, "{}", gain.gain_db());
    }

    #[test]
    fn the_gain_moves_evenly_and_a_sudden_shout_neither_wraps_nor_stays() {
        let mut gain = Gain::default();
        let mut speech = Speech::new(-36.0, 16);
        for _ in 0..600 {
            let last = gain.last;
            through(&mut gain, &mut speech, 1);
            assert!((20.0 * (gain.last / last).log10()).abs() < FAST_DB * 1.01);
        }
        through(&mut gain, &mut speech, 300);
        let before = gain.factor();
        assert!(before > 3.5);
        let mut shout = [0; FRAME];
        Tone::new(400.0, -6.0).render(&mut shout);
        let loudest = shout.iter().map(|s| s.unsigned_abs()).max().unwrap();
        let input = shout;
        gain.apply(&mut shout);
        assert!(shout.iter().zip(&input).all(|(out, sample)| i32::from(*out) * i32::from(*sample) >= 0), "no sample changes sign");
        assert!(gain.factor() * f32::from(loudest) <= CEILING as f32 + 1.0);
        let mut next = input;
        gain.apply(&mut next);
        assert!(next.iter().all(|s| i32::from(s.unsigned_abs()) <= CEILING + 1), "the second tick fits");
    }
}
