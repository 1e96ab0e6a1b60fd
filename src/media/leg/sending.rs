//! The sending half of a leg: one tick of sound in, octets out.

use std::net::SocketAddr;
use std::time::Instant;

use arrayvec::ArrayVec;

use super::Leg;
use crate::audio::{FRAME, Rate, Sound};
use crate::codec::{Codec, Encoders, Payload};
use crate::media::rate_of;

/// Ticks of silence after which Opus says the same again and again: a second, in which its noise estimates and filters have died away.
const SETTLED: u8 = 50;
/// Octets of the longest packet of silence that is kept; they have 6 to 25.
const LONGEST: usize = 64;

/// What Opus says of silence, so that it need not be asked a hundred times: each time costs as much as for speech.
#[derive(Debug, Default)]
pub(super) struct Hush {
    ticks: u8,
    last: ArrayVec<u8, LONGEST>,
}

impl Hush {
    /// Something else was said.
    pub fn clear(&mut self) {
        self.ticks = 0;
    }

    /// A tick of silence was encoded as this.
    fn note(&mut self, payload: &Payload) {
        self.ticks = self.ticks.saturating_add(1);
        self.last.clear();
        // Too long: it is encoded each time.
        let _ = self.last.try_extend_from_slice(payload.octets());
    }

    /// The same once more, if it is known; whether it is.
    fn say_again(&self, codec: Codec, out: &mut Payload) -> bool {
        let known = codec == Codec::Opus && self.ticks >= SETTLED && !self.last.is_empty();
        if known {
            out.set(&self.last);
        }
        known
    }
}

impl Leg {
    /// The rate at which it hears.
    pub fn send_rate(&self) -> Rate {
        rate_of(self.media.codec)
    }

    /// Whether it can be sent what all listeners of its codec are sent.
    pub fn shares(&self) -> bool {
        self.codecs.share()
    }

    /// Encode one tick for this leg alone: samples at [`Leg::send_rate`].
    pub fn encode(&mut self, samples: &[i16], out: &mut Payload) {
        self.hush.clear();
        self.codecs.encoders.encode(self.media.codec, samples, out);
    }

    /// One tick of silence for this leg alone.
    pub fn encode_silence(&mut self, out: &mut Payload) {
        let codec = self.media.codec;
        if codec.is_law() {
            out.set(&[codec.silence(); FRAME]);
        } else if !self.hush.say_again(codec, out) {
            self.codecs.encoders.encode(codec, Sound::silence(self.send_rate()).samples(), out);
            self.hush.note(out);
        }
    }

    /// Whether it hears nothing above 4 kHz from now on: prompts.
    pub fn set_telephone(&mut self, telephone: bool) {
        self.codecs.encoders.set_telephone(telephone);
    }

    /// The leg has been sent what `shared` encoded until now; from now on it is sent what [`Leg::encode`] makes.
    pub fn follow(&mut self, shared: &Encoders) {
        self.hush.clear();
        self.codecs.encoders.follow(shared, self.media.codec);
    }

    /// The shared stream begins anew with this leg, which was sent what [`Leg::encode`] made.
    pub fn lead(&self, shared: &mut Encoders) {
        shared.follow(&self.codecs.encoders, self.media.codec);
    }

    /// Whether [`Leg::spare`] was there and is not now.
    pub fn has_lent(&self) -> bool {
        self.codecs.has_lent()
    }

    /// An encoder for all Opus listeners of its meeting, that comes with each leg that is sent Opus. Whoever borrows it gives one back before
    /// the leg moves on or changes its codecs; which one is no matter.
    pub fn spare(&mut self) -> &mut Option<Encoders> {
        self.codecs.spare()
    }

    /// Send one tick, already encoded in [`Leg::codec`]. Packets of G.711 and G.722 of other lengths than 20 ms are cut and collected here.
    /// On hold nothing is sent, but the timestamp goes on (RFC 3550 §5.1).
    pub fn send(&mut self, now: Instant, encoded: &[u8], out: impl FnMut(SocketAddr, &[u8])) {
        let to = self.source.destination().filter(|_| self.media.direction.sends());
        self.packets.send(now, encoded, &self.media, to, out);
    }
}
