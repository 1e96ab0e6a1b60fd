//! What a run is.

use std::net::SocketAddr;
use std::time::Duration;

use super::stream::Background;
use crate::codec::Codec;
use crate::names::{CallId, Key};
use crate::sim::phone::KeyMethod;

/// Most calls at once: thrice what one thread drives here, and all of them together still fit a computer's ports.
pub const MOST_CALLS: usize = 6_000;
/// Longest steady window, seconds: an hour.
pub const MOST_SECONDS: u64 = 3_600;
/// Most new calls a second, dialled and passing together.
pub const MOST_RATE: f64 = 1_000.0;
/// Most listeners whose packets are kept for measuring the delay.
pub const MOST_MEASURED: usize = 200;
/// Most talkers of a meeting: no more can be told apart.
pub const MOST_TALKERS: usize = super::repertoire::VOICES;
/// A passing call that listens so long hears talkers without an announcement over them: then, and only then, silence says that it did not get in.
pub const HEARS_SURELY: Duration = Duration::from_secs(5);
/// How long an answer to BYE is waited for.
pub const GOODBYE: Duration = Duration::from_secs(3);
/// How long an answer is waited for; RFC 3261 gives an INVITE 32 s.
pub const ANSWER: Duration = Duration::from_secs(35);
/// Calls that hang up each second at the end.
pub const HANG_UPS: u64 = 1_000;

/// What to do, and to whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The bridge.
    pub server: SocketAddr,
    /// Whom all dial, as a Request-URI.
    pub target: String,
    /// Dial this instead, with `{id}` for the samtals-ID, and key nothing.
    pub direct: Option<String>,
    /// The meetings, one ID each: `calls` divided by `per_meeting`, rounded up.
    pub ids: Vec<CallId>,
    /// Calls that stay.
    pub calls: usize,
    /// Calls in a meeting.
    pub per_meeting: usize,
    /// Of them, these many talk.
    pub talkers: usize,
    /// New calls a second while the house fills.
    pub rate: f64,
    /// Length of the steady window.
    pub seconds: u64,
    /// From the last caller's last key to the steady window: announcements are over by then.
    pub settle: Duration,
    /// What is offered.
    pub codec: Codec,
    /// How keys are sent.
    pub keys_by: KeyMethod,
    /// What those who do not talk send.
    pub background: Background,
    /// Percent of the callers who key at once; the others hear the prompt first.
    pub barge_in: u8,
    /// How long the prompt is waited for.
    pub prompt: Duration,
    /// Keys pressed after the ID.
    pub after_id: Vec<Key>,
    /// Keys that turn a microphone off and on again; empty: nobody does.
    pub mute_keys: Vec<Key>,
    /// How many talkers do that.
    pub mutes: usize,
    /// Calls a second that come, key, listen and go during the steady window.
    pub churn: f64,
    /// How long such a call listens.
    pub passing: Duration,
    /// Share of packets lost on the way to the bridge, 0 to 1.
    pub loss: f64,
    /// Most delay of a packet on the way to the bridge, milliseconds; each has a random part of it.
    pub jitter_ms: usize,
    /// The core the generator runs on.
    pub cpu: Option<usize>,
    /// Listeners whose delay is measured.
    pub measured: usize,
    /// Feeds all that is random.
    pub seed: u64,
}

impl Settings {
    /// Meetings of the run.
    pub fn meetings(&self) -> usize {
        self.calls.div_ceil(self.per_meeting.max(1))
    }

    /// Passing calls there are at once, at most: 0.3 to 1 s until they key, two seconds of keys, what they listen, and room.
    pub fn passing_at_once(&self) -> usize {
        (self.churn * (self.passing.as_secs_f64() + GOODBYE.as_secs_f64() + 4.0)).ceil() as usize
    }
}
