//! What one call sends: an RTP header, and a payload out of the [`Repertoire`], every 20 ms. Nothing is encoded or allocated here.

use super::marker::Code;
use super::repertoire::{Loop, Repertoire};
use crate::audio::TICK_MS;
use crate::codec::LONGEST_PAYLOAD;
use crate::names::Key;
use crate::sim::phone::{KeyMethod, Path};
use crate::wire::rtp::{HEADER, Packet};
use crate::wire::telephone_event::EventSender;

/// Octets of the longest packet.
pub const LONGEST: usize = HEADER + LONGEST_PAYLOAD;
/// A key is pressed so long, milliseconds, and so long is the pause after it: what a hurried hand does.
const PRESS_MS: u32 = 100;
/// Ticks of pause after a key.
const PAUSE: u8 = 3;
/// Who sends nothing while he is silent sends one packet in this many all the same: once a second, as phones do against time-outs.
const ALIVE: u32 = 50;
/// Keys waiting to be pressed: a samtals-ID, an ending, and a command.
pub const MOST_KEYS: usize = 32;

/// What those who do not talk send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Background {
    /// Quiet noise, as every real line has.
    Noise,
    /// Digital silence.
    Silence,
    /// Next to nothing (DTX): one packet a second.
    Nothing,
}

/// What a call says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Says {
    /// It only listens.
    Background(Background),
    /// It talks, with this voice.
    Voice(u8),
}

#[derive(Debug)]
enum Press {
    Event(EventSender),
    Tone(Key, usize),
    /// By INFO: sound goes on meanwhile.
    Info,
}

/// What a tick made of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sent {
    /// Octets written; 0: nothing is sent this time.
    pub length: usize,
    /// A marker begins in this packet, so many samples of 8 kHz into it.
    pub marker: Option<(Code, u16)>,
    /// Send this key by INFO, and then call [`Stream::key_answered`].
    pub info: Option<Key>,
    /// With this tick the last waiting key was taken up.
    pub last_key: bool,
}

/// The sending side of a call.
#[derive(Debug)]
pub struct Stream {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Timestamp units a tick.
    counts: u32,
    payload_type: u8,
    events: Option<(u8, u32)>,
    says: Says,
    /// Packet of the loop that comes next.
    at: usize,
    ticks: u32,
    /// Nothing was sent last time: a talk spurt begins (RFC 3550 §5.1).
    rested: bool,
    method: KeyMethod,
    keys: arrayvec::ArrayVec<Key, MOST_KEYS>,
    press: Option<Press>,
    pause: u8,
}

impl Stream {
    /// `random`: SSRC, first sequence number, first timestamp, and where in its loop it begins.
    pub fn new(says: Says, method: KeyMethod, random: (u32, u16, u32, u32)) -> Self {
        let (ssrc, sequence, timestamp, at) = random;
        Self {
            ssrc,
            sequence,
            timestamp,
            counts: 0,
            payload_type: 0,
            events: None,
            says,
            at: at as usize,
            ticks: 0,
            rested: true,
            method,
            keys: arrayvec::ArrayVec::new(),
            press: None,
            pause: 0,
        }
    }

    /// Send like this from now on. The payload type is that of the repertoire's codec, in the bridge's numbers.
    pub fn set_path(&mut self, path: &Path) {
        self.counts = path.codec.clock_hz() / 1_000 * TICK_MS;
        self.payload_type = path.payload_type;
        self.events = path.events;
    }

    /// Press these, first come first served; what there is no room for is not pressed, and `false` returned.
    pub fn press(&mut self, keys: impl IntoIterator<Item = Key>) -> bool {
        keys.into_iter().all(|key| self.keys.try_push(key).is_ok())
    }

    /// Say this from now on.
    pub fn say(&mut self, says: Says) {
        self.says = says;
    }

    /// Whether no key is being pressed or waiting.
    pub fn hands_free(&self) -> bool {
        self.press.is_none() && self.keys.is_empty()
    }

    /// The INFO of a key was answered.
    pub fn key_answered(&mut self) {
        if matches!(self.press, Some(Press::Info)) {
            self.press = None;
            self.pause = PAUSE;
        }
    }

