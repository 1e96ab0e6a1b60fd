//! Cuts what a caller shall hear into packets of the agreed length, numbers and stamps them (RFC 3550 §5.1).
//!
//! G.711 and G.722 are streams of octets, each an eighth of a millisecond and a count of the RTP clock: they are cut and collected as the
//! other side likes. An Opus packet is whole: it goes out a tick at a time, whatever length is wished for. Longer ones would have to be
//! encoded as such and would come a tick or two later, to save the headers; every receiver must take 20 ms (RFC 7587 §4.2).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::DATAGRAM;
use crate::audio::{FRAME, TICK_MS, prefetch};
use crate::codec::{Codec, LONGEST_PAYLOAD};
use crate::media::{LegSetup, LegUpdate};
use crate::wire::rtp::{HEADER, Packet};

/// Octets of a stream in 10 ms: packets are multiples of this.
const TEN_MS: usize = 80;
/// A media tick.
const TICK: Duration = Duration::from_millis(TICK_MS as u64);
/// Longest packet of a stream, octets: 60 ms.
const LONGEST: usize = 480;
const _: () = assert!(HEADER + LONGEST <= DATAGRAM && LONGEST_PAYLOAD <= LONGEST);

/// One sent stream.
pub(super) struct Packets {
    ssrc: u32,
    /// RTP clock, Hz.
    clock_hz: u32,
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
    /// A whole datagram of what waited in the codec before, to go out at the next tick.
    parting: [u8; HEADER + LONGEST],
    /// Octets of it; 0: none.
    parting_length: usize,
    /// Nothing was sent in the last tick: the next packet begins anew.
    pausing: bool,
    sent: u64,
    /// Of these, those before the present SSRC.
    sent_before: u64,
    /// Under the present SSRC.
    octets: u64,
    /// Under those before.
    octets_before: u64,
}

impl Packets {
    pub(super) fn new(now: Instant, setup: &LegSetup) -> Self {
        Self {
            ssrc: setup.ssrc,
            clock_hz: setup.media.codec.clock_hz(),
            sequence: setup.first_sequence,
            clock: setup.first_timestamp,
            at: now,
            // As if all that could be filled with silence were free.
            sent_to: setup.first_timestamp.wrapping_sub(LONGEST as u32),
            waiting: [0; LONGEST + FRAME],
            filled: 0,
            parting: [0; HEADER + LONGEST],
            parting_length: 0,
            pausing: true,
            sent: 0,
            sent_before: 0,
            octets: 0,
            octets_before: 0,
        }
    }

