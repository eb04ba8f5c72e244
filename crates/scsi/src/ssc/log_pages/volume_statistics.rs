//! Page 17h: the cartridge's life (SSC-5 §8.2, volume statistics), in the lengths of LTO drives.

use super::MEGABYTE;
use crate::spc::log::Parameter;

/// Volume statistics.
pub const VOLUME_STATISTICS: u8 = 0x17;

/// What was done in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Data sets: what is compressed and checked at once.
    pub data_sets: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// The same as they were stored.
    pub stored_bytes: u64,
    /// Errors that were final.
    pub errors: u64,
}

impl Direction {
    /// Returns the compression ratio in percent: 200 for half of the bytes. 100 when nothing was done.
    pub fn ratio_percent(&self) -> u64 {
        if self.stored_bytes == 0 {
            return 100;
        }
        let ratio = u128::from(self.bytes) * 100 / u128::from(self.stored_bytes);
        u64::try_from(ratio).unwrap_or(u64::MAX)
    }
}

/// Of a partition, in bytes of native capacity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionUse {
    /// What there was when it was empty.
    pub capacity_bytes: u64,
    /// What is used.
    pub used_bytes: u64,
}

/// What stands in the page when there is a cartridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeStatistics {
    /// How often it was loaded.
    pub loads: u64,
    /// How often it was loaded and then written.
    pub write_loads: u64,
    /// What was written in its life.
    pub written: Direction,
    /// What was read in its life.
    pub read: Direction,
    /// What was written since it was loaded.
    pub written_this_load: Direction,
    /// What was read since it was loaded.
    pub read_this_load: Direction,
    /// Errors of writing during the load before.
    pub previous_write_errors: u64,
    /// Errors of reading during the load before.
    pub previous_read_errors: u64,
    /// Its serial number.
    pub serial: String,
    /// Its barcode.
    pub barcode: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its kind, e.g. `Ultrium-5`.
    pub personality: String,
    /// Whether it is write protected.
    pub write_protected: bool,
    /// Whether it is written once.
    pub worm: bool,
    /// Its partitions in order.
    pub partitions: Vec<PartitionUse>,
    /// Times that the beginning of the medium passed the heads.
    pub beginning_passes: u64,
}

impl VolumeStatistics {
    /// Returns the parameters of a drive without cartridge: the page is not valid.
    pub fn without_cartridge() -> Vec<Parameter> {
        vec![Parameter::number(0x0000, 0, 1)]
    }

    /// Returns the parameters. What only mechanics could count (retries, suspended writes, passes over
    /// the middle) is zero.
    pub fn parameters(&self) -> Vec<Parameter> {
        let sum = |of: fn(&PartitionUse) -> u64| {
            self.partitions.iter().map(of).fold(0, u64::saturating_add)
        };
        let capacity = sum(|own| own.capacity_bytes);
        let used = sum(|own| own.used_bytes);
        let (written, read) = (self.written_this_load, self.read_this_load);
        let mut all = vec![
            Parameter::number(0x0000, 1, 1),
            Parameter::counter(0x0001, self.loads, 4),
            Parameter::counter(0x0002, self.written.data_sets, 8),
            Parameter::counter(0x0003, 0, 4),
            Parameter::counter(0x0004, self.written.errors, 4),
            Parameter::counter(0x0005, 0, 4),
            Parameter::counter(0x0006, 0, 4),
            Parameter::counter(0x0007, self.read.data_sets, 8),
            Parameter::counter(0x0008, 0, 4),
            Parameter::counter(0x0009, self.read.errors, 4),
            Parameter::counter(0x000a, 0, 4),
            Parameter::counter(0x000b, 0, 4),
            Parameter::counter(0x000c, self.previous_write_errors, 4),
            Parameter::counter(0x000d, self.previous_read_errors, 4),
            Parameter::counter(0x000e, written.bytes / MEGABYTE, 4),
            Parameter::counter(0x000f, read.bytes / MEGABYTE, 4),
            Parameter::counter(0x0010, self.written.bytes / MEGABYTE, 8),
            Parameter::counter(0x0011, self.read.bytes / MEGABYTE, 8),
            Parameter::number(0x0012, written.ratio_percent(), 2),
            Parameter::number(0x0013, read.ratio_percent(), 2),
            Parameter::number(0x0016, capacity / MEGABYTE, 4),
            Parameter::number(0x0017, used / MEGABYTE, 4),
            Parameter::text(0x0040, &self.serial, 32),
            Parameter::text(0x0042, &self.barcode, 32),
            Parameter::text(0x0043, &self.manufacturer, 8),
            Parameter::text(0x0045, &self.personality, 9),
            Parameter::number(0x0080, self.write_protected.into(), 1),
            Parameter::number(0x0081, self.worm.into(), 1),
            Parameter::number(0x0082, 0, 1),
            Parameter::counter(0x0100, self.write_loads, 4),
            Parameter::counter(0x0101, self.beginning_passes, 4),
            Parameter::counter(0x0102, 0, 4),
        ];
        let records = |of: fn(&PartitionUse) -> u64| partition_records(&self.partitions, of);
        all.extend([
            Parameter::binary(0x0202, records(|own| own.capacity_bytes)),
            Parameter::binary(0x0203, records(|own| own.used_bytes)),
            Parameter::binary(
                0x0204,
                records(|own| own.capacity_bytes.saturating_sub(own.used_bytes)),
            ),
        ]);
        all
    }
}

/// A record for each partition: what follows the first byte, reserved, partition, megabytes.
fn partition_records(partitions: &[PartitionUse], of: fn(&PartitionUse) -> u64) -> Vec<u8> {
    const LENGTH: u8 = 7;
    /// The largest number that does not mean "nobody knows".
    const MEGABYTES_MAX: u64 = 0xffff_fffd;
    let mut records = Vec::new();
    for (partition, own) in (0_u16..).zip(partitions) {
        records.extend_from_slice(&[LENGTH, 0]);
        records.extend_from_slice(&partition.to_be_bytes());
        let megabytes = (of(own) / MEGABYTE).min(MEGABYTES_MAX);
        records.extend_from_slice(&megabytes.to_be_bytes()[4..]);
    }
    records
}
