//! What a phone hears: samples in the order they were sent, and when each packet came.

use std::time::Instant;

/// Most samples kept: four hours, 230 MB. What comes after is not recorded.
const MOST_SAMPLES: usize = 4 * 3600 * 8_000;
/// A timestamp further ahead than this begins anew behind what is there: no call is silent for longer without a packet.
const FARTHEST_AHEAD: u32 = 600 * 8_000;

/// A recording at 8 kHz. Samples lie where their RTP timestamp puts them, so what was lost is silence and what was reordered is in order.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    samples: Vec<i16>,
    /// In order of time.
    packets: Vec<Heard>,
    origin: Option<Origin>,
}

/// One packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// When it came.
    pub at: Instant,
    /// Where its first sample lies in the recording.
    pub offset: usize,
    /// How many samples it holds.
    pub len: usize,
}

/// Ties RTP time to places in the recording.
#[derive(Clone, Copy, Debug)]
struct Origin {
    ssrc: u32,
    timestamp: u32,
    offset: usize,
}

impl Recording {
    /// Everything heard so far.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// All packets, in the order they came.
    pub fn packets(&self) -> &[Heard] {
        &self.packets
    }

    /// The sound that arrived from `from` until before `to`.
    pub fn between(&self, from: Instant, to: Instant) -> &[i16] {
        let first = self.packets.partition_point(|packet| packet.at < from);
        let last = self.packets.partition_point(|packet| packet.at < to);
        let packets = self.packets.get(first..last).unwrap_or_default();
        let start = packets.iter().map(|packet| packet.offset).min().unwrap_or(0);
        let end = packets.iter().map(|packet| packet.offset + packet.len).max().unwrap_or(0);
        self.samples.get(start..end).unwrap_or_default()
    }

    /// When the packet came that holds this sample, or the next one that came after a loss.
    pub fn arrival(&self, sample: usize) -> Option<Instant> {
        self.packets.iter().find(|packet| packet.offset + packet.len > sample).map(|packet| packet.at)
    }

    /// One packet came.
    pub(super) fn push(&mut self, at: Instant, ssrc: u32, timestamp: u32, sound: &[i16]) {
        let end = self.samples.len();
        let origin = match self.origin {
            Some(origin) if origin.ssrc == ssrc => origin,
            _ => Origin { ssrc, timestamp, offset: end },
        };
        self.origin = Some(origin);
        let ahead = timestamp.wrapping_sub(origin.timestamp);
        // In the lower half of the circle it is ahead of the origin, in the upper half before it: sent before the first that came.
        let Some(mut offset) = (ahead < 1 << 31).then_some(origin.offset + ahead as usize) else { return };
        if offset > end + FARTHEST_AHEAD as usize {
            self.origin = Some(Origin { ssrc, timestamp, offset: end });
            offset = end;
        }
        if offset + sound.len() > MOST_SAMPLES {
            return;
        }
        self.samples.resize(end.max(offset + sound.len()), 0);
        if let Some(place) = self.samples.get_mut(offset..offset + sound.len()) {
            place.copy_from_slice(sound);
        }
        self.packets.push(Heard { at, offset, len: sound.len() });
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lost_packets_are_silence_and_reordered_ones_lie_in_order() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut recording = Recording::default();
        recording.push(at(0), 1, u32::MAX - 159, &[1; 160]);
        recording.push(at(40), 1, 320, &[4; 160]);
        recording.push(at(50), 1, 0, &[2; 160]);
        assert_eq!(recording.samples().len(), 640);
        let values: Vec<i16> = recording.samples().chunks(160).map(|chunk| chunk[0]).collect();
        assert_eq!(values, [1, 2, 0, 4]);
        assert_eq!(recording.between(at(40), at(60)).len(), 480);
        assert_eq!(recording.between(at(60), at(90)), [0i16; 0]);
        assert_eq!(recording.arrival(0), Some(at(0)));
    }

    #[test]
    fn another_source_goes_on_behind() {
        let start = Instant::now();
        let mut recording = Recording::default();
        recording.push(start, 1, 5, &[1; 80]);
        recording.push(start, 2, 9_000_000, &[2; 80]);
        recording.push(start, 2, 9_000_000 + 2 * FARTHEST_AHEAD, &[3; 80]);
        let values: Vec<i16> = recording.samples().chunks(80).map(|chunk| chunk[0]).collect();
        assert_eq!(values, [1, 2, 3]);
    }
}
