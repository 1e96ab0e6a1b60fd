//! Sound as numbers: levels, tones, limiting. Pure, and nothing is allocated after `new()`.

pub mod level;
pub mod limiter;
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
