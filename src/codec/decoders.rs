//! The decoders one received stream may need.

use super::{Codec, CodecError, LONGEST_PACKET_MS, g711, g722, opus};

/// All decoders one received stream may need; allocated in `new()`, never after.
#[derive(Debug, Default)]
pub struct Decoders {
    g722: Option<g722::Decoder>,
    opus: Option<opus::Decoder>,
}

impl Decoders {
    /// Decoders for these codecs. Errors: libopus has no memory.
    pub fn new(codecs: impl IntoIterator<Item = Codec>) -> Result<Self, CodecError> {
        let mut decoders = Self::default();
        for codec in codecs {
            match codec {
                Codec::Pcma | Codec::Pcmu => {}
                Codec::G722 => decoders.g722 = Some(g722::Decoder::new()),
                Codec::Opus if decoders.opus.is_some() => {}
                Codec::Opus => decoders.opus = Some(opus::Decoder::new()?),
            }
        }
        Ok(decoders)
    }

    /// Whether this codec can be decoded. G.711 always can.
    pub fn has(&self, codec: Codec) -> bool {
        match codec {
            Codec::Pcma | Codec::Pcmu => true,
            Codec::G722 => self.g722.is_some(),
            Codec::Opus => self.opus.is_some(),
        }
    }

    /// Samples at [`Codec::rate_hz`] that `payload` holds, without decoding it; `None` when it is empty, malformed or longer than
    /// [`LONGEST_PACKET_MS`]. An Opus packet of which this knows the length may still turn out to be broken in [`Decoders::decode`].
    pub fn length(codec: Codec, payload: &[u8]) -> Option<usize> {
        let samples = match codec {
            Codec::Pcma | Codec::Pcmu => payload.len(),
            Codec::G722 => payload.len().checked_mul(2)?,
            Codec::Opus => opus::length(payload)?,
        };
        let most = (codec.rate_hz() / 1000 * LONGEST_PACKET_MS) as usize;
        (1..=most).contains(&samples).then_some(samples)
    }

    /// Samples at [`Codec::rate_hz`] that lie just before `payload` and that it carries again, for the case that they were lost: Opus only,
    /// where the sender's in-band FEC found them worth it. [`Decoders::conceal`] takes them out.
    pub fn repeated(codec: Codec, payload: &[u8]) -> usize {
        match codec {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 0,
            Codec::Opus => opus::repeated(payload),
        }
    }

    /// Whether the sender itself says that there is no speech in `payload`: Opus in its speech mode does. What is not known may be speech.
    pub fn is_inactive(codec: Codec, payload: &[u8]) -> bool {
        match codec {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => false,
            Codec::Opus => opus::is_inactive(payload),
        }
    }

    /// Decode one payload; samples written. 0: it is broken, there is no decoder for it, or `out` is shorter than [`Decoders::length`] says.
    pub fn decode(&mut self, codec: Codec, payload: &[u8], out: &mut [i16]) -> usize {
        let Some(out) = Self::length(codec, payload).and_then(|length| out.get_mut(..length)) else { return 0 };
        match codec {
            Codec::Pcma => g711::decode_alaw(payload, out),
            Codec::Pcmu => g711::decode_ulaw(payload, out),
            Codec::G722 => match &mut self.g722 {
                Some(decoder) => decoder.decode(payload, out),
                None => return 0,
            },
            Codec::Opus => return self.opus.as_mut().map_or(0, |decoder| decoder.decode(payload, out)),
        }
        out.len()
    }

    /// Opus only: make up the last whole multiple of 2.5 ms in `out.len()` that was lost just before `next`, from what `next` carries of it
    /// (in-band FEC, RFC 6716 §2.1.7) if it is given and has it, else by Opus's own concealment. Samples written from the start of `out`;
    /// 0 where the codec has no concealment of its own (G.711, G.722).
    pub fn conceal(&mut self, codec: Codec, next: Option<&[u8]>, out: &mut [i16]) -> usize {
        match codec {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 0,
            Codec::Opus => self.opus.as_mut().map_or(0, |decoder| decoder.conceal(next, out)),
        }
    }

    /// Forget what was decoded: another stream begins.
    pub fn reset(&mut self) {
        if let Some(g722) = &mut self.g722 {
            *g722 = g722::Decoder::new();
        }
        if let Some(opus) = &mut self.opus {
            opus.reset();
        }
    }
}
