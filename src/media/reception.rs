//! What is known of the stream a caller sends: which source, which packets came, how evenly (RFC 3550 A.1, A.3, A.8).
//!
//! Only the headers matter here; the sound goes to the [`super::jitter::JitterBuffer`].

use std::time::{Duration, Instant};

use crate::wire::rtcp::{ReportBlock, SenderInfo};

/// A gap in the sequence up to this is loss, more is a source that began anew (RFC 3550 A.1, MAX_DROPOUT).
const MOST_DROPOUT: u16 = 3000;
/// A packet this far behind is late, more is a source that began anew (RFC 3550 A.1, MAX_MISORDER).
const MOST_MISORDER: u16 = 100;
/// A source that was silent for this long is replaced at once, without asking for a second packet of the new one.
const QUIET: Duration = Duration::from_millis(100);
/// A step of the transit time beyond so many seconds is a jump of the timestamps, not jitter.
const MOST_JITTER: u32 = 1;

/// What a packet is to the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The first of a stream: what was buffered of the last one is history.
    First,
    /// Newer than all before.
    InOrder,
    /// Older than the newest, seen for the first time.
    Reordered,
    /// Seen before.
    Duplicate,
    /// Not of our stream, or of one not trusted yet (RFC 3550 A.1, probation).
    Strange,
}

/// Counts one stream.
#[derive(Debug)]
pub struct Reception {
    /// Where arrival times count from.
    base: Instant,
    stream: Option<Stream>,
    /// A source that wants to replace ours, and the sequence number that would prove it.
    candidate: Option<(u32, u16)>,
    /// Loss of the streams before this one.
    lost_before: u64,
    /// The last sender report: its NTP middle, and when it came.
    sender_report: Option<(u32, Instant)>,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// Extended by the cycles of the wrap.
    first: u32,
    highest: u32,
    /// Bit n: the packet n before the highest came.
    seen: u64,
    /// Would prove that the source began anew.
    anew: Option<u16>,
    received: u32,
    expected_prior: u32,
    received_prior: u32,
    transit: Option<u32>,
    /// Of the timestamps, Hz.
    clock_hz: u32,
    /// Sixteenths of a timestamp unit.
    jitter: u32,
    last: Instant,
}

impl Reception {
    /// Nothing received; `base` is any instant before the first packet.
    pub fn new(base: Instant) -> Self {
        Self { base, stream: None, candidate: None, lost_before: 0, sender_report: None }
    }

