//! All sound the callers of a run can send, encoded once before the first call: voices with markers, quiet noise, silence, keys as tones.
//!
//! On the tick a packet's payload is only looked up. Loops of codecs that remember (G.722, Opus) are encoded in one go; where a loop begins again,
//! and where a caller comes from another one, a decoder hears a seam of a few milliseconds, in a pause.

use std::f32::consts::TAU;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::marker::{self, Code};
use crate::audio::TICK_MS;
use crate::audio::tone::key_frequencies;
use crate::codec::{Codec, CodecError, Encoders, OpusSettings, Payload};
use crate::names::Key;

/// Different voices: so many talkers of a meeting can be told apart by their markers alone.
pub const VOICES: usize = 8;
/// Ticks of a voice's loop: ten seconds.
pub const VOICE_TICKS: usize = 500;
/// Ticks of the loop of quiet noise: two seconds, so that no two callers need hiss in step.
const NOISE_TICKS: usize = 100;
/// Ticks of the loop of silence.
const SILENCE_TICKS: usize = 50;
/// Talk spurts in a voice's loop, ticks.
const SPURTS: [(usize, usize); 2] = [(10, 215), (260, 480)];
/// Least ticks from one marker to the next; a random part of as many [`MARKER_MORE`] is added.
const MARKER_EVERY: usize = 26;
const MARKER_MORE: usize = 12;
/// Quiet noise, root of the mean square: about −63 dBov, a quiet line.
const NOISE_RMS: f32 = 23.0;
/// Speech-like sound between markers: about −30 dBov.
const SPEECH: f32 = 1_600.0;
/// A key as a tone lasts this many ticks.
const KEY_TICKS: usize = 5;
/// Ticks of quiet noise before and after it, so that a decoder that remembers has found its feet when the tone begins.
const KEY_PAUSE: usize = 3;
/// Before that the encoder hears so many ticks of noise that are not sent, as the decoder has.
const KEY_LEAD: usize = 25;

/// A prepared stream of packets' payloads.
#[derive(Clone, Debug, Default)]
pub struct Loop {
    octets: Vec<u8>,
    ends: Vec<u32>,
}

impl Loop {
    /// Number of packets.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The payload of one packet.
    pub fn payload(&self, at: usize) -> &[u8] {
        let end = self.ends.get(at).copied().unwrap_or(0) as usize;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0) as usize;
        self.octets.get(start..end).unwrap_or_default()
    }

    /// Without so many packets at its beginning.
    fn without(&self, packets: usize) -> Self {
        let mut rest = Self::default();
        (packets..self.len()).for_each(|at| rest.push(self.payload(at)));
        rest
    }

    fn push(&mut self, payload: &[u8]) {
        self.octets.extend_from_slice(payload);
        self.ends.push(self.octets.len() as u32);
    }
}

/// Where a marker begins in a voice's loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// In this packet of the loop.
    pub tick: u16,
    /// So far into it, in samples of 8 kHz (0 to 159).
    pub sample: u16,
    /// Which it is.
    pub code: Code,
}

/// A talker's loop.
#[derive(Clone, Debug)]
pub struct Voice {
    /// Its packets.
    pub packets: Loop,
    /// Its markers, in order.
    pub markers: Vec<Place>,
}

/// Everything there is to send, in one codec.
#[derive(Debug)]
pub struct Repertoire {
    /// The codec.
    pub codec: Codec,
    /// What talkers say.
    pub voices: Vec<Voice>,
    /// What listeners' lines sound like.
    pub noise: Loop,
    /// Digital silence.
    pub silence: Loop,
    /// Keys as tones, by their event code.
    keys: Vec<Loop>,
}

impl Repertoire {
    /// Encode it all: milliseconds for G.711, a second or two for Opus. Errors: libopus has no memory.
    pub fn new(codec: Codec) -> Result<Self, CodecError> {
        let coder = Coder { codec };
        let mut voices = Vec::new();
        for voice in 0..VOICES {
            voices.push(coder.voice(voice as u8)?);
        }
        let mut random = StdRng::seed_from_u64(1);
        let mut sound = vec![0f32; NOISE_TICKS * coder.frame()];
        add_noise(&mut sound, &mut random);
        let noise = coder.encode(&sound)?;
        let silence = coder.encode(&vec![0f32; SILENCE_TICKS * coder.frame()])?;
        let keys = (0..16).map(|code| coder.key(code)).collect::<Result<_, _>>()?;
        Ok(Self { codec, voices, noise, silence, keys })
    }

    /// One tick of a key as a tone, with a pause before and after it. `None`: it is over.
    pub fn key(&self, key: Key, tick: usize) -> Option<&[u8]> {
        self.keys.get(usize::from(key.event())).filter(|packets| tick < packets.len()).map(|packets| packets.payload(tick))
    }
}

/// Makes sound at the codec's rate and encodes it.
struct Coder {
    codec: Codec,
}

impl Coder {
    /// Samples in a tick.
    fn frame(&self) -> usize {
        (self.codec.rate_hz() / 1_000 * TICK_MS) as usize
    }

    fn encode(&self, sound: &[f32]) -> Result<Loop, CodecError> {
        let mut encoders = Encoders::new([self.codec], &OpusSettings::default())?;
        let (mut packets, mut payload) = (Loop::default(), Payload::EMPTY);
        for tick in sound.chunks_exact(self.frame()) {
            // `as` saturates.
            let samples: Vec<i16> = tick.iter().map(|sample| sample.round() as i16).collect();
            encoders.encode(self.codec, &samples, &mut payload);
            packets.push(payload.octets());
        }
        Ok(packets)
    }

