//! The receiving half of a leg: packets of one stream in, one tick of sound out, and the keys that are in it.

use std::time::Instant;

use super::keys::KeyEar;
use super::phases::Phases;
use crate::audio::noise::Background;
use crate::audio::{Sound, prefetch};
use crate::codec::{Codec, Decoders};
use crate::media::jitter::{Arrival, JitterBuffer, Laid, UNITS_A_MS};
use crate::media::mixer::Brings;
use crate::media::playout::{Counts, Playout, Room, Wanted, eighths};
use crate::media::reception::{Reception, Standing};
use crate::names::Key;
use crate::wire::redundancy::Block;
use crate::wire::rtp::Packet;

/// Loudest sample of digital silence: A-law has no zero, its smallest value is 8.
const DIGITAL_SILENCE: u16 = 8;

/// One received stream.
#[derive(Debug)]
pub(super) struct Inward {
    pub(super) reception: Reception,
    pub(super) phases: Phases,
    buffer: JitterBuffer,
    playout: Playout,
    ear: KeyEar,
    late: u64,
}

impl Inward {
    pub(super) fn new(now: Instant, room: Room) -> Self {
        Self {
            reception: Reception::new(now),
            phases: Phases::new(now),
            buffer: JitterBuffer::new(),
            playout: Playout::new(room),
            ear: KeyEar::default(),
            late: 0,
        }
    }

    /// See [`super::Leg::prefetch`].
    pub(super) fn prefetch(&self) {
        prefetch::all(&self.reception);
        prefetch::all(&self.phases);
        self.buffer.prefetch();
        prefetch::all(&self.playout);
        self.ear.prefetch();
    }

    /// See [`super::Leg::prefetch_more`].
    pub(super) fn prefetch_more(&self) {
        self.buffer.prefetch_more();
        self.playout.prefetch_more();
        self.ear.prefetch_more();
    }

    /// Nothing of the past will be heard.
    pub(super) fn reset(&mut self) {
        self.buffer.reset();
        self.playout.reset();
    }

    /// Room for sound at higher rates, if that is what it is; gives back the one that is not needed.
    pub(super) fn widen(&mut self, room: Room) -> Room {
        self.playout.widen(room)
    }

    /// Packets that came after their turn.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// Sound that waits, samples at 8 kHz.
    pub(super) fn held(&self) -> u32 {
        eighths(self.buffer.held())
    }

    /// What play-out had to do.
    pub(super) fn counts(&self) -> Counts {
        self.playout.counts()
    }

    /// A packet of sound: what it is to the stream. Its `blocks` (the packet's own sound last, with what codec each is) are kept
    /// if `heard`.
    pub(super) fn take<'a>(
        &mut self,
        arrived: Instant,
        packet: &Packet<'_>,
        heard: bool,
        blocks: impl DoubleEndedIterator<Item = (Block<'a>, Codec)>,
    ) -> Standing {
        let standing = self.reception.take(arrived, packet.ssrc, packet.sequence);
        match standing {
            Standing::Strange | Standing::Duplicate => return standing,
            // A transfer in the network: what is still to be played of the former stream is.
            Standing::First => self.buffer.splice(),
            Standing::InOrder | Standing::Reordered => {}
        }
        self.phases.note(arrived);
        // The newest first: what is older is wanted only where there is a hole before it.
        for (block, codec) in blocks.rev() {
            let again = block.age > 0;
            if !again {
                self.reception.time(arrived, packet.timestamp, codec.clock_hz());
            }
            if !heard || !self.playout.takes(codec) {
                continue;
            }
            let samples = Decoders::length(codec, block.payload).unwrap_or(0);
            let arrival = Arrival {
                timestamp: packet.timestamp.wrapping_sub(block.age),
                in_order: !again && standing != Standing::Reordered,
                codec,
                units: samples as i64 * (UNITS_A_MS * 1000) / i64::from(codec.rate_hz()),
                payload: block.payload,
                again,
            };
            self.late += u64::from(self.buffer.lay(&arrival) == Laid::Late && !again);
        }
        standing
    }

    /// What the caller's line sounds like while he says nothing; whether that was understood.
    pub(super) fn take_background(&mut self, packet: &Packet<'_>) -> bool {
        let Some(background) = Background::parse(packet.payload).filter(|_| self.reception.ssrc() == Some(packet.ssrc)) else {
            return false;
        };
        self.playout.background(self.buffer.place_of(packet.timestamp), background);
        true
    }

    /// Exactly one tick into `sound`, as far as it is wanted.
    pub(super) fn render(&mut self, decoders: &mut Decoders, wanted: Wanted, sound: &mut Sound) -> Brings {
        self.playout.render(&mut self.buffer, decoders, wanted, sound);
        if self.playout.dozes() {
            // Nobody hears a key in it either; one that was pressed is over.
            self.ear.hear_nothing();
            return Brings::Unheard;
        }
        let patch = self.playout.patch();
        self.ear.hear(sound, patch.came(), patch.made_up());
        let sounds = sound.samples().iter().any(|sample| sample.unsigned_abs() > DIGITAL_SILENCE);
        match sounds {
            true if self.playout.is_inactive() => Brings::Noise,
            true => Brings::Sound,
            false => Brings::Silence,
        }
    }

    /// A key that was pressed in the sound.
    pub(super) fn take_key(&mut self) -> Option<Key> {
        self.ear.take()
    }
}
