//! SCSI Media Changer commands (SMC-3): what a changer answers.

mod element_status;
mod element_type;
mod exchange_medium;
mod initialize_element_status;
pub mod mode_pages;
mod move_medium;
mod open_close_import_export_element;
mod position_to_element;
mod read_element_status;
mod report_element_information;
mod request_volume_element_address;
mod send_volume_tag;
mod tape_alert;

pub use element_status::{ElementDescriptor, ElementStatusReport, MediumType, SourceElement, Tags};
pub use element_type::ElementType;
pub use exchange_medium::ExchangeMedium;
pub use initialize_element_status::InitializeElementStatus;
pub use move_medium::{MoveMedium, StationMotion};
pub use open_close_import_export_element::{DoorAction, OpenCloseImportExportElement};
pub use position_to_element::PositionToElement;
pub use read_element_status::ReadElementStatus;
pub use report_element_information::{ElementInformation, ReportElementInformation};
pub use request_volume_element_address::RequestVolumeElementAddress;
pub use send_volume_tag::{SendAction, SendVolumeTag, VolumeTagTemplate};
pub use tape_alert::ChangerAlert;
