//! One leg's place in the plane: what it is in, what it says and hears, and its turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::phase::Turn;
use super::seats::Links;
use super::shared::KEEPS;
use super::{Ports, ReceivedDatagram, Slot};
use crate::audio::limiter::Limiter;
use crate::audio::{Rate, Sound};
use crate::bridge::MediaEvent;
use crate::codec::Payload;
use crate::media::Leg;
use crate::media::leg::LegEvent;
use crate::media::mixer::{Brings, Hearing, Voice, speak_over};
use crate::media::playout::Wanted;
use crate::media::prompt::Player;

/// Longest datagram read: an Ethernet frame. Ours are 20 ms of G.711 or G.722, 172 octets, or of Opus, mostly less.
const DATAGRAM: usize = 1500;
/// Most datagrams read from a leg in one turn: 60 ms of line jitter in packets of 10 ms, thrice. The rest waits in the socket.
const BURST: usize = 16;
/// Most RTCP datagrams read in a second; one every five seconds is usual.
const REPORTS: usize = 8;
/// A packet that waited longer than a round has others behind it.
const ROUND: Duration = Duration::from_millis(20);

/// Where a leg is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In no meeting; on this phase.
    Menu(usize),
    /// In the meeting with this index.
    Meeting(usize),
}

/// A leg and all that the plane keeps for it.
#[derive(Debug)]
pub(super) struct Seat {
    /// The leg.
    pub leg: Box<Leg>,
    /// Where it is.
    pub place: Place,
    /// Its neighbours there.
    pub links: Links,
    /// Wake of its last turn.
    pub last: u64,
    /// It takes part in the turn that is going on.
    pub present: bool,
    /// It leaves its meeting after one more turn, in which it fades out.
    pub leaving: bool,
    /// Its sound, and its way into the sums. Lent by the leg.
    pub voice: Box<Voice>,
    /// Of its own mix, while it speaks.
    pub limiter: Limiter,
    /// What it hears of the meeting.
    pub hearing: Hearing,
    /// What is said to it.
    pub player: Player,
    /// The last turn brought exactly one datagram.
    single: bool,
    /// Turns for which it still has a stream of its own; 0: it is sent what all listeners are.
    pub alone: u8,
}

/// Legs whose first datagrams are read in a row, before any of them is looked at: the system's code and ours each stay in the processor's caches for
/// so long. Longer rows gain nothing.
pub(super) const ROW: usize = 16;

/// What the turns of all legs share.
#[derive(Debug)]
pub(super) struct Ears {
    /// One for each place in a row.
    letters: Box<[Letter; ROW]>,
    events: VecDeque<MediaEvent>,
    /// Events that did not fit.
    pub lost: u64,
    /// Turns that legs missed whole.
    pub missed: u64,
}

/// A datagram that was read.
#[derive(Clone, Copy, Debug)]
struct Letter {
    octets: [u8; DATAGRAM],
    /// What is known of it; `None`: there was none, or it has been looked at.
    got: Option<ReceivedDatagram>,
}

impl Ears {
    /// A place for every leg's last word, and for some keys of each: a caller presses at most ten a second.
    pub fn new(legs: usize) -> Self {
        let letters = Box::new([Letter { octets: [0; DATAGRAM], got: None }; ROW]);
        Self { letters, events: VecDeque::with_capacity(4 * legs + 64), lost: 0, missed: 0 }
    }

    /// Something happened. Keys stop being read before the queue is full, so this is for a reader that has stopped reading.
    pub fn tell(&mut self, event: MediaEvent) {
        if self.events.len() < self.events.capacity() {
            self.events.push_back(event);
        } else {
            self.lost += 1;
        }
    }

    /// The next event.
    pub fn take(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// Half is kept for what cannot wait in a socket: ends of utterances, dead legs.
    fn hears(&self) -> bool {
        self.events.len() < self.events.capacity() / 2
    }
}

impl Seat {
    /// A leg that has just come, after the wake `last`.
    pub fn new(mut leg: Box<Leg>, phase: usize, last: u64) -> Self {
        // Whoever gave the leg up before has given it back ([`Seat::into_leg`]), so nothing is allocated.
        let voice = leg.take_voice().unwrap_or_default();
        Self {
            voice,
            leg,
            place: Place::Menu(phase),
            links: Links::default(),
            last,
            present: false,
            leaving: false,
            limiter: Limiter::default(),
            hearing: Hearing::NOTHING,
            player: Player::default(),
            single: false,
            alone: KEEPS,
        }
    }

