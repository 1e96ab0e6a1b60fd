//! What the control plane counts: calls by how they began, stand and end, and the SIP messages about them.

use sipx_sip::Message;

use super::session::{Session, State};
use crate::bridge::figures::Named;
use crate::call::Entrance;

/// How calls begin.
const WAYS: [&str; 3] = ["menu", "meeting", "full"];
/// How far calls have come.
const STATES: [&str; 6] = ["opening", "offered", "menu", "meeting", "full", "leaving"];
/// What calls are refused with before they are answered.
const REFUSALS: [&str; 5] = ["400", "404", "488", "503", "other"];
/// How keys come.
const KEY_WAYS: [&str; 2] = ["media", "info"];
/// Why calls end.
const CAUSES: [&str; 21] = [
    "bye",
    "cancelled",
    "hung_up",
    "no_ack",
    "session_expired",
    "peer_gone",
    "refused",
    "no_answer",
    "transport",
    "wrong_id",
    "silent",
    "full",
    "meeting_full",
    "dead_media",
    "longest",
    "no_worker",
    "no_common_codec",
    "no_port",
    "no_codec",
    "stop",
    "other",
];
/// Methods of SIP (RFC 3261, RFC 3262, RFC 3311, RFC 6086, …).
const METHODS: [&str; 11] = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "REGISTER", "SUBSCRIBE", "other"];
/// Status codes we send, and some that we are sent.
const STATUSES: [&str; 23] = [
    "100", "180", "200", "400", "401", "404", "405", "408", "415", "416", "420", "422", "480", "481", "482", "486", "487", "488", "491",
    "500", "501", "503", "other",
];

/// Messages in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SipFigures {
    /// By method.
    pub requests: Named<{ METHODS.len() }>,
    /// By status code.
    pub responses: Named<{ STATUSES.len() }>,
}

impl SipFigures {
    const NONE: Self = Self { requests: Named::new(&METHODS), responses: Named::new(&STATUSES) };

    /// A message in octets, by its first line (RFC 3261 §7.1, §7.2).
    pub(super) fn count(&mut self, octets: &[u8]) {
        // A keep-alive is no message (RFC 5626 §3.5.1).
        let Some(first) = octets.iter().position(|octet| !matches!(octet, b'\r' | b'\n' | 0)) else { return };
        let octets = octets.get(first..).unwrap_or_default();
        match octets.strip_prefix(b"SIP/2.0 ") {
            Some(rest) => self.responses.count(word(rest.get(..3))),
            // The longest method of the list has nine letters.
            None if octets.len() > 4 => self.requests.count(word(octets.get(..12))),
            None => {}
        }
    }

    /// A message that is parsed already.
    pub(super) fn count_message(&mut self, message: &Message) {
        match message {
            Message::Request(request) => self.requests.count(&request.method.to_string()),
            Message::Response(response) => self.responses.count(&response.status.to_string()),
        }
    }
}

/// Up to the first space; empty when that is no text.
fn word(octets: Option<&[u8]>) -> &str {
    let word = octets.and_then(|octets| octets.split(|octet| *octet == b' ').next());
    word.and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default()
}

/// Whether new calls are let in.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Admission {
    /// They are.
    #[default]
    Open,
    /// There are as many as there may be.
    Full,
    /// Every worker is near its budget.
    Overloaded,
    /// The bridge stops.
    Stopping,
}

/// How loaded a worker is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Burden {
    /// Share of time in which something was due and not done, 0 to 1, smoothed.
    pub load: f32,
    /// What that will be when all who were let in have got where they are going; it may be above 1.
    pub outlook: f32,
    /// Whether it takes new calls.
    pub admits: bool,
}

