//! Swedish phrases as prompts.

use crate::media::{PromptId as P, Utterance};

/// One prompt after another.
pub fn words(prompts: &[P]) -> Utterance {
    prompts.iter().copied().take(crate::media::prompt::UTTERANCE).collect()
}

/// "Det är … deltagare i mötet."
pub fn count(participants: usize) -> Utterance {
    let mut said = Utterance::new();
    for prompt in std::iter::once(P::Antal1).chain(number(participants)).chain([P::Antal2]) {
        // Six words at most: "nitton", "hundra", "tjugo", "tre" between the two.
        let _ = said.try_push(prompt);
    }
    said
}

const UNITS: [P; 19] = [
    P::TalEn,
    P::Tal2,
    P::Tal3,
    P::Tal4,
    P::Tal5,
    P::Tal6,
    P::Tal7,
    P::Tal8,
    P::Tal9,
    P::Tal10,
    P::Tal11,
    P::Tal12,
    P::Tal13,
    P::Tal14,
    P::Tal15,
    P::Tal16,
    P::Tal17,
    P::Tal18,
    P::Tal19,
];

const TENS: [P; 8] = [P::Tal20, P::Tal30, P::Tal40, P::Tal50, P::Tal60, P::Tal70, P::Tal80, P::Tal90];

/// The biggest number the set has words for: "nitton hundra nittio nio". No meeting is bigger, and there is no prompt "tusen".
const BIGGEST: usize = 1_999;

/// A number of participants in words: *en* for one (common gender), 1 to [`BIGGEST`], where it stays.
pub fn number(number: usize) -> impl Iterator<Item = P> {
    let number = number.min(BIGGEST);
    let (hundreds, rest) = (number / 100, number % 100);
    // "hundra", "två hundra", "elva hundra": the first hundred needs no one before it.
    let before = if hundreds > 1 { unit(hundreds) } else { None };
    let hundred = (hundreds > 0).then_some(P::Tal100);
    let (ten, last) = if rest < 20 { (None, unit(rest)) } else { (TENS.get(rest / 10 - 2).copied(), unit(rest % 10)) };
    [before, hundred, ten, last].into_iter().flatten()
}

fn unit(number: usize) -> Option<P> {
    UNITS.get(number.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(n: usize) -> String {
        number(n).map(P::name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numbers_are_said_as_in_swedish() {
        for (n, said) in [
            (1, "tal_en"),
            (2, "tal_2"),
            (13, "tal_13"),
            (20, "tal_20"),
            (21, "tal_20 tal_en"),
            (99, "tal_90 tal_9"),
            (100, "tal_100"),
            (101, "tal_100 tal_en"),
            (256, "tal_2 tal_100 tal_50 tal_6"),
            (1_000, "tal_10 tal_100"),
            (1_112, "tal_11 tal_100 tal_12"),
            (1_999, "tal_19 tal_100 tal_90 tal_9"),
            (5_000, "tal_19 tal_100 tal_90 tal_9"),
        ] {
            assert_eq!(spoken(n), said, "{n}");
        }
    }

    #[test]
    fn every_number_has_its_own_words() {
        let said: std::collections::HashSet<_> = (1..=BIGGEST).map(spoken).collect();
        assert_eq!(said.len(), BIGGEST);
        assert!(!said.contains(""));
        assert_eq!(count(BIGGEST).len(), 6);
    }

    #[test]
    fn a_count_is_a_whole_sentence() {
        let count: Vec<_> = count(2).iter().map(|p| p.name()).collect();
        assert_eq!(count, ["antal_1", "tal_2", "antal_2"]);
    }
}
