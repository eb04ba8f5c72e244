//! Log pages of a tape drive (SSC-5 §8.2, SPC-5 §7.3), one file for each.
//!
//! A page is a value with its fields; its parameters are what LOG SENSE tells. What is the same for
//! all pages of all devices is in [`crate::spc::log`].

pub mod data_compression;
pub mod device_statistics;
pub mod device_status;
pub mod dt_device_status;
pub mod error_counters;
pub mod error_details;
pub mod performance;
pub mod requested_recovery;
pub mod self_test_results;
pub mod sequential_access;
pub mod tape_alert;
pub mod tape_capacity;
pub mod tape_diagnostic_data;
pub mod tape_usage;
pub mod temperature;
#[cfg(test)]
mod tests;
pub mod volume_statistics;

pub use crate::spc::tape_alert::{TAPE_ALERT, TAPE_ALERT_RESPONSE, TapeAlertLog, TapeAlerts};
pub use tape_alert::TapeAlert;
pub use tape_capacity::{TAPE_CAPACITY, TapeCapacity};

/// Bytes of a decimal megabyte, in which these pages count unless they say otherwise.
const MEGABYTE: u64 = 1_000_000;
