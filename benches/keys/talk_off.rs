//! What is no key: hours of speech, vowels, music, noise, and other signalling.

use crate::Settings;
use crate::signals::score::hear;
use crate::signals::{Law, Press, Rng, add_noise, refused, rms, speech, to_level, voices};

/// What was heard in a kind of sound that holds no key.
#[derive(Default)]
struct Sum {
    samples: usize,
    keys: usize,
    muted: usize,
}

impl Sum {
    fn add(&mut self, sound: &[f64], rng: &mut Rng) {
        let heard = hear(&rng.of(&Law::ALL).pass(sound));
        self.samples += sound.len();
        self.keys += heard.reports.len();
        self.muted += heard.muted_samples();
    }

    fn hours(&self) -> f64 {
        self.samples as f64 / 8_000.0 / 3_600.0
    }

    fn print(&self, name: &str) {
        let hours = self.hours().max(1e-9);
        let muted = self.muted as f64 / 8.0 / (hours * 60.0);
        println!(
            "{name:<58} {:>6.2} h {:>9} {:>7} {:>6}   {:.2} false an hour, {muted:.1} ms muted a minute",
            hours,
            "",
            "",
            self.keys,
            self.keys as f64 / hours
        );
    }
}

/// For as long as it takes.
fn fill(name: &str, hours: f64, rng: &mut Rng, mut make: impl FnMut(&mut Rng) -> Vec<f64>) {
    let mut sum = Sum::default();
    let mut empty = 0;
    while sum.hours() < hours && empty < 20 {
        let sound = make(rng);
        empty = if sound.is_empty() { empty + 1 } else { 0 };
        sum.add(&sound, rng);
    }
    sum.print(name);
}

pub fn rows(settings: &Settings) {
    must_refuse(settings);
    let rng = &mut Rng::new(settings.seed ^ 0x7a1c);
    let spoken = speech::voices();
    if spoken.is_empty() {
        println!("speech and held vowels of espeak-ng: skipped, it is not installed");
    } else {
        fill("talk-off: speech, all languages and voices of espeak-ng", settings.hours, rng, |rng| speech::say(&spoken, rng));
        fill("talk-off: held vowels, espeak-ng", settings.hours / 2.0, rng, |rng| speech::held(&spoken, rng));
    }
    fill("talk-off: held vowels, formants with vibrato", settings.hours, rng, |rng| {
        let seconds = rng.range(0.4, 2.5);
        voices::vowel(rng, seconds)
    });
    fill("talk-off: music", settings.hours, rng, |rng| voices::music(rng, 8.0));
    fill("talk-off: noise, white and coloured, also in bursts", settings.hours / 2.0, rng, noise);
}

fn noise(rng: &mut Rng) -> Vec<f64> {
    let mut sound = vec![0.0; 80_000];
    add_noise(&mut sound, rms(-20.0), rng);
    let (pole, bursts) = (rng.range(-0.9, 0.95), rng.chance(0.5));
    let mut last = 0.0;
    for (i, sample) in sound.iter_mut().enumerate() {
        last = last * pole + *sample;
        *sample = if bursts && i / 700 % 3 == 0 { 0.0 } else { last };
    }
    to_level(&mut sound, rng.range(-40.0, -5.0));
    sound
}

/// Sounds that each must leave nothing; heard % is how many of them were taken for a key.
fn refuse(name: &str, cases: usize, rng: &mut Rng, mut make: impl FnMut(&mut Rng) -> Vec<f64>) {
    let (mut taken, mut muted, mut samples) = (0, 0, 0);
    for _ in 0..cases {
        let sound = make(rng);
        let heard = hear(&rng.of(&Law::ALL).pass(&sound));
        taken += heard.reports.len();
        muted += heard.muted_samples();
        samples += sound.len();
    }
    let part = 100.0 * muted as f64 / samples.max(1) as f64;
    println!("{name:<58} {cases:>8} {:>9} {:>7} {taken:>6}   {part:.2} % muted", "", "");
}

fn press(rng: &mut Rng, press: Press) -> Vec<f64> {
    let mut sound = vec![0.0; 2_000 + (press.ms * 8.0) as usize];
    let at = rng.range(800.0, 1_000.0);
    press.add(&mut sound, at, rng);
    if rng.chance(0.5) {
        let db = rng.range(15.0, 50.0);
        add_noise(&mut sound, press.rms() * 10f64.powf(-db / 20.0), rng);
    }
    sound
}

fn must_refuse(settings: &Settings) {
    let rng = &mut Rng::new(settings.seed ^ 0x4ef5);
    let n = settings.cases;
    for (from, to) in [(0.035, 0.045), (0.045, 0.06)] {
        refuse(&format!("refuse: one or both tones {:.1} to {:.1} % off", from * 100.0, to * 100.0), n, rng, |rng| {
            let mut off = || rng.range(from, to) * rng.of(&[-1.0, 1.0]);
            let (low, high) = (off(), off());
            let (low, high) = [(low, high), (low, 0.0), (0.0, high)][rng.below(3)];
            let (ms, level, twist) = (rng.range(40.0, 200.0), rng.range(-17.0, 0.0), rng.range(-8.0, 4.0));
            let tone = Press::random(rng, ms).off(low, high).level(level, twist);
            press(rng, tone)
        });
    }
    for (from, to) in [(5.0, 19.9), (20.0, 23.0)] {
        refuse(&format!("refuse: tones of {from} to {to} ms"), n, rng, |rng| {
            let (ms, level, twist) = (rng.range(from, to), rng.range(-17.0, 0.0), rng.range(-8.0, 4.0));
            let tone = Press::random(rng, ms).level(level, twist);
            press(rng, tone)
        });
    }
    refuse("refuse: tones of -55 dBm0", n, rng, |rng| {
        let ms = rng.range(40.0, 200.0);
        let tone = Press::random(rng, ms).level(-55.0, 0.0);
        press(rng, tone)
    });
    refuse("refuse: single tones, two of one group, three tones", n, rng, refused::wrong_number_of_tones);
    refuse("refuse: MF R1, R2 forward and backward (all 45 pairs)", n / 40 + 1, rng, |rng| refused::multi_frequency(rng).0);
    refuse("refuse: V.21, V.23, Bell 103, Bell 202", n / 10 + 1, rng, |rng| refused::modem(rng, 3.0));
    refuse("refuse: call-progress tones of many countries", n / 10 + 1, rng, refused::call_progress);
}
