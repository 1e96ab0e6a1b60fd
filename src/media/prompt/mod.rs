//! Prompts: what the bridge says. A set is loaded and checked whole elsewhere; here it is played.

mod id;
mod player;
mod set;
mod shelf;

pub use id::PromptId;
pub use player::Player;
pub use set::{Prompt, PromptSet};
pub use shelf::Shelf;

use arrayvec::ArrayVec;

/// Most prompts spoken in one go: "nine digits read back" and two phrases around them.
pub const UTTERANCE: usize = 12;

/// What is said in one go, prompt after prompt without a gap.
pub type Utterance = ArrayVec<PromptId, UTTERANCE>;
