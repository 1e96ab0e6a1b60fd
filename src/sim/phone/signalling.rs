//! The phone's signalling, a value of its own: client transactions over UDP (RFC 3261 §17.1), the dialog, offer and answer.
//!
//! It knows no sound: where sound shall go is an output ([`Signal::Path`]). [`super::Phone`] is this with a sound and an ear;
//! `sim/load` drives thousands of them with a sound of its own.

mod incoming;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::message::Message;
use super::sound::Path;
use super::{Ended, Faults, Hold, OfferIn, PhoneEvent, PhoneSettings};
use crate::codec::Codec;
use crate::names::Key;

/// RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// RFC 3261 §17.1.2.2.
const T2: Duration = Duration::from_secs(4);
/// How long a ringing call is waited for (RFC 3261 §16.6 has proxies wait as long, timer C).
const RINGING: Duration = Duration::from_secs(180);

/// Where the call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Not dialled.
    OnHook,
    /// Dialled, not answered.
    Calling {
        /// Cancelled meanwhile; the CANCEL waits for the first provisional response (RFC 3261 §9.1).
        cancelled: bool,
    },
    /// Answered.
    Talking,
    /// BYE is sent, not answered.
    HangingUp,
    /// Over.
    Ended,
}

/// One request on its way.
struct Client {
    method: &'static str,
    cseq: u32,
    branch: String,
    octets: Vec<u8>,
    /// When it is sent again; `None` after a provisional response to an INVITE.
    again: Option<Instant>,
    interval: Duration,
    /// When it is given up.
    ends: Instant,
}

impl Client {
    /// When something is to be done.
    fn next(&self) -> Instant {
        self.again.map_or(self.ends, |again| again.min(self.ends))
    }
}

/// The ACK of an INVITE, kept for repeated responses.
struct Ack {
    cseq: u32,
    octets: Vec<u8>,
    /// Of a 2xx.
    success: bool,
}

/// What signalling wants done, and what happened.
#[derive(Clone, PartialEq, Eq)]
pub enum Signal {
    /// Send from the signalling address.
    Send(SocketAddr, Vec<u8>),
    /// Send sound there from now on; `None`: send none, the call goes on.
    Path(Option<Path>),
    /// The INFO of a key was answered, or given up.
    KeyAnswered,
    /// No more sound: the call is over, or about to be.
    Stop,
    /// Something happened.
    Event(PhoneEvent),
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send(..) => "Send(…)",
            Self::Path(_) => "Path",
            Self::KeyAnswered => "KeyAnswered",
            Self::Stop => "Stop",
            Self::Event(_) => "Event",
        })
    }
}

/// One call's signalling.
pub struct Signalling {
    pub(super) settings: PhoneSettings,
    /// What goes wrong from now on.
    pub faults: Faults,
    state: State,
    clients: Vec<Client>,
    acks: Vec<Ack>,
    pub(super) call_id: String,
    pub(super) local_tag: String,
    /// `To` with the bridge's tag.
    pub(super) remote: String,
    /// The bridge's Contact.
    pub(super) remote_target: String,
    /// Record-Route of the answer, reversed (RFC 3261 §12.1.2).
    pub(super) routes: Vec<String>,
    cseq: u32,
    pub(super) branches: u64,
    pub(super) session: u64,
    pub(super) version: u64,
    pub(super) hold: Option<Hold>,
    /// What the bridge's payload types mean, as offer and answer say.
    pub(super) formats: Vec<(u8, Codec)>,
    pub(super) random: StdRng,
    pub(super) outputs: VecDeque<Signal>,
}

