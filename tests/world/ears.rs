//! Prompts as pairs of tones, and ears that know them again.

use std::f32::consts::TAU;
use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use ljudbro::audio::level::level_dbov;
use ljudbro::audio::tone::Tone;
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

/// What is being spoken now, by the last 40 ms heard.
pub fn saying(recording: &Recording) -> Option<PromptId> {
    let samples = recording.samples();
    pair(samples.get(samples.len().checked_sub(WINDOW)?..)?).map(|(id, _)| id)
}

/// The prompt whose pair is in this window.
fn pair(window: &[i16]) -> Option<(PromptId, Voice)> {
    // Of all tests most of the time is spent here: what is silent is not looked at, and the window's weights are computed once.
    if level_dbov(window) < HEARD_DBOV {
        return None;
    }
    static WEIGHTS: LazyLock<[f32; WINDOW]> =
        LazyLock::new(|| std::array::from_fn(|i| 0.5 - 0.5 * (TAU * (i as f32 + 0.5) / WINDOW as f32).cos()));
    let mut weighted = [0.0; WINDOW];
    for ((weighted, sample), weight) in weighted.iter_mut().zip(window).zip(WEIGHTS.iter()) {
        *weighted = f32::from(*sample) * weight;
    }
    let row = loudest(&weighted, ROWS, row_hz)?;
    let column = loudest(&weighted, COLUMNS, column_hz)?;
    let voice = if level(&weighted, NEW_VOICE_HZ) > HEARD_DBOV { Voice::New } else { Voice::Old };
    PromptId::ALL.get(row * COLUMNS + column).map(|id| (*id, voice))
}

fn loudest(weighted: &[f32; WINDOW], count: usize, hz: impl Fn(usize) -> f64) -> Option<usize> {
    let levels = (0..count).map(|place| (place, level(weighted, hz(place))));
    let (best, loudest) = levels.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (loudest > HEARD_DBOV).then_some(best)
}

/// As `tone_level`, of samples that carry their weights.
fn level(weighted: &[f32; WINDOW], hz: f64) -> f32 {
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / 8_000.0).cos() as f32;
    let (mut last, mut before) = (0.0f32, 0.0f32);
    for sample in weighted {
        (last, before) = (sample + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    // The weights add up to half the window.
    10.0 * (8.0 * power / (WINDOW * WINDOW) as f32 / (32_768.0 * 32_768.0) + 1e-13).log10()
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
