//! Jitter buffer: puts sound in order by its timestamps, and measures how long before its turn it comes.
//!
//! It holds samples, not packets: each is decoded as it comes and laid where its timestamp says, so order, duplicates, overlaps and any
//! mix of packet lengths need no further thought, and a delay can be any number of samples. Samples that did not come are
//! [`MISSING`], a value G.711 cannot make.
//!
//! Time: at the instant `clock` the sample with timestamp `play` is due. A packet's *delay* is how long after its arrival its first sample
//! is due, by that clock. The first packet sets the clock so that its delay is [`TARGET`]. Later ones measure: the longest delay of the
//! last half to whole second is that of the packets the network did not hold up, and moves only when a clock drifts, a route
//! changes or ticks were missed. [`JitterBuffer::surplus`] tells [`super::playout::Playout`] how far that is from the target.

use std::time::{Duration, Instant};

use super::samples_between;
use crate::audio::TICK_MS;
use crate::codec::Codec;

/// Delay of a packet the network did not hold up, samples: 40 ms. A tick plays 20 ms ahead, so in the worst phase this is room for
/// 20 ms of jitter, in the best for 40; sound leaves 30 ms after it came, on average.
pub const TARGET: i32 = 320;

/// Samples held: 512 ms. More than the target, the cap over it (100 ms) and the longest packet taken; a power of two, so that wrapping
/// timestamps are wrapping positions.
const RING: usize = 4096;
/// Longest packet taken: 200 ms, what RFC 3551 §4.2 asks receivers of. (We offer at most 60.)
const LONGEST: usize = 1600;
/// A sample that did not come. Neither law decodes to it.
pub const MISSING: i16 = i16::MIN;

/// Packets that came late for this long, without one in time between: the way has become longer for good, samples (100 ms).
const LATE_FOR_GOOD: i64 = 800;
/// A packet next in sequence whose timestamp is this far behind the newest sample: the sender's clock has jumped, samples (100 ms).
const JUMP_BACK: i32 = 800;
/// A media tick.
const TICK: Duration = Duration::from_millis(TICK_MS as u64);
/// Ticks between two turns of the delay measure: it covers the last 0.5 to 1 s.
const TURN: u8 = 25;

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Laid {
    /// All of it is in time.
    InTime,
    /// Its first sample came after its turn.
    Late,
    /// Nothing to play in it, or more than any sender may send.
    Unfit,
}

/// Orders one stream of 8 kHz sound. All memory is allocated in `new`.
pub struct JitterBuffer {
    ring: Box<[i16; RING]>,
    /// Timestamp of the next sample to play.
    play: u32,
    /// When that sample is due.
    clock: Instant,
    /// A packet has set the clock.
    live: bool,
    /// A tick has been played since.
    running: bool,
    /// Timestamp past the newest sample.
    end: u32,
    /// Packets have been late since.
    late_since: Option<Instant>,
    /// Longest delay in this turn and the last, samples.
    longest: [Option<i32>; 2],
    ticks: u8,
}

impl JitterBuffer {
    /// Empty.
    pub fn new(now: Instant) -> Self {
        Self {
            ring: Box::new([MISSING; RING]),
            play: 0,
            clock: now,
            live: false,
            running: false,
            end: 0,
            late_since: None,
            longest: [None; 2],
            ticks: 0,
        }
    }

    /// Forget everything: the next packet sets the clock.
    pub fn reset(&mut self) {
        self.ring.fill(MISSING);
        self.live = false;
        self.late_since = None;
        self.longest = [None; 2];
    }

    /// One packet of sound. `in_order`: its sequence number is newer than all before.
    pub fn lay(&mut self, arrived: Instant, timestamp: u32, in_order: bool, codec: Codec, payload: &[u8]) -> Laid {
        if payload.is_empty() || payload.len() > LONGEST {
            return Laid::Unfit;
        }
        let length = payload.len() as i32;
        if !self.live {
            self.start(arrived, timestamp);
        }
        let mut ahead = distance(self.play, timestamp);
        // Too far ahead to hold, or new and yet long past: the sender's timestamps have jumped (hold music ended, another source behind the
        // same gateway).
        if ahead > RING as i32 - length || in_order && distance(self.end, timestamp) < -JUMP_BACK {
            self.start(arrived, timestamp);
            ahead = distance(self.play, timestamp);
        }
        let mut laid = Laid::InTime;
        if ahead < 0 {
            laid = Laid::Late;
            let since = *self.late_since.get_or_insert(arrived);
            // Measured by arrival: what comes all at once after a stall in the network is no longer way.
            if samples_between(since, arrived) >= LATE_FOR_GOOD {
                self.start(arrived, timestamp);
                ahead = distance(self.play, timestamp);
            }
        } else {
            self.late_since = None;
        }
        let delay = self.delay(arrived, timestamp);
        self.longest[0] = self.longest[0].max(Some(delay));
        if let Some(fresh) = payload.get(ahead.min(0).unsigned_abs() as usize..).filter(|fresh| !fresh.is_empty()) {
            self.store(timestamp.wrapping_add(ahead.min(0).unsigned_abs()), codec, fresh);
            let past = timestamp.wrapping_add(payload.len() as u32);
            if distance(self.end, past) > 0 {
                self.end = past;
            }
        }
        laid
    }

