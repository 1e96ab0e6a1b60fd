//! What a phone makes of the packets it gets: samples at 8 kHz, for its recording.

use std::time::Instant;

use super::recording::Recording;
use crate::audio::resample::Resampler;
use crate::audio::{Rate, Sound};
use crate::codec::{Codec, Decoders, LONGEST_PACKET_MS};
use crate::wire::rtp::Packet;

/// Samples of the longest packet, at the highest rate.
const LONGEST: usize = 48 * LONGEST_PACKET_MS as usize;

/// Decodes one stream.
pub(super) struct Ear {
    decoders: Decoders,
    down: Resampler,
    /// Decoded and not yet brought to 8 kHz: less than a tick.
    waiting: Vec<i16>,
    last: Option<Last>,
}

/// Where a stream is.
#[derive(Clone, Copy)]
struct Last {
    ssrc: u32,
    codec: Codec,
    timestamp: u32,
    /// The same, without wrapping.
    counts: i64,
}

impl Ear {
    pub(super) fn new() -> Self {
        // Without memory for Opus a phone hears what it can.
        Self {
            decoders: Decoders::new(Codec::ALL).unwrap_or_default(),
            down: Resampler::new(Rate::Narrow),
            waiting: Vec::new(),
            last: None,
        }
    }

    /// One packet of sound into the recording.
    pub(super) fn hear(&mut self, now: Instant, codec: Codec, packet: &Packet<'_>, recording: &mut Recording) {
        let mut sound = [0; LONGEST];
        let length = self.decoders.decode(codec, packet.payload, &mut sound);
        let Some(sound) = sound.get(..length).filter(|sound| !sound.is_empty()) else { return };
        let rate = match codec {
            Codec::Pcma | Codec::Pcmu => return recording.push(now, packet.ssrc, packet.timestamp, sound),
            Codec::G722 => Rate::Wide,
            Codec::Opus => Rate::Full,
        };
        let counts = match self.last {
            Some(last) if (last.ssrc, last.codec) == (packet.ssrc, codec) => {
                last.counts + i64::from(packet.timestamp.wrapping_sub(last.timestamp) as i32)
            }
            _ => {
                self.waiting.clear();
                i64::from(packet.timestamp)
            }
        };
        self.last = Some(Last { ssrc: packet.ssrc, codec, timestamp: packet.timestamp, counts });
        self.waiting.extend_from_slice(sound);
        let per = i64::from(codec.clock_hz() / Rate::Narrow.hz());
        let samples = |count: usize| (count / (rate.hz() / Rate::Narrow.hz()) as usize) as i64;
        let mut at = counts / per + samples(sound.len()) - samples(self.waiting.len());
        let (mut wide, mut narrow) = (Sound::silence(rate), Sound::silence(Rate::Narrow));
        let whole = self.waiting.len() / rate.frame() * rate.frame();
        for tick in self.waiting[..whole].chunks_exact(rate.frame()) {
            wide.samples_mut().copy_from_slice(tick);
            self.down.run(&wide, &mut narrow);
            recording.push(now, packet.ssrc, at as u32, narrow.samples());
            at += Rate::Narrow.frame() as i64;
        }
        self.waiting.drain(..whole);
    }
}
