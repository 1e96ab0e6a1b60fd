//! RTCP (RFC 3550 §6): SR, RR, SDES with a CNAME that names nobody, BYE; compound packets, without allocation.
//!
//! Octets only: who counts packets, and when a report goes out, is the leg's business. [`interval`] says how long to wait.

use std::time::Duration;

/// Packet types (RFC 3550 §12.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;

/// The one SDES item we send (RFC 3550 §6.5.1).
const CNAME: u8 = 1;

/// Octets of a canonical name written. Ours are 16 (RFC 7022 §4.2); with 128 the longest compound is 204 octets, within the 256 promised.
pub const LONGEST_CNAME: usize = 128;

const VERSION_2: u8 = 2;

/// One report block (RFC 3550 §6.4.1) about a stream we receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReportBlock {
    /// The stream reported on.
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all, 24 bits signed.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with cycles above.
    pub highest_sequence: u32,
    /// Interarrival jitter in timestamp units (RFC 3550 §6.4.1, A.8).
    pub jitter: u32,
    /// Middle 32 bits of the last SR's NTP time.
    pub last_sr: u32,
    /// Delay since that SR, 1/65,536 s.
    pub delay_since_last_sr: u32,
}

/// What a sender says of its own stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SenderInfo {
    /// NTP time, 32.32 fixed point.
    pub ntp: u64,
    /// The same instant in RTP timestamp units.
    pub rtp_timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload octets sent.
    pub octets: u32,
}

impl SenderInfo {
    /// The middle 32 bits of the NTP time: what a report about this one names as `last_sr` (RFC 3550 §6.4.1, LSR).
    pub fn middle(&self) -> u32 {
        (self.ntp >> 16) as u32
    }
}

/// A compound packet to write: SR (or RR without `sender`), SDES CNAME, and BYE at the end of a leg.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    /// Our SSRC.
    pub ssrc: u32,
    /// `None` when nothing was sent since the last two reports (RFC 3550 §6.4).
    pub sender: Option<SenderInfo>,
    /// About the stream we receive, if there is one.
    pub report: Option<ReportBlock>,
    /// Canonical name (RFC 3550 §6.5.1, RFC 7022: random, names nobody). At most [`LONGEST_CNAME`] octets of it are written.
    pub cname: &'a str,
    /// End with BYE (RFC 3550 §6.6).
    pub bye: bool,
}

impl Compound<'_> {
    /// Write into `out` (256 octets are always enough); the number of octets written. Into too few nothing useful is written and 0
    /// returned.
    pub fn write(&self, out: &mut [u8]) -> usize {
        self.put(&mut Pen { out, at: 0 }).unwrap_or(0)
    }

    fn put(&self, pen: &mut Pen<'_>) -> Option<usize> {
        // RFC 3550 §6.4.1, §6.4.2: a report comes first in every compound packet, an empty one if there is nothing to report.
        let count = u8::from(self.report.is_some());
        let words = 1 + if self.sender.is_some() { 5 } else { 0 } + u16::from(count) * 6;
        pen.header(count, if self.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT }, words)?;
        pen.word(self.ssrc)?;
        if let Some(sender) = self.sender {
            pen.octets(&sender.ntp.to_be_bytes())?;
            pen.word(sender.rtp_timestamp)?;
            pen.word(sender.packets)?;
            pen.word(sender.octets)?;
        }
        if let Some(report) = self.report {
            pen.word(report.ssrc)?;
            // Cumulative loss saturates (RFC 3550 A.3).
            let lost = report.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
            pen.word(u32::from(report.fraction_lost) << 24 | lost)?;
            pen.word(report.highest_sequence)?;
            pen.word(report.jitter)?;
            pen.word(report.last_sr)?;
            pen.word(report.delay_since_last_sr)?;
        }
        // RFC 3550 §6.5: one chunk: SSRC, CNAME item, at least one zero octet up to the next word.
        let mut cname = self.cname.as_bytes();
        cname = cname.get(..LONGEST_CNAME).unwrap_or(cname);
        let items = cname.len() + 2;
        let zeros = 4 - items % 4;
        pen.header(1, SOURCE_DESCRIPTION, 1 + ((items + zeros) / 4) as u16)?;
        pen.word(self.ssrc)?;
        pen.octets(&[CNAME, cname.len() as u8])?;
        pen.octets(cname)?;
        pen.octets([0; 4].get(..zeros)?)?;
        if self.bye {
            pen.header(1, BYE, 1)?;
            pen.word(self.ssrc)?;
        }
        Some(pen.at)
    }
}

/// Writes on, as long as there is room.
struct Pen<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl Pen<'_> {
    fn octets(&mut self, octets: &[u8]) -> Option<()> {
        self.out.get_mut(self.at..)?.get_mut(..octets.len())?.copy_from_slice(octets);
        self.at += octets.len();
        Some(())
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.octets(&word.to_be_bytes())
    }

    /// `words`: 32-bit words after this one (RFC 3550 §6.4.1, length).
    fn header(&mut self, count: u8, packet_type: u8, words: u16) -> Option<()> {
        let [high, low] = words.to_be_bytes();
        self.octets(&[VERSION_2 << 6 | count, packet_type, high, low])
    }
}

