//! Page 14h: the drive's life (SSC-5 §8.2, device statistics).

use crate::spc::log::Parameter;

/// Device statistics.
pub const DEVICE_STATISTICS: u8 = 0x14;

/// What stands in the page, of what a drive without mechanics counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceStatistics {
    /// How often a cartridge was loaded.
    pub loads: u64,
    /// How often it was cleaned.
    pub cleanings: u64,
    /// How long it was on, in hours.
    pub power_on_hours: u64,
    /// How often it was switched on.
    pub power_cycles: u64,
    /// Writes that failed for good.
    pub write_errors: u64,
    /// Reads that failed for good.
    pub read_errors: u64,
    /// Its serial number.
    pub serial: String,
    /// Whether somebody prevents medium removal.
    pub removal_prevented: bool,
}

impl DeviceStatistics {
    /// Returns the parameters. 000Dh, loads since the last reset of the counters, is the same as 0000h:
    /// these counters are not reset.
    pub fn parameters(&self) -> Vec<Parameter> {
        let serial = &self.serial;
        vec![
            Parameter::counter(0x0000, self.loads, 8),
            Parameter::counter(0x0001, self.cleanings, 8),
            Parameter::counter(0x0002, self.power_on_hours, 8),
            Parameter::counter(0x000c, self.power_cycles, 8),
            Parameter::counter(0x000d, self.loads, 8),
            Parameter::counter(0x000e, self.write_errors, 8),
            Parameter::counter(0x000f, self.read_errors, 8),
            Parameter::text(0x0040, serial, serial.len()),
            Parameter::text(0x0041, serial, serial.len()),
            Parameter::number(0x0080, self.removal_prevented.into(), 1),
            Parameter::number(0x0081, 0, 1), // the maximum temperature was never exceeded
        ]
    }
}