/// All of it, since the control plane began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControlFigures {
    /// Calls that have come and were not refused, by where they went.
    pub begun: Named<{ WAYS.len() }>,
    /// Calls refused before they were answered, by status code.
    pub refused: Named<{ REFUSALS.len() }>,
    /// Calls answered.
    pub answered: u64,
    /// Calls over, by why.
    pub ended: Named<{ CAUSES.len() }>,
    /// Keys that counted, by the way they came.
    pub keys: Named<{ KEY_WAYS.len() }>,
    /// SIP messages that came.
    pub came: SipFigures,
    /// SIP messages that were sent.
    pub sent: SipFigures,
    /// Whether calls are let in.
    pub admission: Admission,
    /// Most calls at once.
    pub most_calls: u64,
    /// Participants of all meetings now.
    pub participants: u64,
    /// Calls now, by how far they have come.
    pub calls: Named<{ STATES.len() }>,
}

impl ControlFigures {
    /// Nothing counted yet.
    pub const NONE: Self = Self {
        begun: Named::new(&WAYS),
        refused: Named::new(&REFUSALS),
        answered: 0,
        ended: Named::new(&CAUSES),
        keys: Named::new(&KEY_WAYS),
        came: SipFigures::NONE,
        sent: SipFigures::NONE,
        admission: Admission::Open,
        most_calls: 0,
        participants: 0,
        calls: Named::new(&STATES),
    };

    /// Count the calls there are anew.
    pub(super) fn look<'a>(&mut self, sessions: impl Iterator<Item = &'a Session>) {
        self.calls = Named::new(&STATES);
        for session in sessions {
            self.calls.count(match &session.state {
                State::Opening { .. } => "opening",
                State::Offered => "offered",
                State::Live(live) if live.leaving.is_some() => "leaving",
                State::Live(_) if session.entrance == Entrance::Full => "full",
                State::Live(live) if live.meeting.is_some() => "meeting",
                State::Live(_) => "menu",
            });
        }
    }
}

/// The name of a way into the house.
pub(super) fn way(entrance: Entrance) -> &'static str {
    match entrance {
        Entrance::Menu => "menu",
        Entrance::Meeting(_) => "meeting",
        Entrance::Full => "full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::control::session::Ending;
    use crate::call::Farewell;
    use crate::sip::EndReason;

    fn moved<const N: usize>(named: &Named<N>) -> Vec<(&'static str, u64)> {
        named.each().filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn messages_are_counted_by_their_first_word_and_keep_alives_are_none() {
        let mut figures = SipFigures::NONE;
        for octets in [
            &b"INVITE sip:x SIP/2.0\r\n"[..],
            b"\r\nBYE sip:x SIP/2.0",
            b"NONSENSEWITHOUTEND",
            b"\r\n\r\n",
            b"\0\0\0\0",
            b"jaK",
            b"",
            b"SIP/2.0 200 OK\r\n",
            b"SIP/2.0 299 Odd",
            b"SIP/2.0 ",
            &[0xff; 40],
        ] {
            figures.count(octets);
        }
        assert_eq!(moved(&figures.requests), [("INVITE", 1), ("BYE", 1), ("other", 2)]);
        assert_eq!(moved(&figures.responses), [("200", 1), ("other", 2)]);
    }

    #[test]
    fn every_cause_has_its_own_name() {
        let causes = [
            Ending::Signalling(EndReason::Bye),
            Ending::Signalling(EndReason::Cancelled),
            Ending::Signalling(EndReason::HungUp),
            Ending::Signalling(EndReason::NoAck),
            Ending::Signalling(EndReason::SessionExpired),
            Ending::Signalling(EndReason::PeerGone),
            Ending::Signalling(EndReason::Refused),
            Ending::Signalling(EndReason::NoAnswer),
            Ending::Signalling(EndReason::Transport),
            Ending::Farewell(Farewell::WrongId),
            Ending::Farewell(Farewell::Silent),
            Ending::Farewell(Farewell::Full),
            Ending::Farewell(Farewell::MeetingFull),
            Ending::DeadMedia,
            Ending::Longest,
            Ending::NoWorker,
            Ending::NoCommonCodec,
            Ending::NoPort,
            Ending::NoCodec,
            Ending::Stop,
        ];
        let mut named = Named::new(&CAUSES);
        causes.iter().for_each(|cause| named.count(cause.cause()));
        assert_eq!(moved(&named).len(), causes.len(), "{named:?}");
        assert!(named.each().all(|(name, count)| count == u64::from(name != "other")), "{named:?}");
    }
}
