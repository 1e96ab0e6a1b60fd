//! Jitter buffer: puts packets in order by their timestamps, and measures how late they come.
//!
//! Time is counted in 1/48,000 s ([`UNITS_A_TICK`] = 960 a tick), of which every sampling rate in use is a whole part, and a position in it is the place
//! of a sample in the caller's sound. A tick plays from [`JitterBuffer::play`] on. Nothing here looks at a clock: a packet is in time when
//! it is here at the tick that wants it, and how early or late that was is measured in ticks and samples (`arrivals.rs`). So the delay is
//! exactly the wait for the tick and what an uneven network demands, in any number of samples; a clean line waits for nothing else.
//!
//! [`JitterBuffer::surplus`] tells [`super::playout::Playout`] how far the delay is from what it should be. Timestamps that jump (a transfer,
//! another source behind the same gateway) and new streams are taken to go on where the sound ended.

mod arrivals;
mod store;

use self::arrivals::Arrivals;
use self::store::Store;
use crate::audio::{TICK_MS, prefetch};
use crate::codec::{Codec, Decoders};

/// Units of time in a millisecond.
pub const UNITS_A_MS: i64 = 48;
/// Units of time in a tick.
pub const UNITS_A_TICK: i64 = UNITS_A_MS * TICK_MS as i64;

/// Samples of 8 kHz, in units: every position is a whole number of them, so that it is a whole number of samples at any rate.
const GRID: i64 = UNITS_A_MS / 8;
/// Sound this far ahead of its turn is not early: the sender's timestamps have jumped. 500 ms, more than any network's unevenness.
const JUMP: i64 = 500 * UNITS_A_MS;

/// Repeated sound older than this is not looked at: three packets of 20 ms, and what they may be held up. A longer hole is a pause.
const MOST_REPEATED: i64 = 100 * UNITS_A_MS;
/// Packets remembered, to know what is a repetition: those of [`MOST_REPEATED`], in packets of 10 ms, and some that changed places.
const REMEMBERED: usize = 16;

/// One packet of sound, as it comes.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// RTP timestamp.
    pub timestamp: u32,
    /// Its sequence number is newer than all before.
    pub in_order: bool,
    /// Of what the payload is.
    pub codec: Codec,
    /// Units of sound in it.
    pub units: i64,
    /// Octets.
    pub payload: &'a [u8],
    /// It repeats sound that was sent before (RFC 2198): wanted only where that did not come.
    pub again: bool,
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Laid {
    /// Its sound will be played.
    InTime,
    /// It came after its turn.
    Late,
    /// Nothing to play in it, more than any sender may send, or here already.
    Unfit,
}

/// What is next in the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Next<'a> {
    /// Position of its first sample.
    pub position: i64,
    /// Units in it.
    pub length: i64,
    /// Its codec.
    pub codec: Codec,
    /// Its octets.
    pub payload: &'a [u8],
}

/// Orders one stream. All memory is allocated in `new`.
pub struct JitterBuffer {
    store: Store,
    arrivals: Arrivals,
    /// The last tick.
    now: i64,
    /// The next sample to play.
    play: i64,
    /// Up to here sound was taken out by [`JitterBuffer::pop`]; at least `play`.
    taken: i64,
    /// A packet has said where the stream is.
    live: bool,
    /// Something of it has been played.
    begun: bool,
    /// Past the newest sample.
    end: i64,
    /// A timestamp, where it is, and units a step of it.
    anchor: (u32, i64, i64),
    /// The stream ended; the next packet begins one that goes on where this one ends.
    splice: bool,
    /// Latest arrival since the last tick.
    latest: Option<i64>,
    /// From where to where the last packets were, in a ring.
    came: [(i64, i64); REMEMBERED],
    came_at: usize,
}

impl JitterBuffer {
    /// Empty.
    pub fn new() -> Self {
        Self {
            store: Store::new(),
            arrivals: Arrivals::new(),
            now: 0,
            play: 0,
            taken: 0,
            live: false,
            begun: false,
            end: 0,
            anchor: (0, 0, 1),
            splice: false,
            latest: None,
            came: [(i64::MIN, i64::MIN); REMEMBERED],
            came_at: 0,
        }
    }

