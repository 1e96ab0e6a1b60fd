//! One call over a bad line, received in two ways.

use ljudbro::audio::{FRAME, Rate, Sound};
use ljudbro::codec::{Codec, Decoders};
use ljudbro::media::jitter::{Arrival, JitterBuffer, UNITS_A_MS};
use ljudbro::media::playout::{Playout, Room, Wanted};

/// What the network does to packets.
#[derive(Clone, Copy)]
pub struct Network {
    pub name: &'static str,
    /// Share of packets lost; with bursts, share of packets at which one begins.
    pub loss: f64,
    /// Fewest and most packets lost in a row.
    pub burst: (u32, u32),
    /// Each packet is held up by anything from 0 to this.
    pub jitter_us: u32,
    /// Every three seconds nothing comes for this long, then all of it.
    pub stall_ms: u32,
    /// How much the sender's clock is fast.
    pub ppm: f64,
}

impl Network {
    pub const CLEAN: Self = Self { name: "clean", loss: 0.0, burst: (1, 1), jitter_us: 0, stall_ms: 0, ppm: 0.0 };
}

/// What was heard.
pub struct Run {
    pub heard: Vec<i16>,
    /// What was said, laid where it was heard.
    pub reference: Vec<i16>,
    /// Second, and delay beyond the tick, ms.
    pub delays: Vec<(f64, f64)>,
    /// Samples.
    pub made_up: u64,
}

/// A call.
pub struct Line {
    /// Arrival µs, number, octets.
    packets: Vec<(u64, u32, Vec<u8>)>,
    said: Vec<i16>,
    ticks: u64,
}

/// When the first tick is, µs after the first packet was sent.
const PHASE: u64 = 7_000;
/// The end of every call is clean, ms.
const CLEAN_END: u64 = 5_000;
/// The plain receiver's buffer, in ticks.
const PLAIN: usize = 2;

impl Line {
    pub fn new(network: Network, said: &[i16]) -> Self {
        // Seed 20261125, the same for both receivers.
        let mut random = Random(20_261_125);
        let packet_us = 20_000.0 / (1.0 + network.ppm * 1e-6);
        let mut packets = Vec::new();
        let mut decoded = Vec::new();
        let mut losing = 0;
        let end_us = said.len() as u64 * 125 - CLEAN_END * 1000;
        for (number, linear) in said.chunks_exact(FRAME).enumerate() {
            let mut octets = vec![0; FRAME];
            Codec::Pcma.encode(linear, &mut octets);
            let mut heard = [0; FRAME];
            Codec::Pcma.decode(&octets, &mut heard);
            decoded.extend(heard);
            let sent = (number as f64 * packet_us) as u64;
            let bad = sent < end_us;
            let (chance, length, held_up) = (random.share(), random.share(), random.share());
            if bad && losing == 0 && chance < network.loss {
                let (fewest, most) = network.burst;
                losing = fewest + (length * f64::from(most - fewest + 1)) as u32;
            }
            if losing > 0 {
                losing -= 1;
                continue;
            }
            let mut arrived = sent;
            if bad {
                arrived += (held_up * f64::from(network.jitter_us)) as u64;
                let since = arrived % 3_000_000;
                if since < u64::from(network.stall_ms) * 1000 {
                    arrived += u64::from(network.stall_ms) * 1000 - since;
                }
            }
            packets.push((arrived, number as u32, octets));
        }
        packets.sort_by_key(|packet| (packet.0, packet.1));
        let ticks = (said.len() / FRAME) as u64 + 10;
        Self { packets, said: decoded, ticks }
    }

    pub fn run(&self, ours: bool) -> Run {
        if ours { self.ours() } else { self.plain() }
    }

    /// A fixed buffer, and silence.
    fn plain(&self) -> Run {
        let mut run = Run { heard: Vec::new(), reference: Vec::new(), delays: Vec::new(), made_up: 0 };
        let mut here: Vec<Option<&[u8]>> = vec![None; self.said.len() / FRAME];
        let mut packets = self.packets.iter().peekable();
        for tick in 0..self.ticks {
            let now = tick * 20_000 + PHASE;
            while let Some((_, number, octets)) = packets.next_if(|packet| packet.0 <= now) {
                here[*number as usize] = Some(octets);
            }
            let Some(number) = (tick as usize).checked_sub(PLAIN).filter(|number| *number < here.len()) else { continue };
            let mut frame = [0; FRAME];
            match here[number] {
                Some(octets) => Codec::Pcma.decode(octets, &mut frame),
                None => run.made_up += FRAME as u64,
            }
            run.heard.extend(frame);
            run.reference.extend(&self.said[number * FRAME..][..FRAME]);
            run.delays.push((tick as f64 / 50.0, 20.0 * PLAIN as f64));
        }
        run
    }

    fn ours(&self) -> Run {
        let mut run = Run { heard: Vec::new(), reference: Vec::new(), delays: Vec::new(), made_up: 0 };
        let (mut buffer, mut playout) = (JitterBuffer::new(), Playout::new(Room::new(Rate::Full)));
        let mut decoders = Decoders::default();
        let mut packets = self.packets.iter().peekable();
        let (mut newest, mut first) = (None, 0);
        for tick in 0..self.ticks {
            let now = tick * 20_000 + PHASE;
            while let Some((_, number, octets)) = packets.next_if(|packet| packet.0 <= now) {
                let in_order = newest.is_none_or(|newest| *number > newest);
                if newest.is_none() {
                    // The buffer calls the first sample it hears of by the tick that will play it.
                    first = (tick as i64 + 1) * 160 - i64::from(*number) * 160;
                }
                newest = newest.max(Some(*number));
                let (timestamp, codec) = (number * FRAME as u32, Codec::Pcma);
                buffer.lay(&Arrival { timestamp, in_order, codec, units: FRAME as i64 * 6, payload: octets, again: false });
            }
            let mut sound = Sound::silence(Rate::Narrow);
            playout.render(&mut buffer, &mut decoders, Wanted::Sound, &mut sound);
            // What the tick should be: up to where the play-out is now.
            let end = buffer.play() / 6 - first;
            for (at, sample) in sound.samples().iter().enumerate() {
                let place = end - FRAME as i64 + at as i64;
                if let Some(said) = usize::try_from(place).ok().and_then(|place| self.said.get(place)) {
                    run.heard.push(*sample);
                    run.reference.push(*said);
                }
            }
            run.delays.push((tick as f64 / 50.0, buffer.held() as f64 / UNITS_A_MS as f64));
        }
        run.made_up = playout.counts().concealed;
        run
    }
}

/// Numerical Recipes' generator.
struct Random(u64);

impl Random {
    /// 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1u32 << 31)
    }
}
