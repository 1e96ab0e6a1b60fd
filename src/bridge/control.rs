//! The control plane: calls, meetings, signalling. One value, one owner.

use std::time::Instant;

use super::{ControlInput, ControlOutput, ControlSettings};

/// Everything that decides. Mutate with `handle_input`, then drain `poll_output`.
#[derive(Debug)]
pub struct ControlPlane {}

impl ControlPlane {
    /// `seed` feeds tags, SSRCs and handles; it must be unpredictable.
    pub fn new(_settings: ControlSettings, _seed: [u8; 32]) -> Self {
        todo!()
    }

    /// Something happened.
    pub fn handle_input(&mut self, _now: Instant, _input: ControlInput) {
        todo!()
    }

    /// What to do next; `None` when nothing is left.
    pub fn poll_output(&mut self) -> Option<ControlOutput> {
        todo!()
    }

    /// When to feed [`ControlInput::Timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// Calls now.
    pub fn calls(&self) -> usize {
        todo!()
    }
}
