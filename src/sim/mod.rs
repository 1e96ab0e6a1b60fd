//! Simulated callers: phones that speak SIP and RTP as values. `ljudbro call` puts one on real sockets, the tests put many on a
//! simulated network, `ljudbro load` drives thousands.

pub mod load;
pub mod phone;

pub use phone::{Ended, Faults, Hold, KeyMethod, OfferIn, Phone, PhoneEvent, PhoneOutput, PhoneSettings, Recording, Source};
