//! The sound a phone sends: a source, keys pressed over it, one RTP packet each 20 ms.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::KeyMethod;
use crate::audio::resample::Resampler;
use crate::audio::tone::{KeyTone, Tone};
use crate::audio::{FRAME, Frame, Rate, SILENCE, Sound as Samples, TICK_MS};
use crate::codec::{Codec, Encoders, OpusSettings, Payload};
use crate::media::rate_of;
use crate::names::Key;
use crate::wire::rtp::{HEADER, Packet};
use crate::wire::telephone_event::EventSender;

/// Time between two packets.
pub const TICK: Duration = Duration::from_millis(TICK_MS as u64);

/// What is said into the phone.
#[derive(Clone, Debug)]
pub enum Source {
    /// Nothing (digital silence).
    Silence,
    /// A tone.
    Tone(Tone),
    /// Samples at 8 kHz, then silence.
    Samples(Arc<[i16]>),
}

/// Where sound goes and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path {
    /// Where to.
    pub remote: SocketAddr,
    /// In which codec.
    pub codec: Codec,
    /// Under this payload type.
    pub payload_type: u8,
    /// Payload type of telephone events and their clock, Hz, if both sides know them.
    pub events: Option<(u8, u32)>,
}

/// The sending side of a phone's sound.
#[derive(Debug)]
pub struct Sound {
    source: Source,
    /// Next sample of [`Source::Samples`].
    at: usize,
    keys: VecDeque<Key>,
    method: KeyMethod,
    pressing: Option<Pressing>,
    press_ms: u32,
    pause_ms: u32,
    /// Ticks of pause left before the next key.
    pause: u32,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    next: Option<Instant>,
    path: Option<Path>,
    encoders: Encoders,
    /// To the codec's rate.
    up: Resampler,
}

#[derive(Debug)]
enum Pressing {
    Event(EventSender, u8),
    Tone(KeyTone),
    /// An INFO request is on its way.
    Info,
}

/// What a tick brings.
#[derive(Debug)]
pub enum Tick {
    /// A packet, if sound is being sent.
    Packet(Option<(SocketAddr, Vec<u8>)>),
    /// Besides a packet: send this key by INFO, then call [`Sound::key_answered`].
    Info(Key, Option<(SocketAddr, Vec<u8>)>),
}

impl Sound {
    /// `random` are SSRC, first sequence number and first timestamp.
    pub fn new(method: KeyMethod, press_ms: u32, pause_ms: u32, random: (u32, u16, u32)) -> Self {
        let (ssrc, sequence, timestamp) = random;
        Self {
            source: Source::Silence,
            at: 0,
            keys: VecDeque::new(),
            method,
            pressing: None,
            press_ms,
            pause_ms,
            pause: 0,
            ssrc,
            sequence,
            timestamp,
            next: None,
            path: None,
            // Without memory for Opus a phone that should speak it is silent.
            encoders: Encoders::new(Codec::ALL, &OpusSettings::default()).unwrap_or_default(),
            up: Resampler::new(Rate::Narrow),
        }
    }

    /// Say this from now on.
    pub fn play(&mut self, source: Source) {
        self.source = source;
        self.at = 0;
    }

    /// Press these keys one after the other.
    pub fn press(&mut self, keys: impl Iterator<Item = Key>) {
        self.keys.extend(keys);
    }

    /// Keys not yet pressed to their end.
    pub fn keys_left(&self) -> usize {
        self.keys.len() + usize::from(self.pressing.is_some())
    }

    /// Keys not yet begun.
    pub fn keys_waiting(&self) -> usize {
        self.keys.len()
    }

    /// Send there from now on; `None`: send nothing. The first path starts the clock, `phase` later.
    pub fn set_path(&mut self, now: Instant, phase: Duration, path: Option<Path>) {
        self.path = path;
        self.next.get_or_insert(now + phase);
    }

    /// No more ticks.
    pub fn stop(&mut self) {
        self.next = None;
        self.path = None;
    }

    /// When to call [`Sound::tick`].
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The INFO of a key was answered.
    pub fn key_answered(&mut self) {
        if matches!(self.pressing, Some(Pressing::Info)) {
            self.pressing = None;
            self.pause = self.pause_ms / TICK_MS;
        }
    }

