//! Collects the nine digits of a samtals-ID, whatever is being said meanwhile.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::names::{CallId, Key};

/// People press `#` out of habit after the ninth digit, once or twice: it means nothing for so long.
const SWALLOW: Duration = Duration::from_secs(2);

/// What a key came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typed {
    /// More are needed.
    More,
    /// Typed so far is cleared.
    Cleared,
    /// The ninth digit: submit at once.
    Whole(CallId),
    /// `#` before the ninth digit.
    TooShort,
    /// The key means nothing here.
    Nothing,
}

/// One queue of digits for the whole menu.
#[derive(Default)]
pub struct DigitCollector {
    digits: ArrayVec<u8, { CallId::DIGITS }>,
    whole_at: Option<Instant>,
}

/// Digits are secret.
impl std::fmt::Debug for DigitCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DigitCollector(…)")
    }
}

impl DigitCollector {
    /// A key was pressed.
    pub fn key(&mut self, now: Instant, key: Key) -> Typed {
        match key {
            Key::Digit(digit) => {
                // Cannot be full: the ninth digit empties it.
                let _ = self.digits.try_push(digit);
                if self.digits.len() < CallId::DIGITS {
                    return Typed::More;
                }
                let number = self.digits.drain(..).fold(0, |number, digit| number * 10 + u32::from(digit));
                self.whole_at = Some(now);
                CallId::from_number(number).map_or(Typed::Nothing, Typed::Whole)
            }
            Key::Hash if self.digits.is_empty() && self.whole_at.is_some_and(|at| now < at + SWALLOW) => Typed::Nothing,
            Key::Hash => {
                self.digits.clear();
                Typed::TooShort
            }
            Key::Star => {
                self.digits.clear();
                Typed::Cleared
            }
            Key::Letter(_) => Typed::Nothing,
        }
    }

    /// Nothing has been typed.
    pub fn is_empty(&self) -> bool {
        self.digits.is_empty()
    }

    /// Forget what has been typed.
    pub fn clear(&mut self) {
        self.digits.clear();
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use super::*;

    fn type_all(collector: &mut DigitCollector, now: Instant, text: &str) -> Typed {
        text.chars().map(|c| collector.key(now, Key::from_char(c).unwrap())).last().unwrap()
    }

    #[test]
    fn the_ninth_digit_submits_and_leading_zeros_count() {
        let (mut collector, now) = (DigitCollector::default(), Instant::now());
        assert_eq!(type_all(&mut collector, now, "01234567"), Typed::More);
        assert_eq!(type_all(&mut collector, now, "8"), Typed::Whole("012345678".parse().unwrap()));
        assert!(collector.is_empty());
    }

    #[test]
    fn a_hash_after_the_ninth_digit_is_swallowed_for_two_seconds() {
        let (mut collector, now) = (DigitCollector::default(), Instant::now());
        type_all(&mut collector, now, "123456789");
        assert_eq!(type_all(&mut collector, now + Duration::from_millis(1999), "##"), Typed::Nothing);
        assert_eq!(type_all(&mut collector, now + SWALLOW, "#"), Typed::TooShort);
    }

    #[test]
    fn a_hash_after_the_first_digit_of_the_next_id_is_not_swallowed() {
        let (mut collector, now) = (DigitCollector::default(), Instant::now());
        assert_eq!(type_all(&mut collector, now, "1234567891#"), Typed::TooShort);
    }

    #[test]
    fn a_star_clears_and_an_early_hash_means_done() {
        let (mut collector, now) = (DigitCollector::default(), Instant::now());
        assert_eq!(type_all(&mut collector, now, "1234*"), Typed::Cleared);
        assert_eq!(type_all(&mut collector, now, "12345678#"), Typed::TooShort);
        assert_eq!(type_all(&mut collector, now, "987654321"), Typed::Whole("987654321".parse().unwrap()));
    }

    #[test]
    fn typed_digits_do_not_show_themselves() {
        let mut collector = DigitCollector::default();
        type_all(&mut collector, Instant::now(), "1234");
        assert_eq!(format!("{collector:?}"), "DigitCollector(…)");
    }
}
