//! What all listeners of a codec are sent: one stream for each codec, encoded once a turn if anybody listens.
//!
//! G.722 and Opus remember what went before, at both ends. Whoever changes from one stream to the other would hear the difference. So when a
//! listener begins to speak, its own encoder goes on from where the shared one is; and when it has become a listener again it keeps its own
//! stream until there is a pause, or Opus for a second: in silence the memories grow alike, and a difference cannot be heard.

use crate::audio::level::level_dbov;
use crate::audio::{Rate, Sound};
use crate::codec::{Codec, Encoders, OpusSettings, Payload};
use crate::media::Leg;

/// Turns for which a leg keeps a stream of its own at least where there is no pause: a second.
pub(super) const KEEPS: u8 = 50;
/// Turns of a pause after which it gives it up: 200 ms.
const PAUSE: u8 = 10;
/// A pause is quieter than this, dBov.
const PAUSE_DBOV: f32 = -50.0;

/// For how many turns more a leg keeps its own stream that would have kept it for `turns`, had nothing but this to hear, and neither spoke
/// nor was spoken to. An Opus stream is dear and its decoder bears a change, so that ends without a pause too; one of G.722 costs little.
pub(super) fn keeps(codec: Codec, turns: u8, heard: &Sound) -> u8 {
    if level_dbov(heard.samples()) < PAUSE_DBOV {
        turns.min(PAUSE).saturating_sub(1)
    } else if codec == Codec::Opus {
        turns.saturating_sub(1)
    } else {
        KEEPS
    }
}

/// The stream of one codec.
#[derive(Debug, Default)]
struct Stream {
    encoders: Encoders,
    payload: Payload,
    /// Encoded in this turn.
    runs: bool,
    /// Encoded in the last turn.
    ran: bool,
}

/// The streams of one meeting.
#[derive(Debug)]
pub(super) struct Shared {
    /// By codec.
    streams: [Stream; Codec::ALL.len()],
    /// What was heard at 48 kHz in the last turn: an Opus encoder looks 6.5 ms ahead, and one that begins anew must have heard what came before.
    before: Sound,
}

impl Shared {
    /// Streams that nobody has listened to. Allocates nothing.
    pub fn new() -> Self {
        // Where libopus is not asked for, nothing fails.
        let g722 = || Encoders::new([Codec::G722], &OpusSettings::default()).unwrap_or_default();
        Self {
            streams: Codec::ALL
                .map(|codec| Stream { encoders: if codec == Codec::G722 { g722() } else { Encoders::default() }, ..Stream::default() }),
            before: Sound::silence(Rate::Full),
        }
    }

    /// A new turn.
    pub fn begin(&mut self) {
        for stream in &mut self.streams {
            stream.ran = std::mem::take(&mut stream.runs);
        }
    }

    /// The turn is over, and this was heard at 48 kHz.
    pub fn end(&mut self, full: &Sound) {
        self.before.samples_mut().copy_from_slice(full.samples());
    }

    /// A leg that was a listener in the last turn goes on with a stream of its own.
    pub fn part(&mut self, leg: &mut Leg) {
        let codec = leg.codec();
        let stream = &mut self.streams[place(codec)];
        if codec.is_law() || !stream.ran {
            return;
        }
        leg.follow(&stream.encoders);
        if codec == Codec::Opus {
            // It began anew: what comes out of this is not sent.
            let mut unsent = Payload::EMPTY;
            leg.encode(self.before.samples(), &mut unsent);
        }
    }

    /// What a listener is sent in this turn: `heard`, at its rate. `None`: it must be encoded for the leg alone.
    pub fn payload(&mut self, leg: &mut Leg, heard: &Sound, silent: bool) -> Option<&Payload> {
        let codec = leg.codec();
        let stream = &mut self.streams[place(codec)];
        if !stream.runs {
            if codec == Codec::Opus && !stream.encoders.has(codec) {
                stream.encoders = leg.spare().take()?;
            }
            if !codec.is_law() && !stream.ran {
                leg.lead(&mut stream.encoders);
                if codec == Codec::Opus {
                    stream.encoders.encode(codec, self.before.samples(), &mut stream.payload);
                }
            }
            if silent && codec.is_law() {
                stream.payload.set(&[codec.silence(); Rate::Narrow.frame()]);
            } else {
                stream.encoders.encode(codec, heard.samples(), &mut stream.payload);
            }
            stream.runs = true;
        }
        Some(&stream.payload)
    }

    /// The encoder that a leg has lent.
    pub fn take_lent(&mut self) -> Option<Encoders> {
        let stream = &mut self.streams[place(Codec::Opus)];
        stream.encoders.has(Codec::Opus).then(|| std::mem::take(stream).encoders)
    }
}

fn place(codec: Codec) -> usize {
    Codec::ALL.iter().position(|one| *one == codec).unwrap_or(0)
}
