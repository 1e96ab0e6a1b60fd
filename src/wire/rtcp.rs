//! RTCP (RFC 3550 §6): SR, RR, SDES with a CNAME that names nobody, BYE; compound packets, without allocation.

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

/// A compound packet to write: SR (or RR without `sender`), SDES CNAME, and BYE at the end of a leg.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    /// Our SSRC.
    pub ssrc: u32,
    /// `None` when nothing was sent since the last two reports (RFC 3550 §6.4).
    pub sender: Option<SenderInfo>,
    /// About the stream we receive, if there is one.
    pub report: Option<ReportBlock>,
    /// Canonical name (RFC 3550 §6.5.1, RFC 7022: random, names nobody).
    pub cname: &'a str,
    /// End with BYE (RFC 3550 §6.6).
    pub bye: bool,
}

impl Compound<'_> {
    /// Write into `out` (256 octets are always enough); the number of octets written.
    pub fn write(&self, _out: &mut [u8]) -> usize {
        todo!()
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
pub fn read(_datagram: &[u8], _our_ssrc: u32) -> Option<Received> {
    todo!()
}