    /// The source of the stream, once there is one.
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }

    /// A packet that may begin a stream or replace ours.
    pub fn take(&mut self, arrived: Instant, ssrc: u32, sequence: u16) -> Standing {
        let Some(stream) = &mut self.stream else { return self.begin(arrived, ssrc, sequence) };
        if stream.ssrc == ssrc {
            self.candidate = None;
            let standing = stream.take(sequence);
            if standing == Standing::First {
                return self.begin(arrived, ssrc, sequence);
            }
            if standing != Standing::Strange {
                stream.last = stream.last.max(arrived);
            }
            return standing;
        }
        // RFC 3550 A.1: a new source must show two packets in sequence, or two that talk at once would take turns.
        if arrived.saturating_duration_since(stream.last) > QUIET || self.candidate == Some((ssrc, sequence)) {
            return self.begin(arrived, ssrc, sequence);
        }
        self.candidate = Some((ssrc, sequence.wrapping_add(1)));
        Standing::Strange
    }

    /// A packet that is no sound (a key, comfort noise): counted when it is of our stream, but no reason to change streams, for some
    /// gateways send keys from a source of their own.
    pub fn take_beside(&mut self, arrived: Instant, ssrc: u32, sequence: u16) {
        if self.ssrc().is_none_or(|ours| ours == ssrc) {
            self.take(arrived, ssrc, sequence);
        }
    }

    /// Interarrival jitter (RFC 3550 A.8): of sound only, for keys repeat their timestamps. `timestamp` in 1/`clock_hz` s.
    pub fn time(&mut self, arrived: Instant, timestamp: u32, clock_hz: u32) {
        let Some(stream) = &mut self.stream else { return };
        // Low 32 bits of the arrival in timestamp units; only differences count.
        let since = arrived.saturating_duration_since(self.base).as_micros();
        let transit = ((since * u128::from(clock_hz) / 1_000_000) as u32).wrapping_sub(timestamp);
        if std::mem::replace(&mut stream.clock_hz, clock_hz) != clock_hz {
            // Another codec, another clock.
            stream.transit = None;
            stream.jitter = 0;
        }
        if let Some(before) = stream.transit.replace(transit) {
            let step = (transit.wrapping_sub(before) as i32).unsigned_abs();
            if step <= MOST_JITTER * clock_hz {
                stream.jitter = stream.jitter + step - ((stream.jitter + 8) >> 4);
            }
        }
    }

    /// A sender report came.
    pub fn sender_reported(&mut self, now: Instant, ssrc: u32, info: &SenderInfo) {
        if self.ssrc() == Some(ssrc) {
            self.sender_report = Some((info.middle(), now));
        }
    }

    /// The report block about the stream; the fraction lost counts from the last call (RFC 3550 A.3).
    pub fn report_block(&mut self, now: Instant) -> Option<ReportBlock> {
        let stream = self.stream.as_mut()?;
        let expected = stream.expected();
        let expected_since = expected.wrapping_sub(stream.expected_prior);
        let received_since = stream.received.wrapping_sub(stream.received_prior);
        stream.expected_prior = expected;
        stream.received_prior = stream.received;
        let lost_since = u64::from(expected_since.saturating_sub(received_since));
        let fraction_lost = (lost_since << 8).checked_div(u64::from(expected_since)).unwrap_or(0).min(255) as u8;
        let (last_sr, delay_since_last_sr) = match self.sender_report {
            // 1/65,536 s; wraps after 18 hours, which no report is late.
            Some((middle, at)) => (middle, (now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000) as u32),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc: stream.ssrc,
            fraction_lost,
            cumulative_lost: expected.wrapping_sub(stream.received) as i32,
            highest_sequence: stream.highest,
            jitter: stream.jitter >> 4,
            last_sr,
            delay_since_last_sr,
        })
    }

    /// Packets missing in the sequences of all streams.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.stream.as_ref().map_or(0, Stream::lost)
    }

    /// Interarrival jitter, µs.
    pub fn jitter_us(&self) -> u32 {
        let jitter = |stream: &Stream| u64::from(stream.jitter) * 1_000_000 / 16 / u64::from(stream.clock_hz.max(1));
        self.stream.as_ref().map_or(0, |stream| jitter(stream) as u32)
    }

    fn begin(&mut self, arrived: Instant, ssrc: u32, sequence: u16) -> Standing {
        if self.ssrc() != Some(ssrc) {
            self.sender_report = None;
        }
        self.lost_before = self.lost();
        self.candidate = None;
        let first = u32::from(sequence);
        self.stream = Some(Stream {
            ssrc,
            first,
            highest: first,
            seen: 1,
            anew: None,
            received: 1,
            expected_prior: 0,
            received_prior: 0,
            transit: None,
            clock_hz: 8_000,
            jitter: 0,
            last: arrived,
        });
        Standing::First
    }
}

