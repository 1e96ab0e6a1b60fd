//! What a leg costs on this machine, measured when the bridge starts: some ticks of each codec's encoder, which is most of it.
//!
//! A guess would be wrong by the factor between a quick machine and a slow one. The control plane puts it on top of the load it
//! measures, for calls that the load does not hold yet.

#![allow(clippy::disallowed_methods, reason = "run/ has the clocks: here they are what is asked for")]

use std::time::{Duration, Instant};

use crate::audio::{Rate, Sound};
use crate::bridge::{LegCost, LegCosts};
use crate::codec::{Codec, CodecError, Encoders, OpusSettings, Payload};
use crate::media::rate_of;

/// What a leg takes of a tick beside its encoder: a packet in, a packet out, its place in the mix. On a slow machine it is twice that, which those who are
/// there already show.
const OTHER: Duration = Duration::from_micros(5);
/// Time between two turns of a leg.
const TICK: Duration = Duration::from_millis(20);
/// Ticks that are encoded before it is looked at the clock: the first ones find cold caches and an encoder that has heard nothing.
const WARM: usize = 5;
/// Ticks whose median counts: half a second of speech. Where Opus takes 0.1 ms for a tick the start of the bridge takes 6 ms longer.
const LOOKED_AT: usize = 25;

/// The cost of a leg that is sent one of these codecs. `speech`: 8 kHz, a prompt. Errors: libopus has no memory.
pub fn measure(codecs: &[Codec], opus: &OpusSettings, speech: &[i16]) -> Result<LegCosts, CodecError> {
    let costs = codecs.iter().map(|&codec| {
        let mut encoders = Encoders::new([codec], opus)?;
        let mut of = |telephone| {
            encoders.set_telephone(telephone);
            share(median(&mut encoders, codec, speech))
        };
        Ok((codec, LegCost { menu: of(true), meeting: of(false) }))
    });
    costs.collect()
}

fn share(encoding: Duration) -> f32 {
    (encoding + OTHER).as_secs_f32() / TICK.as_secs_f32()
}

/// How long a tick takes to encode.
fn median(encoders: &mut Encoders, codec: Codec, speech: &[i16]) -> Duration {
    let rate = rate_of(codec);
    let mut sound = Sound::silence(rate);
    let mut payload = Payload::EMPTY;
    let mut ticks: Vec<Duration> = (0..WARM + LOOKED_AT)
        .map(|tick| {
            hold(speech, tick, &mut sound);
            let start = Instant::now();
            encoders.encode(codec, sound.samples(), &mut payload);
            start.elapsed()
        })
        .skip(WARM)
        .collect();
    ticks.sort_unstable();
    ticks.get(LOOKED_AT / 2).copied().unwrap_or_default()
}

/// A tick of speech at a higher rate, each sample held: that has sound up to the top, so nothing is cheap because there is none.
fn hold(speech: &[i16], tick: usize, sound: &mut Sound) {
    let times = sound.rate().frame() / Rate::Narrow.frame();
    let from = speech.get(tick * Rate::Narrow.frame()..).unwrap_or_default();
    for (held, sample) in sound.samples_mut().chunks_mut(times).zip(from) {
        held.fill(*sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::PromptId;
    use crate::media::prompt::built_in;

    #[test]
    fn every_codec_that_is_spoken_has_a_cost_and_no_other() {
        let speech = &built_in().set.get(PromptId::Valkommen).samples;
        let costs = measure(&Codec::ALL, &OpusSettings::default(), speech).unwrap();
        for codec in Codec::ALL {
            let LegCost { menu, meeting } = costs.of(codec);
            assert!(menu >= 0.000_25 && meeting >= 0.000_25, "{codec:?}: five microseconds of twenty milliseconds at least");
        }
        let few = measure(&[Codec::Pcma], &OpusSettings::default(), &[]).unwrap();
        assert_eq!((few.of(Codec::Opus), few.of(Codec::Pcma).menu >= 0.000_25), (LegCost::default(), true), "an empty prompt is no matter");
    }

    #[test]
    fn held_speech_is_as_long_as_a_tick_of_its_rate() {
        let speech: Vec<i16> = (0..320).collect();
        let mut sound = Sound::silence(Rate::Full);
        hold(&speech, 1, &mut sound);
        assert_eq!((sound.samples()[0], sound.samples()[5], sound.samples()[6], sound.samples()[959]), (160, 160, 161, 319));
    }
}
