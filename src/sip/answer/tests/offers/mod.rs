//! Offers in the shape these systems send them (codecs, m-lines, attributes, oddities), with addresses from the documentation ranges.
//! Kept with bare line feeds; `crlf` makes them what the wire carries.

/// Cisco room system (CE): wide codecs first, presentation by BFCP, far-end camera control, IX.
pub const CISCO_ROOM: &str = include_str!("cisco_room.sdp");
/// Poly room system: `m=control`, T.38, events on 119; its name in `o=` is Latin-1 on the wire.
pub const POLY_GROUP: &str = include_str!("poly_group.sdp");
/// Pexip: AVPF, bundle, rtcp-mux, events on two clocks.
pub const PEXIP: &str = include_str!("pexip.sdp");
/// Lifesize: a host name in `c=`, no `s=`, no `t=`, no rtpmap for static types.
pub const LIFESIZE: &str = include_str!("lifesize.sdp");
/// A border controller in front of Teams: encrypted and plain stream as alternatives.
pub const TEAMS_SBC: &str = include_str!("teams_sbc.sdp");
/// Asterisk as a trunk.
pub const ASTERISK: &str = include_str!("asterisk.sdp");
/// FreeSWITCH: events on the wide clock first.
pub const FREESWITCH: &str = include_str!("freeswitch.sdp");
/// baresip on IPv6.
pub const BARESIP: &str = include_str!("baresip.sdp");
/// linphone: AVPF, three event clocks without fmtp, static types without rtpmap.
pub const LINPHONE: &str = include_str!("linphone.sdp");

/// All of them.
pub const ALL: [&str; 9] = [CISCO_ROOM, POLY_GROUP, PEXIP, LIFESIZE, TEAMS_SBC, ASTERISK, FREESWITCH, BARESIP, LINPHONE];

/// As on the wire: CRLF, and one octet a character (all of these are Latin-1).
pub fn wire(offer: &str) -> Vec<u8> {
    offer.replace('\n', "\r\n").chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
