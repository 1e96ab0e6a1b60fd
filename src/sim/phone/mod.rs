//! A phone as a value: it dials, talks, presses keys, listens and hangs up, by SIP over UDP (RFC 3261) and RTP, without sockets or clocks.
//!
//! Mutate, then drain `poll_output`; call `handle_timeout` when `poll_timeout` says so. `ljudbro call` puts one on real sockets; tests
//! put twenty on a simulated network. [`Faults`] make it misbehave as real phones and lines do. It makes one call in its life. It does not
//! register, authenticate, fork, or speak TCP, and it sends no RTCP.
//!
//! - `signalling.rs`: requests, responses, transactions, the dialog; `offers.rs`: what is agreed on; `writing.rs`: their octets
//! - `message.rs`, `sdp.rs`: reading and writing, apart from the bridge's code
//! - `sound.rs`: what it sends; `ear.rs`, `recording.rs`: what it hears

mod ear;
mod message;
mod offers;
mod recording;
mod sdp;
mod signalling;
mod sound;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::ear::Ear;
pub use self::message::Message;
pub use self::recording::{Heard, Recording};
pub use self::signalling::{Signal, Signalling};
pub use self::sound::{Path, Source, TICK};
use self::sound::{Sound, Tick};
use crate::codec::Codec;
use crate::names::Key;
use crate::wire::rtp::{Packet, is_rtcp};

/// How keys are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyMethod {
    /// As telephone events (RFC 4733) if the other side knows them, else in-band.
    Rfc4733,
    /// By INFO with `application/dtmf-relay`; telephone events are not offered.
    Info,
    /// As the sound itself; telephone events are not offered.
    InBand,
}

/// Who makes the offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OfferIn {
    /// The phone, in its INVITE.
    Invite,
    /// The bridge, in its 200; the phone answers in the ACK.
    Response,
}

/// How a phone holds the other side (RFC 3264 §8.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    /// `a=sendonly`: it goes on sending (music, in life).
    SendOnly,
    /// `a=inactive`.
    Inactive,
    /// `c=0.0.0.0`, as old phones do.
    ZeroAddress,
}

/// What a phone is.
#[derive(Clone, Debug)]
pub struct PhoneSettings {
    /// Whom it dials: the Request-URI, as it stands.
    pub target: String,
    /// Its own number or name.
    pub caller: String,
    /// Its signalling address.
    pub sip: SocketAddr,
    /// Its RTP address.
    pub rtp: SocketAddr,
    /// Where all its signalling goes.
    pub server: SocketAddr,
    /// Codecs, first choice first.
    pub codecs: Vec<Codec>,
    /// Who offers.
    pub offer_in: OfferIn,
    /// How keys are sent.
    pub keys_by: KeyMethod,
    /// How long a key is pressed, milliseconds.
    pub press_ms: u32,
    /// Pause between two keys, milliseconds.
    pub pause_ms: u32,
    /// Packet length it asks the bridge for, milliseconds. It sends 20.
    pub ptime_ms: u8,
    /// From the answer to the first packet.
    pub phase: Duration,
    /// Feeds tags, identifiers, SSRC.
    pub seed: u64,
}

impl PhoneSettings {
    /// An ordinary Swedish trunk's caller: A-law first, telephone events, keys of 100 ms with pauses of 60 ms.
    pub fn new(target: &str, sip: SocketAddr, rtp: SocketAddr, server: SocketAddr) -> Self {
        Self {
            target: target.to_owned(),
            caller: "anonymous".to_owned(),
            sip,
            rtp,
            server,
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            offer_in: OfferIn::Invite,
            keys_by: KeyMethod::Rfc4733,
            press_ms: 100,
            pause_ms: 60,
            ptime_ms: 20,
            phase: Duration::ZERO,
            seed: 0,
        }
    }
}

/// What goes wrong with this phone or its line, from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Its ACKs to a 200 are lost.
    pub loses_ack: bool,
    /// Its BYE is lost, with all repetitions.
    pub loses_bye: bool,
    /// The cable is cut: nothing goes out, nothing comes in.
    pub dead: bool,
    /// It sends no RTP.
    pub sends_no_rtp: bool,
}

/// Who ended a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// This phone hung up.
    ByUs,
    /// The bridge hung up.
    ByBridge,
    /// The call was cancelled before the answer.
    Cancelled,
    /// Refused with this status.
    Refused(u16),
    /// Nobody answered within 64·T1.
    NoAnswer,
}

/// What happens to a phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhoneEvent {
    /// A provisional response.
    Progress(u16),
    /// The call was answered; sound may flow.
    Answered,
    /// A new offer was answered with 200.
    Changed,
    /// A new offer was refused with this status.
    ChangeRefused(u16),
    /// An INFO with a key was refused with this status, or (408) not answered.
    KeyRefused(u16),
    /// The last key in the queue has gone out, its first packet just now.
    LastKey,
    /// The call is over; comes once.
    Ended(Ended),
}

/// What a phone wants done, and what happened.
#[derive(Clone, PartialEq, Eq)]
pub enum PhoneOutput {
    /// Send from the signalling address.
    Sip(SocketAddr, Vec<u8>),
    /// Send from the RTP address.
    Rtp(SocketAddr, Vec<u8>),
    /// Something happened.
    Event(PhoneEvent),
}

impl fmt::Debug for PhoneOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Octets may hold keys and numbers.
        match self {
            Self::Sip(..) => f.write_str("Sip(…)"),
            Self::Rtp(..) => f.write_str("Rtp(…)"),
            Self::Event(event) => write!(f, "Event({event:?})"),
        }
    }
}

