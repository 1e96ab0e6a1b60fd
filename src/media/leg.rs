//! One participant's sound: octets in, one tick of sound out; one tick of sound in, octets out.

use std::net::SocketAddr;
use std::time::Instant;

use super::{LegReport, LegSetup, LegUpdate};
use crate::audio::Frame;
use crate::codec::Codec;
use crate::names::{Key, LegId};

/// What a leg tells the plane above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegEvent {
    /// The first acceptable RTP packet has come.
    FirstPacket,
    /// A key was pressed (RFC 4733).
    Key(Key),
    /// The media watchdog gave up: 30 s to the first packet, 15 s after (paused on hold).
    Dead,
}

/// Longest datagram a leg writes: 60 ms of G.711 with its header, or a compound RTCP packet.
pub const DATAGRAM: usize = 512;

/// One participant's sound path.
#[derive(Debug)]
pub struct Leg {}

impl Leg {
    /// A leg that sends silence at once and waits for the caller's first packet. All its memory is allocated here.
    pub fn new(_now: Instant, _setup: LegSetup) -> Self {
        todo!()
    }

    /// Its name.
    pub fn id(&self) -> LegId {
        todo!()
    }

    /// What it sends; listeners with equal codecs share one encode.
    pub fn codec(&self) -> Codec {
        todo!()
    }

    /// What it was told last.
    pub fn media(&self) -> &LegUpdate {
        todo!()
    }

    /// A new offer was answered. A changed remote address opens the latch again.
    pub fn update(&mut self, _now: Instant, _media: LegUpdate) {
        todo!()
    }

    /// One datagram from the RTP socket. With rtcp-mux, RTCP is told apart here (RFC 5761 §4).
    /// `arrived` is the kernel's stamp. Latches once, to an address the signalling vouches for.
    pub fn receive(&mut self, _arrived: Instant, _from: SocketAddr, _datagram: &[u8]) -> Option<LegEvent> {
        todo!()
    }

    /// One datagram from the RTCP socket.
    pub fn receive_rtcp(&mut self, _now: Instant, _from: SocketAddr, _datagram: &[u8]) {
        todo!()
    }

    /// Render exactly one tick of the caller's sound into `frame`. `true` when it holds sound that may enter a meeting
    /// (anything above digital silence, not held); `false` leaves `frame` zeroed.
    pub fn render(&mut self, _now: Instant, _frame: &mut Frame) -> bool {
        todo!()
    }

    /// Send one tick, already encoded in [`Leg::codec`]. Packets of other lengths than 20 ms are cut and collected here.
    /// On hold nothing is sent, but the timestamp goes on (RFC 3550 §5.1).
    pub fn send(&mut self, _now: Instant, _encoded: &[u8; 160], _out: impl FnMut(SocketAddr, &[u8])) {
        todo!()
    }

    /// Once a second: RTCP reports (at the randomised interval of RFC 3550 §6.3, 5 s on average) and the media watchdog.
    /// `out` gets a datagram for the RTCP address (or the RTP address with rtcp-mux; then `true`).
    pub fn slow_turn(&mut self, _now: Instant, _out: impl FnMut(SocketAddr, bool, &[u8])) -> Option<LegEvent> {
        todo!()
    }

    /// RTCP BYE at the end (RFC 3550 §6.6).
    pub fn goodbye(&mut self, _now: Instant, _out: impl FnMut(SocketAddr, bool, &[u8])) {
        todo!()
    }

    /// How long, on average over the last seconds, a packet of this caller would wait for a tick on each of the four phases of
    /// 5 ms, microseconds; `None` before ten packets. `epoch` is the instant of phase 0 of any round.
    pub fn phase_waits(&self, _epoch: Instant) -> Option<[u32; 4]> {
        todo!()
    }

    /// Totals so far.
    pub fn report(&self) -> LegReport {
        todo!()
    }
}