    /// Send one packet; `now` is at or after [`Sound::next`].
    pub fn tick(&mut self, now: Instant) -> Option<Tick> {
        let due = self.next.filter(|due| *due <= now)?;
        self.next = Some(due + TICK);
        let info = self.begin_press();
        let mut frame = SILENCE;
        self.render(&mut frame);
        let mut event = None;
        match &mut self.pressing {
            Some(Pressing::Event(sender, payload_type)) => match sender.next_packet(TICK_MS) {
                Some(packet) => event = Some((packet, *payload_type)),
                None => self.release(),
            },
            Some(Pressing::Tone(tone)) => {
                tone.render(&mut frame);
                if tone.is_over() {
                    self.release();
                }
            }
            Some(Pressing::Info) | None => self.pause = self.pause.saturating_sub(1),
        }
        let timestamp = self.timestamp;
        // RFC 3550 §5.1: the timestamp counts sampling instants, whether or not a packet is sent.
        let counts = self.path.map_or(FRAME as u32, |path| path.codec.clock_hz() / 1000 * TICK_MS);
        self.timestamp = self.timestamp.wrapping_add(counts);
        let packet = self.path.map(|path| {
            let sequence = self.sequence;
            self.sequence = self.sequence.wrapping_add(1);
            let mut payload = Payload::EMPTY;
            let packet = match &event {
                Some((event, payload_type)) => Packet {
                    marker: event.marker,
                    payload_type: *payload_type,
                    sequence,
                    timestamp: event.timestamp,
                    ssrc: self.ssrc,
                    payload: &event.payload,
                },
                None => {
                    encode(&mut self.encoders, &mut self.up, path.codec, &frame, &mut payload);
                    let Path { payload_type, .. } = path;
                    Packet { marker: false, payload_type, sequence, timestamp, ssrc: self.ssrc, payload: payload.octets() }
                }
            };
            let mut datagram = vec![0; HEADER + packet.payload.len()];
            packet.write(&mut datagram);
            (path.remote, datagram)
        });
        Some(match info {
            Some(key) => Tick::Info(key, packet),
            None => Tick::Packet(packet),
        })
    }

    /// Take the next key up when the pause after the last one is over. A key that goes by INFO comes back.
    fn begin_press(&mut self) -> Option<Key> {
        if self.pressing.is_some() || self.pause > 0 {
            return None;
        }
        let path = self.path?;
        let key = self.keys.pop_front()?;
        self.pressing = Some(match (self.method, path.events) {
            (KeyMethod::Rfc4733, Some((payload_type, rate_hz))) => {
                Pressing::Event(EventSender::new(key, self.timestamp, self.press_ms, rate_hz), payload_type)
            }
            (KeyMethod::Info, _) => Pressing::Info,
            // Where the other side knows no events, phones send the sound.
            (KeyMethod::InBand | KeyMethod::Rfc4733, _) => Pressing::Tone(KeyTone::new(key, self.press_ms)),
        });
        matches!(self.pressing, Some(Pressing::Info)).then_some(key)
    }

    fn release(&mut self) {
        self.pressing = None;
        self.pause = self.pause_ms / TICK_MS;
    }

    fn render(&mut self, frame: &mut Frame) {
        match &mut self.source {
            Source::Silence => {}
            Source::Tone(tone) => tone.render(frame),
            Source::Samples(samples) => {
                let rest = samples.get(self.at..).unwrap_or_default();
                let n = rest.len().min(FRAME);
                frame[..n].copy_from_slice(&rest[..n]);
                self.at += n;
            }
        }
    }
}

/// One tick of narrow sound in any codec.
fn encode(encoders: &mut Encoders, up: &mut Resampler, codec: Codec, frame: &Frame, out: &mut Payload) {
    let (mut narrow, mut sound) = (Samples::silence(Rate::Narrow), Samples::silence(Rate::Narrow));
    narrow.samples_mut().copy_from_slice(frame);
    up.aim(rate_of(codec));
    up.run(&narrow, &mut sound);
    encoders.encode(codec, sound.samples(), out);
}