/// What a received compound packet tells us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// SSRC of the sender of the SR, with its sender info.
    pub sender: Option<(u32, SenderInfo)>,
    /// The report block about *our* stream, if there was one.
    pub report: Option<ReportBlock>,
    /// The sender said goodbye.
    pub bye: bool,
}

/// Read a compound packet; `None` when it is not one (RFC 3550 §6.2, A.2). Unknown packet types are skipped.
///
/// Kinder than A.2 in two things: the first packet may be any RTCP packet (some phones send a lone BYE, and RFC 5506 allows it), and
/// where the lengths stop adding up, what came before still counts.
pub fn read(datagram: &[u8], our_ssrc: u32) -> Option<Received> {
    let mut received = Received::default();
    let (mut count, mut packet_type, mut body, mut rest) = split(datagram)?;
    loop {
        match packet_type {
            SENDER_REPORT => {
                if let Some(((ssrc, info), blocks)) = sender_info(body) {
                    received.sender = Some((ssrc, info));
                    received.report = find_block(blocks, count, our_ssrc).or(received.report);
                }
            }
            RECEIVER_REPORT => received.report = find_block(body.get(4..).unwrap_or(&[]), count, our_ssrc).or(received.report),
            // RFC 3550 §6.6: a BYE that names no source is valid but says nothing.
            BYE => received.bye |= count > 0,
            _ => {}
        }
        match split(rest) {
            Some(next) => (count, packet_type, body, rest) = next,
            None => return Some(received),
        }
    }
}

/// How long to wait until the next report (RFC 3550 §6.2, A.7), given a uniformly random `random` and whether none was sent yet.
///
/// Two members at 64 kbit/s would be allowed a report every 0.7 s, so the minimum of 5 s always rules. It is randomised to 0.5–1.5
/// times itself and divided by e − 3/2 (§6.3.1); half of it before the first report.
pub fn interval(random: u32, first: bool) -> Duration {
    const MINIMUM_S: f64 = 5.0;
    const COMPENSATION: f64 = std::f64::consts::E - 1.5;
    let minimum = if first { MINIMUM_S / 2.0 } else { MINIMUM_S };
    Duration::from_secs_f64(minimum * (0.5 + f64::from(random) / f64::from(u32::MAX)) / COMPENSATION)
}

/// The first packet: count, type, body, and what follows it.
fn split(datagram: &[u8]) -> Option<(u8, u8, &[u8], &[u8])> {
    let (&[first, packet_type, high, low], after) = datagram.split_first_chunk::<4>()?;
    // RFC 5761 §4: the types 192 to 223 are RTCP.
    if first >> 6 != VERSION_2 || !(192..=223).contains(&packet_type) {
        return None;
    }
    let (body, rest) = after.split_at_checked(usize::from(u16::from_be_bytes([high, low])) * 4)?;
    Some((first & 0x1f, packet_type, body, rest))
}

fn sender_info(body: &[u8]) -> Option<((u32, SenderInfo), &[u8])> {
    let ([ssrc, ntp_high, ntp_low, rtp_timestamp, packets, octets], blocks) = words::<6>(body)?;
    let ntp = u64::from(ntp_high) << 32 | u64::from(ntp_low);
    Some(((ssrc, SenderInfo { ntp, rtp_timestamp, packets, octets }), blocks))
}

fn find_block(mut blocks: &[u8], count: u8, our_ssrc: u32) -> Option<ReportBlock> {
    for _ in 0..count {
        let ([ssrc, lost, highest_sequence, jitter, last_sr, delay_since_last_sr], rest) = words::<6>(blocks)?;
        if ssrc == our_ssrc {
            // The sign of 24 bits, by way of the top of 32.
            let cumulative_lost = (lost << 8) as i32 >> 8;
            let fraction_lost = (lost >> 24) as u8;
            return Some(ReportBlock { ssrc, fraction_lost, cumulative_lost, highest_sequence, jitter, last_sr, delay_since_last_sr });
        }
        blocks = rest;
    }
    None
}

