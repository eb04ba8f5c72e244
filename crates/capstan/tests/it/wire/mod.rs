//! Conformance on the wire: PDUs made by hand, over TCP, to the listener of a whole gateway.
//!
//! One test or more for each line of the checklist in [`claims`], named after its line and its claim.
//! `docs/iscsi-conformance.md` is generated from that table.

mod bare;
mod chap;
mod claims;
mod data_in;
mod data_out;
mod digests;
mod discovery;
mod document;
mod keys;
mod known_shapes;
mod liveness;
mod lobby;
mod login;
mod logout;
mod management;
mod memory;
mod numbering;
mod pdu;
pub(crate) mod peer;
mod redirection;
mod reinstatement;
mod requests;
mod robustness;
mod scsi;
pub(crate) mod slow;
mod storm;
mod units;
