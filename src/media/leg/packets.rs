//! Cuts what a caller shall hear into packets of the agreed length, numbers and stamps them (RFC 3550 §5.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::DATAGRAM;
use crate::audio::{FRAME, TICK_MS};
use crate::codec::Codec;
use crate::media::{LegSetup, LegUpdate, samples_between};
use crate::wire::rtp::{HEADER, Packet};

/// Samples in 10 ms: packets are multiples of this.
const TEN_MS: usize = 80;
/// A media tick.
const TICK: Duration = Duration::from_millis(TICK_MS as u64);
/// Longest packet, samples: 60 ms.
const LONGEST: usize = 480;
const _: () = assert!(HEADER + LONGEST <= DATAGRAM);

/// One sent stream.
pub(super) struct Packets {
    ssrc: u32,
    sequence: u16,
    /// Timestamp of the next sample that comes in.
    clock: u32,
    /// The instant of `clock`: a tick after the last samples came in.
    at: Instant,
    /// Timestamp past the last packet sent.
    sent_to: u32,
    /// Encoded, not yet sent: less than a packet, and a tick.
    waiting: [u8; LONGEST + FRAME],
    filled: usize,
    /// Nothing was sent in the last tick: the next packet begins anew.
    pausing: bool,
    sent: u64,
    octets: u64,
}

impl Packets {
    pub(super) fn new(now: Instant, setup: &LegSetup) -> Self {
        Self {
            ssrc: setup.ssrc,
            sequence: setup.first_sequence,
            clock: setup.first_timestamp,
            at: now,
            // As if all that could be filled with silence were free.
            sent_to: setup.first_timestamp.wrapping_sub(LONGEST as u32),
            waiting: [0; LONGEST + FRAME],
            filled: 0,
            pausing: true,
            sent: 0,
            octets: 0,
        }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Octets of payload sent.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    /// What the timestamp is at `now`.
    pub(super) fn timestamp(&self, now: Instant) -> u32 {
        self.clock.wrapping_add(samples_between(self.at, now) as u32)
    }

    /// One tick in; whole packets out to `to`. Without `to`, time goes on and nothing is kept.
    pub(super) fn send(
        &mut self,
        now: Instant,
        encoded: &[u8; FRAME],
        media: &LegUpdate,
        to: Option<SocketAddr>,
        mut out: impl FnMut(SocketAddr, &[u8]),
    ) {
        let length = (usize::from(media.ptime_ms) / 10).clamp(1, LONGEST / TEN_MS) * TEN_MS;
        self.at = now + TICK;
        let Some(to) = to else {
            self.clock = self.clock.wrapping_add(FRAME as u32);
            self.filled = 0;
            self.pausing = true;
            return;
        };
        let marker = self.pausing;
        if std::mem::replace(&mut self.pausing, false) {
            self.fill_up(length, media.codec.silence());
        }
        self.waiting[self.filled..][..FRAME].copy_from_slice(encoded);
        self.filled += FRAME;
        self.clock = self.clock.wrapping_add(FRAME as u32);

        let mut start = 0;
        while self.filled - start >= length {
            let packet = Packet {
                // RFC 3551 §4.1: the first packet after a pause.
                marker: marker && start == 0,
                payload_type: media.payload_type,
                sequence: self.sequence,
                timestamp: self.clock.wrapping_sub((self.filled - start) as u32),
                ssrc: self.ssrc,
                payload: &self.waiting[start..start + length],
            };
            let mut datagram = [0; HEADER + LONGEST];
            let written = packet.write(&mut datagram);
            start += length;
            self.sequence = self.sequence.wrapping_add(1);
            self.sent_to = packet.timestamp.wrapping_add(length as u32);
            self.sent += 1;
            self.octets += length as u64;
            out(to, &datagram[..written]);
        }
        self.waiting.copy_within(start..self.filled, 0);
        self.filled -= start;
    }

    /// What waits is put into the other law, so that the packet it will lie in does not click.
    pub(super) fn change_codec(&mut self, from: Codec, to: Codec) {
        let mut linear = [0; LONGEST + FRAME];
        let waiting = &mut self.waiting[..self.filled];
        let linear = &mut linear[..waiting.len()];
        from.decode(waiting, linear);
        to.encode(linear, waiting);
    }

    /// After a pause the first packet goes out at the first tick, however long packets are: silence first, where nothing was sent.
    fn fill_up(&mut self, length: usize, silence: u8) {
        let free = self.clock.wrapping_sub(self.sent_to) as usize;
        self.filled = length.saturating_sub(FRAME).min(free);
        self.waiting[..self.filled].fill(silence);
    }
}

impl std::fmt::Debug for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Packets").field("sent", &self.sent).field("pausing", &self.pausing).finish_non_exhaustive()
    }
}
