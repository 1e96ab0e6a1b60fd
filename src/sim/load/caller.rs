//! One simulated caller: its signalling, its sound, its script. It knows neither sockets nor clocks.

use super::hearing::Hearing;
use super::sockets::Pair;
use super::stream::Stream;
use crate::sim::phone::Signalling;

/// Where a caller is in its script. Times are nanoseconds of the steady clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Dialled; given up at this time.
    Dialling(u64),
    /// Hears the prompt; keys at this time.
    Prompt(u64),
    /// Keys its ID.
    Keying,
    /// In the meeting, as far as it knows.
    Inside,
    /// Has hung up; forgotten at this time.
    Leaving(u64),
    /// No longer there.
    Gone,
}

/// Which part it plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// It stays, and only listens.
    Listens,
    /// It stays and talks; the number of its log of markers.
    Talks(u32),
    /// It comes, keys, listens a little and goes.
    Passes,
}

/// When a talker turned its microphone off and on. Nanoseconds of the wall clock; 0: not yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mute {
    /// The first key of "off" was begun.
    pub off_begun: u64,
    /// The last one was released.
    pub off: u64,
    /// The first key of "on" was begun.
    pub on_begun: u64,
    /// The last one was released.
    pub on: u64,
}

/// One caller.
#[derive(Debug)]
pub struct Caller {
    /// Which call this is, of those that have had this place.
    pub turn: u32,
    /// Its part.
    pub part: Part,
    /// The meeting it wants.
    pub meeting: u32,
    /// Where it is.
    pub stage: Stage,
    /// The wake, modulo 20, on which it sends.
    pub slot: u8,
    /// Its own moment, from that wake: −0.5 to 0.5 ms, in nanoseconds.
    pub offset: i32,
    /// Its sockets.
    pub pair: Option<Pair>,
    /// Whether sound is wanted.
    pub sends: bool,
    /// What it sends.
    pub stream: Stream,
    /// What it hears, in numbers.
    pub hearing: Hearing,
    /// The tape that keeps what it hears.
    pub tape: Option<u32>,
    /// The clock of the timestamps it hears, Hz.
    pub clock_hz: u32,
    /// It was answered once.
    pub answered: bool,
    /// When its INVITE left, wall clock.
    pub dialled: u64,
    /// When it was in, steady clock.
    pub inside: u64,
    /// When it turns its microphone off and on, steady clock.
    pub mutes_at: Option<[u64; 2]>,
    /// When it did.
    pub mute: Mute,
    /// Its signalling.
    pub signalling: Box<Signalling>,
}

impl Caller {
    /// Whether it counts as one of the calls of the house now.
    pub fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Prompt(_) | Stage::Keying | Stage::Inside)
    }
}
