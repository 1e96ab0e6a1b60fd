//! One call's behaviour: menu, keys, phrases. A sans-IO machine; it knows neither SIP nor sockets.

mod controls;
mod digits;
mod ivr;
mod say;
#[cfg(test)]
mod tests;

pub use ivr::Call;

use crate::media::Utterance;
use crate::names::{CallId, Key, MeetingKey, SayToken};

/// How a call begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entrance {
    /// A phone number was dialled: the menu.
    Menu,
    /// A meeting's address was dialled: straight into it.
    Meeting(MeetingKey),
    /// The house is full: `upptaget`, then goodbye.
    Full,
}

/// What happens to a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The caller's first RTP packet came.
    FirstPacket,
    /// A key was pressed.
    Key(Key),
    /// An utterance was said to its end.
    Said(SayToken),
    /// Answer to [`Output::Find`].
    Found(Option<MeetingKey>),
    /// Answer to [`Output::Enter`]: in the meeting, with this many participants including the caller.
    Entered {
        /// Participants including this one.
        participants: usize,
    },
    /// Answer to [`Output::Enter`]: the meeting takes nobody more.
    MeetingFull,
    /// Answer to [`Output::Count`].
    Participants(usize),
    /// Everybody else has left.
    Alone,
    /// The deadline of `poll_timeout` has come.
    Timeout,
}

/// What a call wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Say this to the caller alone, at once, in place of what is being said.
    Say(Utterance, SayToken),
    /// Stop speaking.
    Hush,
    /// Which meeting has this ID? The answer is [`Input::Found`].
    Find(CallId),
    /// Bring the caller into this meeting. The answer is [`Input::Entered`] or [`Input::MeetingFull`].
    Enter(MeetingKey),
    /// Caller's microphone off or on.
    Mute(bool),
    /// How many are in the meeting? The answer is [`Input::Participants`].
    Count,
    /// The call is over.
    HangUp(Farewell),
}

/// Why a call ends by its own doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Farewell {
    /// Three wrong IDs.
    WrongId,
    /// Nothing keyed three times.
    Silent,
    /// The house is full.
    Full,
    /// The meeting is full.
    MeetingFull,
}

/// Why a call wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Time to speak first (300 ms after the first RTP, or 1 s).
    Begin,
    /// No key in time, or last words whose end was never reported.
    Silence,
    /// A half command is forgotten.
    Forget,
}
