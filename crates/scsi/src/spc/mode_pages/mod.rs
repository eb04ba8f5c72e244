//! Mode pages of all devices (SPC-5 §7.5), one file for each.
//!
//! Pages 18h and 19h, protocol specific, are not among them: iSCSI gives their fields no meaning
//! (RFC 7143 §12 keeps burst lengths for its own keys), so there is nothing to tell.

mod control;
mod control_extension;
mod disconnect_reconnect;
mod informational_exceptions;
mod power_condition;

pub use control::Control;
pub use control_extension::ControlExtension;
pub use disconnect_reconnect::DisconnectReconnect;
pub use informational_exceptions::{AlertTest, InformationalExceptions};
pub use power_condition::PowerCondition;
