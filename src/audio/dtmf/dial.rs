//! A key may be pressed over dial tone (ITU-T Q.24), which can be louder than the key. While such a hum is on the line, what lies under the keypad's
//! frequencies is filtered away; otherwise the sound stays as it is, and costs nothing.

use super::super::FRAME;
use super::bank::{lanes, sum};

/// Where the line is between plain sound and hum under it.
#[derive(Clone, Copy)]
pub struct Dial {
    /// Energy of the last tick, if its sound was low.
    low: Option<f32>,
    /// Successive ticks of steady low sound.
    steady: u8,
    /// Ticks without it, while the filter is on.
    without: u8,
    on: bool,
    state: [[f32; 2]; 2],
}

/// Energy of the difference of neighbours over the energy itself, below which sound is low: a lone tone of 525 Hz has 0.17.
const LOW: f32 = 0.17;
/// Successive ticks may differ by this factor: 350 and 440 Hz together beat.
const STEADY: f32 = 1.4;
/// Ticks of steady low sound that switch the filter on: 120 ms; a dial tone is there for longer before anybody presses a key.
const ENOUGH: u8 = 6;
/// Ticks without that switch it off again: 400 ms.
const OVER: u8 = 20;

/// Elliptic high-pass of the fourth order: 40 dB down to 416 Hz, 34 dB at 440 Hz, flat within 0.5 dB from 678 Hz, at most 2 ms late.
/// Each section: b1, a1, a2 with b0 = b2 = 1.
const SECTIONS: [[f32; 3]; 2] = [[-1.903_511_6, -1.631_515_9, 0.877_414_7], [-1.980_145_3, -0.970_433_2, 0.357_059_4]];
const GAIN: f32 = 0.514_953;

/// The end of a tick that is listened to, a fifth: no hum is only there for a part of it.
pub const END: usize = 33;

/// Sums of squares at the end of a tick.
pub struct Swings {
    /// Of the differences of neighbours.
    pub changes: f32,
    /// Of the samples.
    pub energy: f32,
}

/// How fast the sound swings.
pub fn swings(end: &[f32; END]) -> Swings {
    let (mut changes, mut energies) = ([0.0f32; 8], [0.0f32; 8]);
    for (early, late) in end.as_chunks::<8>().0.iter().zip(end[1..].as_chunks::<8>().0) {
        changes = lanes(changes, lanes(*late, *early, |late, early| late - early), |sum, change| sum + change * change);
        energies = lanes(energies, *late, |sum, late| sum + late * late);
    }
    Swings { changes: sum(changes), energy: sum(energies) }
}

impl Dial {
    /// An empty line.
    pub const fn new() -> Self {
        Self { low: None, steady: 0, without: 0, on: false, state: [[0.0; 2]; 2] }
    }

    /// Take a tick with this energy, and filter it if a hum is on the line. `busy`: a key is being pressed. `swings`:
    /// [`swings`] or what does the same. Inlined into a caller for this processor.
    #[inline(always)]
    pub fn pass(&mut self, samples: &mut [f32; FRAME], energy: f32, busy: bool, swings: impl Fn(&[f32; END]) -> Swings) {
        let end = samples.last_chunk().expect("a tick is longer than its end");
        let end = swings(end);
        let low = energy > 0.0 && end.changes < LOW * end.energy;
        let steady = low && self.low.is_some_and(|last| energy < last * STEADY && last < energy * STEADY);
        self.low = low.then_some(energy);
        self.steady = if steady { (self.steady + 1).min(ENOUGH) } else { 0 };
        self.without = if low || busy { 0 } else { self.without.saturating_add(1) };
        if self.steady == ENOUGH && !self.on {
            (self.on, self.state) = (true, [[0.0; 2]; 2]);
        } else if self.without > OVER {
            self.on = false;
        }
        if self.on {
            self.filter(samples);
        }
    }

    fn filter(&mut self, samples: &mut [f32; FRAME]) {
        for sample in samples {
            let mut x = *sample * GAIN;
            for ([b1, a1, a2], [z1, z2]) in SECTIONS.iter().zip(&mut self.state) {
                let y = x + *z1;
                (*z1, *z2) = (b1 * x - a1 * y + *z2, x - a2 * y);
                x = y;
            }
            *sample = x;
        }
    }
}