    /// A tick begins at `now`: what is next to play is due now. [`JitterBuffer::advance`] by what is played of it comes next.
    pub fn tick(&mut self, now: Instant) {
        if self.live && !self.running {
            // Whole frames are played from here on; the first begins where the clock is, on the sample. A clock that stands still for long
            // before the first tick (nobody ticked) leaves nothing worth playing.
            let passed = samples_between(self.clock, now).clamp(-(RING as i64), RING as i64);
            self.advance(passed.max(0) as u32);
            self.running = true;
        }
        // After this tick's samples the next one is due.
        self.clock = now + TICK;
        // After days without a packet (37 hours; 12 are the longest call) the newest sample would come to lie in the future.
        if distance(self.play, self.end) < -(1 << 30) {
            self.end = self.play.wrapping_sub(1 << 29);
        }
        self.ticks += 1;
        if self.ticks >= TURN {
            self.ticks = 0;
            self.longest = [None, self.longest[0]];
        }
    }

    /// How much longer than the target sound waits, samples; negative: shorter. `None` without packets in the last half second.
    pub fn surplus(&self) -> Option<i32> {
        let [this, last] = self.longest;
        this.max(last).map(|delay| delay.saturating_sub(TARGET))
    }

    /// Samples from the next to play to the newest, with any holes between; at most what the ring holds.
    pub fn held(&self) -> u32 {
        if self.live { distance(self.play, self.end).max(0) as u32 } else { 0 }
    }

    /// Copy what comes next into `out`, without taking it. At most as much as the ring holds.
    pub fn peek(&self, out: &mut [i16]) {
        let at = self.play as usize % RING;
        let first = out.len().min(RING - at);
        let (head, tail) = out.split_at_mut(first);
        head.copy_from_slice(&self.ring[at..at + first]);
        let rest = tail.len().min(RING);
        tail[..rest].copy_from_slice(&self.ring[..rest]);
    }

    /// Move on by `count` samples: they are played, or skipped.
    pub fn advance(&mut self, count: u32) {
        let clear = (count as usize).min(RING);
        let at = self.play as usize % RING;
        let first = clear.min(RING - at);
        self.ring[at..at + first].fill(MISSING);
        self.ring[..clear - first].fill(MISSING);
        self.play = self.play.wrapping_add(count);
    }

    /// What was played differs by this much from a tick's length: the delays measured so far are `count` samples longer (negative: shorter).
    pub fn delay_grew(&mut self, count: i32) {
        for delay in self.longest.iter_mut().flatten() {
            *delay = delay.saturating_add(count);
        }
    }

    /// Set the clock by this packet.
    fn start(&mut self, arrived: Instant, timestamp: u32) {
        if self.live {
            self.reset();
        }
        if !self.running {
            self.clock = arrived;
        }
        self.live = true;
        self.play = timestamp.wrapping_sub(TARGET as u32).wrapping_sub(since(self.clock, arrived) as u32);
        self.end = timestamp;
    }

    /// How long after its arrival a packet's first sample is due, samples.
    fn delay(&self, arrived: Instant, timestamp: u32) -> i32 {
        distance(self.play, timestamp).saturating_sub(since(self.clock, arrived))
    }

    fn store(&mut self, timestamp: u32, codec: Codec, payload: &[u8]) {
        let at = timestamp as usize % RING;
        let first = payload.len().min(RING - at);
        let (head, tail) = payload.split_at(first);
        codec.decode(head, &mut self.ring[at..at + first]);
        codec.decode(tail, &mut self.ring[..tail.len()]);
    }
}

impl std::fmt::Debug for JitterBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("JitterBuffer").field("held", &self.held()).field("surplus", &self.surplus()).finish_non_exhaustive()
    }
}

/// Samples from one timestamp to another, across the wrap.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

/// Samples from the clock to an arrival. A socket that was not read for longer than a ring holds tells nothing more.
fn since(clock: Instant, arrived: Instant) -> i32 {
    samples_between(clock, arrived).clamp(-(RING as i64), RING as i64) as i32
}

#[cfg(test)]
mod tests;
