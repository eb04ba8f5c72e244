//! Page 0Ch: what went through the drive (SSC-5 §8.2, sequential-access device).

use super::MEGABYTE;
use crate::spc::log::Parameter;

/// Sequential-access device.
pub const SEQUENTIAL_ACCESS: u8 = 0x0c;

/// What stands in the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequentialAccess {
    /// Bytes that initiators wrote.
    pub from_initiators_bytes: u64,
    /// The same as they were stored, after compression.
    pub to_medium_bytes: u64,
    /// Stored bytes that were read.
    pub from_medium_bytes: u64,
    /// Bytes that initiators read.
    pub to_initiators_bytes: u64,
    /// The partition that the drive is in, if there is a cartridge.
    pub partition: Option<Partition>,
    /// The most that may be on its way to the medium.
    pub buffer_bytes: u64,
    /// Whether the drive wants to be cleaned.
    pub cleaning_requested: bool,
}

/// Where things are in a partition, in native capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// From its beginning to the end of data.
    pub to_end_of_data_bytes: u64,
    /// From its beginning to early warning.
    pub to_early_warning_bytes: u64,
    /// From there to its end.
    pub behind_early_warning_bytes: u64,
    /// From its beginning to the position, where that is known.
    pub to_position_bytes: Option<u64>,
}

impl SequentialAccess {
    /// Returns the parameters. Numbers that nobody knows are all ones.
    pub fn parameters(&self) -> Vec<Parameter> {
        let megabytes = |bytes: Option<u64>| bytes.map_or(u64::MAX, |bytes| bytes / MEGABYTE);
        let at = |of: fn(&Partition) -> u64| megabytes(self.partition.as_ref().map(of));
        let position = self.partition.and_then(|own| own.to_position_bytes);
        vec![
            Parameter::counter(0x0000, self.from_initiators_bytes, 8),
            Parameter::counter(0x0001, self.to_medium_bytes, 8),
            Parameter::counter(0x0002, self.from_medium_bytes, 8),
            Parameter::counter(0x0003, self.to_initiators_bytes, 8),
            Parameter::number(0x0004, at(|own| own.to_end_of_data_bytes), 8),
            Parameter::number(0x0005, at(|own| own.to_early_warning_bytes), 8),
            Parameter::number(0x0006, at(|own| own.behind_early_warning_bytes), 8),
            Parameter::number(0x0007, megabytes(position), 8),
            Parameter::number(0x0008, self.buffer_bytes / MEGABYTE, 8),
            Parameter::number(0x0100, self.cleaning_requested.into(), 8),
        ]
    }
}
