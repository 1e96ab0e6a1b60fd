//! When RTCP goes out and what it says (RFC 3550 §6): SR or RR, SDES with a random CNAME, BYE.

use std::time::Instant;

use super::packets::Packets;
use crate::media::LegSetup;
use crate::media::reception::Reception;
use crate::wire::rtcp::{Compound, SenderInfo, interval};

/// Reports about one leg.
pub(super) struct Reports {
    cname: [u8; 16],
    /// Sender reports count time from here: RFC 3550 §4 lets a sender without a wall clock use the time since it joined, and it tells
    /// nobody what our clock says.
    base: Instant,
    due: Instant,
    /// RTP packets sent as of the last report and the one before.
    sent: [u64; 2],
    reported: bool,
    /// State of the generator that spreads the reports; seeded with the leg's own random values.
    random: u64,
}

impl Reports {
    pub(super) fn new(now: Instant, setup: &LegSetup) -> Self {
        let seed = u128::from_be_bytes(setup.cname);
        let mut reports = Self {
            cname: setup.cname,
            base: now,
            due: now,
            sent: [0; 2],
            reported: false,
            random: seed as u64 ^ (seed >> 64) as u64 ^ u64::from(setup.ssrc) << 16,
        };
        reports.due = now + interval(reports.next_random(), true);
        reports
    }

    /// A report if it is time for one.
    pub(super) fn turn(&mut self, now: Instant, packets: &Packets, reception: &mut Reception, out: impl FnOnce(&[u8])) {
        if now >= self.due {
            self.due = now + interval(self.next_random(), false);
            self.write(now, packets, reception, false, out);
        }
    }

    /// The last report, with BYE.
    pub(super) fn goodbye(&mut self, now: Instant, packets: &Packets, reception: &mut Reception, out: impl FnOnce(&[u8])) {
        // RFC 3550 §6.3.7: who never sent anything must not say goodbye.
        if self.reported || packets.sent() > 0 {
            self.write(now, packets, reception, true, out);
        }
    }

    fn write(&mut self, now: Instant, packets: &Packets, reception: &mut Reception, bye: bool, out: impl FnOnce(&[u8])) {
        // RFC 3550 §6.4: a sender report if something was sent since the last report or the one before.
        let sender = (packets.sent() > self.sent[1] && packets.sent_in_stream() > 0).then(|| SenderInfo {
            ntp: self.ntp(now),
            rtp_timestamp: packets.timestamp(now),
            packets: packets.sent_in_stream() as u32,
            octets: packets.octets() as u32,
        });
        self.sent = [packets.sent(), self.sent[0]];
        self.reported = true;
        let cname = std::str::from_utf8(&self.cname).unwrap_or("");
        let mut octets = [0; 256];
        let report = reception.report_block(now);
        let length = Compound { ssrc: packets.ssrc(), sender, report, cname, bye }.write(&mut octets);
        out(&octets[..length]);
    }

    /// 32.32 fixed point seconds. One more than passed: zero would mean that we have no clock.
    fn ntp(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.base);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        (passed.as_secs() + 1) << 32 | fraction
    }

    /// splitmix64: only to spread reports in time.
    fn next_random(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 32) as u32
    }
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").field("reported", &self.reported).finish_non_exhaustive()
    }
}