impl Stream {
    /// RFC 3550 A.1, and duplicates besides.
    fn take(&mut self, sequence: u16) -> Standing {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = ahead.wrapping_neg();
        if (1..MOST_DROPOUT).contains(&ahead) {
            self.highest = self.highest.wrapping_add(ahead.into());
            self.seen = self.seen.checked_shl(ahead.into()).unwrap_or(0) | 1;
            self.anew = None;
            self.received = self.received.wrapping_add(1);
            return Standing::InOrder;
        }
        if behind <= MOST_MISORDER {
            // What is farther back than the memory is taken for new: it comes too late to be heard anyway.
            let bit = 1u64.checked_shl(behind.into()).unwrap_or(0);
            if self.seen & bit != 0 {
                return Standing::Duplicate;
            }
            self.seen |= bit;
            self.received = self.received.wrapping_add(1);
            // Before the first one: the stream began earlier than thought. (Below zero stays at the first.)
            self.first = self.first.min(self.highest.saturating_sub(behind.into()));
            return Standing::Reordered;
        }
        if self.anew == Some(sequence) {
            return Standing::First;
        }
        self.anew = Some(sequence.wrapping_add(1));
        Standing::Strange
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.first).wrapping_add(1)
    }

    fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ms(base: Instant, ms: u64) -> Instant {
        base + Duration::from_millis(ms)
    }

    #[test]
    fn loss_is_counted_across_the_wrap_and_duplicates_are_not_received_twice() {
        let base = start();
        let mut reception = Reception::new(base);
        assert_eq!(reception.take(base, 1, 65_533), Standing::First);
        for (sequence, standing) in [
            (65_534, Standing::InOrder),
            (65_534, Standing::Duplicate),
            (1, Standing::InOrder),
            (65_535, Standing::Reordered),
            (65_535, Standing::Duplicate),
            (2, Standing::InOrder),
        ] {
            assert_eq!(reception.take(base, 1, sequence), standing, "{sequence}");
        }
        assert_eq!(reception.lost(), 1);
        let block = reception.report_block(base).unwrap();
        assert_eq!((block.highest_sequence, block.cumulative_lost, block.fraction_lost), (0x1_0002, 1, 42));
        reception.take(base, 1, 3);
        assert_eq!(reception.report_block(base).unwrap().fraction_lost, 0, "only since the last report");
    }

    #[test]
    fn a_second_source_takes_over_only_with_two_packets_in_a_row() {
        let base = start();
        let mut reception = Reception::new(base);
        for n in 0..10u16 {
            reception.take(ms(base, u64::from(n) * 20), 1, n);
            assert_eq!(reception.take(ms(base, u64::from(n) * 20), 2, 100 + n), Standing::Strange);
        }
        assert_eq!(reception.take(ms(base, 201), 2, 110), Standing::First);
        assert_eq!(reception.ssrc(), Some(2));
        assert_eq!(reception.take(ms(base, 400), 3, 7), Standing::First, "at once when the old one is silent");
    }

    #[test]
    fn a_source_that_begins_anew_is_followed_at_the_second_packet() {
        let base = start();
        let mut reception = Reception::new(base);
        reception.take(base, 1, 100);
        reception.take(base, 1, 102);
        assert_eq!(reception.take(base, 1, 40_000), Standing::Strange);
        assert_eq!(reception.take(base, 1, 40_001), Standing::First);
        assert_eq!(reception.lost(), 1);
    }

    #[test]
    fn keys_from_another_source_do_not_replace_the_sound() {
        let base = start();
        let mut reception = Reception::new(base);
        reception.take(base, 1, 5);
        reception.take_beside(ms(base, 500), 9, 1);
        reception.take_beside(ms(base, 500), 9, 2);
        reception.take_beside(ms(base, 500), 1, 6);
        assert_eq!(reception.take(ms(base, 520), 1, 7), Standing::InOrder);
        assert_eq!(reception.lost(), 0);
    }

    #[test]
    fn jitter_is_what_the_standard_computes() {
        let base = start();
        let mut reception = Reception::new(base);
        reception.take(base, 1, 0);
        // Alternately on time and 4 ms late: every step is 4 ms, so the filter goes there.
        for n in 0..400u32 {
            reception.time(ms(base, u64::from(n) * 20 + u64::from(n % 2) * 4), (n * 160).wrapping_sub(100), 8_000);
        }
        assert!((3900..4100).contains(&reception.jitter_us()), "{}", reception.jitter_us());
        reception.time(ms(base, 8000), 0x7000_0000, 8_000);
        assert!(reception.jitter_us() < 4100, "a jump of the timestamps is no jitter");
    }

    #[test]
    fn a_report_says_how_long_ago_the_sender_report_came() {
        let base = start();
        let mut reception = Reception::new(base);
        assert_eq!(reception.report_block(base), None);
        reception.take(base, 1, 0);
        let info = SenderInfo { ntp: 0x1111_2222_3333_4444, ..SenderInfo::default() };
        reception.sender_reported(base, 2, &info);
        assert_eq!(reception.report_block(base).unwrap().last_sr, 0);
        reception.sender_reported(base, 1, &info);
        let block = reception.report_block(ms(base, 1500)).unwrap();
        assert_eq!((block.last_sr, block.delay_since_last_sr), (0x2222_3333, 98_304));
    }
}
