//! What a listener heard, decoded after the run: one long sound, and when each packet of it came.

use std::collections::BTreeMap;

use super::tape::Tape;
use crate::codec::{Codec, Decoders};

/// The rate markers are first looked for at.
pub const COARSE_HZ: u32 = 8_000;
/// A track is at most this long, samples of its rate for each packet kept: timestamps that lead further are nonsense.
const STRETCH: i64 = 16;
/// Octets of sound in a packet at most, milliseconds.
const LONGEST_MS: u32 = crate::codec::LONGEST_PACKET_MS;

/// One packet's place in the sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// First sample.
    pub start: usize,
    /// Samples.
    pub length: usize,
    /// When it came, nanoseconds of the wall clock.
    pub stamp: u64,
}

/// Decoded sound.
pub struct Track {
    /// Samples a second.
    pub rate_hz: u32,
    /// All of it; silence where packets are missing.
    pub samples: Vec<f32>,
    /// The same at [`COARSE_HZ`], every so-manieth sample: markers have nothing above 4 kHz.
    pub coarse: Vec<f32>,
    /// Sum of squares of `coarse` before each sample.
    pub energy: Vec<f64>,
    /// Packets, in order of the sound.
    pub pieces: Vec<Piece>,
}

impl std::fmt::Debug for Track {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("Track").field("samples", &self.samples.len()).finish_non_exhaustive()
    }
}

impl Track {
    /// Of a tape: the source that sent most.
    pub fn of_tape(codec: Codec, tape: &Tape) -> Self {
        // The bridge sends under the numbers of our offer (RFC 3264 §6.1).
        let ours = || tape.packets().filter(|(kept, _)| kept.payload_type == codec.usual_payload_type());
        let mut sources: BTreeMap<u32, usize> = BTreeMap::new();
        for (kept, _) in ours() {
            *sources.entry(kept.ssrc).or_default() += 1;
        }
        let most = sources.into_iter().max_by_key(|(_, count)| *count).map(|(ssrc, _)| ssrc);
        Self::new(codec, ours().filter(|(kept, _)| Some(kept.ssrc) == most).map(|(kept, payload)| (kept.stamp, kept.timestamp, payload)))
    }

    /// Of packets: stamp, timestamp, payload.
    pub fn new<'a>(codec: Codec, packets: impl Iterator<Item = (u64, u32, &'a [u8])>) -> Self {
        let rate_hz = codec.rate_hz();
        let mut ordered: BTreeMap<i64, (u64, &[u8])> = BTreeMap::new();
        let mut last: Option<(u32, i64)> = None;
        for (stamp, timestamp, payload) in packets {
            let at = last.map_or(0, |(before, at)| at + i64::from(timestamp.wrapping_sub(before) as i32));
            last = Some((timestamp, at));
            // The first of duplicates counts.
            ordered.entry(at).or_insert((stamp, payload));
        }
        let first = ordered.keys().next().copied().unwrap_or(0);
        let most = ordered.len() as i64 * STRETCH * i64::from(rate_hz / 50);
        // Without memory for Opus nothing is heard, and that is what the figures say.
        let mut decoders = Decoders::new([codec]).unwrap_or_default();
        let mut sound = vec![0i16; (rate_hz / 1_000 * LONGEST_MS) as usize];
        let (mut samples, mut pieces): (Vec<f32>, Vec<Piece>) = (Vec::new(), Vec::new());
        for (at, (stamp, payload)) in ordered {
            let start = (at - first) * i64::from(rate_hz) / i64::from(codec.clock_hz());
            let length = decoders.decode(codec, payload, &mut sound);
            if start > most || length == 0 {
                continue;
            }
            let start = (start as usize).max(samples.len());
            samples.resize(start, 0.0);
            samples.extend(sound.iter().take(length).map(|sample| f32::from(*sample)));
            pieces.push(Piece { start, length, stamp });
        }
        let coarse: Vec<f32> = samples.iter().step_by((rate_hz / COARSE_HZ) as usize).copied().collect();
        let mut sum = 0f64;
        let mut energy = vec![0f64];
        energy.extend(coarse.iter().map(|sample| {
            sum += f64::from(*sample).powi(2);
            sum
        }));
        Self { rate_hz, samples, coarse, energy, pieces }
    }

    /// Samples that came from `from` to `to`, nanoseconds of the wall clock.
    pub fn between(&self, from: u64, to: u64) -> Option<(usize, usize)> {
        let mut inside = self.pieces.iter().filter(|piece| piece.stamp >= from && piece.stamp <= to);
        let first = inside.next()?;
        let last = inside.next_back().unwrap_or(first);
        Some((first.start, last.start + last.length))
    }

    /// When a sample came: its packet's stamp, and its place in the packet. `None`: its packet never came.
    pub fn arrival(&self, sample: f64) -> Option<i64> {
        let at = sample.max(0.0);
        let found = self.pieces.partition_point(|piece| piece.start as f64 <= at).checked_sub(1)?;
        let piece = self.pieces.get(found).filter(|piece| at < (piece.start + piece.length) as f64)?;
        Some(piece.stamp as i64 + ((at - piece.start as f64) * 1e9 / f64::from(self.rate_hz)) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_lies_by_its_timestamps_and_a_missing_packet_is_silence_that_never_came() {
        let loud = [0x2au8; 160];
        let packet = |n: u32| (1_000_000 * u64::from(20 * n), u32::MAX.wrapping_add(160 * n), &loud[..]);
        let track = Track::new(Codec::Pcma, [0, 2, 1, 2, 4].into_iter().map(packet));
        assert_eq!(track.samples.len(), 800);
        assert!(track.samples[470] != 0.0 && track.samples[500] == 0.0 && track.samples[650] != 0.0);
        assert_eq!(track.arrival(168.0), Some(21_000_000));
        assert_eq!(track.arrival(500.0), None);
        assert_eq!(track.between(20_000_000, 45_000_000), Some((160, 480)));
        assert_eq!(track.between(90_000_000, 95_000_000), None);
    }
}
