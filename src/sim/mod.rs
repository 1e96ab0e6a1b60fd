//! Simulated callers: SIP and RTP as values. To be written.
