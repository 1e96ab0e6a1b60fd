//! The two planes: composition of everything below, still pure.

pub mod command;
pub mod control;
pub mod figures;
pub mod plane;

pub use command::{ControlInput, ControlOutput, ControlSettings, LegCost, LegCosts, MediaCommand, MediaEvent, SeenBy, WhenFull};
pub use control::{Admission, Burden, ControlFigures, ControlPlane, SipFigures};
pub use figures::{Histogram, MediaFigures};
pub use plane::{MediaPlane, Ports, ReceivedDatagram, Slot};
