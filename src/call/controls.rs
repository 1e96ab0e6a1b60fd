//! Keys inside a meeting: a star and a digit. Losing either must not make another command, and no single key does anything.

use std::time::{Duration, Instant};

use crate::names::Key;

/// A star waits so long for its digit. Long enough to look for the key, short enough that a star pressed by accident is forgotten.
const HALF: Duration = Duration::from_secs(4);

/// What a participant can ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// `*1`
    Help,
    /// `*3`
    Count,
    /// `*6`
    Microphone,
    /// A star and a key that is no command.
    Unknown,
}

/// Half a command at most.
#[derive(Debug, Default)]
pub struct Controls {
    star: Option<Instant>,
}

impl Controls {
    /// A key was pressed.
    pub fn key(&mut self, now: Instant, key: Key) -> Option<Command> {
        let half = self.star.take().is_some_and(|at| now < at + HALF);
        match key {
            // `**` waits on: with the first digit lost, `*6*3` is still `*3`, which was pressed.
            Key::Star => self.star = Some(now),
            Key::Digit(digit) if half => {
                return Some(match digit {
                    1 => Command::Help,
                    3 => Command::Count,
                    6 => Command::Microphone,
                    _ => Command::Unknown,
                });
            }
            // `*#` takes it back. People press `#` and single digits by accident.
            Key::Digit(_) | Key::Hash | Key::Letter(_) => {}
        }
        None
    }

    /// When a lone star is forgotten.
    pub fn deadline(&self) -> Option<Instant> {
        self.star.map(|at| at + HALF)
    }

    /// The time has come.
    pub fn forget(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.star = None;
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use super::*;

    fn commands(text: &str) -> Vec<Command> {
        let (mut controls, now) = (Controls::default(), Instant::now());
        text.chars().filter_map(|c| controls.key(now, Key::from_char(c).unwrap())).collect()
    }

    #[test]
    fn a_command_is_a_star_and_a_digit() {
        use Command::*;
        assert_eq!(commands("*1*3*6*9"), [Help, Count, Microphone, Unknown]);
        assert_eq!(commands("1369#0"), []);
        assert_eq!(commands("##"), []);
        assert_eq!(commands("*#6"), []);
    }

    #[test]
    fn losing_a_key_makes_no_other_command() {
        for pressed in ["*1", "*3", "*6", "*1*6", "*6*3", "*3*3", "*6*6"] {
            let meant = commands(pressed);
            for lost in 0..pressed.len() {
                let heard: String = pressed.char_indices().filter(|(i, _)| *i != lost).map(|(_, c)| c).collect();
                for command in commands(&heard) {
                    assert!(meant.contains(&command), "{pressed} heard as {heard}");
                }
            }
        }
    }

    #[test]
    fn a_lone_star_is_forgotten() {
        let (mut controls, now) = (Controls::default(), Instant::now());
        controls.key(now, Key::Star);
        assert_eq!(controls.deadline(), Some(now + HALF));
        assert_eq!(controls.key(now + HALF, Key::Digit(6)), None);
        controls.key(now, Key::Star);
        controls.forget(now + HALF);
        assert_eq!(controls.deadline(), None);
    }
}