    fn voice(&self, voice: u8) -> Result<Voice, CodecError> {
        let rate_hz = self.codec.rate_hz();
        let mut random = StdRng::seed_from_u64(100 + u64::from(voice));
        let mut sound = vec![0f32; VOICE_TICKS * self.frame()];
        for (from, to) in SPURTS {
            let (from, to) = (from * self.frame(), to * self.frame());
            add_speech(&mut sound[from..to], rate_hz, &mut random);
        }
        let markers = places(voice, &mut random);
        for place in &markers {
            let start = usize::from(place.tick) * self.frame() + usize::from(place.sample) * (rate_hz / 8_000) as usize;
            // The marker alone: what lay beneath would blur it.
            for (out, sample) in sound[start..].iter_mut().zip(marker::burst(place.code, rate_hz)) {
                *out = sample;
            }
        }
        add_noise(&mut sound, &mut random);
        Ok(Voice { packets: self.encode(&sound)?, markers })
    }

    fn key(&self, code: u8) -> Result<Loop, CodecError> {
        let rate_hz = self.codec.rate_hz() as f32;
        // Every code below 16 is a key.
        let Some(key) = Key::from_event(code) else { return Ok(Loop::default()) };
        let (low, high) = key_frequencies(key);
        let mut sound = vec![0f32; (KEY_LEAD + KEY_PAUSE + KEY_TICKS + KEY_PAUSE) * self.frame()];
        let (start, length) = ((KEY_LEAD + KEY_PAUSE) * self.frame(), KEY_TICKS * self.frame());
        for (at, sample) in sound[start..start + length].iter_mut().enumerate() {
            // −8 and −6 dBm0, as good phones send them, with edges of 2 ms.
            let edge = (at.min(length - 1 - at) as f32 / (rate_hz / 500.0)).min(1.0);
            let wave = |hz: f64, level: f32| level * (TAU * (hz as f32 / rate_hz * at as f32).fract()).sin();
            *sample = edge * (wave(low, 9_070.0) + wave(high, 11_420.0));
        }
        add_noise(&mut sound, &mut StdRng::seed_from_u64(2));
        Ok(self.encode(&sound)?.without(KEY_LEAD))
    }
}

/// Where a voice's markers are: in its spurts, each with room for its whole length, at random samples.
fn places(voice: u8, random: &mut StdRng) -> Vec<Place> {
    let mut places = Vec::new();
    for (from, to) in SPURTS {
        let mut tick = from + 3;
        while tick + 4 < to {
            let code = Code { voice, number: places.len() as u8 };
            places.push(Place { tick: tick as u16, sample: random.random_range(0..160), code });
            tick += MARKER_EVERY + random.random_range(0..MARKER_MORE);
        }
    }
    places
}

fn add_noise(sound: &mut [f32], random: &mut StdRng) {
    // Even spread: its root mean square is its bound over √3.
    let bound = NOISE_RMS * 3f32.sqrt();
    for sample in sound {
        *sample += random.random_range(-bound..bound);
    }
}

/// Syllables, four a second, of a pulse with falling harmonics.
fn add_speech(sound: &mut [f32], rate_hz: u32, random: &mut StdRng) {
    let syllable = rate_hz as usize / 4;
    let mut phase = 0f32;
    for part in sound.chunks_mut(syllable) {
        let pitch_hz = random.random_range(95.0..210f32);
        let loud = random.random_range(0.5..1.2f32);
        let length = part.len() as f32;
        let harmonics = (3_300.0 / pitch_hz) as usize;
        for (at, sample) in part.iter_mut().enumerate() {
            phase = (phase + pitch_hz / rate_hz as f32).fract();
            let envelope = (TAU / 2.0 * at as f32 / length).sin();
            // cos(hx) = 2·cos(x)·cos((h − 1)x) − cos((h − 2)x)
            let first = (TAU * phase).cos();
            let (mut before, mut this, mut sum) = (1.0, first, 0.0);
            for harmonic in 1..=harmonics {
                sum += this / harmonic as f32;
                (before, this) = (this, 2.0 * first * this - before);
            }
            *sample += SPEECH * loud * envelope * sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repertoire_holds_whole_loops_in_every_codec() {
        for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
            let all = Repertoire::new(codec).unwrap();
            assert_eq!(all.voices.len(), VOICES);
            assert!(all.voices.iter().all(|voice| voice.packets.len() == VOICE_TICKS));
            assert!((0..VOICE_TICKS).all(|at| !all.voices[0].packets.payload(at).is_empty()), "{codec:?}");
            assert_eq!((all.noise.len(), all.silence.len()), (NOISE_TICKS, SILENCE_TICKS));
            let ticks = (0..).take_while(|tick| all.key(Key::Star, *tick).is_some()).count();
            assert_eq!(ticks, KEY_PAUSE + KEY_TICKS + KEY_PAUSE);
        }
    }

    #[test]
    fn markers_lie_in_spurts_far_enough_apart_and_in_no_two_voices_alike() {
        let mut all = Vec::new();
        for voice in 0..VOICES as u8 {
            let places = places(voice, &mut StdRng::seed_from_u64(u64::from(voice)));
            assert!(places.len() >= 10);
            for pair in places.windows(2) {
                assert!(pair[1].tick - pair[0].tick >= MARKER_EVERY as u16);
            }
            assert!(places.iter().all(|place| SPURTS.iter().any(|(from, to)| (*from..*to - 3).contains(&usize::from(place.tick)))));
            all.extend(places.iter().map(|place| place.code));
        }
        let count = all.len();
        all.sort_by_key(|code| (code.voice, code.number));
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