impl fmt::Debug for Signalling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signalling").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Signalling {
    /// On the hook.
    pub fn new(settings: PhoneSettings) -> Self {
        Self::drawing(StdRng::seed_from_u64(settings.seed), settings)
    }

    /// With a generator that something was drawn from before.
    pub(super) fn drawing(mut random: StdRng, settings: PhoneSettings) -> Self {
        Self {
            faults: Faults::default(),
            state: State::OnHook,
            clients: Vec::new(),
            acks: Vec::new(),
            call_id: format!("{:032x}", random.random::<u128>()),
            local_tag: format!("{:016x}", random.random::<u64>()),
            remote: format!("<{}>", settings.target),
            remote_target: settings.target.clone(),
            routes: Vec::new(),
            cseq: 0,
            branches: 0,
            // 63 bits: some read it as a signed number.
            session: random.random::<u64>() >> 1,
            version: 0,
            hold: None,
            formats: Codec::ALL.map(|codec| (codec.usual_payload_type(), codec)).to_vec(),
            random,
            outputs: VecDeque::new(),
            settings,
        }
    }

    /// The SIP Call-ID of this call.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// What a payload type of the bridge's means.
    pub fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        self.formats.iter().find(|(number, _)| *number == payload_type).map(|(_, codec)| *codec)
    }

    /// Whether the call is answered and not over.
    pub fn is_talking(&self) -> bool {
        self.state == State::Talking
    }

    /// Whether the call is over.
    pub fn is_over(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether nothing is left to be sent or repeated: over, and every request answered or given up.
    pub fn is_idle(&self) -> bool {
        self.is_over() && self.clients.is_empty()
    }

    /// One datagram at the signalling address.
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) {
        if self.faults.dead {
            return;
        }
        if let Some(message) = Message::parse(datagram) {
            self.handle_message(now, &message);
        }
    }

    /// When to call [`Signalling::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.clients.iter().map(Client::next).min()
    }

    /// What to do next, or what happened; `None` when nothing is left.
    pub fn poll_output(&mut self) -> Option<Signal> {
        self.outputs.pop_front()
    }

    pub(super) fn event(&mut self, event: PhoneEvent) {
        self.outputs.push_back(Signal::Event(event));
    }

    /// Dial.
    pub fn dial(&mut self, now: Instant) {
        if self.state == State::OnHook {
            self.state = State::Calling { cancelled: false };
            self.invite(now, self.settings.offer_in == OfferIn::Invite);
        }
    }

    /// End the call, whatever it is doing: CANCEL before the answer, BYE after.
    pub fn hang_up(&mut self, now: Instant) {
        match self.state {
            State::Calling { cancelled: false } => {
                self.state = State::Calling { cancelled: true };
                let ringing = self.clients.iter().find(|client| client.method == "INVITE" && client.again.is_none());
                if let Some((cseq, branch)) = ringing.map(|client| (client.cseq, client.branch.clone())) {
                    self.cancel(now, cseq, branch);
                }
            }
            State::Talking => self.bye(now),
            State::OnHook => self.state = State::Ended,
            State::Calling { cancelled: true } | State::HangingUp | State::Ended => {}
        }
    }

    /// Hold the bridge, or resume.
    pub fn hold(&mut self, now: Instant, hold: Option<Hold>) {
        if self.state == State::Talking {
            self.hold = hold;
            self.invite(now, true);
        }
    }

    /// Offer these codecs instead.
    pub fn change_codecs(&mut self, now: Instant, codecs: &[Codec]) {
        if self.state == State::Talking {
            self.settings.codecs = codecs.to_vec();
            self.invite(now, true);
        }
    }

    /// Ask the bridge to offer, and answer that (a re-INVITE without a body).
    pub fn ask_for_offer(&mut self, now: Instant) {
        if self.state == State::Talking {
            self.invite(now, false);
        }
    }

    /// A key by INFO. One at a time: the next waits for the answer.
    pub fn send_key(&mut self, now: Instant, key: Key) {
        let body = format!("Signal={}\r\nDuration={}\r\n", key.expose(), self.settings.press_ms);
        self.request(now, "INFO", Some("application/dtmf-relay"), body.as_bytes());
    }

    /// Send again what was not answered; give up what never was.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut again = Vec::new();
        for client in &mut self.clients {
            if let Some(due) = client.again.filter(|due| *due <= now) {
                let longest = if client.method == "INVITE" { Duration::MAX } else { T2 };
                client.interval = (client.interval * 2).min(longest);
                client.again = Some(due + client.interval);
                again.push((client.method, client.octets.clone()));
            }
        }
        for (method, octets) in again {
            self.send(method, octets);
        }
        let given_up: Vec<Client> = self.clients.extract_if(.., |client| client.ends <= now).collect();
        for client in given_up {
            match client.method {
                "INVITE" if self.state != State::Talking => self.end(Ended::NoAnswer),
                "INVITE" => self.event(PhoneEvent::ChangeRefused(408)),
                "BYE" => self.end(Ended::ByUs),
                "INFO" => self.key_answered(408),
                _ => {}
            }
        }
    }

    fn invite(&mut self, now: Instant, offer: bool) {
        let body = if offer { self.own_offer() } else { Vec::new() };
        self.request(now, "INVITE", offer.then_some("application/sdp"), &body);
    }

    fn bye(&mut self, now: Instant) {
        self.state = State::HangingUp;
        self.outputs.push_back(Signal::Stop);
        self.request(now, "BYE", None, &[]);
    }

    fn cancel(&mut self, now: Instant, cseq: u32, branch: String) {
        // RFC 3261 §9.1: Request-URI, top Via and CSeq number are the INVITE's.
        let octets = self.write("CANCEL", cseq, &branch, None, &[]);
        self.start(now, Client { method: "CANCEL", cseq, branch, octets, again: Some(now + T1), interval: T1, ends: now + 64 * T1 });
    }

    fn request(&mut self, now: Instant, method: &'static str, content: Option<&str>, body: &[u8]) {
        self.cseq += 1;
        let (cseq, branch) = (self.cseq, self.branch());
        let octets = self.write(method, cseq, &branch, content, body);
        self.start(now, Client { method, cseq, branch, octets, again: Some(now + T1), interval: T1, ends: now + 64 * T1 });
    }

    fn start(&mut self, now: Instant, client: Client) {
        debug_assert!(client.ends > now);
        self.send(client.method, client.octets.clone());
        self.clients.push(client);
    }
}
