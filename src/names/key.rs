//! The sixteen keys of a telephone.

use std::fmt;

/// One key press. `Debug` and `Display` never show which key: digits are secret (a samtals-ID is made of them).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// `0` to `9`; the value is always in that range.
    Digit(u8),
    /// `*`
    Star,
    /// `#`
    Hash,
    /// `A` to `D` as 0 to 3, on military and some PBX phones.
    Letter(u8),
}

impl Key {
    /// From the character on the key, either case. `None` for any other character.
    pub fn from_char(c: char) -> Option<Self> {
        Some(match c {
            '0'..='9' => Self::Digit(c as u8 - b'0'),
            '*' => Self::Star,
            '#' => Self::Hash,
            'A'..='D' => Self::Letter(c as u8 - b'A'),
            'a'..='d' => Self::Letter(c as u8 - b'a'),
            _ => return None,
        })
    }

    /// From the event code of RFC 4733 §3.2, table 3: 0–9 digits, 10 `*`, 11 `#`, 12–15 `A`–`D`.
    pub fn from_event(code: u8) -> Option<Self> {
        Some(match code {
            0..=9 => Self::Digit(code),
            10 => Self::Star,
            11 => Self::Hash,
            12..=15 => Self::Letter(code - 12),
            _ => return None,
        })
    }

    /// The event code of RFC 4733 §3.2, table 3.
    pub fn event(self) -> u8 {
        match self {
            Self::Digit(d) => d,
            Self::Star => 10,
            Self::Hash => 11,
            Self::Letter(l) => 12 + l,
        }
    }

    /// The character on the key. For generators and files, never for logs.
    pub fn expose(self) -> char {
        match self {
            Self::Digit(d) => (b'0' + d) as char,
            Self::Star => '*',
            Self::Hash => '#',
            Self::Letter(l) => (b'A' + l) as char,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_code_names_one_key_and_back() {
        for code in 0..16 {
            let key = Key::from_event(code).unwrap();
            assert_eq!(key.event(), code);
            assert_eq!(Key::from_char(key.expose()), Some(key));
            assert_eq!(format!("{key:?}"), "Key(…)");
        }
        assert_eq!(Key::from_event(16), None);
    }
}
