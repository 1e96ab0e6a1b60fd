//! One participant's sound, and the sum of a meeting's. Pure; time and octets are arguments.

mod codecs;
pub mod jitter;
pub mod leg;
pub mod mixer;
pub mod playout;
pub mod prompt;
pub mod reception;
pub mod setup;

pub use codecs::{Codecs, rate_of};
pub use leg::{Leg, LegEvent};
pub use playout::Counts;
pub use prompt::{PromptId, PromptSet, Utterance};
pub use setup::{Direction, EventFormat, LegReport, LegSetup, LegUpdate};
