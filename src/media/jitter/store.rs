//! Packets that have come and not been played, in the order of their sound. All memory is allocated in `new`.

use arrayvec::ArrayVec;

use crate::audio::{FRAME, prefetch};
use crate::codec::Codec;

/// Most packets held: 640 ms in the shortest packets there are (10 ms; a peer that sends shorter ones gets less).
const PACKETS: usize = 64;
/// Octets held: a second of G.711. What comes on top takes the place of what came first.
const OCTETS: usize = 8192;
/// Longest payload taken: 200 ms of G.711, what RFC 3551 §4.2 asks receivers of, and the longest Opus packet (RFC 6716 §3.2.1: 1275).
const LONGEST: usize = 1600;

/// One packet held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Of its first sample.
    pub position: i64,
    /// Units.
    pub length: i64,
    pub codec: Codec,
    /// Where its octets begin, counted from the first octet ever stored.
    at: u64,
    octets: u16,
}

impl Held {
    pub(super) fn end(&self) -> i64 {
        self.position + self.length
    }
}

/// The packets.
pub(super) struct Store {
    packets: ArrayVec<Held, PACKETS>,
    octets: Box<[u8; OCTETS]>,
    /// Octets ever stored.
    stored: u64,
}

impl Store {
    pub(super) fn new() -> Self {
        // Written now, so that no page is missing on a media tick ([`crate::audio::silence`]).
        Self { packets: ArrayVec::new(), octets: Box::new([std::hint::black_box(0); OCTETS]), stored: 0 }
    }

    /// See [`super::JitterBuffer::prefetch`].
    pub(super) fn prefetch(&self) {
        prefetch::all(&self.stored);
        prefetch::all(&self.octets);
        // Its length, and the first.
        prefetch::first(&self.packets, size_of::<Held>() + size_of::<u64>());
    }

    /// See [`super::JitterBuffer::prefetch_more`]: where a packet of an even line lies.
    pub(super) fn prefetch_more(&self) {
        prefetch::all(&self.octets[..FRAME]);
    }

    pub(super) fn clear(&mut self) {
        self.packets.clear();
    }

    pub(super) fn first(&self) -> Option<&Held> {
        self.packets.first()
    }

    /// All, in the order of their sound.
    pub(super) fn packets(&self) -> impl Iterator<Item = &Held> {
        self.packets.iter()
    }

    /// Position past the newest sample.
    pub(super) fn end(&self) -> Option<i64> {
        self.packets.iter().map(Held::end).max()
    }

    pub(super) fn payload(&self, held: &Held) -> &[u8] {
        let at = (held.at % OCTETS as u64) as usize;
        // Stored in one piece.
        self.octets.get(at..at + usize::from(held.octets)).unwrap_or_default()
    }

    pub(super) fn pop(&mut self) {
        if !self.packets.is_empty() {
            self.packets.remove(0);
        }
    }

    /// Keep a packet; `false`: its sound is here already, or it is longer than any is. The first of too many is lost.
    pub(super) fn put(&mut self, position: i64, length: i64, codec: Codec, payload: &[u8]) -> bool {
        if payload.is_empty() || payload.len() > LONGEST {
            return false;
        }
        let place = self.packets.iter().rposition(|held| held.position <= position).map_or(0, |before| before + 1);
        if place.checked_sub(1).and_then(|before| self.packets.get(before)).is_some_and(|held| held.position == position) {
            return false;
        }
        if self.packets.is_empty() {
            // On an even line no more than one waits: it always lies in the same place, which the processor has at hand.
            self.stored = self.stored.next_multiple_of(OCTETS as u64);
        }
        // In one piece: what would go over the end begins anew.
        let at = (self.stored % OCTETS as u64) as usize;
        if at + payload.len() > OCTETS {
            self.stored += (OCTETS - at) as u64;
        }
        let held = Held { position, length, codec, at: self.stored, octets: payload.len() as u16 };
        self.stored += payload.len() as u64;
        let at = (held.at % OCTETS as u64) as usize;
        if let Some(room) = self.octets.get_mut(at..at + payload.len()) {
            room.copy_from_slice(payload);
        }
        let mut place = place;
        if self.packets.is_full() {
            self.packets.remove(0);
            place = place.saturating_sub(1);
        }
        self.packets.insert(place, held);
        // Whose octets have been written over.
        let oldest = self.stored.saturating_sub(OCTETS as u64);
        self.packets.retain(|held| held.at >= oldest);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &mut Store, position: i64, octets: usize, fill: u8) -> bool {
        store.put(position, 960, Codec::Pcma, &vec![fill; octets])
    }

    #[test]
    fn packets_come_out_in_the_order_of_their_sound_with_their_octets() {
        let mut store = Store::new();
        for (n, position) in [(1, 960), (3, 2880), (0, 0), (2, 1920)] {
            assert!(put(&mut store, position, 100 + usize::from(n), n));
        }
        assert!(!put(&mut store, 1920, 160, 9), "sound that is here already");
        assert_eq!(store.end(), Some(3840));
        for n in 0..4u8 {
            let first = *store.first().unwrap();
            assert_eq!(first.position, i64::from(n) * 960);
            assert_eq!(store.payload(&first), vec![n; 100 + usize::from(n)]);
            store.pop();
        }
        assert!(store.first().is_none() && store.end().is_none());
    }

    #[test]
    fn too_many_packets_or_octets_push_out_the_first() {
        let mut store = Store::new();
        for n in 0..100 {
            put(&mut store, n * 960, 10, n as u8);
        }
        assert_eq!(store.first().unwrap().position, 36 * 960);
        let mut store = Store::new();
        for n in 0..30u8 {
            put(&mut store, i64::from(n) * 960, 1500, n);
            let newest = *store.packets.last().unwrap();
            assert_eq!(store.payload(&newest), [n; 1500]);
            for held in &store.packets {
                let payload = store.payload(held);
                assert!(payload.iter().all(|octet| i64::from(*octet) * 960 == held.position), "whole, or gone");
            }
        }
        assert!(store.packets.len() >= 4);
        assert!(!put(&mut store, 1 << 40, 1601, 0) && !put(&mut store, 1 << 40, 0, 0));
    }
}
