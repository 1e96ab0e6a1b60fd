//! Prompts: what the bridge says. A folder of sound files is checked whole and becomes a [`PromptSet`]; a [`Player`] speaks from one.
//!
//! ```text
//! Folder (octets) -> manifest -> wav (to samples) -> resample (8 kHz) -> loudness (-26 dBov) -> PromptSet
//! ```
//!
//! Files are read, and watched, by whoever may: `run::prompts`.

mod built_in;
mod fault;
mod id;
mod load;
mod loudness;
mod manifest;
mod player;
pub mod resample;
mod set;
mod shelf;
mod wav;

pub use built_in::{BuiltIn, built_in};
pub use fault::{FOLDER_FILES, Fault, Reason, Warning};
pub use id::PromptId;
pub use load::{Folder, Heard, Line, Loaded, Report, load};
pub use player::Player;
pub use set::{Prompt, PromptSet};
pub use shelf::Shelf;
pub use wav::Format;

use arrayvec::ArrayVec;

/// Most prompts spoken in one go: "nine digits read back" and two phrases around them.
pub const UTTERANCE: usize = 12;

/// What is said in one go, prompt after prompt without a gap.
pub type Utterance = ArrayVec<PromptId, UTTERANCE>;
