//! What packet networks do to sound, and where its times go.

use super::Rng;

const PACKET: usize = 160;

/// What stands in for a lost packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instead {
    Silence,
    /// The packet before once more.
    Repetition,
    /// Nothing: what follows comes 20 ms early.
    Nothing,
}

/// A damaged sound; `lost` says which of its original packets are gone.
pub struct Damaged {
    pub sound: Vec<f64>,
    pub lost: Vec<bool>,
    instead: Instead,
}

impl Damaged {
    /// Where an original time (samples) has gone.
    pub fn time(&self, original: f64) -> f64 {
        if self.instead != Instead::Nothing {
            return original;
        }
        let packet = (original / PACKET as f64) as usize;
        let gone = self.lost.iter().take(packet).filter(|lost| **lost).count();
        let inside = if self.lost.get(packet) == Some(&true) { original % PACKET as f64 } else { 0.0 };
        original - (gone * PACKET) as f64 - inside
    }
}

/// Lose packets at random, never two in a row (that would be another test).
pub fn lose(sound: &[f64], rate: f64, instead: Instead, rng: &mut Rng) -> Damaged {
    let mut lost = Vec::new();
    let mut out: Vec<f64> = Vec::with_capacity(sound.len());
    for packet in sound.chunks(PACKET) {
        let gone = rng.chance(rate) && lost.last() == Some(&false);
        lost.push(gone);
        match (gone, instead) {
            (false, _) => out.extend(packet),
            (true, Instead::Silence) => out.extend(std::iter::repeat_n(0.0, packet.len())),
            (true, Instead::Repetition) => out.extend_from_within(out.len() - packet.len()..),
            (true, Instead::Nothing) => {}
        }
    }
    Damaged { sound: out, lost, instead }
}

/// Add the sound itself once more, later and weaker.
pub fn echo(sound: &mut [f64], delay: usize, db: f64) {
    let original = sound.to_vec();
    let gain = 10f64.powf(-db / 20.0);
    for (sample, early) in sound.iter_mut().skip(delay).zip(original) {
        *sample += gain * early;
    }
}
