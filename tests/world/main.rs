//! The whole bridge but its sockets: a real control plane, real media planes and simulated phones on a virtual clock and a seeded network.
//!
//! Nothing sleeps; a test that says "a minute later" takes milliseconds, and with its seed every run is the same. Prompts are pairs of tones, one
//! pair for each prompt, so that a test can ask what a phone heard, and when. Callers say single tones below them.
//!
//! - `world.rs`, `desk.rs`, `net.rs`, `ports.rs`, `ears.rs`: the world
//! - all others: how the bridge behaves in it
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod codecs;
mod desk;
mod ears;
mod entering;
mod hanging_up;
mod hold;
mod logs;
mod meetings;
mod menu;
mod net;
mod network;
mod overload;
mod ports;
mod rooms;
mod world;
