//! The world: what `run/` does with sockets, threads and clocks, done with queues and a number.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ljudbro::bridge::command::MeetingSettings;
use ljudbro::bridge::plane::WAKE;
use ljudbro::bridge::{ControlInput, ControlOutput, ControlPlane, ControlSettings, LegCosts, MediaPlane, WhenFull};
use ljudbro::codec::{Codec, OpusSettings};
use ljudbro::media::mixer::MixSettings;
use ljudbro::media::prompt::Shelf;
use ljudbro::media::{Leg, LegReport};
use ljudbro::names::{LegId, WorkerId};
use ljudbro::sim::{Phone, PhoneEvent, PhoneOutput};
use ljudbro::sip::{AgentSettings, Flow, Transport};

use crate::ears::{self, Voice};
use crate::net::{Delivery, Net};
use crate::ports::{Pair, Queues};

/// Tones that everybody hears from everybody: as many as there are, as loud as they are.
const MIX: MixSettings = MixSettings { speakers: 24, level: false };

pub const NUMBER: &str = "0480445511";
pub const ID: &str = "314159265";
pub const OTHER_ID: &str = "271828182";
pub const DOMAIN: &str = "mote.example";
pub const BRIDGE: [u8; 4] = [10, 1, 0, 1];
/// How long a leg is between two workers.
const MOVING: Duration = Duration::from_millis(3);
/// More turns than this without time going on is a timer that is never disarmed.
const MOST_TURNS: usize = 10_000;

/// One phone, and what happened to it.
pub struct Seat {
    pub phone: Phone,
    pub events: Vec<(Instant, PhoneEvent)>,
    /// RTCP packets it was sent.
    pub rtcp: usize,
}

enum Place {
    /// Bound, no leg yet, or between two workers.
    Nowhere(Pair),
    At,
}

