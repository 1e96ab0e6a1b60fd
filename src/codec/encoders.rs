//! The encoders one sent stream may need.

use super::{Codec, CodecError, OpusSettings, Payload, g711, g722, opus};

/// All encoders one sent stream may need; allocated in `new()`, never after.
#[derive(Debug, Default)]
pub struct Encoders {
    g722: Option<g722::Encoder>,
    opus: Option<opus::Encoder>,
}

impl Encoders {
    /// Encoders for these codecs. Errors: libopus has no memory, or `settings` are out of its range.
    pub fn new(codecs: impl IntoIterator<Item = Codec>, settings: &OpusSettings) -> Result<Self, CodecError> {
        let mut encoders = Self::default();
        for codec in codecs {
            match codec {
                Codec::Pcma | Codec::Pcmu => {}
                Codec::G722 => encoders.g722 = Some(g722::Encoder::new()),
                Codec::Opus if encoders.opus.is_some() => {}
                Codec::Opus => encoders.opus = Some(opus::Encoder::new(settings)?),
            }
        }
        Ok(encoders)
    }

    /// Whether this codec can be encoded. G.711 always can.
    pub fn has(&self, codec: Codec) -> bool {
        match codec {
            Codec::Pcma | Codec::Pcmu => true,
            Codec::G722 => self.g722.is_some(),
            Codec::Opus => self.opus.is_some(),
        }
    }

    /// Encode one tick: 20 ms of samples at [`Codec::rate_hz`]. `out` is empty where there is no encoder for it.
    pub fn encode(&mut self, codec: Codec, samples: &[i16], out: &mut Payload) {
        match codec {
            Codec::Pcma => g711::encode_alaw(samples, out.room(samples.len())),
            Codec::Pcmu => g711::encode_ulaw(samples, out.room(samples.len())),
            Codec::G722 => match &mut self.g722 {
                Some(encoder) => encoder.encode(samples, out.room(samples.len() / 2)),
                None => out.length = 0,
            },
            Codec::Opus => {
                out.length = match &mut self.opus {
                    Some(encoder) => encoder.encode(samples, &mut out.octets),
                    None => 0,
                }
            }
        }
    }

    /// Whether what is encoded from now on has nothing above 4 kHz, as prompts and telephones have: Opus takes half the time for it then.
    pub fn set_telephone(&mut self, telephone: bool) {
        if let Some(opus) = &mut self.opus {
            opus.set_telephone(telephone);
        }
    }

    /// Go on from where `other` is: whoever has heard the stream of `other` until now hears this one's from the next tick on. G.722 goes on
    /// without a seam; Opus begins anew with a packet that needs nothing of those before it.
    pub fn follow(&mut self, other: &Self, codec: Codec) {
        match codec {
            Codec::Pcma | Codec::Pcmu => {}
            Codec::G722 => {
                if let (Some(own), Some(other)) = (&mut self.g722, &other.g722) {
                    *own = *other;
                }
            }
            Codec::Opus => {
                if let Some(own) = &mut self.opus {
                    own.reset();
                }
            }
        }
    }

    /// Forget what was encoded: another stream begins.
    pub fn reset(&mut self) {
        if let Some(g722) = &mut self.g722 {
            *g722 = g722::Encoder::new();
        }
        if let Some(opus) = &mut self.opus {
            opus.reset();
        }
    }
}
