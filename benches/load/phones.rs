//! Many phones on real sockets, driven by one thread.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ljudbro::audio::tone::tone_level;
use ljudbro::codec::Codec;
use ljudbro::sim::phone::{Phone, PhoneEvent, PhoneOutput, PhoneSettings};
use ljudbro::wire::rtp::Packet;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A sample above this is a pulse.
const PULSE: i16 = 4_000;
/// Share of a window's level below full scale that counts as hearing the tone, dBov.
const TONE_DBOV: f32 = -35.0;

/// A phone that dials with the Call-ID of an earlier one is taken for its repetition.
static SEED: AtomicU64 = AtomicU64::new(1_000);

struct Seat {
    phone: Phone,
    sip: UdpSocket,
    rtp: UdpSocket,
    answered: Option<Instant>,
    leaving: bool,
    sent_pulses: Vec<Instant>,
    heard_pulses: Vec<Instant>,
    packets: usize,
}

/// Phones and their sockets.
pub struct Driver {
    server: SocketAddr,
    seats: Vec<Seat>,
    pulses: bool,
    /// Whose ear waits for which tone, and when it came.
    ear: Option<(usize, f64, Option<Instant>)>,
    counting: Option<Instant>,
}

/// Where in a packet a pulse begins.
pub fn pulse_place(samples: &[i16]) -> Option<usize> {
    samples.iter().position(|sample| *sample > PULSE)
}

fn decode(datagram: &[u8]) -> Option<Vec<i16>> {
    let packet = Packet::parse(datagram).ok().filter(|packet| packet.payload_type == 8)?;
    let mut samples = vec![0; packet.payload.len()];
    Codec::Pcma.decode(packet.payload, &mut samples);
    Some(samples)
}

impl Driver {
    pub fn new(server: SocketAddr) -> Self {
        Self { server, seats: Vec::new(), pulses: false, ear: None, counting: None }
    }

