//! Packets that leave later than they should: the uneven line that `--jitter` plays.

use super::marker::Code;
use super::stream::LONGEST;

/// The longest delay, milliseconds.
pub const MOST_MS: usize = 200;

/// A packet on its way.
#[derive(Clone)]
pub struct Delayed {
    /// Whose.
    pub caller: u32,
    /// Which call of that place.
    pub turn: u32,
    /// A marker begins in it.
    pub marker: Option<(Code, u16)>,
    /// When it should leave, nanoseconds on the engine's clock.
    pub due: u64,
    length: u16,
    octets: [u8; LONGEST],
}

impl std::fmt::Debug for Delayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delayed").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl Delayed {
    /// One packet.
    pub fn new(caller: u32, turn: u32, due: u64, marker: Option<(Code, u16)>, packet: &[u8]) -> Self {
        let mut octets = [0; LONGEST];
        let length = packet.len().min(LONGEST);
        octets[..length].copy_from_slice(&packet[..length]);
        Self { caller, turn, marker, due, length: length as u16, octets }
    }

    /// Its octets.
    pub fn packet(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// A slot a millisecond.
#[derive(Debug)]
pub struct Wheel {
    slots: Vec<Vec<Delayed>>,
}

impl Wheel {
    /// Room for `calls` calls' packets with delays up to `jitter_ms`; more than expected make it grow.
    pub fn new(calls: usize, jitter_ms: usize) -> Self {
        let slots = if jitter_ms == 0 { 0 } else { MOST_MS + 1 };
        // A packet a call and 20 ms, and half as much again for the spread.
        Self { slots: (0..slots).map(|_| Vec::with_capacity(calls * 3 / 40 + 8)).collect() }
    }

    /// Hand a packet over until wake number `at`.
    pub fn put(&mut self, at: u64, packet: Delayed) {
        let count = self.slots.len().max(1) as u64;
        if let Some(slot) = self.slots.get_mut((at % count) as usize) {
            slot.push(packet);
        }
    }

    /// Take those of wake number `at`; give the list back with [`Wheel::give_back`].
    pub fn take(&mut self, at: u64) -> Vec<Delayed> {
        let count = self.slots.len().max(1) as u64;
        self.slots.get_mut((at % count) as usize).map(std::mem::take).unwrap_or_default()
    }

    /// The emptied list of wake number `at`, for its memory.
    pub fn give_back(&mut self, at: u64, mut list: Vec<Delayed>) {
        list.clear();
        let count = self.slots.len().max(1) as u64;
        if let Some(slot) = self.slots.get_mut((at % count) as usize) {
            *slot = list;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_at_their_wake_once() {
        let mut wheel = Wheel::new(10, 60);
        for (at, caller) in [(7u64, 1u32), (9, 2), (7, 3), (MOST_MS as u64, 4)] {
            wheel.put(at, Delayed::new(caller, 0, 0, None, &[caller as u8; 172]));
        }
        let mut out = Vec::new();
        for at in 0..300 {
            let list = wheel.take(at);
            out.extend(list.iter().map(|packet| (at, packet.caller, packet.packet().len())));
            wheel.give_back(at, list);
        }
        assert_eq!(out, [(7, 1, 172), (7, 3, 172), (9, 2, 172), (200, 4, 172)]);
    }

    #[test]
    fn without_jitter_there_is_nothing_to_hold() {
        let mut wheel = Wheel::new(10, 0);
        wheel.put(1, Delayed::new(0, 0, 0, None, b"x"));
        assert!(wheel.take(1).is_empty());
    }
}
