//! REQUEST SENSE (SPC-5 §6.41).

use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed REQUEST SENSE command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSense {
    /// The most bytes that the initiator takes.
    pub allocation_length: u8,
}

impl RequestSense {
    /// Parses the CDB. Descriptor format (DESC=1) is refused as SPC-5 §6.41 allows to a device that
    /// has only fixed format.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        if cdb.bit(1, 0) {
            return Err(Sense::invalid_field_in_cdb(1));
        }
        Ok(Self {
            allocation_length: cdb.byte(4),
        })
    }
}
