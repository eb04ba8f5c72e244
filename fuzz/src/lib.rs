//! Fuzz targets of what Capstan reads from the network, from cartridges and from files of other programs, and the
//! judges of what it does.
//!
//! A target is a function of bytes. It chooses from them what a peer, the environment and the clock
//! do, and panics when an answer breaks a rule. `cargo fuzz` calls it with libFuzzer, and the tests of
//! this crate call it with every input under `corpus/` and `regressions/`.
//!
//! The judges share no code with what they judge: they frame PDUs, compute digests, read text, numbers
//! and binary values, and model the negotiation on their own.

// A judge says what it expects by failing, and counts in small numbers.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::struct_excessive_bools
)]

pub mod cartridge;
pub mod cdb;
pub mod chap;
pub mod checker;
pub mod connection;
pub mod foreign;
pub mod login;
pub mod negotiation;
pub mod pdu;
pub mod rig;
pub mod tap;
pub mod unit;
pub mod wire;

/// What libFuzzer calls.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("cartridge_chain", cartridge::chain),
    ("cartridge_directory", cartridge::directory),
    ("cartridge_frames", cartridge::frames),
    ("cartridge_lines", cartridge::lines),
    ("cartridge_segment", cartridge::segment),
    ("cdb", cdb::run),
    ("chap", chap::run),
    ("connection", connection::run),
    ("foreign", foreign::run),
    ("login", login::run),
    ("pdu", pdu::run),
    ("unit", unit::run),
];
