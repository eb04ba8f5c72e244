//! SCSI Media Changer commands (SMC-3): what a changer answers.

mod element_status;
mod element_type;
mod initialize_element_status;
pub mod mode_pages;
mod move_medium;
mod position_to_element;
mod read_element_status;

pub use element_status::{ElementDescriptor, ElementStatusReport, SourceElement, Tags};
pub use element_type::ElementType;
pub use initialize_element_status::InitializeElementStatus;
pub use move_medium::MoveMedium;
pub use position_to_element::PositionToElement;
pub use read_element_status::ReadElementStatus;
