//! Sound as numbers: levels, tones, keys, limiting, other rates. Pure, and nothing is allocated after `new()`.

pub mod activity;
pub mod conceal;
pub mod dtmf;
pub mod gain;
pub mod level;
pub mod limiter;
pub mod noise;
pub mod pitch;
pub mod prefetch;
pub mod resample;
pub mod stretch;
pub mod tone;

/// Narrowband sampling rate, Hz: G.711 and the menu.
pub const RATE_HZ: u32 = 8_000;
/// Length of a media tick, milliseconds: the packet time of Swedish trunks.
pub const TICK_MS: u32 = 20;
/// Samples in one narrowband tick.
pub const FRAME: usize = 160;

/// One tick of narrowband sound: 160 linear samples at 8 kHz, full scale ±32,768 (A-law peaks at ±32,256).
pub type Frame = [i16; FRAME];
/// A tick of silence.
pub const SILENCE: Frame = [0; FRAME];

/// Memory for so many samples, written and not only promised: the system finds a page for it at the first write, and that shall not be on a media
/// tick.
pub fn silence(samples: usize) -> Box<[i16]> {
    std::iter::repeat_n(std::hint::black_box(0), samples).collect()
}

/// Sampling rates of the sound in a leg or on a bus of a meeting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Rate {
    /// 8 kHz: G.711.
    #[default]
    Narrow,
    /// 16 kHz: G.722.
    Wide,
    /// 48 kHz: Opus.
    Full,
}

impl Rate {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::Narrow, Self::Wide, Self::Full];

    /// Samples a second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Narrow => RATE_HZ,
            Self::Wide => 16_000,
            Self::Full => 48_000,
        }
    }

    /// The rate of so many samples a second.
    pub const fn of_hz(hz: u32) -> Option<Self> {
        match hz {
            RATE_HZ => Some(Self::Narrow),
            16_000 => Some(Self::Wide),
            48_000 => Some(Self::Full),
            _ => None,
        }
    }

    /// Samples in a tick: 160, 320 or 960.
    pub const fn frame(self) -> usize {
        (self.hz() / (1000 / TICK_MS)) as usize
    }
}

/// Samples in the longest tick there is.
pub const LONGEST_FRAME: usize = Rate::Full.frame();

/// One tick of sound at one of the rates. In this order: the rate lies beside the samples that every rate has.
#[derive(Clone)]
#[repr(C)]
pub struct Sound {
    rate: Rate,
    samples: [i16; LONGEST_FRAME],
}

impl Sound {
    /// A tick of silence.
    pub const fn silence(rate: Rate) -> Self {
        Self { rate, samples: [0; LONGEST_FRAME] }
    }

    /// Its sampling rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The tick's samples: [`Rate::frame`] of them.
    pub fn samples(&self) -> &[i16] {
        &self.samples[..self.rate.frame()]
    }

    /// The tick's samples, to be written.
    pub fn samples_mut(&mut self) -> &mut [i16] {
        &mut self.samples[..self.rate.frame()]
    }

    /// Go on at this rate; what the samples are then is no matter.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Silence from now on, at this rate.
    pub fn clear(&mut self, rate: Rate) {
        self.rate = rate;
        self.samples_mut().fill(0);
    }
}

impl std::fmt::Debug for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Sound").field("rate", &self.rate).finish_non_exhaustive()
    }
}
