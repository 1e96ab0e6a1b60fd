//! What nobody hears need not be decoded. Of a caller in the menu, and of a packet without speech of one who has no place among those who are heard,
//! silence will do.
//!
//! The decoder misses such packets. Before it goes on, it gets the last of them, so that it is where it would have been: what is coded
//! relative to the past (gains and, in Opus's upper bands, energies; RFC 6716 §4.2.7.4, §4.3.2.1) fades within two of them.
//!
//! Only Opus is worth this: it costs a hundred times what G.711 does, and says itself whether there is speech. What it says is of use to the
//! meeting, too.

use arrayvec::ArrayVec;

use super::{Playout, State};
use crate::codec::{Codec, Decoders};

/// What anybody wants of a caller's sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// All of it.
    Sound,
    /// What may be speech.
    Speech,
    /// Nothing.
    Nothing,
}

/// Packets that the decoder gets before it goes on.
const BEFORE: usize = 2;
/// Octets of the longest packet that may be passed over: 20 ms at 64 kbit/s, the most an answer of ours asks for, with as much again for what varies.
const LONGEST: usize = 320;

#[derive(Default)]
pub(super) struct Doze {
    /// The last packet that came holds no speech, by what its sender says.
    inactive: bool,
    /// The last packets that were passed over; empty while everything is decoded.
    passed: ArrayVec<ArrayVec<u8, LONGEST>, BEFORE>,
}

impl Doze {
    /// Whether to pass over this packet. If not, the decoder has got in `room` what it missed, and goes on.
    pub fn pass(&mut self, wanted: Wanted, codec: Codec, payload: &[u8], decoders: &mut Decoders, room: &mut [i16]) -> bool {
        self.inactive = Decoders::is_inactive(codec, payload);
        let pass = codec == Codec::Opus
            && match wanted {
                Wanted::Sound => false,
                Wanted::Speech => self.inactive,
                Wanted::Nothing => true,
            };
        if pass && let Ok(packet) = payload.try_into() {
            if self.passed.is_full() {
                self.passed.remove(0);
            }
            self.passed.push(packet);
            return true;
        }
        for packet in &self.passed {
            // What does not fit was longer than what comes now, and is not missed more than it was.
            decoders.decode(Codec::Opus, packet, room);
        }
        self.passed.clear();
        false
    }

    pub fn clear(&mut self) {
        self.passed.clear();
        self.inactive = false;
    }
}

impl Playout {
    /// Whether the last packet was passed over, and the decoder does not know where it is.
    pub fn dozes(&self) -> bool {
        self.state != State::Pause && self.room.doze.as_ref().is_some_and(|doze| !doze.passed.is_empty())
    }

    /// Whether the sender says that there is no speech now.
    pub fn is_inactive(&self) -> bool {
        self.room.doze.as_ref().is_some_and(|doze| doze.inactive)
    }
}