    /// One more phone dials.
    pub fn dial(&mut self, target: &str, change: impl FnOnce(&mut PhoneSettings)) {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
            socket.set_nonblocking(true).expect("a socket can be set not to block");
            socket
        };
        let (sip, rtp) = (socket(), socket());
        let address = |socket: &UdpSocket| socket.local_addr().expect("a bound socket has an address");
        let mut settings = PhoneSettings::new(target, address(&sip), address(&rtp), self.server);
        settings.seed = SEED.fetch_add(1, Ordering::Relaxed);
        settings.caller = format!("07000{:05}", self.seats.len());
        change(&mut settings);
        let mut phone = Phone::new(settings);
        phone.dial(Instant::now());
        self.seats.push(Seat {
            phone,
            sip,
            rtp,
            answered: None,
            leaving: false,
            sent_pulses: Vec::new(),
            heard_pulses: Vec::new(),
            packets: 0,
        });
        self.turn();
    }

    pub fn phone(&mut self, seat: usize) -> &mut Phone {
        &mut self.seats[seat].phone
    }

    pub fn talking(&self) -> usize {
        self.seats.iter().filter(|seat| seat.phone.is_talking()).count()
    }

    pub fn watch_pulses(&mut self) {
        self.pulses = true;
    }

    pub fn pulses(&self, from: usize, to: usize) -> (Vec<Instant>, Vec<Instant>) {
        (self.seats[from].sent_pulses.clone(), self.seats[to].heard_pulses.clone())
    }

    /// Wait at this phone's ear for a tone.
    pub fn listen(&mut self, seat: usize, hz: f64) {
        self.ear = Some((seat, hz, None));
    }

    pub fn heard(&self) -> Option<Instant> {
        self.ear?.2
    }

    pub fn packets(&self) -> usize {
        self.seats.iter().map(|seat| seat.packets).sum()
    }

    /// How long packets were counted, seconds.
    pub fn listened(&self) -> f64 {
        self.counting.map_or(f64::NAN, |since| since.elapsed().as_secs_f64())
    }

    /// Let time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = Instant::now() + duration;
        if duration >= Duration::from_secs(20) {
            self.counting = Some(Instant::now());
            self.seats.iter_mut().for_each(|seat| seat.packets = 0);
        }
        while Instant::now() < end {
            self.turn();
        }
    }

    /// Let time pass until something happens; when it did.
    pub fn until(&mut self, most: Duration, wanted: impl Fn(usize, PhoneEvent) -> bool) -> Option<Instant> {
        let end = Instant::now() + most;
        while Instant::now() < end {
            if let Some((_, at, _)) = self.turn().into_iter().find(|(phone, _, event)| wanted(*phone, *event)) {
                return Some(at);
            }
        }
        None
    }

    pub fn hang_up_after(&mut self, talk: Duration) {
        for seat in &mut self.seats {
            if !seat.leaving && seat.answered.is_some_and(|at| at.elapsed() >= talk) {
                seat.leaving = true;
                seat.phone.hang_up(Instant::now());
            }
        }
    }

    pub fn hang_up_all(&mut self) {
        self.seats.iter_mut().filter(|seat| seat.phone.is_talking()).for_each(|seat| seat.phone.hang_up(Instant::now()));
        self.run(Duration::from_millis(500));
    }

    /// Wait for a packet or a deadline, at most a millisecond or so, and deal with all there is.
    pub fn turn(&mut self) -> Vec<(usize, Instant, PhoneEvent)> {
        let mut sockets: Vec<PollFd<'_>> = Vec::with_capacity(2 * self.seats.len());
        for seat in self.seats.iter().filter(|seat| !seat.phone.is_idle()) {
            sockets.push(PollFd::new(seat.sip.as_fd(), PollFlags::POLLIN));
            sockets.push(PollFd::new(seat.rtp.as_fd(), PollFlags::POLLIN));
        }
        let next = self.seats.iter().filter_map(|seat| seat.phone.poll_timeout()).min();
        let wait = next.map_or(1, |at| u16::from(at > Instant::now() + Duration::from_micros(500)));
        let _ = poll(&mut sockets, PollTimeout::from(wait));
        drop(sockets);
        let mut events = Vec::new();
        let mut buffer = [0; 2048];
        for (place, seat) in self.seats.iter_mut().enumerate() {
            if seat.phone.is_idle() {
                continue;
            }
            while let Ok(len) = seat.sip.recv(&mut buffer) {
                seat.phone.handle_sip(Instant::now(), &buffer[..len]);
            }
            while let Ok(len) = seat.rtp.recv(&mut buffer) {
                let now = Instant::now();
                seat.packets += 1;
                if let Some(samples) = decode(&buffer[..len]) {
                    if self.pulses {
                        note(&mut seat.heard_pulses, now, &samples);
                    }
                    if let Some((at, hz, heard @ None)) = &mut self.ear
                        && *at == place
                        && tone_level(&samples, *hz) > TONE_DBOV
                    {
                        *heard = Some(now);
                    }
                }
                // Not into its recording: a long run would fill memory.
            }
            let now = Instant::now();
            if seat.phone.poll_timeout().is_some_and(|at| at <= now) {
                seat.phone.handle_timeout(now);
            }
            while let Some(output) = seat.phone.poll_output() {
                match output {
                    PhoneOutput::Sip(to, octets) => {
                        let _ = seat.sip.send_to(&octets, to);
                    }
                    PhoneOutput::Rtp(to, octets) => {
                        if self.pulses
                            && let Some(samples) = decode(&octets)
                        {
                            note(&mut seat.sent_pulses, Instant::now(), &samples);
                        }
                        let _ = seat.rtp.send_to(&octets, to);
                    }
                    PhoneOutput::Event(event) => {
                        if event == PhoneEvent::Answered {
                            seat.answered = Some(now);
                        }
                        events.push((place, now, event));
                    }
                }
            }
        }
        events
    }
}

/// A pulse's first sample, in the time of its packet's first.
fn note(pulses: &mut Vec<Instant>, now: Instant, samples: &[i16]) {
    if let Some(place) = pulse_place(samples) {
        let at = now + Duration::from_micros(125) * place as u32;
        // A pulse may go on into the next packet.
        if pulses.last().is_none_or(|last| at > *last + Duration::from_millis(50)) {
            pulses.push(at);
        }
    }
}
