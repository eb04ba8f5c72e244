//! PDUs as bytes and as values (RFC 7143 §11).
//!
//! A [`Header`] is a view: any 48 bytes are one and it can be printed. The structs named after PDUs
//! are values: `parse` reads one from a header, `emit` writes it back, and `parse(emit(x)) == x`.
//! Data segments, digests and padding are the business of whoever moves the bytes.

pub mod ahs;
mod control_pdu;
mod digest;
mod field;
mod header;
mod login_pdu;
mod opcode;
mod scsi_pdu;
mod serial;
#[cfg(test)]
mod tests;
pub mod text;

pub use control_pdu::{
    AsyncMessage, NopIn, NopOut, Reject, Snack, TaskManagementRequest, TaskManagementResponse,
};
pub use digest::{DIGEST_LENGTH, RunningDigest, digest};
pub use field::{Counters, Residual};
pub use header::{AHS_LENGTH_MAX, HEADER_LENGTH, Header, Malformed, RESERVED_TAG, padding};
pub use login_pdu::{
    Isid, LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, Stage, TextRequest,
    TextResponse, Tsih,
};
pub use opcode::{Opcode, RejectReason};
pub(crate) use scsi_pdu::sense_segment;
pub use scsi_pdu::{DataIn, DataOut, ReadyToTransfer, ScsiCommand, ScsiResponse};
pub use serial::SerialNumber;