/// One phone, one call.
pub struct Phone {
    phase: Duration,
    /// What goes wrong from now on.
    pub faults: Faults,
    signalling: Signalling,
    sound: Sound,
    ear: Ear,
    /// The codec of the last packet of sound.
    hears_in: Option<Codec>,
    recording: Recording,
    outputs: VecDeque<PhoneOutput>,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone").field("signalling", &self.signalling).finish_non_exhaustive()
    }
}

impl Phone {
    /// On the hook.
    pub fn new(settings: PhoneSettings) -> Self {
        let mut random = StdRng::seed_from_u64(settings.seed);
        let sound = Sound::new(settings.keys_by, settings.press_ms, settings.pause_ms, (random.random(), random.random(), random.random()));
        Self {
            phase: settings.phase,
            faults: Faults::default(),
            signalling: Signalling::drawing(random, settings),
            sound,
            ear: Ear::new(),
            hears_in: None,
            recording: Recording::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Dial.
    pub fn dial(&mut self, now: Instant) {
        self.signal(now, |signalling| signalling.dial(now));
    }

    /// End the call, whatever it is doing: CANCEL before the answer, BYE after.
    pub fn hang_up(&mut self, now: Instant) {
        self.signal(now, |signalling| signalling.hang_up(now));
    }

    /// Hold the bridge, or resume.
    pub fn hold(&mut self, now: Instant, hold: Option<Hold>) {
        self.signal(now, |signalling| signalling.hold(now, hold));
    }

    /// Offer these codecs instead.
    pub fn change_codecs(&mut self, now: Instant, codecs: &[Codec]) {
        self.signal(now, |signalling| signalling.change_codecs(now, codecs));
    }

    /// Ask the bridge to offer, and answer that (a re-INVITE without a body).
    pub fn ask_for_offer(&mut self, now: Instant) {
        self.signal(now, |signalling| signalling.ask_for_offer(now));
    }

    /// Press these keys, one after the other, as soon as the call is answered. Characters that are no keys are passed over.
    pub fn press(&mut self, keys: &str) {
        self.sound.press(keys.chars().filter_map(Key::from_char));
    }

    /// Say this from now on (after the answer).
    pub fn play(&mut self, source: Source) {
        self.sound.play(source);
    }

    /// What was heard so far.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// The codec of the sound that came last.
    pub fn hears_in(&self) -> Option<Codec> {
        self.hears_in
    }

    /// Whether the call is answered and not over.
    pub fn is_talking(&self) -> bool {
        self.signalling.is_talking()
    }

    /// Whether the call is over.
    pub fn is_over(&self) -> bool {
        self.signalling.is_over()
    }

    /// Whether nothing is left to be sent or repeated: over, and every request answered or given up.
    pub fn is_idle(&self) -> bool {
        self.signalling.is_idle()
    }

    /// Keys not yet pressed to their end.
    pub fn keys_left(&self) -> usize {
        self.sound.keys_left()
    }

    /// One datagram at the signalling address.
    pub fn handle_sip(&mut self, now: Instant, datagram: &[u8]) {
        self.signal(now, |signalling| signalling.handle(now, datagram));
    }

    /// One datagram at the RTP address.
    pub fn handle_rtp(&mut self, now: Instant, datagram: &[u8]) {
        if self.faults.dead || is_rtcp(datagram) {
            return;
        }
        let Ok(packet) = Packet::parse(datagram) else { return };
        let Some(codec) = self.signalling.codec_of(packet.payload_type) else { return };
        self.hears_in = Some(codec);
        self.ear.hear(now, codec, &packet, &mut self.recording);
    }

    /// When to call [`Phone::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.signalling.poll_timeout(), self.sound.next()].into_iter().flatten().min()
    }

    /// The deadline of `poll_timeout` has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.signal(now, |signalling| signalling.handle_timeout(now));
        let keys = self.sound.keys_waiting();
        while let Some(tick) = self.sound.tick(now) {
            let packet = match tick {
                Tick::Packet(packet) => packet,
                Tick::Info(key, packet) => {
                    self.signal(now, |signalling| signalling.send_key(now, key));
                    packet
                }
            };
            if let Some((to, datagram)) = packet
                && !self.faults.dead
                && !self.faults.sends_no_rtp
            {
                self.outputs.push_back(PhoneOutput::Rtp(to, datagram));
            }
        }
        if keys > 0 && self.sound.keys_waiting() == 0 {
            self.event(PhoneEvent::LastKey);
        }
    }

    /// What to do next, or what happened; `None` when nothing is left.
    pub fn poll_output(&mut self) -> Option<PhoneOutput> {
        self.outputs.pop_front()
    }

    fn event(&mut self, event: PhoneEvent) {
        self.outputs.push_back(PhoneOutput::Event(event));
    }

    /// Do something with the signalling, and what it then wants.
    fn signal(&mut self, now: Instant, act: impl FnOnce(&mut Signalling)) {
        self.signalling.faults = self.faults;
        act(&mut self.signalling);
        while let Some(signal) = self.signalling.poll_output() {
            match signal {
                Signal::Send(to, octets) => self.outputs.push_back(PhoneOutput::Sip(to, octets)),
                Signal::Path(path) => self.sound.set_path(now, self.phase, path),
                Signal::KeyAnswered => self.sound.key_answered(),
                Signal::Stop => self.sound.stop(),
                Signal::Event(event) => self.event(event),
            }
        }
    }
}
