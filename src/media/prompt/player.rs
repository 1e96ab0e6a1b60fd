//! Plays utterances, each from the prompt set that was current when it began.
//!
//! A swap of the set therefore never cuts a word: what is being said ends in the old voice. What is stopped or replaced
//! fades out in 5 ms, so that nothing clicks. The player allocates nothing; it holds one reference to a [`PromptSet`] while it
//! speaks and lets go of it on the media thread, which must never be the last one: whoever hands sets out keeps a reference to
//! each until nobody else has one ([`super::Shelf`]).

use std::sync::Arc;

use super::{PromptSet, Utterance};
use crate::audio::{Frame, RATE_HZ};
use crate::names::SayToken;

/// Length of the fade when speech is stopped, samples: 5 ms, short enough to feel immediate, long enough not to click.
const FADE: usize = RATE_HZ as usize / 200;

/// Plays one utterance at a time. Allocates nothing.
#[derive(Debug)]
pub struct Player {
    speech: Option<Speech>,
    /// What was stopped, already faded, from `tail_at` on still to be sent.
    tail: [i16; FADE],
    tail_at: usize,
}

/// What is being said.
#[derive(Debug)]
struct Speech {
    set: Arc<PromptSet>,
    utterance: Utterance,
    token: SayToken,
    /// Which prompt of the utterance, and which sample of it, comes next.
    prompt: usize,
    sample: usize,
}

impl Default for Player {
    fn default() -> Self {
        Self { speech: None, tail: [0; FADE], tail_at: FADE }
    }
}

impl Player {
    /// Say this now; what was being said stops (with a 5 ms fade, no click). An empty utterance ends in the next tick.
    pub fn say(&mut self, set: &Arc<PromptSet>, utterance: Utterance, token: SayToken) {
        self.hush();
        self.speech = Some(Speech { set: Arc::clone(set), utterance, token, prompt: 0, sample: 0 });
    }

    /// Stop (with a 5 ms fade, no click).
    pub fn hush(&mut self) {
        let Some(mut speech) = self.speech.take() else { return };
        // An earlier stop may still be fading: it goes on under this one.
        self.tail.copy_within(self.tail_at.., 0);
        self.tail[FADE - self.tail_at..].fill(0);
        self.tail_at = 0;
        // What nobody has begun to hear needs no fade.
        if speech.prompt > 0 || speech.sample > 0 {
            let mut fading = [0; FADE];
            speech.take(&mut fading);
            for (i, (tail, sample)) in self.tail.iter_mut().zip(fading).enumerate() {
                let faded = i32::from(sample) * (FADE - i) as i32 / (FADE as i32 + 1);
                // The faded value is smaller than the i16 it came from.
                *tail = tail.saturating_add(faded as i16);
            }
        }
    }

    /// Whether there is something to say, if only the last fading milliseconds of it.
    pub fn speaking(&self) -> bool {
        self.speech.is_some() || self.tail_at < FADE
    }

    /// The next tick of speech into `frame` (zeroed beyond the end). Returns the token of an utterance that ended in this tick.
    pub fn render(&mut self, frame: &mut Frame) -> Option<SayToken> {
        let written = self.speech.as_mut().map_or(0, |speech| speech.take(frame));
        frame[written..].fill(0);
        for (sample, tail) in frame.iter_mut().zip(&self.tail[self.tail_at..]) {
            *sample = sample.saturating_add(*tail);
        }
        self.tail_at = FADE.min(self.tail_at + frame.len());
        self.speech.take_if(|speech| speech.ended()).map(|speech| speech.token)
    }
}

impl Speech {
    /// The next samples into `out`; how many there were.
    fn take(&mut self, out: &mut [i16]) -> usize {
        let mut written = 0;
        while let Some(&id) = self.utterance.get(self.prompt) {
            let rest = self.set.get(id).samples.get(self.sample..).unwrap_or_default();
            let n = rest.len().min(out.len() - written);
            out[written..written + n].copy_from_slice(&rest[..n]);
            written += n;
            if n < rest.len() {
                self.sample += n;
                break;
            }
            self.prompt += 1;
            self.sample = 0;
        }
        written
    }

    fn ended(&self) -> bool {
        self.prompt >= self.utterance.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Prompt, PromptId};
    use super::*;
    use crate::audio::{FRAME, SILENCE};

    /// A set where every prompt is `length` samples of `value`.
    fn flat(value: i16, length: usize) -> Arc<PromptSet> {
        Arc::new(PromptSet::new(|_| Prompt { samples: vec![value; length].into() }))
    }

    fn utterance(ids: &[PromptId]) -> Utterance {
        ids.iter().copied().collect()
    }

