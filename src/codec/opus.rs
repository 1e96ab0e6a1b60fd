//! Opus (RFC 6716) by libopus: mono, 48 kHz, for speech, with in-band FEC and without DTX. The one place that knows `audiopus`.
//!
//! libopus works on the stack; it allocates when a coder is made and never after.

use std::fmt;
use std::ops::RangeInclusive;

use audiopus::coder::{self, GenericCtl};
use audiopus::packet::{Packet, nb_samples};
use audiopus::{Application, Bandwidth, Bitrate, Channels, MutSignals, SampleRate, Signal};

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

/// Frames of SILK in a packet's first Opus frame, and samples at 48 kHz in that, if it is of a mode that can repeat what went before it:
/// SILK alone or with CELT (RFC 6716 §3.1, table 2).
fn speech_frames(toc: u8) -> Option<(u32, usize)> {
    match toc >> 3 {
        // Three bandwidths of SILK alone, each in frames of 10, 20, 40 and 60 ms.
        config @ 0..=11 => [(1, 480), (1, 960), (2, 1_920), (3, 2_880)].get(usize::from(config % 4)).copied(),
        // Two bandwidths of both, each in frames of 10 and 20 ms.
        config @ 12..=15 => Some((1, if config % 2 == 0 { 480 } else { 960 })),
        _ => None,
    }
}

/// Samples at 48 kHz of what lies just before the packet that it carries again: in-band FEC (RFC 6716 §2.1.7), of one Opus frame.
pub(super) fn repeated(payload: &[u8]) -> usize {
    let Some((frames, samples)) = payload.first().and_then(|toc| speech_frames(*toc)) else { return 0 };
    let Some(head) = first_octet(payload) else { return 0 };
    // §4.2.3: one bit for each frame of SILK says whether it is speech, then one says whether there is a repetition; for stereo the same
    // again. They are range coded, but at even odds, so that the first octet shows them as they are.
    let bit = |place: u32| head.checked_shl(place).is_some_and(|shifted| shifted & 0x80 != 0);
    let stereo = payload.first().is_some_and(|toc| toc & 4 != 0);
    if bit(frames) || stereo && bit(2 * frames + 1) { samples } else { 0 }
}

/// Whether the sender found no speech in a packet: its encoder's activity flags (RFC 6716 §4.2.3), which are there in speech mode only. A packet of
/// several Opus frames is not looked into.
pub(super) fn is_inactive(payload: &[u8]) -> bool {
    let Some((toc, &[head, ..])) = payload.split_first() else { return false };
    let Some((frames, _)) = speech_frames(*toc).filter(|_| toc & 3 == 0) else { return false };
    // For each channel a flag for each frame of SILK, then one for the repetition; at most eight bits.
    let flags = !0u8 << (8 - frames);
    let both = if toc & 4 == 0 { flags } else { flags | flags >> (frames + 1) };
    head & both == 0
}

/// The first octet of the packet's first Opus frame (RFC 6716 §3.2); `None`: it is empty, or the packet is broken.
fn first_octet(payload: &[u8]) -> Option<u8> {
    let (toc, rest) = payload.split_first()?;
    match toc & 3 {
        0 | 1 => rest.first().copied(),
        // §3.2.4: the length of the first frame, then both.
        2 => {
            let (length, rest) = frame_length(rest)?;
            rest.first().copied().filter(|_| length > 0)
        }
        // §3.2.5: how many frames there are; how much padding; the lengths of all but the last if they differ; then the frames.
        _ => {
            let (count, mut rest) = rest.split_first()?;
            if count & 0x40 != 0 {
                let mut more = 255;
                while more == 255 {
                    (more, rest) = rest.split_first().map(|(more, rest)| (*more, rest))?;
                }
            }
            let mut first = None;
            if count & 0x80 != 0 {
                for _ in 1..count & 0x3f {
                    let (length, after) = frame_length(rest)?;
                    first.get_or_insert(length);
                    rest = after;
                }
            }
            rest.first().copied().filter(|_| first != Some(0))
        }
    }
}

/// A length of one or two octets (RFC 6716 §3.2.1), and what follows it.
fn frame_length(octets: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = octets.split_first()?;
    if *first < 252 {
        return Some((usize::from(*first), rest));
    }
    let (second, rest) = rest.split_first()?;
    Some((usize::from(*second) * 4 + usize::from(*first), rest))
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
pub(super) struct Encoder {
    coder: coder::Encoder,
    /// There is nothing above 4 kHz.
    telephone: bool,
}

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
            Ok(Self { coder: encoder, telephone: false })
        };
        make().map_err(|error| fault("encoder", &error))
    }

    /// Octets written; 0: not a length of Opus.
    pub(super) fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        self.coder.encode(samples, out).unwrap_or(0)
    }

    /// Look for nothing above 4 kHz, or for everything again.
    pub(super) fn set_telephone(&mut self, telephone: bool) {
        if telephone != self.telephone {
            self.telephone = telephone;
            // Known bandwidths are not refused.
            let _ = self.coder.set_max_bandwidth(if telephone { Bandwidth::Narrowband } else { Bandwidth::Fullband });
        }
    }

    pub(super) fn reset(&mut self) {
        // The request has no way to fail.
        let _ = self.coder.reset_state();
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