/// The first `N` words, and what follows them.
fn words<const N: usize>(mut octets: &[u8]) -> Option<([u32; N], &[u8])> {
    let mut words = [0; N];
    for word in &mut words {
        let (chunk, rest) = octets.split_first_chunk::<4>()?;
        *word = u32::from_be_bytes(*chunk);
        octets = rest;
    }
    Some((words, octets))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPORT: ReportBlock = ReportBlock {
        ssrc: 77,
        fraction_lost: 12,
        cumulative_lost: -3,
        highest_sequence: 0x1_0005,
        jitter: 16,
        last_sr: 0x2222_3333,
        delay_since_last_sr: 65_536,
    };
    const SENDER: SenderInfo = SenderInfo { ntp: 0x1111_2222_3333_4444, rtp_timestamp: 8000, packets: 50, octets: 8000 };

    fn written(compound: Compound<'_>) -> Vec<u8> {
        let mut out = [0; 256];
        let length = compound.write(&mut out);
        assert!(length > 0 && length.is_multiple_of(4));
        out[..length].to_vec()
    }

    #[test]
    fn a_full_report_lies_as_the_standard_says() {
        let octets = written(Compound { ssrc: 1, sender: Some(SENDER), report: Some(REPORT), cname: "abcdef", bye: true });
        assert_eq!(octets[..8], [0x81, 200, 0, 12, 0, 0, 0, 1]);
        assert_eq!(octets[28..36], [0, 0, 0, 77, 12, 0xff, 0xff, 0xfd]);
        // SDES: six octets of name, two of item header: a whole word of zeros must follow.
        assert_eq!(octets[52..], *b"\x81\xca\x00\x04\0\0\0\x01\x01\x06abcdef\0\0\0\0\x81\xcb\x00\x01\0\0\0\x01");
    }

    #[test]
    fn a_report_about_nothing_is_still_a_compound() {
        let octets = written(Compound { ssrc: 1, sender: None, report: None, cname: "a", bye: false });
        assert_eq!(octets, b"\x80\xc9\x00\x01\0\0\0\x01\x81\xca\x00\x02\0\0\0\x01\x01\x01a\0");
        assert_eq!(read(&octets, 1), Some(Received::default()));
    }

    #[test]
    fn the_longest_report_fits_and_a_short_buffer_takes_nothing() {
        let cname = "x".repeat(1000);
        let compound = Compound { ssrc: 1, sender: Some(SENDER), report: Some(REPORT), cname: &cname, bye: true };
        let length = written(compound).len();
        for room in 0..length {
            assert_eq!(compound.write(&mut vec![0; room]), 0);
        }
    }

    #[test]
    fn only_the_block_about_our_stream_counts() {
        let octets = written(Compound { ssrc: 5, sender: Some(SENDER), report: Some(REPORT), cname: "a", bye: true });
        assert_eq!(read(&octets, 77), Some(Received { sender: Some((5, SENDER)), report: Some(REPORT), bye: true }));
        assert_eq!(read(&octets, 78), Some(Received { sender: Some((5, SENDER)), report: None, bye: true }));
        assert_eq!(SENDER.middle(), 0x2222_3333);
        // Two blocks, ours second.
        let mut two = octets[..52].to_vec();
        two[0] += 1;
        two[3] += 6;
        two[31] = 9;
        two.extend(&octets[28..52]);
        assert_eq!(read(&two, 77).and_then(|received| received.report), Some(REPORT));
    }

    #[test]
    fn strange_compounds_are_read_as_far_as_they_go() {
        assert!(read(b"\x81\xcb\x00\x01\0\0\0\x01", 1).is_some_and(|received| received.bye), "a lone BYE");
        assert!(read(b"\x80\xcb\x00\x00", 1).is_some_and(|received| !received.bye), "a BYE of nobody");
        // XR (207, RFC 3611), then BYE, then rubbish.
        assert!(read(b"\x80\xcf\x00\x01\0\0\0\x01\x81\xcb\x00\x01\0\0\0\x01\xff\xff", 1).is_some_and(|received| received.bye));
        assert_eq!(read(b"\x80\x08\x00\x01\0\0\0\x01", 1), None, "RTP");
        assert_eq!(read(b"\x81\xc8\x00\x0c", 1), None, "longer than its datagram");
        assert_eq!(read(b"", 1), None);
    }

    #[test]
    fn reports_are_two_to_six_seconds_apart() {
        assert_eq!(interval(0, false).as_millis(), 2052);
        assert_eq!(interval(u32::MAX, false).as_millis(), 6156);
        assert_eq!(interval(0, true).as_millis(), 1026);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..200), types in 200u8..205) {
            // Half of them look like RTCP at their head.
            if let [first, second, third, ..] = octets.as_mut_slice() && *third < 128 {
                (*first, *second, *third) = (*first & 0x3f | 0x80, types, 0);
            }
            read(&octets, 0);
        }

        #[test]
        fn what_is_written_reads_back_the_same(
            ntp in any::<u64>(), numbers in any::<[u32; 8]>(), lost in -0x80_0000i32..0x80_0000, fraction_lost in any::<u8>(),
            cname in "[a-z0-9]{0,40}", parts in any::<[bool; 3]>(),
        ) {
            let [ssrc, rtp_timestamp, packets, octets, highest_sequence, jitter, last_sr, delay_since_last_sr] = numbers;
            let sender = parts[0].then_some(SenderInfo { ntp, rtp_timestamp, packets, octets });
            let block =
                ReportBlock { ssrc: 99, fraction_lost, cumulative_lost: lost, highest_sequence, jitter, last_sr, delay_since_last_sr };
            let report = parts[1].then_some(block);
            let written = written(Compound { ssrc, sender, report, cname: &cname, bye: parts[2] });
            let sender = sender.map(|info| (ssrc, info));
            prop_assert_eq!(read(&written, 99), Some(Received { sender, report, bye: parts[2] }));
        }
    }
}