    /// The leg, with all that belongs to it.
    pub fn into_leg(self) -> Box<Leg> {
        let Self { mut leg, mut voice, .. } = self;
        voice.reset();
        leg.give_voice(voice);
        leg
    }

    fn event(&self, event: LegEvent) -> MediaEvent {
        let leg = self.leg.id();
        match event {
            LegEvent::FirstPacket => MediaEvent::FirstPacket(leg),
            LegEvent::Key(key) => MediaEvent::Key(leg, key),
            LegEvent::Dead => MediaEvent::Dead(leg),
        }
    }

    /// A turn begins, in this place of a row: whether the leg takes part in it, and if so, what came first.
    pub fn collect<P: Ports>(&mut self, turn: Turn, (slot, place): (Slot, usize), ears: &mut Ears, ports: &mut P) {
        self.present = !turn.too_early(self.last);
        let hears = self.present && ears.hears();
        if self.present {
            // Under way during the system call: it takes longer than the lines do.
            self.leg.prefetch();
            self.voice.prefetch();
        }
        if let Some(letter) = ears.letters.get_mut(place) {
            letter.got = if hears { ports.receive(slot, &mut letter.octets) } else { None };
        }
        if self.present {
            self.leg.prefetch_more();
        }
    }

    /// The receiving half of a turn, after [`Seat::collect`]: the [`Voice`]'s sound is this tick's. `None` when the leg lets the turn pass, else
    /// what it brings.
    ///
    /// A turn missed whole counts as a lost packet in both directions: the caller's sound of that time is dropped, and the sequence number
    /// and timestamp that would have been sent are used up. So nothing is replayed in a burst, the far end conceals 20 ms as it does for
    /// any loss, and neither end is later than before.
    pub fn listen<P: Ports>(
        &mut self,
        now: Instant,
        turn: Turn,
        (slot, place): (Slot, usize),
        ears: &mut Ears,
        ports: &mut P,
    ) -> Option<Brings> {
        if !self.present {
            return None;
        }
        let missing = turn.missed_since(self.last);
        self.last = turn.wake;
        self.receive(now, (slot, place), ears, ports);
        if missing > 0 {
            ears.missed += missing;
            let mut payload = Payload::EMPTY;
            self.leg.encode_silence(&mut payload);
            for _ in 0..missing {
                self.render(ears);
                self.leg.send(now, payload.octets(), |_, _| {});
            }
        }
        self.voice.listens = self.leg.send_rate();
        Some(self.render(ears))
    }

    fn render(&mut self, ears: &mut Ears) -> Brings {
        let wanted = match self.place {
            Place::Menu(_) => Wanted::Nothing,
            Place::Meeting(_) if self.voice.source.is_unheard() => Wanted::Speech,
            Place::Meeting(_) => Wanted::Sound,
        };
        let brings = self.leg.render(wanted, &mut self.voice.sound);
        if let Some(key) = self.leg.take_key() {
            ears.tell(self.event(key));
        }
        brings
    }

    /// Look at what was collected, and read what else has come. A caller sends one packet a tick; asking the socket for a second one that is not
    /// there costs a system call, so that is done only when the last tick or the age of the packet say that there may be one.
    fn receive<P: Ports>(&mut self, now: Instant, (slot, place): (Slot, usize), ears: &mut Ears, ports: &mut P) {
        let mut count = 0;
        while let Some((letter, datagram)) = ears.letters.get_mut(place).and_then(|letter| letter.got.take().map(|got| (letter, got))) {
            count += 1;
            let octets = letter.octets.get(..datagram.len).unwrap_or_default();
            if let Some(event) = self.leg.receive(datagram.arrived, datagram.from, octets) {
                ears.tell(self.event(event));
            }
            let last = self.single && now.saturating_duration_since(datagram.arrived) <= ROUND;
            if last || count == BURST || !ears.hears() {
                break;
            }
            if let Some(letter) = ears.letters.get_mut(place) {
                letter.got = ports.receive(slot, &mut letter.octets);
            }
        }
        self.single = count == 1;
    }

