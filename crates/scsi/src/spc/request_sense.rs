//! REQUEST SENSE (SPC-5 §6.41).

use crate::sense::SenseFormat;
use crate::task::Cdb;

/// A parsed REQUEST SENSE command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestSense {
    /// DESC: the format of the parameter data, whatever the control mode page says.
    pub format: SenseFormat,
    /// The most bytes that the initiator takes.
    pub allocation_length: u8,
}

impl RequestSense {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            format: if cdb.bit(1, 0) {
                SenseFormat::Descriptor
            } else {
                SenseFormat::Fixed
            },
            allocation_length: cdb.byte(4),
        }
    }
}