    /// Forget everything: the next packet begins a stream.
    pub fn reset(&mut self) {
        self.store.clear();
        self.arrivals.clear();
        self.live = false;
        self.begun = false;
        self.splice = false;
        self.latest = None;
    }

    /// The next packet and the next tick come soon ([`crate::audio::prefetch`]).
    pub fn prefetch(&self) {
        self.store.prefetch();
        self.arrivals.prefetch();
        prefetch::all(&self.latest);
        prefetch::all(&self.now);
        prefetch::all(&self.anchor);
        prefetch::all(&self.came_at);
        prefetch::all(&self.live);
    }

    /// They come sooner: ask for what lies where that says.
    pub fn prefetch_more(&self) {
        self.store.prefetch_more();
        prefetch::all(&self.came);
    }

    /// Another stream begins with the next packet: it goes on where this one ends, and what is known of the network stays.
    pub fn splice(&mut self) {
        self.splice = true;
    }

    /// One packet of sound.
    pub fn lay(&mut self, packet: &Arrival<'_>) -> Laid {
        let scale = UNITS_A_MS * 1000 / i64::from(packet.codec.clock_hz());
        if packet.units <= 0 || packet.payload.is_empty() || packet.again && !self.misses(packet, scale) {
            return Laid::Unfit;
        }
        if !self.live {
            self.live = true;
            self.begin_at(packet.timestamp, scale, self.now + UNITS_A_TICK);
            self.play = self.anchor.1;
            self.taken = self.play;
            self.end = self.play;
        } else if self.splice || self.anchor.2 != scale {
            // Another clock is another stream, whatever its numbers say.
            self.begin_at(packet.timestamp, scale, self.next_place());
        }
        self.splice = false;
        let mut position = self.position(packet.timestamp);
        // Far ahead of where the sound should be by now, or new and yet all of it past: the sender's timestamps have jumped, or stand still.
        let ahead = position - self.due() > JUMP;
        let past = packet.in_order && (self.begun && position + packet.units <= self.taken || position + JUMP < self.play);
        let mut repaired = 0;
        if ahead || past {
            self.begin_at(packet.timestamp, scale, self.next_place());
            position = self.anchor.1;
        } else if packet.in_order {
            // The anchor goes along, so that no distance comes near half the range of timestamps.
            self.anchor = (packet.timestamp, position, scale);
            repaired = self.repaired(packet, position);
        }
        if !packet.in_order && position + JUMP < self.play {
            // No network holds a packet up by so much; it tells nothing about this one.
            return Laid::Late;
        }
        self.came_at = (self.came_at + 1) % REMEMBERED;
        self.came[self.came_at] = (position, position + packet.units);
        let arrival = position - repaired - (self.now + UNITS_A_TICK);
        self.latest = Some(self.latest.map_or(arrival, |latest| latest.min(arrival)));
        if !self.begun && position < self.play {
            // Before the first one, and nothing was played: the stream began earlier than thought.
            self.play = position;
            self.taken = position;
        }
        if position + packet.units <= self.taken {
            return Laid::Late;
        }
        if !self.store.put(position, packet.units, packet.codec, packet.payload) {
            return Laid::Unfit;
        }
        self.end = self.end.max(position + packet.units);
        Laid::InTime
    }

    /// Whether the sound of a repetition did not come. Then it counts as this late, and is waited for once that happens often: a peer that
    /// repeats itself does so because it pays.
    fn misses(&self, packet: &Arrival<'_>, scale: i64) -> bool {
        let position = self.position(packet.timestamp);
        // What lies farther back than that was given up long ago.
        let recent = position + MOST_REPEATED >= self.end && position + packet.units <= self.end;
        let came = self.came.iter().any(|(from, _)| *from == position);
        self.live && !self.splice && self.anchor.2 == scale && recent && !came
    }

    /// Units just before the newest packet, at `position`, that did not come and that it carries again, as Opus does (in-band FEC). They count
    /// as a repetition does in [`JitterBuffer::misses`]: as late as this packet is.
    fn repaired(&self, packet: &Arrival<'_>, position: i64) -> i64 {
        let lost = (1..=MOST_REPEATED).contains(&(position - self.end)) && !self.came.iter().any(|(_, to)| *to == position);
        if !lost {
            return 0;
        }
        let samples = Decoders::repeated(packet.codec, packet.payload) as i64;
        (samples * UNITS_A_MS * 1000 / i64::from(packet.codec.rate_hz())).min(position - self.end)
    }

