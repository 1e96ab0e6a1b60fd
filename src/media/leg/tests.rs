use super::*;
use crate::audio::tone::{Tone, tone_level};
use crate::audio::{FRAME, Rate, SILENCE};
use crate::codec::OpusSettings;
use crate::media::{Direction, EventFormat};
use crate::wire::rtp::HEADER;
use crate::wire::telephone_event::EventSender;

#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
fn start() -> Instant {
    Instant::now()
}

const PHONE: &str = "192.0.2.7:4000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn media() -> LegUpdate {
    LegUpdate {
        codec: Codec::Pcma,
        payload_type: 8,
        receive: [(8, Codec::Pcma), (0, Codec::Pcmu)].into_iter().collect(),
        events: [EventFormat { payload_type: 101, rate_hz: 8000 }].into_iter().collect(),
        comfort_noise: Default::default(),
        redundancy: Default::default(),
        opus_bitrate: None,
        ptime_ms: 20,
        remote: Some(address(PHONE)),
        remote_rtcp: None,
        rtcp_mux: false,
        signalled_from: "198.51.100.1".parse().unwrap(),
        direction: Direction::SendReceive,
    }
}

/// A leg, and a phone that sends a tone to it.
struct World {
    base: Instant,
    ms: u64,
    leg: Leg,
    tone: Tone,
    sequence: u16,
    timestamp: u32,
    codec: Codec,
    /// What the leg sent: to where, and the datagram.
    sent: Vec<(SocketAddr, Vec<u8>)>,
    /// RTCP the leg sent.
    reports: Vec<(SocketAddr, bool, Vec<u8>)>,
    heard: Vec<i16>,
    events: Vec<LegEvent>,
}

impl World {
    fn new(media: LegUpdate) -> Self {
        let base = start();
        let setup = LegSetup {
            leg: LegId(1),
            ssrc: 0xabcd_ef01,
            first_sequence: 65_534,
            first_timestamp: u32::MAX - 200,
            cname: *b"0123456789abcdef",
            media,
            codecs: Default::default(),
        };
        Self {
            base,
            ms: 0,
            leg: Leg::new(base, setup),
            tone: Tone::new(1000.0, -16.0),
            sequence: 65_530,
            timestamp: u32::MAX - 1000,
            codec: Codec::Pcma,
            sent: Vec::new(),
            reports: Vec::new(),
            heard: Vec::new(),
            events: Vec::new(),
        }
    }

    /// A leg that is sent Opus, and sends it.
    fn opus() -> Self {
        let mut media = media();
        (media.codec, media.payload_type) = (Codec::Opus, 111);
        media.receive = [(111, Codec::Opus)].into_iter().collect();
        let codecs = Codecs::new(&media, None, &OpusSettings::default()).unwrap();
        let mut world = Self::new(media.clone());
        let _none = world.leg.update(world.now(), media, Some(Box::new(codecs)));
        world
    }

    fn now(&self) -> Instant {
        self.base + Duration::from_millis(self.ms)
    }

    /// One RTP packet to the leg.
    fn packet(&mut self, from: &str, payload_type: u8, ssrc: u32, payload: &[u8]) -> Option<LegEvent> {
        let packet = Packet { marker: false, payload_type, sequence: self.sequence, timestamp: self.timestamp, ssrc, payload };
        self.sequence = self.sequence.wrapping_add(1);
        let mut datagram = [0; 600];
        let length = packet.write(&mut datagram);
        let event = self.leg.receive(self.now(), address(from), &datagram[..length]);
        self.events.extend(event);
        event
    }

    /// 20 ms of the phone's tone to the leg.
    fn speak(&mut self, from: &str) -> Option<LegEvent> {
        let mut linear = SILENCE;
        self.tone.render(&mut linear);
        let mut payload = [0; FRAME];
        self.codec.encode(&linear, &mut payload);
        let event = self.packet(from, self.codec.usual_payload_type(), 77, &payload);
        self.timestamp = self.timestamp.wrapping_add(160);
        event
    }

    /// A tick: 20 ms pass. Whether the leg had sound.
    fn tick(&mut self) -> bool {
        let now = self.now();
        let mut sound = Sound::silence(Rate::Narrow);
        let sounds = self.leg.render(Wanted::Sound, &mut sound) == Brings::Sound;
        assert!(sounds || sound.samples().iter().all(|sample| *sample == 0));
        self.heard.extend(sound.samples());
        let octets = [self.leg.codec().silence(); FRAME];
        let sent = &mut self.sent;
        self.leg.send(now, &octets, |to, datagram| sent.push((to, datagram.to_vec())));
        self.ms += 20;
        if self.ms.is_multiple_of(1000) {
            self.slow();
        }
        sounds
    }

    /// A tick of a leg whose sound is of any rate and not looked at, and that sends nothing.
    fn tick_any(&mut self) {
        self.leg.render(Wanted::Sound, &mut Sound::silence(Rate::Narrow));
        self.ms += 20;
    }

    fn slow(&mut self) {
        let reports = &mut self.reports;
        let event =
            self.leg.slow_turn(self.base + Duration::from_millis(self.ms), |to, mux, octets| reports.push((to, mux, octets.to_vec())));
        self.events.extend(event);
    }

    fn talk(&mut self, ticks: usize) {
        for _ in 0..ticks {
            self.speak(PHONE);
            self.tick();
        }
    }

    fn silent(&mut self, ticks: usize) -> usize {
        (0..ticks).filter(|_| self.tick()).count()
    }

    fn change(&mut self, change: impl FnOnce(&mut LegUpdate)) {
        let mut media = self.leg.media().clone();
        change(&mut media);
        let _none = self.leg.update(self.now(), media, None);
    }
}

mod held;
mod lost_tone;
mod repaired;
mod sending;
mod taking;
