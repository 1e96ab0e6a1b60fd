//! A media plane with queues for sockets and callers that send tones: for tests and benches of the plane over its public interface.
#![allow(dead_code, reason = "each test and bench uses its own part")]
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ljudbro::audio::LONGEST_FRAME;
use ljudbro::bridge::plane::WAKE;
use ljudbro::bridge::{MediaCommand, MediaEvent, MediaPlane, Ports, ReceivedDatagram, Slot};
use ljudbro::codec::{Codec, Decoders, Encoders, OpusSettings, Payload};
use ljudbro::media::mixer::MixSettings;
use ljudbro::media::prompt::Prompt;
use ljudbro::media::{Codecs, Direction, EventFormat, Leg, LegSetup, LegUpdate, PromptId, PromptSet};
use ljudbro::names::{LegId, MeetingKey};
use ljudbro::wire::rtp::Packet;

/// Tones that everybody hears from everybody: as many as there are, as loud as they are.
pub const MIX: MixSettings = MixSettings { speakers: 24, level: false };

/// Payload type of telephone events here.
pub const EVENTS: u8 = 101;

/// An octet string that needs no heap.
#[derive(Clone, Copy)]
pub struct Octets {
    octets: [u8; 512],
    len: usize,
}

impl Octets {
    fn from(octets: &[u8]) -> Self {
        let mut all = [0; 512];
        all[..octets.len()].copy_from_slice(octets);
        Self { octets: all, len: octets.len() }
    }

