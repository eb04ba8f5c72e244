//! PREVENT ALLOW MEDIUM REMOVAL (SSC-5 §7.5, SPC-5 §6.15 of older revisions).

use crate::sense::Sense;
use crate::task::Cdb;

/// A parsed PREVENT ALLOW MEDIUM REMOVAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediumRemoval {
    /// This nexus lets the cartridge go.
    Allow,
    /// This nexus holds the cartridge in.
    Prevent,
}

impl MediumRemoval {
    /// Parses the CDB. Values 10b and 11b are obsolete and refused.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        match cdb.byte(4) & 0x03 {
            0 => Ok(Self::Allow),
            1 => Ok(Self::Prevent),
            _ => Err(Sense::invalid_field_in_cdb(4)),
        }
    }
}
