//! One participant's sound, and the sum of a meeting's. Pure; time and octets are arguments.

pub mod jitter;
pub mod leg;
pub mod mixer;
pub mod playout;
pub mod prompt;
pub mod setup;

pub use leg::{Leg, LegEvent};
pub use prompt::{PromptId, PromptSet, Utterance};
pub use setup::{Direction, EventFormat, LegReport, LegSetup, LegUpdate};
