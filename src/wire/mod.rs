//! Octets and text on the wire: RTP, RTCP, telephone events, SDP. Pure parsing and writing.

pub mod redundancy;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod telephone_event;
