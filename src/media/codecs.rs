//! What a leg's codecs remember.

use super::LegUpdate;
use super::playout::Room;
use crate::audio::Rate;
use crate::codec::{Codec, CodecError, Decoders, Encoders, OpusSettings};

/// Encoders and decoders of one leg. Opus takes tens of kilobytes, so they are made on the control side, go to the leg in a box and come
/// back in one to be freed there. `Default` is enough for G.711.
#[derive(Debug, Default)]
pub struct Codecs {
    /// Of what it receives.
    pub decoders: Decoders,
    /// Of what it alone is sent.
    pub encoders: Encoders,
    /// For the sound of what it receives from now on, if that may need more than before.
    room: Option<Room>,
    /// It came with a spare encoder.
    lends: bool,
    /// Opus once more, for all listeners of a meeting: whoever mixes it borrows one of its members'.
    spare: Option<Encoders>,
    /// It takes Opus only at a lower bitrate than others.
    apart: bool,
}

impl Codecs {
    /// For all that was agreed on, and for what may still be under way of what was agreed on before. Opus is sent as `settings` say, or at a
    /// lower bitrate where the other side asks for that. Errors: libopus has no memory.
    pub fn new(media: &LegUpdate, before: Option<&LegUpdate>, settings: &OpusSettings) -> Result<Self, CodecError> {
        let received = || media.receive.iter().chain(before.iter().flat_map(|before| &before.receive)).map(|(_, codec)| *codec);
        let bitrate = media.opus_bitrate.map_or(settings.bitrate, |most| most.min(settings.bitrate)).max(*OpusSettings::BITRATES.start());
        Ok(Self {
            decoders: Decoders::new(received())?,
            encoders: Encoders::new([media.codec], &OpusSettings { bitrate, ..*settings })?,
            room: Some(Room::new(top_rate(received()))),
            lends: media.codec == Codec::Opus,
            spare: (media.codec == Codec::Opus).then(|| Encoders::new([Codec::Opus], settings)).transpose()?,
            apart: media.codec == Codec::Opus && bitrate < settings.bitrate,
        })
    }

    /// Whether those made for `made_for` can do all of `media` too.
    pub fn suffice(made_for: &LegUpdate, media: &LegUpdate) -> bool {
        let sends = media.codec.is_law() || (media.codec, media.opus_bitrate) == (made_for.codec, made_for.opus_bitrate);
        let takes = |codec: Codec| codec.is_law() || made_for.receive.iter().any(|(_, made)| *made == codec);
        sends && media.receive.iter().all(|(_, codec)| takes(*codec))
    }

    /// The room that came with them.
    pub(super) fn room(&mut self) -> &mut Option<Room> {
        &mut self.room
    }

    /// Whether the spare encoder that came with it is not there.
    pub(super) fn has_lent(&self) -> bool {
        self.lends && self.spare.is_none()
    }

    /// The spare encoder; `None`: lent, or never there.
    pub(super) fn spare(&mut self) -> &mut Option<Encoders> {
        &mut self.spare
    }

    /// Whether what all listeners of a codec are sent is right for this leg too.
    pub fn share(&self) -> bool {
        !self.apart
    }
}

/// The rate of a codec's sound.
pub fn rate_of(codec: Codec) -> Rate {
    match codec {
        Codec::Pcma | Codec::Pcmu => Rate::Narrow,
        Codec::G722 => Rate::Wide,
        Codec::Opus => Rate::Full,
    }
}

/// The highest rate of several codecs.
fn top_rate(codecs: impl Iterator<Item = Codec>) -> Rate {
    codecs.map(rate_of).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_codecs() {
        for codec in Codec::ALL {
            assert_eq!(rate_of(codec).hz(), codec.rate_hz());
        }
    }
}
