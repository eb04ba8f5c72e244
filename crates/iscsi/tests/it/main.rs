//! The crate's stories, told through its public face: bytes in and out, and the initiator against
//! the target in memory. Names that begin with a letter and a number say which line of the acceptance
//! checklist for iSCSI targets they stand for.

// A test says what it expects by failing, and counts in small numbers.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::struct_excessive_bools
)]

mod ahead;
mod chap;
mod data_out;
mod digests;
mod discovery;
mod findings;
mod hostile;
mod liveness;
mod login;
mod management;
mod matrix;
mod memory;
mod negotiation;
mod numbering;
mod reject;
mod residuals;
mod rig;
mod simulator;
mod splits;
mod text;
mod tolerance;

/// A connection can move to the thread that will own it.
#[test]
fn connections_are_send() {
    fn assert_send<T: Send>() {}
    assert_send::<iscsi::Connection>();
    assert_send::<iscsi::initiator::Initiator>();
}
