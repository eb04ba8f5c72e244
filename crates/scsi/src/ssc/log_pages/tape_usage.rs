//! Page 30h of LTO drives, vendor specific: the cartridge's life. Page 17h tells the same and more.

use super::volume_statistics::VolumeStatistics;
use crate::spc::log::Parameter;

/// Tape usage of LTO drives.
pub const TAPE_USAGE: u8 = 0x30;

/// Returns the parameters. Without a cartridge all are zero.
pub fn parameters(volume: &VolumeStatistics) -> Vec<Parameter> {
    vec![
        Parameter::counter(0x0001, volume.loads, 4),
        Parameter::counter(0x0002, volume.written.data_sets, 8),
        Parameter::counter(0x0003, 0, 4),
        Parameter::counter(0x0004, volume.written.errors, 2),
        Parameter::counter(0x0005, 0, 2),
        Parameter::counter(0x0006, 0, 2),
        Parameter::counter(0x0007, volume.read.data_sets, 8),
        Parameter::counter(0x0008, 0, 4),
        Parameter::counter(0x0009, volume.read.errors, 2),
        Parameter::counter(0x000a, 0, 2),
        Parameter::counter(0x000b, 0, 2),
    ]
}
