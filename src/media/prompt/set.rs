//! A set of prompts, decoded and resampled, ready to play.

use super::PromptId;

/// One prompt, 8 kHz linear.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prompt {
    /// Samples at 8 kHz.
    pub samples: Box<[i16]>,
}

/// A whole set: every [`PromptId`] has a prompt. Shared by reference count; the media plane never frees the last reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PromptSet {
    prompts: Box<[Prompt]>,
}

impl PromptSet {
    /// From a prompt for each id.
    pub fn new(mut of: impl FnMut(PromptId) -> Prompt) -> Self {
        Self { prompts: PromptId::ALL.iter().map(|&id| of(id)).collect() }
    }

    /// The prompt of an id.
    pub fn get(&self, id: PromptId) -> &Prompt {
        &self.prompts[id as usize]
    }
}
