//! Bringing tapes in from other programs, and copying them out.
//!
//! # Purpose
//! `capstan import` and `capstan export` work on the files of a library that no gateway serves: they take the
//! lock on the data directory, and are refused with what to do while a daemon has it.
//!
//! # Guarantees
//! A cartridge appears in the library when everything that was read of it was written, brought to stable
//! storage, read again, and found to be the same ([`digest`]). Whoever is interrupted leaves nothing half: not
//! in the library, and no file of an export under its own name.
//!
//! # Cancellation
//! SIGINT and SIGTERM end a run between two blocks, and so does a disk without room ([`brake`]): the tape that is being
//! worked on leaves nothing, those before it are there, those after it are not begun.
//!
//! # Retry
//! What was imported whole is noted ([`journal`]); the same import again passes it over.
//!
//! - [`source`]: opens what shall be imported. [`import`]: one cartridge, from reading to verifying.
//! - [`mhvtl`]: a whole mhvtl: libraries, drives, places. [`export`]: from a cartridge to files.

pub mod brake;
pub mod digest;
pub mod export;
pub mod import;
pub mod journal;
pub mod media;
pub mod mhvtl;
pub mod progress;
pub mod read_back;
pub mod report;
pub mod source;

#[cfg(test)]
mod tests;
