//! One participant's sound: octets in, one tick of sound out; one tick of sound in, octets out.
//!
//! [`Leg`] ties the parts together and decides what each packet is; the parts know nothing of each other:
//!
//! ```text
//! receive:  source (from whom, to whom) -> telephone events | inward: reception (count) -> jitter buffer -> play-out -> keys: render
//! send:     packets (cut, number, stamp)                       reports (RTCP)      phases (when packets come)
//! ```

mod inward;
mod keys;
mod packets;
mod phases;
mod reports;
mod sending;
mod source;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use self::inward::Inward;
use self::packets::Packets;
use self::reports::Reports;
use self::sending::Hush;
use self::source::Source;
use super::mixer::{Brings, Voice};
use super::playout::{Room, Wanted};
use super::reception::Standing;
use super::setup::FORMATS;
use super::{Codecs, LegReport, LegSetup, LegUpdate};
use crate::audio::{Rate, Sound, prefetch};
use crate::codec::Codec;
use crate::names::{Key, LegId};
use crate::wire::redundancy::{self, BLOCKS, Block};
use crate::wire::rtcp;
use crate::wire::rtp::{Packet, is_rtcp};
use crate::wire::telephone_event::EventReceiver;

/// What a leg tells the plane above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegEvent {
    /// The first acceptable RTP packet has come.
    FirstPacket,
    /// A key was pressed (RFC 4733, or in the sound).
    Key(Key),
    /// The media watchdog gave up: 30 s to the first packet, 15 s after (paused on hold).
    Dead,
}

/// Longest datagram a leg writes: 60 ms of G.711 with its header, or a compound RTCP packet.
pub const DATAGRAM: usize = 512;

/// A caller from whom nothing comes: a wrong address, a firewall, a phone without power.
const FIRST_PACKET_WITHIN: Duration = Duration::from_secs(30);
/// A caller from whom nothing comes any more; longer than a mobile takes to change cells or a phone to start again.
const NEXT_PACKET_WITHIN: Duration = Duration::from_secs(15);
/// How long after a new answer what was sent under the old one still arrives (RFC 3264 §8.3.1, §8.3.2).
const GRACE: Duration = Duration::from_secs(1);
/// Payload type of comfort noise at 8 kHz (RFC 3389 §4). Some send it without having offered it.
const COMFORT_NOISE: u8 = 13;

/// One participant's sound path.
#[derive(Debug)]
pub struct Leg {
    id: LegId,
    media: LegUpdate,
    /// Formats of the answer before, and until when they are still taken.
    former: ArrayVec<(u8, Codec), FORMATS>,
    former_until: Instant,
    source: Source,
    inward: Inward,
    events: EventReceiver,
    codecs: Box<Codecs>,
    packets: Packets,
    hush: Hush,
    reports: Reports,
    /// Last sign of life, or since when one is expected.
    alive: Instant,
    /// Something came.
    begun: bool,
    /// [`LegEvent::FirstPacket`] was told.
    told_first: bool,
    /// [`LegEvent::Dead`] was told.
    told_dead: bool,
    received: u64,
    octets: u64,
    duplicates: u64,
    reordered: u64,
    refused: u64,
    /// Lent to whoever mixes it.
    voice: Option<Box<Voice>>,
}

impl Leg {
    /// A leg that sends silence at once and waits for the caller's first packet. All its memory is allocated here.
    pub fn new(now: Instant, mut setup: LegSetup) -> Self {
        let room = setup.codecs.room().take().unwrap_or_else(|| Room::new(Rate::Narrow));
        Self {
            id: setup.leg,
            former: ArrayVec::new(),
            former_until: now,
            source: Source::new(now, &setup.media),
            inward: Inward::new(now, room),
            events: EventReceiver::default(),
            packets: Packets::new(now, &setup),
            hush: Hush::default(),
            reports: Reports::new(now, &setup),
            codecs: setup.codecs,
            alive: now,
            begun: false,
            told_first: false,
            told_dead: false,
            received: 0,
            octets: 0,
            duplicates: 0,
            reordered: 0,
            refused: 0,
            voice: Some(Box::default()),
            media: setup.media,
        }
    }

    /// Its name.
    pub fn id(&self) -> LegId {
        self.id
    }

    /// What it needs in a meeting: allocated with the leg, used by whoever mixes it, given back before the leg moves on.
    pub fn take_voice(&mut self) -> Option<Box<Voice>> {
        self.voice.take()
    }

    /// Give it back.
    pub fn give_voice(&mut self, voice: Box<Voice>) {
        self.voice = Some(voice);
    }

    /// What it sends; listeners with equal codecs share one encode.
    pub fn codec(&self) -> Codec {
        self.media.codec
    }

    /// What it was told last.
    pub fn media(&self) -> &LegUpdate {
        &self.media
    }