    /// See [`super::Leg::prefetch`]: the numbers, and where a packet that fits the tick lies until it is sent.
    pub(super) fn prefetch(&self) {
        prefetch::all(&self.at);
        prefetch::all(&self.octets);
        prefetch::all(&self.sequence);
        prefetch::all(&self.waiting[..FRAME]);
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Packets sent under the present SSRC.
    pub(super) fn sent_in_stream(&self) -> u64 {
        self.sent - self.sent_before
    }

    /// Octets of payload sent under the present SSRC.
    pub(super) fn octets(&self) -> u64 {
        self.octets
    }

    /// Octets of all packets sent, with their headers.
    pub(super) fn octets_in_all(&self) -> u64 {
        self.octets_before + self.octets + self.sent * HEADER as u64
    }

    /// What the timestamp is at `now`.
    pub(super) fn timestamp(&self, now: Instant) -> u32 {
        let counts = |span: Duration| (span.as_micros() * u128::from(self.clock_hz) / 1_000_000) as u32;
        let behind = counts(self.at.saturating_duration_since(now));
        self.clock.wrapping_add(counts(now.saturating_duration_since(self.at))).wrapping_sub(behind)
    }

    /// One tick in; whole packets out to `to`. Without `to`, or without anything encoded, time goes on and nothing is kept.
    pub(super) fn send(
        &mut self,
        now: Instant,
        encoded: &[u8],
        media: &LegUpdate,
        to: Option<SocketAddr>,
        mut out: impl FnMut(SocketAddr, &[u8]),
    ) {
        let parting = std::mem::take(&mut self.parting_length);
        if let (Some(to), Some(datagram)) = (to, self.parting.get(..parting).filter(|datagram| !datagram.is_empty())) {
            out(to, datagram);
        }
        let begun = self.clock;
        self.at = now + TICK;
        self.clock = self.clock.wrapping_add(self.clock_hz / 1000 * TICK_MS);
        match to.filter(|_| !encoded.is_empty()) {
            None => {
                self.filled = 0;
                self.pausing = true;
            }
            Some(to) if media.codec.is_octet_stream() => self.send_stream(begun, encoded, media, to, out),
            Some(to) => self.send_whole(begun, encoded, media.payload_type, to, out),
        }
    }

    fn send_stream(&mut self, begun: u32, encoded: &[u8], media: &LegUpdate, to: SocketAddr, mut out: impl FnMut(SocketAddr, &[u8])) {
        let length = (usize::from(media.ptime_ms) / 10).clamp(1, LONGEST / TEN_MS) * TEN_MS;
        let mut marker = self.pausing;
        if std::mem::replace(&mut self.pausing, false) {
            self.fill_up(begun, length, media.codec.silence());
        }
        // A stream's tick is FRAME octets; of anything else no more than that is taken.
        let tick = &encoded[..encoded.len().min(FRAME)];
        self.waiting[self.filled..][..tick.len()].copy_from_slice(tick);
        self.filled += tick.len();

        let mut start = 0;
        while self.filled - start >= length {
            let timestamp = self.clock.wrapping_sub((self.filled - start) as u32);
            let mut datagram = [0; HEADER + LONGEST];
            let packet = self.number(std::mem::take(&mut marker), media.payload_type, timestamp, length);
            let written = Packet { payload: &self.waiting[start..start + length], ..packet }.write(&mut datagram);
            start += length;
            self.sent_to = timestamp.wrapping_add(length as u32);
            out(to, &datagram[..written]);
        }
        self.waiting.copy_within(start..self.filled, 0);
        self.filled -= start;
    }

    fn send_whole(&mut self, begun: u32, encoded: &[u8], payload_type: u8, to: SocketAddr, mut out: impl FnMut(SocketAddr, &[u8])) {
        let encoded = &encoded[..encoded.len().min(LONGEST)];
        let marker = std::mem::replace(&mut self.pausing, false);
        let mut datagram = [0; HEADER + LONGEST];
        let packet = self.number(marker, payload_type, begun, encoded.len());
        let written = Packet { payload: encoded, ..packet }.write(&mut datagram);
        self.sent_to = self.clock;
        out(to, &datagram[..written]);
    }

    /// The next packet's header. RFC 3551 §4.1: the first packet after a pause is marked.
    fn number(&mut self, marker: bool, payload_type: u8, timestamp: u32, octets: usize) -> Packet<'static> {
        let packet = Packet { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc, payload: &[] };
        self.sequence = self.sequence.wrapping_add(1);
        self.sent += 1;
        self.octets += octets as u64;
        packet
    }

    /// Another codec from the next tick on. From one law to the other, what waits is converted, so that the packet it will lie in does not click.
    /// To any other codec, it goes out as it is, in a packet shorter than agreed on, under the old `payload_type`: it belongs before the first
    /// new packet, and until that has come the other side takes the old format (RFC 3264 §8.3.1).
    pub(super) fn change_codec(&mut self, from: Codec, payload_type: u8, to: Codec) {
        if from.is_law() && to.is_law() {
            let mut linear = [0; LONGEST + FRAME];
            let waiting = &mut self.waiting[..self.filled];
            let linear = &mut linear[..waiting.len()];
            from.decode(waiting, linear);
            to.encode(linear, waiting);
            return;
        }
        self.part(payload_type);
        self.pausing = true;
        self.sent_to = self.clock;
        if to.clock_hz() != self.clock_hz {
            // RFC 7160 §4.1: who sends RTCP takes a new SSRC with a new clock, each time another. It is as random as the first one: the
            // constants walk through all 2^32 numbers (Numerical Recipes §7.1). Sequence numbers and timestamps may begin anywhere.
            self.clock_hz = to.clock_hz();
            self.ssrc = self.ssrc.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.sent_before = self.sent;
            self.octets_before += self.octets;
            self.octets = 0;
        }
    }

    /// What waits becomes a packet.
    fn part(&mut self, payload_type: u8) {
        let length = std::mem::take(&mut self.filled);
        if length == 0 {
            return;
        }
        let timestamp = self.clock.wrapping_sub(length as u32);
        let packet = self.number(false, payload_type, timestamp, length);
        self.parting_length = Packet { payload: &self.waiting[..length], ..packet }.write(&mut self.parting);
    }

    /// After a pause the first packet goes out at the first tick, however long packets are: silence first, where nothing was sent.
    fn fill_up(&mut self, begun: u32, length: usize, silence: u8) {
        let free = begun.wrapping_sub(self.sent_to) as usize;
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
