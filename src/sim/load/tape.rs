//! Received packets kept for after the run, in memory reserved and touched beforehand.

use crate::wire::rtp::Packet;

/// One kept packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// When the kernel had it, nanoseconds of the wall clock.
    pub stamp: u64,
    /// Its timestamp.
    pub timestamp: u32,
    /// Its source.
    pub ssrc: u32,
    /// Its payload type.
    pub payload_type: u8,
    start: u32,
    length: u16,
}

/// Packets of one listener, in the order they came.
pub struct Tape {
    kept: Vec<Kept>,
    octets: Vec<u8>,
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Tape").field("packets", &self.kept.len()).finish_non_exhaustive()
    }
}

impl Tape {
    /// Room for so many packets of `octets` each on average. The memory is touched: no page is missing later.
    pub fn new(packets: usize, octets: usize) -> Self {
        let mut tape = Self { kept: vec![Kept { stamp: 1, ..Kept::default() }; packets], octets: vec![1; packets * octets] };
        tape.clear();
        tape
    }

    /// Keep a packet; what there is no room for is not kept.
    pub fn keep(&mut self, stamp: u64, packet: &Packet<'_>) {
        let (start, length) = (self.octets.len(), packet.payload.len());
        if self.kept.len() == self.kept.capacity() || self.octets.capacity() - start < length {
            return;
        }
        // A tape is far below 4 GB and a datagram below 64 kB.
        let kept = Kept {
            stamp,
            timestamp: packet.timestamp,
            ssrc: packet.ssrc,
            payload_type: packet.payload_type,
            start: start as u32,
            length: length as u16,
        };
        self.kept.push(kept);
        self.octets.extend_from_slice(packet.payload);
    }

    /// Whether no further packet fits.
    pub fn is_full(&self) -> bool {
        self.kept.len() == self.kept.capacity()
    }

    /// Forget all, and keep the memory.
    pub fn clear(&mut self) {
        self.kept.clear();
        self.octets.clear();
    }

    /// What was kept.
    pub fn packets(&self) -> impl Iterator<Item = (Kept, &[u8])> {
        self.kept.iter().map(|kept| {
            let start = kept.start as usize;
            (*kept, self.octets.get(start..start + usize::from(kept.length)).unwrap_or_default())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_keeps_what_fits_and_grows_never() {
        let mut tape = Tape::new(3, 4);
        let packet = |n: u8, payload| Packet { marker: false, payload_type: n, sequence: 0, timestamp: u32::from(n), ssrc: 0, payload };
        tape.keep(1, &packet(1, b"four"));
        tape.keep(2, &packet(2, b"12345"));
        tape.keep(3, &packet(3, b"1234567"));
        assert!(!tape.is_full(), "the third had no room");
        tape.keep(4, &packet(4, b"abc"));
        tape.keep(5, &packet(5, b""));
        let kept: Vec<_> = tape.packets().map(|(kept, payload)| (kept.stamp, kept.payload_type, payload.to_vec())).collect();
        assert_eq!(kept, [(1, 1, b"four".to_vec()), (2, 2, b"12345".to_vec()), (4, 4, b"abc".to_vec())]);
        assert!(tape.is_full());
        tape.clear();
        assert_eq!(tape.packets().count(), 0);
    }
}
