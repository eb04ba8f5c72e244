//! SCSI Stream Commands (SSC-5): what a tape drive answers.
//!
//! Command descriptor blocks become typed values with `parse`; parameter data become bytes with
//! `to_bytes`. Bits that the standard reserves are refused before, by the table in
//! [`crate::command`]; what stands here are the rules between fields. REWIND has none: IMMED only
//! permits an earlier answer.

pub mod allow_overwrite;
pub mod block_limits;
pub mod density;
pub mod encryption;
pub mod erase;
pub mod format_medium;
pub mod load_unload;
pub mod locate;
pub mod log_pages;
pub mod mode_header;
pub mod mode_pages;
pub mod prevent_allow;
pub mod protection_information;
pub mod read_media_serial_number;
pub mod read_position;
pub mod read_write;
pub mod space;
pub mod verify;
pub mod vpd;
pub mod write_filemarks;
