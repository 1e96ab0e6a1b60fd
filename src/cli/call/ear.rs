//! Tells what is heard while it is heard: sound and silence with level and length, and for measuring, a tone of a given frequency.

use std::time::{Duration, Instant};

use crate::audio::level::level_dbov;
use crate::audio::tone::tone_level;
use crate::sim::Recording;

/// Louder than this is sound: speech is 25 dB above it, a quiet line 15 dB below.
const SOUND_DBOV: f32 = -50.0;
/// What is shorter is a gap between words, not silence.
const GAP: Duration = Duration::from_millis(400);
/// Stretch of sound judged at once, samples: 20 ms.
const STRETCH: usize = 160;
/// Two stretches for a tone: 100 Hz apart from others.
const TONE_STRETCH: usize = 2 * STRETCH;
/// Stretches that must hold a tone one after the other, 120 ms: no vowel stands so still.
const STEADY: u8 = 6;

/// Follows a recording while it grows.
#[derive(Debug)]
pub struct Ear {
    answered: Option<Instant>,
    /// Samples judged so far.
    judged: usize,
    /// Begin of the sound that is being heard, and its last loud moment.
    sound: Option<(Instant, Instant)>,
    tone_hz: Option<f64>,
    tone_heard: bool,
    /// Begin of the tone, if it is one, and for how many stretches it has been there.
    steady: Option<(Instant, u8)>,
    last_key: Option<Instant>,
}

impl Ear {
    /// `tone_hz`: tell when a tone of this frequency is first heard after the last key.
    pub fn new(tone_hz: Option<f64>) -> Self {
        Self { answered: None, judged: 0, sound: None, tone_hz, tone_heard: false, steady: None, last_key: None }
    }

    /// The call is answered.
    pub fn begin(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// The last key in the queue went out.
    pub fn last_key(&mut self, now: Instant) {
        println!("{} keys pressed", self.clock(now));
        self.last_key.get_or_insert(now);
    }

    /// Something was heard.
    pub fn listen(&mut self, recording: &Recording, now: Instant) {
        let samples = recording.samples();
        while let Some(stretch) = samples.get(self.judged..self.judged + STRETCH) {
            self.judged += STRETCH;
            self.judge(recording, stretch, now);
            if let Some(hz) = self.tone_hz.filter(|_| !self.tone_heard) {
                let last = samples.get(self.judged.saturating_sub(TONE_STRETCH)..self.judged).unwrap_or_default();
                self.follow_tone(hz, last, now);
            }
        }
    }

    /// The call is over.
    pub fn finish(&mut self, recording: &Recording, now: Instant) {
        if let Some((begin, last)) = self.sound.take() {
            self.told(recording, begin, last);
        }
        if self.answered.is_some() {
            println!("{} heard {} packets", self.clock(now), recording.packets().len());
        }
    }

    /// Tell when the tone began, once it has stood for a while.
    fn follow_tone(&mut self, hz: f64, last: &[i16], now: Instant) {
        if tone_level(last, hz) <= SOUND_DBOV {
            self.steady = None;
            return;
        }
        let (begin, stretches) = self.steady.unwrap_or((now, 0));
        self.steady = Some((begin, stretches + 1));
        if stretches + 1 >= STEADY {
            self.tone_heard = true;
            let since = self.last_key.and_then(|key| begin.checked_duration_since(key));
            let waited = since.map(|since| format!(", {:.0} ms after the last key", since.as_secs_f64() * 1000.0));
            println!("{} hears {hz} Hz{}", self.clock(begin), waited.unwrap_or_default());
        }
    }

    fn judge(&mut self, recording: &Recording, stretch: &[i16], now: Instant) {
        let loud = level_dbov(stretch) > SOUND_DBOV;
        match &mut self.sound {
            None if loud => {
                self.sound = Some((now, now));
                println!("{} hears sound", self.clock(now));
            }
            Some((_, last)) if loud => *last = now,
            Some((begin, last)) if now - *last > GAP => {
                let (begin, last) = (*begin, *last);
                self.sound = None;
                self.told(recording, begin, last);
            }
            _ => {}
        }
    }

    fn told(&self, recording: &Recording, begin: Instant, last: Instant) {
        let level = level_dbov(recording.between(begin, last));
        println!("{} silence, after {:.1} s of sound at {level:.0} dBov", self.clock(last), (last - begin).as_secs_f64());
    }

    /// Time since the answer.
    fn clock(&self, now: Instant) -> String {
        let since = self.answered.map_or(Duration::ZERO, |answered| now.saturating_duration_since(answered));
        format!("{:6.2} s ", since.as_secs_f64())
    }
}
