//! Pages 1Bh and 32h: how well the data compress (SSC-5 §8.2, data compression; 32h is where LTO
//! drives had it before the standard).

use super::MEGABYTE;
use super::volume_statistics::Direction;
use crate::spc::log::Parameter;

/// Data compression.
pub const DATA_COMPRESSION: u8 = 0x1b;
/// The same, vendor specific.
pub const DATA_COMPRESSION_OF_LTO: u8 = 0x32;

/// What stands in the pages, since the cartridge was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataCompression {
    /// What was read.
    pub read: Direction,
    /// What was written.
    pub written: Direction,
    /// Whether what is written is compressed.
    pub enabled: bool,
}

impl DataCompression {
    /// Returns the parameters of page 1Bh.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut all = self.parameters_of_lto();
        all.push(Parameter::number(0x0100, self.enabled.into(), 1));
        all
    }

    /// Returns the parameters of page 32h: ratios times 100, then pairs of megabytes and of the bytes
    /// that are left.
    pub fn parameters_of_lto(&self) -> Vec<Parameter> {
        let mut all = vec![
            Parameter::number(0x0000, self.read.ratio_percent(), 2),
            Parameter::number(0x0001, self.written.ratio_percent(), 2),
        ];
        let sums = [
            self.read.bytes,
            self.read.stored_bytes,
            self.written.bytes,
            self.written.stored_bytes,
        ];
        for (bytes, code) in sums.into_iter().zip((2..).step_by(2)) {
            all.push(Parameter::counter(code, bytes / MEGABYTE, 4));
            all.push(Parameter::number(code + 1, bytes % MEGABYTE, 4));
        }
        all
    }
}
