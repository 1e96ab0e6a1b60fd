//! A key may be pressed over dial tone (ITU-T Q.24), which can be louder than the key. While such a hum is on the line, what lies under the keypad's
//! frequencies is filtered away; otherwise the sound stays as it is, and costs nothing.

use super::super::Frame;
use super::bank::BLOCK;

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

/// Energy of the differences of neighbours at the end of a tick: no hum is only there for a part of it. `energy`: that of the difference of two
/// blocks.
#[inline(always)]
pub fn changes(tick: &Frame, energy: impl Fn(&[i16; BLOCK], &[i16; BLOCK]) -> f32) -> f32 {
    let end: &[i16; BLOCK + 1] = tick.last_chunk().expect("a tick is longer than a block");
    let (early, late) = (end.first_chunk(), end.last_chunk());
    early.zip(late).map_or(0.0, |(early, late)| energy(late, early))
}

/// How fast the end of a tick swings.
#[derive(Clone, Copy)]
pub struct Swings {
    /// As [`changes`] says.
    pub changes: f32,
    /// Energy of its last block.
    pub energy: f32,
}

impl Dial {
    /// An empty line.
    pub const fn new() -> Self {
        Self { low: None, steady: 0, without: 0, on: false, state: [[0.0; 2]; 2] }
    }

    /// Take a tick with this energy, and filter it if a hum is on the line; whether it was. `busy`: a key is being pressed. Inlined into a caller
    /// for this processor.
    #[inline(always)]
    pub fn pass(&mut self, samples: &mut Frame, energy: f32, end: Swings, busy: bool) -> bool {
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
        self.on
    }

    fn filter(&mut self, samples: &mut Frame) {
        for sample in samples {
            let mut x = f32::from(*sample) * GAIN;
            for ([b1, a1, a2], [z1, z2]) in SECTIONS.iter().zip(&mut self.state) {
                let y = x + *z1;
                (*z1, *z2) = (b1 * x - a1 * y + *z2, x - a2 * y);
                x = y;
            }
            *sample = x.round() as i16;
        }
    }
}
