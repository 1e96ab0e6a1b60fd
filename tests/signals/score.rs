//! What the detector makes of a sound whose keys are known.

use std::ops::Range;

use ljudbro::audio::FRAME;
use ljudbro::audio::dtmf::DtmfDetector;

/// A key as reported: the sample after the tick that reported it.
pub struct Report {
    pub at: usize,
    pub key: char,
}

/// Everything the detector says about a sound.
#[derive(Default)]
pub struct Heard {
    pub reports: Vec<Report>,
    /// Which samples nobody else would hear.
    pub muted: Vec<Range<usize>>,
}

impl Heard {
    pub fn muted_samples(&self) -> usize {
        self.muted.iter().map(Range::len).sum()
    }
}

/// Let a new detector hear a sound; a last part of a tick is filled up with silence.
pub fn hear(sound: &[i16]) -> Heard {
    let mut detector = DtmfDetector::new();
    let mut heard = Heard::default();
    for (tick, samples) in sound.chunks(FRAME).enumerate() {
        let mut frame = [0; FRAME];
        frame[..samples.len()].copy_from_slice(samples);
        let what = detector.hear(&frame);
        if let Some(key) = what.key {
            heard.reports.push(Report { at: (tick + 1) * FRAME, key: key.expose() });
        }
        if what.from < what.to {
            heard.muted.push(tick * FRAME + what.from..tick * FRAME + what.to);
        }
    }
    heard
}

/// A key that is in the sound: from and to (samples).
pub struct Truth {
    pub key: char,
    pub from: f64,
    pub to: f64,
}

/// Sums over many sounds.
#[derive(Default, Clone)]
pub struct Score {
    pub cases: usize,
    pub heard: usize,
    pub doubled: usize,
    pub wrong: usize,
    /// From the onset to the end of the tick that reported, ms.
    pub delays: Vec<f64>,
    /// Of each tone, how much of it others would hear, ms.
    pub leaks: Vec<f64>,
}

/// How long after a tone's end its report may still come, samples.
const LATE: f64 = 480.0;

impl Score {
    pub fn add(&mut self, heard: &Heard, truths: &[Truth]) {
        let mut taken = vec![false; truths.len()];
        for report in &heard.reports {
            let at = report.at as f64;
            let place = |t: &Truth| t.key == report.key && at > t.from && at <= t.to + LATE;
            match (0..truths.len()).find(|&i| place(&truths[i]) && !taken[i]) {
                Some(i) => {
                    taken[i] = true;
                    self.delays.push((at - truths[i].from) / 8.0);
                }
                None if truths.iter().any(place) => self.doubled += 1,
                None => self.wrong += 1,
            }
        }
        self.cases += truths.len();
        self.heard += taken.iter().filter(|t| **t).count();
        for truth in truths {
            let (from, to) = (truth.from.ceil() as usize, truth.to.floor() as usize);
            let covered: usize = heard.muted.iter().map(|m| m.end.min(to).saturating_sub(m.start.max(from))).sum();
            self.leaks.push((to.saturating_sub(from) - covered) as f64 / 8.0);
        }
    }

    pub fn missed(&self) -> usize {
        self.cases - self.heard
    }

    pub fn heard_percent(&self) -> f64 {
        100.0 * self.heard as f64 / self.cases.max(1) as f64
    }
}

/// The value below which `part` of all lie.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
