//! SCSI Media Changer commands (SMC-3): what a changer answers.

mod element_type;

pub use element_type::ElementType;