    pub fn get(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

/// What comes to and goes from one slot.
pub struct Queue {
    inbound: VecDeque<(Octets, SocketAddr, Instant)>,
    /// RTP sent; kept when `keep` is set.
    pub sent: Vec<(Instant, SocketAddr, Octets)>,
    pub sent_rtcp: Vec<Octets>,
    pub count: usize,
}

/// Queues for sockets. Allocates nothing after `new` unless told to keep what is sent.
pub struct Queues {
    pub now: Instant,
    pub slots: Vec<Queue>,
    pub keep: bool,
}

impl Queues {
    pub fn new(now: Instant, slots: usize, keep: bool) -> Self {
        let queue = || Queue { inbound: VecDeque::with_capacity(32), sent: Vec::new(), sent_rtcp: Vec::new(), count: 0 };
        Self { now, slots: std::iter::repeat_with(queue).take(slots).collect(), keep }
    }

    pub fn push(&mut self, slot: Slot, from: SocketAddr, arrived: Instant, octets: &[u8]) {
        let inbound = &mut self.slots[slot.0 as usize].inbound;
        if inbound.len() < 32 {
            inbound.push_back((Octets::from(octets), from, arrived));
        }
    }
}

impl Ports for Queues {
    fn receive(&mut self, slot: Slot, buffer: &mut [u8]) -> Option<ReceivedDatagram> {
        let (octets, from, arrived) = self.slots[slot.0 as usize].inbound.pop_front()?;
        buffer[..octets.len].copy_from_slice(octets.get());
        Some(ReceivedDatagram { len: octets.len, from, arrived })
    }

    fn receive_rtcp(&mut self, _slot: Slot, _buffer: &mut [u8]) -> Option<ReceivedDatagram> {
        None
    }

    fn send(&mut self, slot: Slot, to: SocketAddr, datagram: &[u8]) {
        let queue = &mut self.slots[slot.0 as usize];
        queue.count += 1;
        if self.keep {
            queue.sent.push((self.now, to, Octets::from(datagram)));
        }
    }

    fn send_rtcp(&mut self, slot: Slot, _to: SocketAddr, datagram: &[u8]) {
        if self.keep {
            self.slots[slot.0 as usize].sent_rtcp.push(Octets::from(datagram));
        }
    }
}

/// What a caller's telephone picks up.
#[derive(Clone, Copy)]
pub enum Sound {
    /// Digital silence.
    Silence,
    /// A sine of this frequency and amplitude.
    Tone(f64, f64),
    /// Syllables of such a sine: 160 ms, 100 ms apart.
    Syllables(f64, f64),
    /// The noise of a quiet line, −69 dBov.
    Noise,
}

/// One caller.
pub struct Caller {
    pub leg: LegId,
    pub slot: Slot,
    pub sound: Sound,
    pub codec: Codec,
    /// Wake of the round at which its packets come.
    pub offset: u64,
    pub address: SocketAddr,
    sequence: u16,
    timestamp: u32,
    /// Packets of sound.
    packets: u32,
    encoders: Encoders,
    seed: u32,
}

impl Caller {
    pub fn update(leg: u64, codec: Codec) -> LegUpdate {
        let address = address(leg);
        LegUpdate {
            codec,
            payload_type: codec.usual_payload_type(),
            receive: Codec::ALL
                .into_iter()
                .filter(|other| *other == codec || other.is_law())
                .map(|other| (other.usual_payload_type(), other))
                .collect(),
            events: [EventFormat { payload_type: EVENTS, rate_hz: 8000 }].into_iter().collect(),
            comfort_noise: Default::default(),
            redundancy: Default::default(),
            opus_bitrate: None,
            ptime_ms: 20,
            remote: Some(address),
            remote_rtcp: Some(SocketAddr::new(address.ip(), address.port() + 1)),
            rtcp_mux: false,
            signalled_from: address.ip(),
            direction: Direction::SendReceive,
        }
    }

    pub fn leg(now: Instant, leg: u64, codec: Codec) -> Box<Leg> {
        let media = Self::update(leg, codec);
        let codecs = Codecs::new(&media, None, &OpusSettings::default()).expect("libopus has memory");
        let setup = LegSetup {
            leg: LegId(leg),
            ssrc: 0x1000_0000 + leg as u32,
            first_sequence: 65_530,
            first_timestamp: u32::MAX - 1000,
            cname: *b"0123456789abcdef",
            media,
            codecs: Box::new(codecs),
        };
        Box::new(Leg::new(now, setup))
    }

    pub fn new(leg: u64, slot: Slot, codec: Codec, sound: Sound) -> Self {
        let offset = leg % 4;
        let encoders = Encoders::new([codec], &OpusSettings::default()).expect("libopus has memory");
        let (leg, address, seed) = (LegId(leg), address(leg), leg as u32);
        Self { leg, slot, sound, codec, offset, address, sequence: 100, timestamp: 0, packets: 0, encoders, seed }
    }

    /// Packets of sound so far.
    pub fn packets(&self) -> u32 {
        self.packets
    }

    /// What its phone said in a packet, A-law and back.
    pub fn said(&mut self, packet: u32) -> Vec<i16> {
        let (mut octets, mut samples) = ([0; 160], vec![0; 160]);
        Codec::Pcma.encode(&self.frame(packet)[..160], &mut octets);
        Codec::Pcma.decode(&octets, &mut samples);
        samples
    }

    fn frame(&mut self, packet: u32) -> [i16; LONGEST_FRAME] {
        let rate = f64::from(self.codec.rate_hz());
        let count = self.codec.rate_hz() as usize / 50;
        std::array::from_fn(|i| match self.sound {
            Sound::Silence => 0,
            Sound::Syllables(..) if packet % 13 >= 8 => 0,
            Sound::Tone(frequency, amplitude) | Sound::Syllables(frequency, amplitude) => {
                let at = f64::from(packet) * count as f64 + i as f64;
                (amplitude * (std::f64::consts::TAU * frequency * at / rate).sin()) as i16
            }
            Sound::Noise => {
                self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.seed >> 27) as i16 - 16
            }
        })
    }

    /// Send one packet that came `ago`.
    pub fn talk(&mut self, queues: &mut Queues, ago: Duration) {
        let frame = self.frame(self.packets);
        let frame = &frame[..self.codec.rate_hz() as usize / 50];
        let mut payload = Payload::EMPTY;
        self.encoders.encode(self.codec, frame, &mut payload);
        self.send(queues, self.codec.usual_payload_type(), payload.octets(), ago);
        self.packets += 1;
        self.timestamp = self.timestamp.wrapping_add(self.codec.clock_hz() / 50);
    }

    /// Send one packet with this payload.
    pub fn send(&mut self, queues: &mut Queues, payload_type: u8, payload: &[u8], ago: Duration) {
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        let packet = Packet { marker: false, payload_type, sequence, timestamp, ssrc: self.leg.0 as u32, payload };
        let mut octets = [0; 400];
        let len = packet.write(&mut octets);
        queues.push(self.slot, self.address, queues.now - ago, &octets[..len]);
        self.sequence = self.sequence.wrapping_add(1);
    }
}

pub fn address(leg: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 20_000 + 2 * leg as u16))
}

