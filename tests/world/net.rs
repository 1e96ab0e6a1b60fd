//! A network that loses, delays and reorders, the same way for the same seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// One way through the network.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Part that is lost, 0 to 1.
    pub loss: f64,
    /// Least time on the way.
    pub delay: Duration,
    /// Most time on top of that; above 20 ms packets overtake each other.
    pub jitter: Duration,
    /// Part that comes twice.
    pub twice: f64,
}

/// A quiet local network.
pub const CLEAN: Way = Way { loss: 0.0, delay: Duration::from_millis(2), jitter: Duration::ZERO, twice: 0.0 };

/// A datagram at its destination.
pub struct Delivery {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub octets: Vec<u8>,
}

/// All datagrams under way.
pub struct Net {
    random: StdRng,
    /// Sound from the phones to the bridge.
    pub up: Way,
    /// Sound from the bridge to the phones.
    pub down: Way,
    /// Signalling, both ways.
    pub signalling: Way,
    under_way: BTreeMap<(Instant, u64), Delivery>,
    sent: u64,
}

impl Net {
    pub fn new(seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { random, up: CLEAN, down: CLEAN, signalling: CLEAN, under_way: BTreeMap::new(), sent: 0 }
    }

    pub fn send(&mut self, now: Instant, way: Way, from: SocketAddr, to: SocketAddr, octets: Vec<u8>) {
        let copies = if self.random.random_bool(way.twice) { 2 } else { 1 };
        for _ in 0..copies {
            if self.random.random_bool(way.loss) {
                continue;
            }
            self.sent += 1;
            let at = now + way.delay + way.jitter.mul_f64(self.random.random());
            self.under_way.insert((at, self.sent), Delivery { from, to, octets: octets.clone() });
        }
    }

    pub fn next(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn pop_due(&mut self, now: Instant) -> Option<Delivery> {
        self.next().filter(|at| *at <= now)?;
        self.under_way.pop_first().map(|(_, delivery)| delivery)
    }
}
