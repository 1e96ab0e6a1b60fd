//! Plays utterances from the prompt set that was current when each began. To be written.

use std::sync::Arc;

use super::{PromptSet, Utterance};
use crate::audio::Frame;
use crate::names::SayToken;

/// Plays one utterance at a time. Allocates nothing.
#[derive(Debug, Default)]
pub struct Player {}

impl Player {
    /// Say this now; what was being said stops (with a 5 ms fade, no click).
    pub fn say(&mut self, _set: &Arc<PromptSet>, _utterance: Utterance, _token: SayToken) {
        todo!()
    }

    /// Stop (with a 5 ms fade, no click).
    pub fn hush(&mut self) {
        todo!()
    }

    /// Whether there is something to say.
    pub fn speaking(&self) -> bool {
        todo!()
    }

    /// The next tick of speech into `frame` (zeroed beyond the end). Returns the token of an utterance that ended in this tick.
    pub fn render(&mut self, _frame: &mut Frame) -> Option<SayToken> {
        todo!()
    }
}
