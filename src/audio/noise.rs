//! Comfort noise: what a caller's line sounds like while he says nothing and his phone sends nothing (RFC 3389).

use super::Rate;

/// Highest model order taken; RFC 3389 §3.3 leaves it to the receiver how many of the coefficients it uses.
const ORDER: usize = 10;
/// Reflection coefficients are kept below 1, or the filter would ring for ever.
const MOST: f32 = 0.98;
/// Loudest noise made, dBov below full scale: what claims to be louder is no background.
const LOUDEST: u8 = 30;
/// Noise fades in over this long, ms.
const RISE_MS: usize = 20;

/// Level and spectrum of a background.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Background {
    /// −dBov, 0 to 127.
    level: u8,
    reflections: [f32; ORDER],
}

impl Background {
    /// From a comfort-noise payload (RFC 3389 §3): a level, then reflection coefficients. `None`: empty.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (level, coefficients) = payload.split_first()?;
        let mut reflections = [0.0; ORDER];
        for (reflection, &octet) in reflections.iter_mut().zip(coefficients) {
            // §3.2: k = 258 × (N − 127) / 32768.
            *reflection = (258.0 * (f32::from(octet) - 127.0) / 32_768.0).clamp(-MOST, MOST);
        }
        // §3.1: the most significant bit is reserved.
        Some(Self { level: level & 0x7f, reflections })
    }
}

/// Makes noise.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u32,
    memory: [f32; ORDER + 1],
    risen: usize,
}

impl Default for Noise {
    fn default() -> Self {
        // Any number but 0.
        Self { state: 0x9e37_79b9, memory: [0.0; ORDER + 1], risen: 0 }
    }
}

impl Noise {
    /// Begin anew, from silence.
    pub fn begin(&mut self) {
        self.memory = [0.0; ORDER + 1];
        self.risen = 0;
    }

    /// Add noise like `background` to `out`.
    pub fn mix_into(&mut self, background: &Background, rate: Rate, out: &mut [i16]) {
        let rms = 32_768.0 * 10f32.powf(-f32::from(background.level.max(LOUDEST)) / 20.0);
        if rms < 1.0 {
            return;
        }
        // An all-pole filter with these reflection coefficients multiplies the power of white noise by 1 / Π(1 − k²).
        let power: f32 = background.reflections.iter().map(|k| 1.0 - k * k).product();
        // Uniform between ±√3 has the mean square 1.
        let scale = rms * power.sqrt() * 3f32.sqrt() / 2_147_483_648.0;
        let rise = RISE_MS * rate.hz() as usize / 1000;
        for sample in out {
            // Marsaglia's xorshift.
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            let mut value = self.state as i32 as f32 * scale;
            // The lattice, from the last stage to the first.
            for (at, k) in background.reflections.iter().enumerate().rev() {
                value -= k * self.memory[at];
                self.memory[at + 1] = self.memory[at] + k * value;
            }
            self.memory[0] = value;
            if self.risen < rise {
                value *= self.risen as f32 / rise as f32;
                self.risen += 1;
            }
            // Casting saturates.
            *sample = sample.saturating_add(value.round_ties_even() as i16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::level_dbov;
    use super::*;

    #[test]
    fn noise_has_the_level_that_was_sent_whatever_its_colour() {
        for rate in Rate::ALL {
            for payload in
                [&[50u8][..], &[50, 127, 127], &[50, 20], &[50, 230, 60, 200], &[0xb2, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 9]]
            {
                let background = Background::parse(payload).unwrap();
                let mut noise = Noise::default();
                let mut out = vec![0; 40_000];
                noise.mix_into(&background, rate, &mut out);
                let level = level_dbov(&out[2_000..]);
                assert!((level + 50.0).abs() < 1.5, "{payload:?} at {rate:?}: {level}");
            }
        }
    }

    #[test]
    fn noise_rises_gently_and_is_never_loud() {
        let background = Background::parse(&[0]).unwrap();
        let mut noise = Noise::default();
        let mut out = vec![0; 8_000];
        noise.mix_into(&background, Rate::Narrow, &mut out);
        assert!(out[..8].iter().all(|sample| sample.abs() < 100));
        assert!((level_dbov(&out[200..]) + 30.0).abs() < 1.0);
        assert_eq!(Background::parse(&[]), None);
        let mut out = [0; 160];
        Noise::default().mix_into(&Background::parse(&[127]).unwrap(), Rate::Narrow, &mut out);
        assert_eq!(out, [0; 160]);
    }
}
