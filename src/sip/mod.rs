//! Signalling (RFC 3261 and friends) as values: a user agent that answers, without sockets or clocks.

pub mod agent;
pub mod answer;
mod body;
pub mod event;
pub mod flow;
pub mod framer;
mod lenient;
pub mod schedule;
pub mod target;
pub mod trunk;

pub use agent::Agent;
pub use event::{AgentEvent, AgentSettings, EndReason, Invite, Refusal, SipKey, Transmit};
pub use flow::{Flow, Transport};
pub use schedule::Schedule;
pub use target::Target;
pub use trunk::Trunks;
