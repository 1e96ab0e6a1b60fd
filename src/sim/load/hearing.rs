//! What one call hears, in numbers: packets missing, late, doubled, out of order. From the kernel's stamps, so it is the bridge that is judged,
//! and not when this program got round to reading.

use super::histogram::Histogram;

/// More than this between two packets is a gap: two packets' time, what a phone's jitter buffer begins to feel.
pub const GAP_NS: u64 = 40_000_000;
/// A timestamp that jumps by more than this is a new beginning, seconds.
const JUMP_S: u32 = 2;
/// Sequence numbers remembered to tell a duplicate from a late packet.
const REMEMBERED: u16 = 64;

/// Of all calls together, in the steady window.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Packets that came, each once.
    pub packets: u64,
    /// Numbers that were left out and never came.
    pub missing: u64,
    /// Packets behind one with a higher number.
    pub disordered: u64,
    /// Packets that came again.
    pub doubled: u64,
    /// Times between two packets above 40 ms.
    pub gaps: u64,
    /// New sources or jumps of the timestamp.
    pub restarts: u64,
    /// Calls in which a gap was.
    pub calls_with_gaps: u64,
    /// Calls that heard no packet at all.
    pub silent: u64,
    /// |Δarrival − Δtimestamp| of packets in order, nanoseconds.
    pub jitter: Histogram,
    /// Longest time between two packets, nanoseconds.
    pub longest_gap: u64,
}

/// The last packet in order.
#[derive(Clone, Copy, Debug)]
struct Last {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    stamp: u64,
    /// The numbers before it, the nearest in the lowest bit: 1 is "has come".
    came: u64,
}

/// One call's ear.
#[derive(Clone, Debug, Default)]
pub struct Hearing {
    last: Option<Last>,
    packets: u64,
    left_out: u64,
    gaps: u64,
}

/// The head of a received packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// When the kernel had it, nanoseconds of the wall clock.
    pub stamp: u64,
    /// Its source.
    pub ssrc: u32,
    /// Its number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
}

impl Hearing {
    /// Begin to count.
    pub fn begin(&mut self) {
        *self = Self::default();
    }

    /// A packet came. `clock_hz`: of its timestamps.
    pub fn packet(&mut self, arrival: Arrival, clock_hz: u32, heard: &mut Heard) {
        let Arrival { stamp, ssrc, sequence, timestamp } = arrival;
        let next = Last { ssrc, sequence, timestamp, stamp, came: 0 };
        let Some(last) = self.last.filter(|last| last.ssrc == ssrc) else {
            heard.restarts += u64::from(self.last.is_some());
            self.come(next, heard);
            return;
        };
        let forward = sequence.wrapping_sub(last.sequence);
        if forward == 0 || forward > u16::MAX / 2 {
            self.late(last, last.sequence.wrapping_sub(sequence), heard);
            return;
        }
        let units = timestamp.wrapping_sub(last.timestamp);
        if units > JUMP_S * clock_hz {
            heard.restarts += 1;
            self.come(next, heard);
            return;
        }
        let apart = stamp.saturating_sub(last.stamp);
        let meant = u64::from(units) * 1_000_000_000 / u64::from(clock_hz.max(1));
        heard.jitter.add(apart.abs_diff(meant));
        self.gap(apart, heard);
        self.left_out += u64::from(forward - 1);
        heard.missing += u64::from(forward - 1);
        // The last one moves `forward` places down; shifting by 64 and more leaves nothing.
        let came = last.came.checked_shl(u32::from(forward)).unwrap_or(0) | 1u64.checked_shl(u32::from(forward) - 1).unwrap_or(0);
        self.come(Last { came, ..next }, heard);
    }

    /// The window is over, at this stamp: silence until now is a gap too.
    pub fn end(&mut self, stamp: u64, heard: &mut Heard) {
        match self.last {
            Some(last) => self.gap(stamp.saturating_sub(last.stamp), heard),
            None => heard.silent += 1,
        }
        heard.calls_with_gaps += u64::from(self.gaps > 0);
    }

