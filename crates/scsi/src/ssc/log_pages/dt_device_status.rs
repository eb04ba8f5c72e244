//! Page 11h: what the drive is doing, for a library and for LTFS (SSC-5 §8.2, ADC-3 §6.1.2).

use crate::spc::log::Parameter;

/// DT device status.
pub const DT_DEVICE_STATUS: u8 = 0x11;

/// Very high frequency data (ADC-3 table 24), the fields that a drive of ours can have.
#[allow(clippy::struct_excessive_bools)] // the bits of the data, as the standard draws them
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DtDeviceStatus {
    /// PAMR: somebody prevents medium removal.
    pub removal_prevented: bool,
    /// HUI: a host has asked for the unload.
    pub unloaded_by_host: bool,
    /// MACC: the cartridge's memory is accessible.
    pub memory_accessible: bool,
    /// CMPR: what is written is compressed.
    pub compression: bool,
    /// WRTP: the cartridge is write protected.
    pub write_protected: bool,
    /// CRQST: the drive is due for its regular cleaning.
    pub cleaning_requested: bool,
    /// CRQRD: the drive must be cleaned.
    pub cleaning_required: bool,
    /// INXTN: it is between two of these states.
    pub in_transition: bool,
    /// RAA: the robot may take or put a cartridge.
    pub robot_allowed: bool,
    /// MPRSNT: there is a cartridge.
    pub present: bool,
    /// MTHRD, MSTD and MOUNTED: it is threaded and ready.
    pub mounted: bool,
    /// DT DEVICE ACTIVITY.
    pub activity: Activity,
    /// TDDEC: an entry was added to page 16h.
    pub diagnostic_data: bool,
    /// EPP: encryption parameters are there.
    pub encryption_parameters: bool,
    /// TAFC: a TapeAlert flag has been raised that the initiator has not read.
    pub alerts_changed: bool,
}

/// DT DEVICE ACTIVITY (ADC-3 table 26).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Activity {
    /// Nothing moves.
    #[default]
    None = 0x00,
    /// The heads are cleaned.
    Cleaning = 0x01,
    /// A cartridge is being loaded.
    Loading = 0x02,
    /// A cartridge is being unloaded.
    Unloading = 0x03,
    /// The medium goes to a place.
    Locating = 0x07,
    /// The medium goes to its beginning.
    Rewinding = 0x08,
}

impl DtDeviceStatus {
    /// Returns the parameters: the data, and how often it makes sense to ask. There is none for the
    /// ports: ADC-3 knows Fibre Channel and SAS, not iSCSI.
    pub fn parameters(&self) -> Vec<Parameter> {
        const POLLING_DELAY_MS: u64 = 100;
        vec![
            Parameter::binary(0x0000, self.very_high_frequency_data()),
            Parameter::number(0x0001, POLLING_DELAY_MS, 2),
        ]
    }

    fn very_high_frequency_data(&self) -> [u8; 4] {
        let bits = |bits: [bool; 8]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        [
            bits([
                self.removal_prevented,
                self.unloaded_by_host,
                self.memory_accessible,
                self.compression,
                self.write_protected,
                self.cleaning_requested,
                self.cleaning_required,
                true, // DINIT: the device is initialised, so what follows counts
            ]),
            bits([
                self.in_transition,
                false,
                self.robot_allowed,
                self.present,
                false,
                self.mounted,
                self.mounted,
                self.mounted,
            ]),
            self.activity as u8,
            bits([
                false,
                false,
                self.diagnostic_data,
                self.encryption_parameters,
                false, // ESR: nobody else has keys for us
                false, // RRQST: see page 13h
                false, // INTFC: ports do not change
                self.alerts_changed,
            ]),
        ]
    }
}
