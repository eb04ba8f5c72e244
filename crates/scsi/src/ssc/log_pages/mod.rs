//! Log pages of a tape drive (SSC-5 §8.2, SPC-5 §7.3), one file for each.
//!
//! A page is a value with its fields; its parameters are what LOG SENSE tells. What is the same for
//! all pages of all devices is in [`crate::spc::log`].

pub mod tape_alert;
pub mod tape_capacity;

pub use crate::spc::tape_alert::{TAPE_ALERT, TapeAlertLog, TapeAlerts};
pub use tape_alert::TapeAlert;
pub use tape_capacity::{TAPE_CAPACITY, TapeCapacity};
