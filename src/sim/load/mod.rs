//! Thousands of simulated callers against any SIP conference bridge, over real sockets: the engine of `ljudbro load`.
//!
//! [`Engine`] drives them on one thread and leaves a [`Run`]: what was heard, in numbers, and packets of some listeners.
//! What those packets say (who got in, how late the sound came) is worked out afterwards, so that measuring costs the run nothing.
//! The generator measures its own lateness too: a run in which it was late says nothing about the bridge.
//!
//! - `settings.rs`: what a run is, and its limits · `progress.rs`: what can be seen of it meanwhile
//! - `repertoire.rs`, `marker.rs`: all sound there is, prepared · `stream.rs`: what one call sends · `wheel.rs`: packets held back
//! - `hearing.rs`, `tape.rs`, `histogram.rs`: what is heard
//! - `analysis.rs`, `track.rs`, `correlate.rs`: what the kept packets say · `figures.rs`: all of it in figures · `server.rs`: the bridge's process
//! - `caller.rs`, `engine/`: callers and what drives them · `sockets.rs`, `clock.rs`: the system
#![allow(clippy::disallowed_methods, reason = "callers on real sockets need the clocks")]

mod analysis;
mod caller;
mod clock;
mod correlate;
mod engine;
mod figures;
mod hearing;
mod histogram;
mod marker;
mod progress;
mod repertoire;
mod server;
mod settings;
mod sockets;
mod stream;
mod tape;
mod times;
mod track;
mod wheel;

pub use analysis::{Analysis, analyse, codec_delay_ms};
pub use engine::{Engine, Failure, Own, Run};
pub use figures::{Calls, Delay, Figures, Generator, LATE_MS, Plan, Received, Server, figures};
pub use hearing::Heard;
pub use histogram::Histogram;
pub use progress::{Progress, Stretch};
pub use repertoire::Repertoire;
pub use server::{Sample, Watch};
pub use settings::{MOST_CALLS, MOST_MEASURED, MOST_RATE, MOST_SECONDS, MOST_TALKERS, Settings};
pub use stream::Background;
pub use times::{Bars, Of, Times};