    /// Packets counted.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    fn come(&mut self, last: Last, heard: &mut Heard) {
        self.last = Some(last);
        self.packets += 1;
        heard.packets += 1;
    }

    fn late(&mut self, mut last: Last, behind: u16, heard: &mut Heard) {
        let bit = if behind == 0 || behind > REMEMBERED { 0 } else { 1u64 << (behind - 1) };
        if behind == 0 || last.came & bit != 0 {
            heard.doubled += 1;
            return;
        }
        heard.disordered += 1;
        last.came |= bit;
        self.last = Some(last);
        // From before the window began there is nothing to make good.
        if self.left_out > 0 {
            self.left_out -= 1;
            self.packets += 1;
            heard.missing -= 1;
            heard.packets += 1;
        }
    }

    fn gap(&mut self, apart: u64, heard: &mut Heard) {
        heard.longest_gap = heard.longest_gap.max(apart);
        if apart > GAP_NS {
            heard.gaps += 1;
            self.gaps += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn hear(packets: &[(u16, u64)]) -> Heard {
        let (mut hearing, mut heard) = (Hearing::default(), Heard::default());
        for &(sequence, ms) in packets {
            let timestamp = u32::from(sequence).wrapping_mul(160);
            hearing.packet(Arrival { stamp: ms * MS, ssrc: 1, sequence, timestamp }, 8_000, &mut heard);
        }
        hearing.end(packets.last().map_or(0, |last| last.1) * MS, &mut heard);
        heard
    }

    #[test]
    fn an_even_stream_has_no_fault() {
        let packets: Vec<_> = (0..100u16).map(|n| (n, 20 * u64::from(n))).collect();
        let heard = hear(&packets);
        assert_eq!((heard.packets, heard.missing, heard.gaps, heard.doubled, heard.disordered), (100, 0, 0, 0, 0));
        assert_eq!((heard.jitter.count(), heard.jitter.most()), (99, 0));
    }

    #[test]
    fn what_is_missing_late_and_doubled_is_told_apart() {
        let heard = hear(&[(10, 0), (12, 41), (11, 42), (12, 43), (11, 44), (15, 100), (15, 101)]);
        assert_eq!((heard.packets, heard.missing), (4, 2), "13 and 14 never came");
        assert_eq!((heard.disordered, heard.doubled), (1, 3));
        assert_eq!((heard.gaps, heard.calls_with_gaps), (2, 1));
        assert_eq!(heard.longest_gap, 59 * MS);
        assert_eq!(heard.jitter.most(), MS);
    }

    #[test]
    fn a_packet_from_before_the_window_makes_nothing_good() {
        let (mut hearing, mut heard) = (Hearing::default(), Heard::default());
        for (sequence, ms) in [(10u16, 0), (9, 1), (11, 20)] {
            let timestamp = u32::from(sequence) * 160;
            hearing.packet(Arrival { stamp: ms * MS, ssrc: 1, sequence, timestamp }, 8_000, &mut heard);
        }
        assert_eq!((heard.packets, heard.missing, heard.disordered), (2, 0, 1));
    }

    #[test]
    fn a_new_source_and_a_jump_are_beginnings_and_no_jitter() {
        let (mut hearing, mut heard) = (Hearing::default(), Heard::default());
        for (ssrc, sequence, timestamp) in [(1, 5, 0), (2, 900, 77), (2, 901, 77 + 160), (2, 902, 1_000_000)] {
            hearing.packet(Arrival { stamp: 0, ssrc, sequence, timestamp }, 8_000, &mut heard);
        }
        assert_eq!((heard.restarts, heard.packets, heard.missing), (2, 4, 0));
        assert_eq!(heard.jitter.count(), 1);
    }

    #[test]
    fn a_call_that_hears_nothing_is_counted() {
        let mut heard = Heard::default();
        Hearing::default().end(0, &mut heard);
        assert_eq!(heard.silent, 1);
        let mut hearing = Hearing::default();
        hearing.packet(Arrival { stamp: 0, ssrc: 1, sequence: 0, timestamp: 0 }, 8_000, &mut heard);
        hearing.end(50 * MS, &mut heard);
        assert_eq!((heard.silent, heard.gaps), (1, 1), "silence at the end is a gap");
    }
}