/// Prompts of 600 ms (tones of 300), each a 3,500 Hz tone of amplitude 3,000.
pub fn prompts() -> Arc<PromptSet> {
    Arc::new(PromptSet::new(|id| {
        let length = if matches!(id, PromptId::TonIn | PromptId::TonUt) { 2400 } else { 4800 };
        let sample = |i: usize| (3000.0 * (std::f64::consts::TAU * 3500.0 * i as f64 / 8000.0).sin()) as i16;
        Prompt { samples: (0..length).map(sample).collect() }
    }))
}

/// A plane with its callers and its clock.
pub struct World {
    pub plane: MediaPlane,
    pub queues: Queues,
    pub callers: Vec<Caller>,
    pub events: Vec<MediaEvent>,
    pub epoch: Instant,
    pub wake: u64,
}

impl World {
    pub fn new(capacity: usize, keep: bool) -> Self {
        Self::mixed(capacity, keep, MIX)
    }

    /// With a mix of its own.
    pub fn mixed(capacity: usize, keep: bool, mix: MixSettings) -> Self {
        let epoch = Instant::now();
        let mut plane = MediaPlane::new(epoch, capacity, prompts(), mix);
        let wake = 1_000;
        let queues = Queues::new(epoch + WAKE * 1_000, capacity, keep);
        assert!(plane.poll_event().is_none());
        Self { plane, queues, callers: Vec::new(), events: Vec::new(), epoch, wake }
    }

    pub fn now(&self) -> Instant {
        self.queues.now
    }

    /// A caller comes, in the menu.
    pub fn call(&mut self, leg: u64, codec: Codec, sound: Sound) -> usize {
        let slot = self.plane.add(self.now(), Caller::leg(self.now(), leg, codec)).expect("there is room");
        self.callers.push(Caller::new(leg, slot, codec, sound));
        self.callers.len() - 1
    }

    pub fn command(&mut self, command: MediaCommand) {
        drop(self.plane.command(self.queues.now, command));
    }

    /// A caller comes and joins the meeting.
    pub fn join(&mut self, leg: u64, sound: Sound, meeting: u32) -> usize {
        self.join_by(leg, Codec::Pcma, sound, meeting)
    }

    /// A caller with this codec comes and joins the meeting.
    pub fn join_by(&mut self, leg: u64, codec: Codec, sound: Sound, meeting: u32) -> usize {
        let caller = self.call(leg, codec, sound);
        self.command(MediaCommand::Join(LegId(leg), MeetingKey(meeting)));
        caller
    }

    /// On to the next wake; the packets of this moment come.
    pub fn advance(&mut self) {
        self.wake += 1;
        self.queues.now = self.epoch + WAKE * self.wake as u32;
        for caller in &mut self.callers {
            if self.wake % 4 == caller.offset {
                caller.talk(&mut self.queues, Duration::from_millis(1));
            }
        }
    }

    /// So many wakes.
    pub fn run(&mut self, wakes: u64) {
        for _ in 0..wakes {
            self.advance();
            self.plane.tick(self.queues.now, self.wake, &mut self.queues);
            while let Some(event) = self.plane.poll_event() {
                self.events.push(event);
            }
        }
    }

    /// What a caller has heard since `from` (packets), at its codec's rate.
    pub fn heard(&self, caller: usize, from: usize) -> Vec<i16> {
        let caller = &self.callers[caller];
        let mut sound = Vec::new();
        let mut decoders = Decoders::new([caller.codec]).expect("libopus has memory");
        // From the start: what a codec remembers counts.
        for (packet, (_, _, octets)) in self.queues.slots[caller.slot.0 as usize].sent.iter().enumerate() {
            let rtp = Packet::parse(octets.get()).expect("we send RTP");
            let mut samples = [0; LONGEST_FRAME];
            let count = decoders.decode(caller.codec, rtp.payload, &mut samples);
            if packet >= from {
                sound.extend_from_slice(&samples[..count]);
            }
        }
        sound
    }

    /// What was sent from a slot, and when.
    pub fn sent(&self, slot: Slot) -> &[(Instant, SocketAddr, Octets)] {
        &self.queues.slots[slot.0 as usize].sent
    }

    /// How many packets a caller has got.
    pub fn packets(&self, caller: usize) -> usize {
        self.queues.slots[self.callers[caller].slot.0 as usize].sent.len()
    }

    /// Run for so many wakes; what each caller heard meanwhile.
    pub fn listen(&mut self, wakes: u64) -> Vec<Vec<i16>> {
        let from: Vec<usize> = (0..self.callers.len()).map(|caller| self.packets(caller)).collect();
        self.run(wakes);
        from.into_iter().enumerate().map(|(caller, from)| self.heard(caller, from)).collect()
    }
}
