//! Meetings: who is in them, and which samtals-ID leads to which.

mod directory;
mod roster;

pub use directory::{Directory, Source};
pub use roster::{Entered, Left, Meeting};