    /// Whether something is being said to it, or on its way.
    pub fn is_spoken_to(&self) -> bool {
        self.player.speaking() || self.voice.speech.is_ringing()
    }

    /// What the leg hears now is `sound` (its meeting's mix, or silence), with what is said to it on top.
    pub fn hear_speech(&mut self, ears: &mut Ears, sound: &mut Sound) {
        let mut speech = Sound::silence(Rate::Narrow);
        let said = speech.samples_mut().first_chunk_mut().and_then(|frame| self.player.render(frame));
        if let Some(token) = said {
            ears.tell(MediaEvent::Said(self.leg.id(), token));
        }
        let mut passing = Sound::silence(sound.rate());
        self.voice.speech.aim(sound.rate());
        self.voice.speech.run(&speech, &mut passing);
        speak_over(sound.samples_mut(), passing.samples());
    }

    /// What it shall hear of its meeting.
    pub fn target(&self) -> Hearing {
        match (self.leaving, self.is_spoken_to()) {
            (true, _) => Hearing::NOTHING,
            (false, true) => Hearing::DUCKED,
            (false, false) => Hearing::FULL,
        }
    }

    /// Whether it hears its meeting, all of it and nothing else.
    pub fn is_plain(&self) -> bool {
        self.target() == Hearing::FULL && self.hearing == Hearing::FULL && !self.is_spoken_to()
    }

    /// Whether it is sent what all listeners are: it does not speak, and its codec has no memory of a stream of its own that still matters.
    pub fn listens_only(&self) -> bool {
        let settled = self.alone == 0 || self.leg.codec().is_law();
        settled && self.is_plain() && !self.voice.adds() && self.leg.shares() && self.leg.media().direction.sends()
    }

    /// The sending half of a turn.
    pub fn send<P: Ports>(&mut self, now: Instant, slot: Slot, payload: &Payload, ports: &mut P) {
        self.leg.send(now, payload.octets(), |to, datagram| ports.send(slot, to, datagram));
    }

    /// The sending half of a turn, for this leg alone; at the rate it hears at.
    pub fn send_sound<P: Ports>(&mut self, now: Instant, slot: Slot, sound: &Sound, ports: &mut P) {
        let mut payload = Payload::EMPTY;
        self.leg.encode(sound.samples(), &mut payload);
        self.send(now, slot, &payload, ports);
    }

    /// The sending half of a turn with nothing to hear.
    pub fn send_silence<P: Ports>(&mut self, now: Instant, slot: Slot, ports: &mut P) {
        let mut payload = Payload::EMPTY;
        self.leg.encode_silence(&mut payload);
        self.send(now, slot, &payload, ports);
    }

    /// A whole turn in no meeting.
    pub fn menu_turn<P: Ports>(&mut self, now: Instant, turn: Turn, (slot, place): (Slot, usize), ears: &mut Ears, ports: &mut P) {
        if self.listen(now, turn, (slot, place), ears, ports).is_none() {
            return;
        }
        self.alone = KEEPS;
        self.leg.set_telephone(true);
        if self.is_spoken_to() {
            let mut sound = Sound::silence(self.leg.send_rate());
            self.hear_speech(ears, &mut sound);
            self.send_sound(now, slot, &sound, ports);
        } else {
            self.send_silence(now, slot, ports);
        }
    }

    /// RTCP and the watchdog, once a second.
    pub fn slow_turn<P: Ports>(&mut self, now: Instant, slot: Slot, ears: &mut Ears, ports: &mut P) {
        for _ in 0..REPORTS {
            let Some(letter) = ears.letters.first_mut() else { break };
            let Some(datagram) = ports.receive_rtcp(slot, &mut letter.octets) else { break };
            let octets = letter.octets.get(..datagram.len).unwrap_or_default();
            self.leg.receive_rtcp(now, datagram.from, octets);
        }
        if let Some(event) = self.leg.slow_turn(now, |to, mux, octets| send_report(ports, slot, to, mux, octets)) {
            ears.tell(self.event(event));
        }
    }
}

/// With rtcp-mux (RFC 5761) reports go from the RTP port.
pub(super) fn send_report<P: Ports>(ports: &mut P, slot: Slot, to: std::net::SocketAddr, mux: bool, octets: &[u8]) {
    if mux {
        ports.send(slot, to, octets);
    } else {
        ports.send_rtcp(slot, to, octets);
    }
}