    /// A tick that could not be sent in time: time goes on without it.
    pub fn skip(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(self.counts);
        self.at += 1;
    }

    /// One tick's packet into `out`.
    pub fn tick(&mut self, repertoire: &Repertoire, out: &mut [u8; LONGEST]) -> Sent {
        let mut sent = Sent::default();
        self.take_up_key(&mut sent);
        let timestamp = self.timestamp;
        // RFC 3550 §5.1: the timestamp counts sampling instants, whether or not a packet is sent.
        self.skip();
        self.ticks = self.ticks.wrapping_add(1);
        match &mut self.press {
            Some(Press::Event(sender)) => {
                match (sender.next_packet(TICK_MS), self.events) {
                    (Some(event), Some((payload_type, _))) => {
                        let sequence = self.sequence;
                        self.sequence = sequence.wrapping_add(1);
                        let packet = Packet {
                            marker: event.marker,
                            payload_type,
                            sequence,
                            timestamp: event.timestamp,
                            ssrc: self.ssrc,
                            payload: &event.payload,
                        };
                        sent.length = packet.write(out);
                        return sent;
                    }
                    // The end has been sent three times.
                    _ => self.release(),
                }
            }
            Some(Press::Tone(key, tick)) => match repertoire.key(*key, *tick) {
                Some(payload) => {
                    *tick += 1;
                    sent.length = self.write(timestamp, payload, out);
                    return sent;
                }
                // The pause is part of the tone.
                None => self.press = None,
            },
            Some(Press::Info) => {}
            None => self.pause = self.pause.saturating_sub(1),
        }
        let (packets, at) = self.sound(repertoire, &mut sent);
        match packets {
            Some(packets) => sent.length = self.write(timestamp, packets.payload(at), out),
            None => self.rested = true,
        }
        sent
    }

