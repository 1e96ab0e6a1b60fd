//! Values that must never reach a log: they redact themselves in `Debug` and `Display`.
//!
//! Reading the real value takes a call to `expose`, which is easy to search for.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use thiserror::Error;

/// Why a text is not the value it should be. Never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NameError {
    /// Not exactly nine digits.
    #[error("a samtals-ID is exactly nine digits")]
    CallId,
    /// Not a telephone number.
    #[error("a telephone number is 3 to 15 digits, with an optional + in front and spaces, hyphens, dots or parentheses between")]
    PhoneNumber,
}

/// The samtals-ID of a meeting: nine decimal digits, leading zeros count.
///
/// Never the SIP header `Call-ID`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u32);

impl CallId {
    /// How many digits a samtals-ID has.
    pub const DIGITS: usize = 9;

    /// From a number below 1,000,000,000 (drawn at random, say). `None` above.
    pub fn from_number(number: u32) -> Option<Self> {
        (number < 1_000_000_000).then_some(Self(number))
    }

    /// The nine digits. For the operator's own screen and the meeting file, never for logs.
    pub fn expose(self) -> String {
        format!("{:09}", self.0)
    }
}

impl FromStr for CallId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() == Self::DIGITS && text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().map(Self).map_err(|_| NameError::CallId)
        } else {
            Err(NameError::CallId)
        }
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallId(…)")
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••••••••")
    }
}

/// A telephone number in one canonical spelling, so that all spellings of one number are equal:
/// `0480445511`, `0480-44 55 11`, `+46 480 44 55 11`, `0046480445511` and `46480445511`.
///
/// A national number (leading single 0) is taken to be Swedish, country code 46.
///
/// Held by value: callers' numbers are remembered for a day, and a piece of memory for each, allocated among those of its call, would keep the page around
/// it from going back to the system.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(ArrayString<MOST_DIGITS>);

/// Digits of an international number at most (E.164 §6).
const MOST_DIGITS: usize = 15;

impl PhoneNumber {
    /// International digits without `+` or `00`. For comparison and configuration, never for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // RFC 3966 §3: visual separators carry no meaning. Spaces are what people type.
        let mut digits = String::new();
        let mut plus = false;
        for c in text.trim().chars() {
            match c {
                '+' if digits.is_empty() && !plus => plus = true,
                '0'..='9' => digits.push(c),
                '-' | '.' | '(' | ')' | ' ' | '\u{a0}' => {}
                _ => return Err(NameError::PhoneNumber),
            }
            // With an international prefix of up to two.
            if digits.len() > MOST_DIGITS + 2 {
                return Err(NameError::PhoneNumber);
            }
        }
        let canonical = if plus {
            digits
        } else if let Some(rest) = digits.strip_prefix("00") {
            rest.to_owned()
        } else if let Some(rest) = digits.strip_prefix('0') {
            format!("46{rest}")
        } else {
            digits
        };
        match ArrayString::from(&canonical) {
            Ok(number) if number.len() >= 3 => Ok(Self(number)),
            _ => Err(NameError::PhoneNumber),
        }
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_one_number_are_equal() {
        let home: PhoneNumber = "0480445511".parse().unwrap();
        for spelling in ["0480-44 55 11", "+46 480 44 55 11", "+46480445511", "46480445511", "0046480445511", "(0480) 44.55.11"] {
            assert_eq!(spelling.parse::<PhoneNumber>().as_ref(), Ok(&home), "{spelling}");
        }
        assert_ne!("0480445512".parse::<PhoneNumber>().unwrap(), home);
    }

    #[test]
    fn secrets_do_not_show_themselves() {
        let id: CallId = "012345678".parse().unwrap();
        assert_eq!(id.expose(), "012345678");
        let number: PhoneNumber = "0480445511".parse().unwrap();
        let shown = format!("{id:?} {id} {number:?} {number}");
        assert!(!shown.contains(|c: char| c.is_ascii_digit()), "{shown}");
    }

    #[test]
    fn a_call_id_is_nine_digits_and_nothing_else() {
        for bad in ["", "12345678", "1234567890", "12345678x", "+12345678", " 12345678", "１２３４５６７８９"] {
            assert!(bad.parse::<CallId>().is_err(), "{bad}");
        }
    }
}
