//! The words every floor may use: identifiers, keys, and the values that must never be shown.
//!
//! This is the ground the house stands on. It knows nothing but the standard library.

mod ids;
mod key;
mod secret;

pub use ids::{CallHandle, LegId, MeetingKey, SayToken, WorkerId};
pub use key::Key;
pub use secret::{CallId, NameError, PhoneNumber};