    /// What is said in this tick; `None`: nothing is sent.
    fn sound<'r>(&mut self, repertoire: &'r Repertoire, sent: &mut Sent) -> (Option<&'r Loop>, usize) {
        // `skip` has moved on already.
        let at = self.at.wrapping_sub(1);
        let turn = |packets: &Loop| at % packets.len().max(1);
        match self.says {
            Says::Voice(voice) => {
                let Some(voice) = repertoire.voices.get(usize::from(voice)) else { return (None, 0) };
                let at = turn(&voice.packets);
                let place = voice.markers.binary_search_by_key(&at, |place| usize::from(place.tick));
                sent.marker = place.ok().and_then(|found| voice.markers.get(found)).map(|place| (place.code, place.sample));
                (Some(&voice.packets), at)
            }
            Says::Background(Background::Noise) => (Some(&repertoire.noise), turn(&repertoire.noise)),
            Says::Background(Background::Silence) => (Some(&repertoire.silence), turn(&repertoire.silence)),
            Says::Background(Background::Nothing) => {
                (self.ticks.is_multiple_of(ALIVE).then_some(&repertoire.noise), turn(&repertoire.noise))
            }
        }
    }

    fn write(&mut self, timestamp: u32, payload: &[u8], out: &mut [u8; LONGEST]) -> usize {
        let Self { sequence, payload_type, ssrc, .. } = *self;
        self.sequence = sequence.wrapping_add(1);
        let marker = std::mem::take(&mut self.rested);
        Packet { marker, payload_type, sequence, timestamp, ssrc, payload }.write(out)
    }

    fn take_up_key(&mut self, sent: &mut Sent) {
        if self.press.is_some() || self.pause > 0 {
            return;
        }
        let Some(key) = self.keys.pop_at(0) else { return };
        sent.last_key = self.keys.is_empty();
        self.press = Some(match (self.method, self.events) {
            (KeyMethod::Rfc4733, Some((_, rate_hz))) => Press::Event(EventSender::new(key, self.timestamp, PRESS_MS, rate_hz)),
            (KeyMethod::Info, _) => {
                sent.info = Some(key);
                Press::Info
            }
            // Where the other side knows no events, phones send the sound.
            (KeyMethod::InBand | KeyMethod::Rfc4733, _) => Press::Tone(key, 0),
        });
    }

    fn release(&mut self) {
        self.press = None;
        self.pause = PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::wire::telephone_event::EventReceiver;

    fn stream(says: Says, method: KeyMethod, events: Option<(u8, u32)>) -> Stream {
        let mut stream = Stream::new(says, method, (7, u16::MAX, u32::MAX - 100, 0));
        let remote = "127.0.0.1:4000".parse().unwrap();
        stream.set_path(&Path { remote, codec: Codec::Pcma, payload_type: 8, events });
        stream
    }

    fn keys(text: &str) -> Vec<Key> {
        text.chars().filter_map(Key::from_char).collect()
    }

    #[test]
    fn a_voice_is_a_packet_a_tick_and_says_where_its_markers_are() {
        let all = Repertoire::new(Codec::Pcma).unwrap();
        let (mut stream, mut out) = (stream(Says::Voice(2), KeyMethod::Rfc4733, None), [0; LONGEST]);
        let mut markers = Vec::new();
        for tick in 0..1_000u32 {
            let sent = stream.tick(&all, &mut out);
            let packet = Packet::parse(&out[..sent.length]).unwrap();
            assert_eq!(packet.timestamp, (u32::MAX - 100).wrapping_add(160 * tick));
            assert_eq!(packet.sequence, u16::MAX.wrapping_add(tick as u16));
            assert_eq!((packet.payload_type, packet.payload.len(), packet.marker), (8, 160, tick == 0));
            markers.extend(sent.marker);
        }
        let once: Vec<_> = all.voices[2].markers.iter().map(|place| (place.code, place.sample)).collect();
        assert_eq!(markers, [once.clone(), once].concat());
    }

    #[test]
    fn each_key_is_one_event_for_who_hears_it() {
        let all = Repertoire::new(Codec::Pcma).unwrap();
        let mut stream = stream(Says::Background(Background::Noise), KeyMethod::Rfc4733, Some((101, 8_000)));
        assert!(stream.press(keys("1123")));
        let (mut receiver, mut heard, mut out, mut last) = (EventReceiver::default(), Vec::new(), [0; LONGEST], None);
        for tick in 0..60 {
            let sent = stream.tick(&all, &mut out);
            last = last.or(sent.last_key.then_some(tick));
            let packet = Packet::parse(&out[..sent.length]).unwrap();
            if packet.payload_type == 101 {
                heard.extend(receiver.receive(packet.sequence, packet.timestamp, packet.ssrc, 8_000, packet.payload));
            }
        }
        assert_eq!(heard, keys("1123"));
        assert!(stream.hands_free());
        assert_eq!(last, Some(33), "seven packets, one without, three of pause, three times");
    }

    #[test]
    fn keys_by_info_wait_for_each_other_and_too_many_are_refused() {
        let all = Repertoire::new(Codec::Pcma).unwrap();
        let mut stream = stream(Says::Background(Background::Silence), KeyMethod::Info, None);
        stream.press(keys("12"));
        let mut out = [0; LONGEST];
        assert_eq!(stream.tick(&all, &mut out).info, Key::from_char('1'));
        for _ in 0..20 {
            let sent = stream.tick(&all, &mut out);
            assert_eq!((sent.info, sent.length), (None, 172), "sound goes on");
        }
        stream.key_answered();
        let next: Vec<_> = (0..5).filter_map(|_| stream.tick(&all, &mut out).info).collect();
        assert_eq!(next, keys("2"));
        assert!(!stream.press(keys(&"5".repeat(MOST_KEYS + 1))));
    }

    #[test]
    fn who_sends_nothing_is_alive_once_a_second_and_his_time_goes_on() {
        let all = Repertoire::new(Codec::Pcma).unwrap();
        let mut stream = stream(Says::Background(Background::Nothing), KeyMethod::Rfc4733, None);
        let mut out = [0; LONGEST];
        let sent: Vec<u32> = (0..200)
            .filter_map(|_| {
                let length = stream.tick(&all, &mut out).length;
                (length > 0).then(|| Packet::parse(&out[..length]).unwrap()).map(|packet| packet.timestamp)
            })
            .collect();
        assert_eq!(sent.len(), 4);
        assert!(sent.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 50 * 160));
    }
}
