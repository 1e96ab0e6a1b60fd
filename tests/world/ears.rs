//! Prompts as pairs of tones, and ears that know them again.

use std::fmt;
use std::time::{Duration, Instant};

use ljudbro::audio::tone::{Tone, tone_level};
use ljudbro::media::prompt::Prompt;
use ljudbro::media::{PromptId, PromptSet};
use ljudbro::sim::Recording;

/// A tone of each row and one of each column make a prompt; all are 100 Hz apart or more, so that 40 ms tell them apart.
const ROWS: usize = 10;
const COLUMNS: usize = 10;

fn row_hz(row: usize) -> f64 {
    500.0 + 100.0 * row as f64
}

fn column_hz(column: usize) -> f64 {
    1600.0 + 160.0 * column as f64
}

/// Marks the new voice.
const NEW_VOICE_HZ: f64 = 3300.0;
/// Level of each tone of a prompt.
const PROMPT_DBOV: f32 = -26.0;
/// Quieter is not heard: 20 dB below.
const HEARD_DBOV: f32 = -46.0;

/// Length of a spoken prompt.
pub const SPOKEN: Duration = Duration::from_millis(600);
/// Length of the join and leave tones.
pub const BEEP: Duration = Duration::from_millis(200);

/// Two sets whose prompts can be told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voice {
    Old,
    New,
}

/// Every prompt as its pair of tones.
pub fn prompts(voice: Voice) -> PromptSet {
    PromptSet::new(|id| {
        let length = if matches!(id, PromptId::TonIn | PromptId::TonUt) { BEEP } else { SPOKEN };
        let mut samples = vec![0i16; length.as_millis() as usize * 8];
        let place = id as usize;
        Tone::new(row_hz(place / COLUMNS), PROMPT_DBOV).mix_into(&mut samples);
        Tone::new(column_hz(place % COLUMNS), PROMPT_DBOV).mix_into(&mut samples);
        if voice == Voice::New {
            Tone::new(NEW_VOICE_HZ, PROMPT_DBOV).mix_into(&mut samples);
        }
        Prompt { samples: samples.into() }
    })
}

/// A prompt that was heard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Spoken {
    pub id: PromptId,
    pub voice: Voice,
    /// When its first sound arrived, and its last.
    pub from: Instant,
    pub to: Instant,
}

impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id.name())
    }
}

/// One hop and one window of listening, samples.
const HOP: usize = 80;
const WINDOW: usize = 320;
/// What is heard for less than 50 ms is an edge between two sounds.
const SHORTEST: usize = 5;

/// Everything spoken in a recording, in order. A prompt that was stopped early counts if 90 ms of it were heard.
pub fn spoken(recording: &Recording) -> Vec<Spoken> {
    let samples = recording.samples();
    let mut heard: Vec<(PromptId, Voice, usize, usize)> = Vec::new();
    let mut start = 0;
    while let Some(window) = samples.get(start..start + WINDOW) {
        if let Some((id, voice)) = pair(window) {
            match heard.last_mut() {
                // A gap of two hops is a lost packet, not an end.
                Some((last, _, _, to)) if *last == id && start <= *to + WINDOW => *to = start,
                _ => heard.push((id, voice, start, start)),
            }
            if let Some((_, known, from, to)) = heard.last_mut()
                && to.saturating_sub(*from) < SHORTEST * HOP
            {
                *known = voice;
            }
        }
        start += HOP;
    }
    heard.retain(|(_, _, from, to)| to - from >= SHORTEST * HOP);
    // Windows see a sound half a window early and late.
    let at = |sample: usize| recording.arrival(sample).unwrap();
    heard.into_iter().map(|(id, voice, from, to)| Spoken { id, voice, from: at(from + WINDOW / 2), to: at(to + WINDOW / 2) }).collect()
}

/// The prompt whose pair is in this window.
fn pair(window: &[i16]) -> Option<(PromptId, Voice)> {
    let row = loudest(window, ROWS, row_hz)?;
    let column = loudest(window, COLUMNS, column_hz)?;
    let voice = if tone_level(window, NEW_VOICE_HZ) > HEARD_DBOV { Voice::New } else { Voice::Old };
    PromptId::ALL.get(row * COLUMNS + column).map(|id| (*id, voice))
}

fn loudest(window: &[i16], count: usize, hz: impl Fn(usize) -> f64) -> Option<usize> {
    let level = |place: usize| tone_level(window, hz(place));
    let best = (0..count).max_by(|a, b| level(*a).total_cmp(&level(*b)))?;
    (level(best) > HEARD_DBOV).then_some(best)
}

/// What a caller says: below all prompts, and 12 Hz apart, which a second tells apart.
pub fn voice_hz(caller: usize) -> f64 {
    205.0 + 12.0 * caller as f64
}

/// How loud a caller says it.
pub const VOICE_DBOV: f32 = -32.0;

#[test]
fn every_prompt_is_known_again_over_twenty_voices() {
    for voice in [Voice::Old, Voice::New] {
        let set = prompts(voice);
        for id in PromptId::ALL {
            let mut samples = set.get(*id).samples.to_vec();
            for caller in 0..20 {
                Tone::new(voice_hz(caller), VOICE_DBOV - 6.0).mix_into(&mut samples);
            }
            assert_eq!(pair(&samples[400..400 + WINDOW]), Some((*id, voice)));
        }
    }
}
