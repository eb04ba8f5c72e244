//! Pages 33h and 34h of LTO drives, vendor specific: errors of the cartridge in the drive.

use crate::spc::log::Parameter;

/// Write errors.
pub const WRITE_ERROR_DETAILS: u8 = 0x33;
/// Read forward errors.
pub const READ_FORWARD_ERRORS: u8 = 0x34;

/// What went wrong in one direction. The parameters are our own: real drives tell here of heads and
/// channels, which we do not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorDetails {
    /// Errors that were final since the cartridge was loaded.
    pub this_load: u64,
    /// The same in the life of the cartridge.
    pub in_life: u64,
    /// The same in the life of the drive.
    pub of_the_drive: u64,
}

impl ErrorDetails {
    /// Returns the parameters, codes 0000h to 0002h.
    pub fn parameters(&self) -> Vec<Parameter> {
        let all = [self.this_load, self.in_life, self.of_the_drive];
        (0..)
            .zip(all)
            .map(|(code, count)| Parameter::counter(code, count, 4))
            .collect()
    }
}