    /// A tick begins.
    pub fn tick(&mut self) {
        self.now += UNITS_A_TICK;
        if let Some(arrival) = self.latest.take() {
            self.arrivals.note(arrival);
            self.begun = true;
        }
    }

    /// Whether a stream is known at all.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Position of the next sample to play.
    pub fn play(&self) -> i64 {
        self.play
    }

    /// Position of the next sample to take.
    pub fn taken(&self) -> i64 {
        self.taken
    }

    /// Where in the sound a timestamp of the present stream is.
    pub fn place_of(&self, timestamp: u32) -> i64 {
        self.position(timestamp)
    }

    /// How much longer than it should sound waits, units; negative: shorter. `None` before the first tick with a packet.
    pub fn surplus(&self) -> Option<i64> {
        self.arrivals.quantile().map(|quantile| quantile - (self.play - self.now))
    }

    /// Sound that comes after a pause at `position`: how long it should still wait at this tick, units, to be in time from then on.
    pub fn wait_for(&self, position: i64) -> i64 {
        // Less than a tick of sound: the rest of the tick is still under way, and comes for the next one.
        let short = UNITS_A_TICK - (self.end - position);
        self.arrivals.quantile().map_or(0, |quantile| position - self.now - quantile).max(short).max(0)
    }

    /// Units from the next to play to the newest that is here, with any holes between.
    pub fn held(&self) -> i64 {
        self.store.end().map_or(self.taken, |end| end.max(self.taken)) - self.play
    }

    /// Units that are here and not played, without the holes between.
    pub fn waiting(&self) -> i64 {
        let packets = self.store.packets();
        self.taken - self.play + packets.map(|held| (held.end() - held.position.max(self.taken)).max(0)).sum::<i64>()
    }

    /// The first packet with sound at or after [`JitterBuffer::taken`].
    pub fn peek(&mut self) -> Option<Next<'_>> {
        while self.store.first().is_some_and(|held| held.end() <= self.taken) {
            self.store.pop();
        }
        let held = self.store.first()?;
        Some(Next { position: held.position, length: held.length, codec: held.codec, payload: self.store.payload(held) })
    }

    /// The next packet was decoded: all of it is taken.
    pub fn pop(&mut self) {
        if let Some(held) = self.store.first() {
            self.taken = self.taken.max(held.end());
            self.store.pop();
        }
    }

    /// `units` were made up from what is known to come next: they count as taken.
    pub fn fill(&mut self, units: i64) {
        self.taken += units;
    }

    /// `units` of what was taken are played, or left out.
    pub fn advance(&mut self, units: i64) {
        self.play += units;
        self.taken = self.taken.max(self.play);
    }

    /// Leave out all before `position`, which was not taken yet.
    pub fn skip_to(&mut self, position: i64) {
        self.play = self.play.max(position);
        self.taken = self.taken.max(self.play);
    }

    /// Where the next sound is expected now: the play-out position, and in a pause also the time that has gone by.
    fn due(&self) -> i64 {
        let quantile = self.arrivals.quantile().unwrap_or(self.play - self.now);
        self.play.max(self.now + quantile)
    }

    /// Where a stream goes on that comes after this one.
    fn next_place(&self) -> i64 {
        let quantile = self.arrivals.quantile().unwrap_or(self.play - self.now);
        self.end.max(self.now + UNITS_A_TICK + quantile).max(self.play)
    }

    fn begin_at(&mut self, timestamp: u32, scale: i64, position: i64) {
        self.anchor = (timestamp, position.div_euclid(GRID) * GRID, scale);
    }

    fn position(&self, timestamp: u32) -> i64 {
        let (from, position, scale) = self.anchor;
        // Across the wrap.
        let distance = timestamp.wrapping_sub(from) as i32;
        let there = position + i64::from(distance) * scale;
        there.div_euclid(GRID) * GRID
    }
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for JitterBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the sound.
        f.debug_struct("JitterBuffer").field("held", &self.held()).field("surplus", &self.surplus()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
