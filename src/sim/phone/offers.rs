//! Offers and answers of a phone (RFC 3264), and the path of sound that comes of them.

use super::sdp::{self, Own, Theirs};
use super::signalling::{Signal, Signalling};
use super::sound::Path;
use super::{Hold, KeyMethod};
use crate::codec::Codec;

impl Signalling {
    /// Send sound where their SDP wants it.
    pub(super) fn use_path(&mut self, theirs: Option<&Theirs>) {
        let sends = !matches!(self.hold, Some(Hold::Inactive | Hold::ZeroAddress));
        let path = theirs.filter(|theirs| sends && theirs.direction != "inactive" && theirs.direction != "sendonly").and_then(|theirs| {
            let (payload_type, codec) = self.common(theirs)?;
            // RFC 4733 §2.1: on the codec's clock, if the other side knows events there.
            let fitting = theirs.events.iter().find(|(_, rate_hz)| *rate_hz == codec.clock_hz());
            let events = fitting.or(theirs.events.first()).copied().filter(|_| !self.events().is_empty());
            Some(Path { remote: theirs.remote?, codec, payload_type, events })
        });
        if let Some(theirs) = theirs {
            // What comes bears our own offer's numbers or theirs: in an answer they are the same.
            self.formats.splice(0..0, theirs.codecs.iter().copied());
            self.formats.truncate(16);
        }
        self.outputs.push_back(Signal::Path(path));
    }

    /// RFC 3264 §6.1: the first of theirs that is one of ours.
    fn common(&self, theirs: &Theirs) -> Option<(u8, Codec)> {
        theirs.codecs.iter().copied().find(|(_, codec)| self.settings.codecs.contains(codec))
    }

    fn events(&self) -> &'static [(u8, u32)] {
        let clocks = if self.settings.codecs.contains(&Codec::Opus) { 2 } else { 1 };
        if self.settings.keys_by == KeyMethod::Rfc4733 { &sdp::EVENTS[..clocks] } else { &[] }
    }

    pub(super) fn own_offer(&mut self) -> Vec<u8> {
        let own = self.own();
        let codecs: Vec<_> = self.settings.codecs.iter().map(|codec| (codec.usual_payload_type(), *codec)).collect();
        sdp::write(&own, &codecs, self.events())
    }

    pub(super) fn own_answer(&mut self, theirs: &Theirs) -> Vec<u8> {
        let own = self.own();
        let codecs: Vec<_> = self.common(theirs).into_iter().collect();
        let events = if self.events().is_empty() { &[] } else { theirs.events.as_slice() };
        sdp::write(&own, &codecs, events)
    }

    fn own(&mut self) -> Own {
        self.version += 1;
        Own { rtp: self.settings.rtp, session: self.session, version: self.version, ptime_ms: self.settings.ptime_ms, hold: self.hold }
    }
}
