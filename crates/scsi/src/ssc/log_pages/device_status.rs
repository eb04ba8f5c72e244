//! Page 3Eh of LTO drives, vendor specific: the state of drive and cartridge at a glance.

use crate::spc::log::Parameter;
use crate::spc::tape_alert::TapeAlerts;

/// Device status.
pub const DEVICE_STATUS: u8 = 0x3e;

/// What stands in the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceStatus {
    /// The flags that are up.
    pub alerts: TapeAlerts,
    /// How often the drive has loaded a cartridge.
    pub drive_loads: u64,
    /// What the drive has written to media in its life.
    pub drive_written_bytes: u64,
    /// What the drive has read from media in its life.
    pub drive_read_bytes: u64,
    /// How often the cartridge was loaded; 0 without one.
    pub cartridge_loads: u64,
}

impl DeviceStatus {
    /// Returns the parameters. Of those that tell of wear and motion there are none.
    pub fn parameters(&self) -> Vec<Parameter> {
        const GIGABYTE: u64 = 1_000_000_000;
        vec![
            Parameter::binary(0x7000, self.alerts.to_bytes()),
            Parameter::counter(0x8000, self.drive_loads, 4),
            Parameter::counter(0x8004, self.drive_written_bytes / GIGABYTE, 4),
            Parameter::counter(0x8005, self.drive_read_bytes / GIGABYTE, 4),
            Parameter::counter(0x9000, self.cartridge_loads, 4),
        ]
    }
}
