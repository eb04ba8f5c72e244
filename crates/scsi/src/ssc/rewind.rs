//! REWIND (SSC-5 §7.10).

use crate::task::Cdb;

/// A parsed REWIND.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewind {
    /// IMMED: answer before the end of the motion.
    pub immediate: bool,
}

impl Rewind {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            immediate: cdb.bit(1, 0),
        }
    }
}
