//! Opus (RFC 6716) by libopus: mono, 48 kHz, for speech, with in-band FEC and without DTX. The one place that knows `audiopus`.
//!
//! libopus works on the stack; it allocates when a coder is made and never after.

use std::fmt;
use std::ops::RangeInclusive;

use audiopus::coder::{self, GenericCtl};
use audiopus::packet::{Packet, nb_samples};
use audiopus::{Application, Bitrate, Channels, MutSignals, SampleRate, Signal};

use super::CodecError;

/// Samples in 2.5 ms: what is concealed is a multiple of this (libopus, `opus_decode`).
const STEP: usize = 120;
/// Samples of the longest packet: 120 ms.
const LONGEST: usize = 5_760;

/// How Opus is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpusSettings {
    /// Bits a second, [`OpusSettings::BITRATES`].
    pub bitrate: u32,
    /// 0 to 10: more costs more time and sounds better.
    pub complexity: u8,
    /// Packets expected to be lost, percent: how much of the bitrate goes into in-band FEC. 0: none.
    pub expected_loss: u8,
}

impl OpusSettings {
    /// From the lowest that RFC 6716 §2.1.1 knows to where speech gains nothing more.
    pub const BITRATES: RangeInclusive<u32> = 6_000..=64_000;
}

impl Default for OpusSettings {
    fn default() -> Self {
        // RFC 6716 §2.1.1: 28 to 40 kbit/s is the sweet spot of fullband speech.
        Self { bitrate: 32_000, complexity: 5, expected_loss: 10 }
    }
}

/// Samples at 48 kHz in a packet, by its first octets (RFC 6716 §3.1); `None` when they are wrong or say more than 120 ms.
pub(super) fn length(payload: &[u8]) -> Option<usize> {
    nb_samples(Packet::try_from(payload).ok()?, SampleRate::Hz48000).ok()
}

/// One received stream.
pub(super) struct Decoder(coder::Decoder);

impl Decoder {
    pub(super) fn new() -> Result<Self, CodecError> {
        // Mono: of a stereo packet libopus gives the mean of both channels.
        let decoder = coder::Decoder::new(SampleRate::Hz48000, Channels::Mono).map_err(|error| fault("decoder", &error))?;
        Ok(Self(decoder))
    }

    /// Samples written; 0: it is broken, or `out` is too short.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        let Ok(packet) = Packet::try_from(payload) else { return 0 };
        self.run(Some(packet), out, false)
    }

    /// What was lost before `next`, in whole steps; samples written.
    pub(super) fn conceal(&mut self, next: Option<&[u8]>, out: &mut [i16]) -> usize {
        let whole = out.len().min(LONGEST) / STEP * STEP;
        let Some(out) = out.get_mut(..whole).filter(|out| !out.is_empty()) else { return 0 };
        let next = next.and_then(|payload| Packet::try_from(payload).ok());
        // libopus takes of `next` what it has of the last part, and makes up the rest; a packet without FEC, or a broken one, is no help.
        let fec = next.is_some();
        match self.run(next, out, fec) {
            0 if fec => self.run(None, out, false),
            written => written,
        }
    }

    pub(super) fn reset(&mut self) {
        // The request has no way to fail.
        let _ = self.0.reset_state();
    }

    fn run(&mut self, packet: Option<Packet<'_>>, out: &mut [i16], fec: bool) -> usize {
        let Ok(signals) = MutSignals::try_from(out) else { return 0 };
        self.0.decode(packet, signals, fec).unwrap_or(0)
    }
}

/// One sent stream.
pub(super) struct Encoder(coder::Encoder);

impl Encoder {
    pub(super) fn new(settings: &OpusSettings) -> Result<Self, CodecError> {
        let make = || {
            let mut encoder = coder::Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip)?;
            // FEC is a thing of Opus's speech mode: keep it there at every bitrate.
            encoder.set_signal(Signal::Voice)?;
            encoder.set_bitrate(Bitrate::BitsPerSecond(settings.bitrate.min(i32::MAX as u32) as i32))?;
            encoder.set_complexity(settings.complexity)?;
            encoder.set_inband_fec(settings.expected_loss > 0)?;
            encoder.set_packet_loss_perc(settings.expected_loss)?;
            // Carriers drop silent calls: something is always sent.
            encoder.set_dtx(false)?;
            Ok(Self(encoder))
        };
        make().map_err(|error| fault("encoder", &error))
    }

    /// Octets written; 0: not a length of Opus.
    pub(super) fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        self.0.encode(samples, out).unwrap_or(0)
    }

    pub(super) fn reset(&mut self) {
        // The request has no way to fail.
        let _ = self.0.reset_state();
    }
}

fn fault(part: &'static str, error: &audiopus::Error) -> CodecError {
    CodecError { part, reason: error.to_string() }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Decoder")
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder")
    }
}