    /// A new offer was answered. A changed remote address opens the latch again. `codecs` are what the leg needs for it, if it lacks
    /// anything; the former ones come back, to be freed elsewhere.
    pub fn update(&mut self, now: Instant, media: LegUpdate, codecs: Option<Box<Codecs>>) -> Option<Box<Codecs>> {
        self.source.update(now, &media);
        if media.codec != self.media.codec {
            self.packets.change_codec(self.media.codec, self.media.payload_type, media.codec);
            // What was sent in this codec before, if anything was, is long over.
            self.codecs.encoders.reset();
        }
        if media.receive != self.media.receive {
            self.former.clone_from(&self.media.receive);
            self.former_until = now + GRACE;
        }
        if self.media.direction.held() && !media.direction.held() {
            // The watchdog was paused; what the caller sent meanwhile was not kept.
            self.alive = now;
        }
        if self.media.direction.contributes() != media.direction.contributes() {
            // Nothing of the music is heard, not even as it dies away.
            self.inward.reset();
        }
        self.media = media;
        self.hush.clear();
        codecs.map(|mut codecs| {
            let room = codecs.room().take().map(|room| self.inward.widen(room));
            let mut former = std::mem::replace(&mut self.codecs, codecs);
            *former.room() = room;
            former
        })
    }

    /// Its turn comes soon: ask for what every tick touches ([`crate::audio::prefetch`]).
    pub fn prefetch(&self) {
        prefetch::all(&self.media);
        prefetch::all(&self.source);
        prefetch::all(&self.alive);
        prefetch::all(&self.hush);
        prefetch::all(&self.received);
        prefetch::all(&self.octets);
        self.packets.prefetch();
        self.inward.prefetch();
    }

    /// It comes sooner, and what [`Leg::prefetch`] asked for is here: ask for what lies where that says.
    pub fn prefetch_more(&self) {
        prefetch::all(&*self.codecs);
        self.inward.prefetch_more();
    }

    /// One datagram from the RTP socket. With rtcp-mux, RTCP is told apart here (RFC 5761 §4).
    /// `arrived` is the kernel's stamp. Latches once, to an address the signalling vouches for.
    pub fn receive(&mut self, arrived: Instant, from: SocketAddr, datagram: &[u8]) -> Option<LegEvent> {
        self.octets += datagram.len() as u64;
        if is_rtcp(datagram) {
            if self.media.rtcp_mux {
                self.receive_rtcp(arrived, from, datagram);
            } else {
                self.refused += 1;
            }
            return None;
        }
        let packet = Packet::parse(datagram).ok().filter(|_| self.source.allows(arrived, from));
        let Some(packet) = packet else {
            self.refused += 1;
            return None;
        };
        let event_rate = self.media.events.iter().find(|event| event.payload_type == packet.payload_type).map(|event| event.rate_hz);
        let blocks = self.blocks_of(arrived, &packet);
        self.alive = self.alive.max(arrived);
        let mut event = None;
        if let Some(rate_hz) = event_rate {
            self.inward.reception.take_beside(arrived, packet.ssrc, packet.sequence);
            event = self.events.receive(packet.sequence, packet.timestamp, packet.ssrc, rate_hz, packet.payload).map(LegEvent::Key);
        } else if blocks.is_empty() {
            // Comfort noise, and sound we did not agree to: a sign of life, and part of the sequence.
            self.inward.reception.take_beside(arrived, packet.ssrc, packet.sequence);
            let noise = packet.payload_type == COMFORT_NOISE || self.media.comfort_noise.contains(&packet.payload_type);
            if !(noise && self.media.direction.contributes() && self.inward.take_background(&packet)) {
                self.refused += 1;
            }
            return None;
        } else {
            match self.inward.take(arrived, &packet, self.listens(), blocks.into_iter()) {
                Standing::Strange => self.refused += 1,
                Standing::Duplicate => self.duplicates += 1,
                Standing::Reordered => {
                    self.received += 1;
                    self.reordered += 1;
                }
                Standing::First | Standing::InOrder => self.received += 1,
            }
        }
        self.received += u64::from(event_rate.is_some());
        self.source.latch(arrived, from);
        self.begun = true;
        // A key is never kept waiting: if one comes in the very first packet, the next packet is told to be the first.
        if event.is_none() && !self.told_first {
            self.told_first = true;
            event = Some(LegEvent::FirstPacket);
        }
        event
    }

    /// One datagram from the RTCP socket.
    pub fn receive_rtcp(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if !self.source.allows_rtcp(from) {
            self.refused += 1;
            return;
        }
        let Some(report) = rtcp::read(datagram, self.packets.ssrc()) else {
            self.refused += 1;
            return;
        };
        if !self.media.rtcp_mux {
            self.source.latch_rtcp(from);
        }
        if let Some((ssrc, info)) = &report.sender {
            self.inward.reception.sender_reported(now, *ssrc, info);
        }
        // A phone that is silent by itself still reports. Before its first packet a report proves no sound, and a goodbye no life.
        if self.begun && !report.bye {
            self.alive = self.alive.max(now);
        }
    }

