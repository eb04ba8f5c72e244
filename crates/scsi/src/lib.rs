//! T10's vocabulary for tape drives and media changers.
//!
//! This crate names things and turns bytes into values and back: command descriptor blocks, the one
//! table of commands, status and sense, and the parameter data that commands return. It does no I/O,
//! starts no threads, reads no clock, and depends on no other crate of the project.
//!
//! Standards, cited beside the fields: SAM-5 (r21), SPC-5 (r22), SSC-5 (r06), SMC-3 (r16).
//!
//! - [`address`]: logical unit numbers and element addresses.
//! - [`command`]: the table of commands that a drive and a changer answer.
//! - [`describe`]: commands and sense data in words.
//! - [`sense`], [`status`], [`task`]: what a command is and what it answers.
//! - [`spc`], [`ssc`], [`smc`]: CDBs and parameter data, by standard.

pub mod address;
pub mod command;
pub mod describe;
pub mod sense;
pub mod smc;
pub mod spc;
pub mod ssc;
pub mod status;
pub mod task;

pub use address::{ElementAddress, Lun};
pub use command::{CommandSpec, CommandTable, DataDirection, DeviceType};
pub use sense::{AdditionalSense, Sense, SenseFormat, SenseKey};
pub use status::Status;
pub use task::{
    AsynchronousEvent, Cdb, Command, EventDepth, InitiatorPort, NexusId, Response,
    TaskManagementFunction, TaskTag,
};

// Lengths on the wire are u32; `as usize` never loses anything.
const _: () = assert!(usize::BITS >= 64);