pub struct World {
    pub now: Instant,
    pub control: ControlPlane,
    pub net: Net,
    pub stopped: bool,
    pub reports: Vec<LegReport>,
    pub seed: u64,
    epoch: Instant,
    planes: Vec<MediaPlane>,
    queues: Vec<Queues>,
    places: HashMap<LegId, Place>,
    moving: Vec<(Instant, LegId, WorkerId, Box<Leg>)>,
    next_port: u16,
    shelf: Shelf,
    pub seats: Vec<Seat>,
    turns: usize,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self::with(seed, |_| ())
    }

    pub fn with(seed: u64, change: impl FnOnce(&mut ControlSettings)) -> Self {
        let meeting = |name: &str, id: &str| MeetingSettings { name: name.to_owned(), id: id.parse().unwrap() };
        let mut settings = ControlSettings {
            agent: AgentSettings {
                product: "ljudbro".to_owned(),
                session_interval: Duration::from_secs(1800),
                min_se: Duration::from_secs(90),
                max_sessions: 200,
                max_transactions: 1000,
            },
            numbers: vec![NUMBER.parse().unwrap()],
            domain: DOMAIN.to_owned(),
            max_calls: 100,
            when_full: WhenFull::Say,
            longest: Duration::from_secs(12 * 3600),
            workers: 2,
            codecs: Codec::ALL.into_iter().collect(),
            opus: OpusSettings::default(),
            costs: LegCosts::default(),
            meetings: vec![meeting("testmote1", ID), meeting("andra", OTHER_ID)],
        };
        change(&mut settings);
        let epoch = Instant::now();
        let set = Arc::new(ears::prompts(Voice::Old));
        let mut shelf = Shelf::default();
        shelf.keep(&set);
        let workers = settings.workers;
        let mut octets = [7; 32];
        octets[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            now: epoch,
            control: ControlPlane::new(settings, octets),
            net: Net::new(seed),
            stopped: false,
            reports: Vec::new(),
            seed,
            epoch,
            planes: (0..workers).map(|_| MediaPlane::new(epoch, 64, Arc::clone(&set), MIX)).collect(),
            queues: (0..workers).map(|_| Queues::default()).collect(),
            places: HashMap::new(),
            moving: Vec::new(),
            next_port: 16_384,
            shelf,
            seats: Vec::new(),
            turns: 0,
        }
    }

    /// New prompts from now on.
    pub fn swap_prompts(&mut self, voice: Voice) {
        let set = Arc::new(ears::prompts(voice));
        self.shelf.keep(&set);
        for plane in &mut self.planes {
            plane.set_prompts(Arc::clone(&set));
        }
        self.shelf.sweep();
    }

    pub fn stop(&mut self) {
        self.control.handle_input(self.now, ControlInput::Stop);
        self.settle();
    }

    pub fn legs(&self) -> usize {
        self.planes.iter().map(MediaPlane::legs).sum()
    }

    /// Everything a call takes has been given back.
    pub fn assert_nothing_is_left(&mut self) {
        // A leg may still be on its way.
        self.run_ms(100);
        assert_eq!(self.control.calls(), 0, "calls");
        assert_eq!(self.control.participants(), 0, "participants");
        assert_eq!(self.legs(), 0, "legs");
        assert!(self.planes.iter().all(MediaPlane::is_idle), "an idle plane");
        assert_eq!(self.places.len(), 0, "open ports");
        assert!(self.queues.iter().all(|queues| queues.pairs.is_empty()), "sockets at workers");
        // RFC 3261 §17: transactions live on for 64·T1, and no longer.
        self.run_ms(70_000);
        assert_eq!(self.control.poll_timeout(), None, "a timer is still set");
    }

    /// Legs on each worker.
    pub fn legs_by_worker(&self) -> Vec<usize> {
        self.planes.iter().map(MediaPlane::legs).collect()
    }

    // ---- time

    /// Time goes on, and each worker is measured to be so loaded.
    pub fn loaded<const WORKERS: usize>(&mut self, shares: [f32; WORKERS], ms: u64) {
        const LOOK: Duration = Duration::from_millis(100);
        for _ in 0..ms / 100 {
            self.run(LOOK);
            for (worker, share) in (0..).map(WorkerId).zip(shares) {
                self.control.handle_input(self.now, ControlInput::Load { worker, share, over: LOOK });
            }
            self.settle();
        }
    }

    pub fn run_ms(&mut self, ms: u64) {
        self.run(Duration::from_millis(ms));
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// Until something is so; fails when it is not in time.
    pub fn until(&mut self, at_most: Duration, what: &str, so: impl Fn(&Self) -> bool) {
        let end = self.now + at_most;
        while !so(self) {
            assert!(self.step(end), "not within {at_most:?}: {what}");
        }
    }

    fn next_wake(&self) -> Option<(u64, Instant)> {
        let busy = self.planes.iter().any(|plane| !plane.is_idle());
        let wake = ((self.now - self.epoch).as_nanos() / WAKE.as_nanos()) as u64 + 1;
        busy.then(|| (wake, self.epoch + WAKE * wake as u32))
    }

    fn next(&self) -> Option<Instant> {
        let phones = self.seats.iter().filter_map(|seat| seat.phone.poll_timeout());
        let moving = self.moving.iter().map(|(at, ..)| *at);
        let wake = self.next_wake().map(|(_, at)| at);
        phones.chain(moving).chain(wake).chain(self.net.next()).chain(self.control.poll_timeout()).min()
    }

    /// To the next thing that happens; `false` when that is after `end`, and `end` is now.
    fn step(&mut self, end: Instant) -> bool {
        let Some(at) = self.next().filter(|at| *at <= end) else {
            self.now = end;
            return false;
        };
        let wake = self.next_wake().filter(|(_, due)| *due <= at);
        self.turns = if at > self.now { 0 } else { self.turns + 1 };
        assert!(self.turns < MOST_TURNS, "time stands still: {:?} is due for ever", self.control.poll_timeout());
        self.now = self.now.max(at);
        while let Some(delivery) = self.net.pop_due(self.now) {
            self.deliver(delivery);
        }
        for (_, leg, to, value) in self.moving.extract_if(.., |(due, ..)| *due <= at).collect::<Vec<_>>() {
            assert!(self.place(leg, to, value), "a worker refused a leg that moved");
            self.control.handle_input(self.now, ControlInput::LegMoved(leg));
        }
        if let Some((wake, _)) = wake {
            for (plane, queues) in self.planes.iter_mut().zip(&mut self.queues) {
                plane.tick(self.now, wake, queues);
            }
        }
        for seat in &mut self.seats {
            if seat.phone.poll_timeout().is_some_and(|due| due <= self.now) {
                seat.phone.handle_timeout(self.now);
            }
        }
        if self.control.poll_timeout().is_some_and(|due| due <= self.now) {
            self.control.handle_input(self.now, ControlInput::Timeout);
        }
        self.settle();
        true
    }

    // ---- what run/ does

    fn deliver(&mut self, delivery: Delivery) {
        let Delivery { from, to, octets } = delivery;
        if to.ip() != IpAddr::from(BRIDGE) {
            let seat = self.seats.iter_mut().enumerate().find(|(place, _)| phone_ip(*place) == to.ip());
            let Some((_, seat)) = seat else { return };
            match to.port() {
                5060 => seat.phone.handle_sip(self.now, &octets),
                4000 => seat.phone.handle_rtp(self.now, &octets),
                _ => seat.rtcp += 1,
            }
        } else if to.port() == 5060 {
            let flow = Flow { transport: Transport::Udp, local: to, peer: from, id: 0 };
            self.control.handle_input(self.now, ControlInput::Datagram(flow, octets.into()));
        } else {
            let nowhere = self.places.values_mut().filter_map(|place| match place {
                Place::Nowhere(pair) => Some(pair),
                Place::At => None,
            });
            let pairs = nowhere.chain(self.queues.iter_mut().flat_map(|queues| queues.pairs.values_mut()));
            // A closed port: nobody hears it.
            for pair in pairs {
                if pair.address == to {
                    pair.rtp.push_back((self.now, from, octets));
                    return;
                } else if pair.rtcp_address() == to {
                    pair.rtcp.push_back((self.now, from, octets));
                    return;
                }
            }
        }
    }

    /// Do all that is wanted, until nobody wants anything.
    pub fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.control.poll_output() {
                quiet = false;
                self.act(output);
            }
            for place in 0..self.planes.len() {
                while let Some(event) = self.planes[place].poll_event() {
                    quiet = false;
                    self.control.handle_input(self.now, ControlInput::Media(WorkerId(place as u16), event));
                }
                for (from, to, octets) in std::mem::take(&mut self.queues[place].sent) {
                    self.net.send(self.now, self.net.down, from, to, octets);
                }
            }
            for (place, seat) in self.seats.iter_mut().enumerate() {
                let ip = phone_ip(place);
                while let Some(output) = seat.phone.poll_output() {
                    match output {
                        PhoneOutput::Sip(to, octets) => self.net.send(self.now, self.net.signalling, (ip, 5060).into(), to, octets),
                        PhoneOutput::Rtp(to, octets) => self.net.send(self.now, self.net.up, (ip, 4000).into(), to, octets),
                        PhoneOutput::Event(event) => seat.events.push((self.now, event)),
                    }
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn act(&mut self, output: ControlOutput) {
        match output {
            ControlOutput::Transmit(transmit) => {
                let flow = transmit.flow;
                self.net.send(self.now, self.net.signalling, flow.local, flow.peer, transmit.bytes.to_vec());
            }
            ControlOutput::OpenPort(leg, seen) => {
                let address = SocketAddr::new(seen.local, self.next_port);
                self.next_port += 2;
                self.places.insert(leg, Place::Nowhere(Pair::new(address)));
                self.control.handle_input(self.now, ControlInput::PortOpened(leg, address));
            }
            ControlOutput::ClosePort(leg) => {
                assert!(matches!(self.places.remove(&leg), Some(Place::Nowhere(_))), "closed a port that has a leg, or none");
            }
            ControlOutput::AddLeg(worker, setup) => {
                let leg = setup.leg;
                if !self.place(leg, worker, Box::new(Leg::new(self.now, *setup))) {
                    self.control.handle_input(self.now, ControlInput::LegRefused(leg));
                }
            }
            ControlOutput::MoveLeg { leg, from, to } => {
                let (slot, value) = self.planes[usize::from(from.0)].release(leg).expect("a leg that is moved is there");
                let pair = self.queues[usize::from(from.0)].pairs.remove(&slot).unwrap();
                self.places.insert(leg, Place::Nowhere(pair));
                self.moving.push((self.now + MOVING, leg, to, value));
            }
            ControlOutput::RemoveLeg(worker, leg) => {
                let place = usize::from(worker.0);
                let (slot, value) =
                    self.planes[place].remove(self.now, leg, &mut self.queues[place]).expect("a leg that is removed is there");
                for (from, to, octets) in std::mem::take(&mut self.queues[place].sent) {
                    self.net.send(self.now, self.net.down, from, to, octets);
                }
                self.queues[place].pairs.remove(&slot);
                self.places.remove(&leg);
                self.reports.push(value.report());
                self.control.handle_input(self.now, ControlInput::LegRemoved(leg, value.report()));
            }
            ControlOutput::Media(worker, command) => drop(self.planes[usize::from(worker.0)].command(self.now, command)),
            ControlOutput::Stopped => self.stopped = true,
        }
    }

    /// Give a leg and its pair to a worker; `false`: it is full, and the pair is closed.
    fn place(&mut self, leg: LegId, worker: WorkerId, value: Box<Leg>) -> bool {
        let Some(Place::Nowhere(pair)) = self.places.remove(&leg) else { panic!("a leg without a port") };
        match self.planes[usize::from(worker.0)].add(self.now, value) {
            Ok(slot) => {
                self.queues[usize::from(worker.0)].pairs.insert(slot, pair);
                self.places.insert(leg, Place::At);
                true
            }
            Err(_) => false,
        }
    }
}

pub fn phone_ip(place: usize) -> IpAddr {
    [10, 0, (place / 200) as u8, (place % 200) as u8 + 1].into()
}