    /// Render exactly one tick of the caller's sound into `sound`, at the rate of what the caller sends: what of it may enter a meeting (anything
    /// above digital silence, not held); else there is silence. What is not `wanted` need not be decoded. Then [`Leg::take_key`].
    pub fn render(&mut self, wanted: Wanted, sound: &mut Sound) -> Brings {
        // Where keys come in the sound, that is always wanted.
        let wanted = if self.media.events.is_empty() { Wanted::Sound } else { wanted };
        let brings = match self.inward.render(&mut self.codecs.decoders, wanted, sound) {
            Brings::Sound | Brings::Noise if !self.media.direction.contributes() => Brings::Silence,
            brings => brings,
        };
        if !brings.is_audible() {
            sound.clear(sound.rate());
        }
        brings
    }

    /// A key that was pressed in the sound of the last tick: of callers who have no other way agreed, for one press is one key. Whoever holds
    /// us may press keys, too, in the sound as well as by RFC 4733: who sends sound while it holds us (a switchboard that lets the phone talk on,
    /// an announcer that only sends) means what it keys, and music is hardly ever taken for a key.
    pub fn take_key(&mut self) -> Option<LegEvent> {
        self.inward.take_key().filter(|_| self.media.events.is_empty()).map(LegEvent::Key)
    }

    /// Once a second: RTCP reports (at the randomised interval of RFC 3550 §6.3, 5 s on average) and the media watchdog.
    /// `out` gets a datagram for the RTCP address (or the RTP address with rtcp-mux; then `true`).
    pub fn slow_turn(&mut self, now: Instant, mut out: impl FnMut(SocketAddr, bool, &[u8])) -> Option<LegEvent> {
        let mux = self.media.rtcp_mux;
        if let Some(to) = self.source.rtcp_destination(mux) {
            self.reports.turn(now, &self.packets, &mut self.inward.reception, |octets| out(to, mux, octets));
        }
        let patience = if self.begun { NEXT_PACKET_WITHIN } else { FIRST_PACKET_WITHIN };
        let dead = !self.media.direction.held() && now.saturating_duration_since(self.alive) >= patience;
        (dead && !std::mem::replace(&mut self.told_dead, true)).then_some(LegEvent::Dead)
    }

    /// RTCP BYE at the end (RFC 3550 §6.6).
    pub fn goodbye(&mut self, now: Instant, mut out: impl FnMut(SocketAddr, bool, &[u8])) {
        let mux = self.media.rtcp_mux;
        if let Some(to) = self.source.rtcp_destination(mux) {
            self.reports.goodbye(now, &self.packets, &mut self.inward.reception, |octets| out(to, mux, octets));
        }
    }

    /// How long, on average over the last seconds, a packet of this caller would wait for a tick on each of the four phases of
    /// 5 ms, microseconds; `None` before ten packets. `epoch` is the instant of phase 0 of any round.
    pub fn phase_waits(&self, epoch: Instant) -> Option<[u32; 4]> {
        self.inward.phases.waits(epoch)
    }

    /// Totals so far.
    pub fn report(&self) -> LegReport {
        LegReport {
            received: self.received,
            octets_received: self.octets,
            lost: self.inward.reception.lost(),
            late: self.inward.late(),
            duplicates: self.duplicates,
            reordered: self.reordered,
            refused: self.refused,
            sent: self.packets.sent(),
            octets_sent: self.packets.octets_in_all(),
            jitter_us: self.inward.reception.jitter_us(),
            held: self.inward.held(),
            playout: self.inward.counts(),
        }
    }

    /// Whether the caller's sound is listened to. Who holds us may send music, but only to us (RFC 3264 §8.4); yet a key is a key however it
    /// comes, so where keys come in the sound it is listened to for them.
    fn listens(&self) -> bool {
        self.media.direction.contributes() || self.media.events.is_empty()
    }

    /// What we agreed that a payload type is; just after a new answer also what it was.
    fn codec_of(&self, arrived: Instant, payload_type: u8) -> Option<Codec> {
        let find = |formats: &[(u8, Codec)]| formats.iter().find(|(format, _)| *format == payload_type).map(|(_, codec)| *codec);
        find(&self.media.receive).or_else(|| find(&self.former).filter(|_| arrived < self.former_until))
    }

    /// The sound in a packet, its own last; empty: none we agreed to.
    fn blocks_of<'a>(&self, arrived: Instant, packet: &Packet<'a>) -> ArrayVec<(Block<'a>, Codec), BLOCKS> {
        let mut blocks = ArrayVec::new();
        if let Some(codec) = self.codec_of(arrived, packet.payload_type) {
            blocks.push((Block { payload_type: packet.payload_type, age: 0, payload: packet.payload }, codec));
        } else if self.media.redundancy.contains(&packet.payload_type) {
            let known = redundancy::blocks(packet.payload)
                .into_iter()
                .filter_map(|block| Some((block, self.codec_of(arrived, block.payload_type)?)));
            blocks.extend(known);
        }
        blocks
    }
}

#[cfg(test)]
mod tests;
