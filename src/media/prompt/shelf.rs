//! Keeps every prompt set that was handed out until nobody else has it, so that the media threads never free one.

use std::sync::Arc;

use super::PromptSet;

/// The sets that somebody may still be speaking from. Belongs to whoever hands sets out; never to a media thread.
#[derive(Debug, Default)]
pub struct Shelf {
    sets: Vec<Arc<PromptSet>>,
}

impl Shelf {
    /// Keep this set before it is handed out, and free those that nobody else has any more.
    ///
    /// There are as many as there were swaps during one utterance (at most 12 prompts of 20 s), so two or three.
    pub fn keep(&mut self, set: &Arc<PromptSet>) {
        self.sweep();
        if !self.sets.iter().any(|kept| Arc::ptr_eq(kept, set)) {
            self.sets.push(Arc::clone(set));
        }
    }

    /// Free the sets that nobody else has any more. A count of one cannot rise again: only this shelf could clone it.
    pub fn sweep(&mut self) {
        self.sets.retain(|set| Arc::strong_count(set) > 1);
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Prompt;
    use super::*;

    #[test]
    fn a_set_stays_until_its_last_speaker_let_go() {
        let mut shelf = Shelf::default();
        let old = Arc::new(PromptSet::new(|_| Prompt::default()));
        shelf.keep(&old);
        shelf.keep(&old);
        assert_eq!(shelf.len(), 1, "one reference for each set");
        let speaker = Arc::clone(&old);
        let watch = Arc::downgrade(&old);
        drop(old);
        let new = Arc::new(PromptSet::new(|_| Prompt::default()));
        shelf.keep(&new);
        assert_eq!(shelf.len(), 2);
        drop(speaker);
        assert!(watch.upgrade().is_some(), "letting go frees nothing");
        shelf.sweep();
        assert!(watch.upgrade().is_none());
        assert_eq!(shelf.len(), 1);
    }
}
