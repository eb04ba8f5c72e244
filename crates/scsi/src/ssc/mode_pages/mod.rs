//! Mode pages of a tape drive (SSC-5 §8.5), one file for each.
//!
//! A new page is a file with a value that is a [`ModePage`](crate::spc::mode::ModePage), and a line
//! in [`DriveParameters`]. A page that only some drives have says so in
//! [`ModePage::is_present`](crate::spc::mode::ModePage::is_present).

mod control_data_protection;
mod data_compression;
mod device_configuration;
mod device_configuration_extension;
mod encryption;
mod error_recovery;
mod ibm;
mod medium_configuration;
mod medium_partition;
#[cfg(test)]
mod tests;

use crate::spc::mode::mode_pages;
use crate::spc::mode_pages::{
    Control, ControlExtension, DisconnectReconnect, InformationalExceptions, PowerCondition,
};
pub use control_data_protection::{ControlDataProtection, Methods};
pub use data_compression::DataCompression;
pub use device_configuration::DeviceConfiguration;
pub use device_configuration_extension::DeviceConfigurationExtension;
pub use encryption::{EncryptionCapability, EncryptionMode};
pub use error_recovery::ErrorRecovery;
pub use ibm::{BehaviourConfiguration, ReadWriteControl};
pub use medium_configuration::MediumConfiguration;
pub use medium_partition::{Indivisible, MediumPartition, PARTITIONS_MAX, REST, Scheme, SizeUnit};

mode_pages! {
    /// All mode pages of a drive.
    pub struct DriveParameters {
        /// Page 01h.
        error_recovery: ErrorRecovery,
        /// Page 02h.
        disconnect_reconnect: DisconnectReconnect,
        /// Page 0Ah.
        control: Control,
        /// Page 0Ah, sub-page 01h.
        control_extension: ControlExtension,
        /// Page 0Ah, sub-page F0h.
        control_data_protection: ControlDataProtection,
        /// Page 0Fh.
        data_compression: DataCompression,
        /// Page 10h.
        device_configuration: DeviceConfiguration,
        /// Page 10h, sub-page 01h.
        device_configuration_extension: DeviceConfigurationExtension,
        /// Page 11h.
        medium_partition: MediumPartition,
        /// Page 1Ah.
        power_condition: PowerCondition,
        /// Page 1Ch.
        informational_exceptions: InformationalExceptions,
        /// Page 1Dh.
        medium_configuration: MediumConfiguration,
        /// Page 24h.
        encryption_capability: EncryptionCapability,
        /// Page 25h.
        read_write_control: ReadWriteControl,
        /// Page 2Fh.
        behaviour_configuration: BehaviourConfiguration,
        /// Page 30h, sub-page 20h.
        encryption_mode: EncryptionMode,
    }
    reconcile: DriveParameters::reconcile_compression;
}

/// What the pages of a drive are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // a list of yes and no
pub struct DriveFeatures {
    /// The generation: 5 for LTO-5. Later drives have pages that earlier ones have not.
    pub generation: u8,
    /// Whether the drive is IBM's and has pages of its own.
    pub ibm: bool,
    /// Whether the drive encrypts.
    pub encryption: bool,
    /// Whether the drive has a compression algorithm; it uses it after power on.
    pub compression: bool,
    /// How it can protect logical blocks on their way.
    pub protection_methods: Methods,
    /// The most partitions of a cartridge, 1 to 4.
    pub partitions_max: u8,
    /// Whether it takes WORM cartridges.
    pub worm: bool,
    /// Whether it has an append-only mode.
    pub append_only: bool,
    /// Whether it warns where the initiator wants it.
    pub programmable_early_warning: bool,
}

impl DriveFeatures {
    /// Returns what a drive has that has everything, for those who look at all pages.
    pub fn everything() -> Self {
        Self {
            generation: u8::MAX,
            ibm: true,
            encryption: true,
            compression: true,
            protection_methods: Methods {
                reed_solomon: true,
                crc32c: true,
            },
            partitions_max: 4,
            worm: true,
            append_only: true,
            programmable_early_warning: true,
        }
    }
}

impl DriveParameters {
    /// Returns the values of a drive after power on.
    pub fn new(features: DriveFeatures) -> Self {
        Self {
            error_recovery: ErrorRecovery,
            disconnect_reconnect: DisconnectReconnect,
            control: Control::default(),
            control_extension: ControlExtension {
                present: features.generation >= 4,
            },
            control_data_protection: ControlDataProtection {
                methods: features.protection_methods,
                ..ControlDataProtection::default()
            },
            data_compression: DataCompression {
                capable: features.compression,
                enabled: features.compression,
            },
            device_configuration: DeviceConfiguration {
                compression_capable: features.compression,
                compression: features.compression,
                software_write_protect: false,
                synchronize_at_early_warning: false,
            },
            device_configuration_extension: DeviceConfigurationExtension {
                append_only_capable: features.append_only,
                early_warning_capable: features.programmable_early_warning,
                cartridge_loaded: false,
                append_only: false,
                programmable_early_warning_mb: 0,
            },
            medium_partition: MediumPartition::of_drive(features.partitions_max),
            power_condition: match features.generation {
                0..4 => PowerCondition::Absent,
                4 => PowerCondition::Short,
                5.. => PowerCondition::Long,
            },
            informational_exceptions: InformationalExceptions::ADJUSTABLE,
            medium_configuration: MediumConfiguration {
                worm_capable: features.worm,
                worm: false,
            },
            encryption_capability: EncryptionCapability {
                present: features.ibm && features.encryption,
            },
            encryption_mode: EncryptionMode {
                present: features.ibm && features.encryption,
            },
            read_write_control: ReadWriteControl {
                present: features.ibm && features.generation >= 3,
            },
            behaviour_configuration: BehaviourConfiguration {
                present: features.ibm && features.generation >= 2,
            },
        }
    }

    /// Pages 0Fh and 10h both tell whether the drive compresses. An initiator that sends back all
    /// pages after changing one must not have the other undo it.
    fn reconcile_compression(&mut self, before: &Self) {
        if self.data_compression.enabled == before.data_compression.enabled {
            self.data_compression.enabled = self.device_configuration.compression;
        } else {
            self.device_configuration.compression = self.data_compression.enabled;
        }
    }
}