    #[test]
    fn prompts_follow_one_another_without_a_gap_and_the_end_is_told_once() {
        let set = Arc::new(PromptSet::new(|id| Prompt { samples: vec![id as i16 + 1; 100].into() }));
        let mut player = Player::default();
        player.say(&set, utterance(&[PromptId::Siffra1, PromptId::Siffra2]), SayToken(7));
        let mut frame = SILENCE;
        assert_eq!(player.render(&mut frame), None);
        assert!(frame[..100].iter().all(|&s| s == PromptId::Siffra1 as i16 + 1));
        assert!(frame[100..].iter().all(|&s| s == PromptId::Siffra2 as i16 + 1));
        assert!(player.speaking());
        assert_eq!(player.render(&mut frame), Some(SayToken(7)));
        assert!(frame[..40].iter().all(|&s| s == PromptId::Siffra2 as i16 + 1));
        assert!(frame[40..].iter().all(|&s| s == 0), "nothing of the last tick remains beyond the end");
        assert!(!player.speaking());
        assert_eq!(player.render(&mut frame), None);
        assert_eq!(frame, SILENCE);
    }

    #[test]
    fn an_utterance_that_fills_its_last_tick_exactly_ends_in_it() {
        let mut player = Player::default();
        player.say(&flat(5, FRAME), utterance(&[PromptId::Slut]), SayToken(1));
        let mut frame = SILENCE;
        assert_eq!(player.render(&mut frame), Some(SayToken(1)));
        assert_eq!(frame, [5; FRAME]);
    }

    #[test]
    fn an_empty_utterance_and_empty_prompts_end_at_once() {
        let mut player = Player::default();
        let mut frame = [1; FRAME];
        player.say(&flat(5, 10), Utterance::new(), SayToken(1));
        assert!(player.speaking());
        assert_eq!(player.render(&mut frame), Some(SayToken(1)));
        assert_eq!(frame, SILENCE);
        player.say(&flat(5, 0), utterance(&[PromptId::Slut, PromptId::Slut]), SayToken(2));
        assert_eq!(player.render(&mut frame), Some(SayToken(2)));
    }

    #[test]
    fn a_stopped_prompt_fades_within_five_milliseconds_and_never_says_it_ended() {
        let mut player = Player::default();
        player.say(&flat(8000, 8000), utterance(&[PromptId::Valkommen]), SayToken(1));
        let mut frame = SILENCE;
        player.render(&mut frame);
        player.hush();
        assert!(player.speaking(), "the fade is still to come");
        assert_eq!(player.render(&mut frame), None);
        let mut last = 8000;
        for &sample in &frame[..FADE] {
            assert!(sample < last && last - sample <= 8000 / FADE as i16 + 2, "{last} to {sample} is a step one hears");
            last = sample;
        }
        assert!(frame[FADE..].iter().all(|&s| s == 0));
        assert!(!player.speaking());
        player.hush();
        assert!(!player.speaking(), "stopping silence says nothing");
    }

    #[test]
    fn what_was_never_heard_leaves_no_fade() {
        let mut player = Player::default();
        player.say(&flat(8000, 8000), utterance(&[PromptId::Valkommen]), SayToken(1));
        player.hush();
        let mut frame = [1; FRAME];
        player.render(&mut frame);
        assert_eq!(frame, SILENCE);
    }

    #[test]
    fn a_replaced_prompt_fades_under_the_first_samples_of_the_new_one() {
        let mut player = Player::default();
        let mut frame = SILENCE;
        player.say(&flat(8000, 8000), utterance(&[PromptId::Valkommen]), SayToken(1));
        player.render(&mut frame);
        player.say(&flat(100, 80), utterance(&[PromptId::IdAnge]), SayToken(2));
        assert_eq!(player.render(&mut frame), Some(SayToken(2)), "only the new one ends");
        assert!(frame[0] > 7000 && frame[FADE - 1] > 100);
        assert!(frame[FADE..80].iter().all(|&s| s == 100));
    }

    #[test]
    fn two_stops_before_a_tick_fade_together_without_overflow() {
        let mut player = Player::default();
        let mut frame = SILENCE;
        for token in 0..3 {
            player.say(&flat(32_767, 8000), utterance(&[PromptId::Valkommen]), SayToken(token));
            player.render(&mut frame);
        }
        player.say(&flat(0, 8000), utterance(&[PromptId::Valkommen]), SayToken(9));
        player.hush();
        player.render(&mut frame);
        assert!(frame[0] > 30_000 && frame[FADE..].iter().all(|&s| s == 0));
    }

    #[test]
    fn a_set_swapped_in_mid_utterance_is_heard_from_the_next_one_on() {
        let (old, new) = (flat(1, 200), flat(2, 200));
        let mut player = Player::default();
        let mut frame = SILENCE;
        player.say(&old, utterance(&[PromptId::Antal1, PromptId::Antal2]), SayToken(1));
        player.render(&mut frame);
        // The owner now has `new`; this player is told nothing.
        player.render(&mut frame);
        assert_eq!(frame, [1; FRAME], "the second prompt of the utterance is in the old voice too");
        assert_eq!(player.render(&mut frame), Some(SayToken(1)));
        assert_eq!(Arc::strong_count(&old), 1, "the old set is let go when its last utterance ends");
        player.say(&new, utterance(&[PromptId::Antal1]), SayToken(2));
        player.render(&mut frame);
        assert_eq!(frame, [2; FRAME]);
    }
}
