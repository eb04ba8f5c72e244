//! SCSI Primary Commands (SPC-5): what every device answers.

pub mod attribute;
pub mod buffer;
pub mod diagnostic;
pub mod identifying_information;
pub mod inquiry;
pub mod log;
pub mod mode;
pub mod mode_pages;
pub mod persistent_reserve;
pub mod report_luns;
pub mod report_supported_operation_codes;
pub mod report_supported_task_management_functions;
pub mod request_sense;
pub mod tape_alert;
pub mod target_port_groups;
pub mod timestamp;
pub mod transport_id;
pub mod vpd;
