//! SCSI Primary Commands (SPC-5): what every device answers.

pub mod inquiry;
pub mod log;
pub mod mode;
pub mod persistent_reserve;
pub mod report_luns;
pub mod request_sense;
pub mod vpd;
