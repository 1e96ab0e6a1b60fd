//! ljudbro: the telephone entrance to a health region's distance meetings.
//!
//! Two planes, seven floors; a module names only lower floors (`tests/floors.rs`):
//!
//! ```text
//!    names/                                  words and secrets every floor may use
//! 0  audio/  codec/  wire/                   pure: samples, codecs, RTP, RTCP, SDP
//! 1  media/                                  jitter buffer, play-out, leg, mixer, prompts
//! 2  call/   meeting/   sip/                 menu and keys · meetings and IDs · signalling
//! 3  bridge/                                 ControlPlane and MediaPlane: composition, still pure
//! 4  config  run/                            the only clocks, sockets, threads, randomness
//! 5  sim/    http/                           simulated callers · metrics and health
//! 6  cli/                                    subcommands
//! ```
//!
//! `ARCHITECTURE.md` follows one frame and one call through the house.

pub mod audio;
pub mod bridge;
pub mod call;
pub mod cli;
pub mod codec;
pub mod config;
pub mod http;
pub mod media;
pub mod meeting;
pub mod names;
pub mod run;
pub mod sim;
pub mod sip;
pub mod wire;
