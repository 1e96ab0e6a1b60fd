//! One participant's sound, and the sum of a meeting's. Pure; time and octets are arguments.

mod codecs;
pub mod jitter;
pub mod leg;
pub mod mixer;
pub mod playout;
pub mod prompt;
pub mod reception;
pub mod setup;

use std::time::Instant;

pub use codecs::{Codecs, rate_of};
pub use leg::{Leg, LegEvent};
pub use playout::Counts;
pub use prompt::{PromptId, PromptSet, Utterance};
pub use setup::{Direction, EventFormat, LegReport, LegSetup, LegUpdate};

/// Samples at 8 kHz from one instant to another; negative when `to` comes before `from`.
fn samples_between(from: Instant, to: Instant) -> i64 {
    let samples = |span: std::time::Duration| (span.as_micros() / 125) as i64;
    if to >= from { samples(to.duration_since(from)) } else { -samples(from.duration_since(to)) }
}
