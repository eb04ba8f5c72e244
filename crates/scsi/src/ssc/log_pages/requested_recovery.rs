//! Page 13h: what the drive wants somebody to do (SSC-5 §8.2, requested recovery).

use crate::spc::log::Parameter;

/// Requested recovery.
pub const REQUESTED_RECOVERY: u8 = 0x13;

/// A recovery procedure, of those that a drive of ours can want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Procedure {
    /// "Recovery not requested".
    None = 0x00,
    /// "Issue UNLOAD command": the next load finds out what the cartridge holds.
    Unload = 0x07,
}

/// Returns the parameters: one procedure.
pub fn parameters(procedure: Procedure) -> Vec<Parameter> {
    vec![Parameter::binary(0x0000, [procedure as u8])]
}
