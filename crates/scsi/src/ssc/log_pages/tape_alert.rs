//! The TapeAlert flags of a tape drive (SSC-5 annex A).

use crate::spc::tape_alert::{Flag, alert_flags};

macro_rules! tape_alerts {
    ($($number:literal $name:ident $severity:ident $lasts:ident $title:literal, $advice:literal;)*) => {
        alert_flags! {
            /// A flag. Those that the standard keeps for later can be raised like the others.
            TapeAlert, 64;
            $($number $name $severity $title, $advice;)*
        }

        impl TapeAlert {
            /// Returns how long it stands.
            pub const fn duration(self) -> Duration {
                match self { $(Self::$name => Duration::$lasts,)* }
            }
        }
    };
}

/// How long a flag stands when nobody reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duration {
    /// It is about the cartridge, or about what was done to it: over when the next one comes in.
    Cartridge,
    /// It is about the drive: over when the cause is gone.
    Drive,
}

tape_alerts! {
    1 ReadWarning Warning Cartridge "Read warning", "Reading has become difficult.";
    2 WriteWarning Warning Cartridge "Write warning", "Writing has become difficult.";
    3 HardError Warning Cartridge "Hard error", "A read or write has failed for good.";
    4 Media Critical Cartridge "Media", "The cartridge can no longer be trusted.";
    5 ReadFailure Critical Cartridge "Read failure", "A block could not be read.";
    6 WriteFailure Critical Cartridge "Write failure", "Data could not be written.";
    7 MediaLife Warning Cartridge "Media life", "The cartridge has reached the end of its life.";
    8 NotDataGrade Warning Cartridge "Not data grade", "The tape is not good enough for data.";
    9 WriteProtect Critical Cartridge "Write protect",
        "Somebody wanted to write on a protected cartridge.";
    10 NoRemoval Information Cartridge "No removal",
        "Somebody wanted to unload while removal is prevented.";
    11 CleaningMedia Information Cartridge "Cleaning media", "The cartridge is a cleaning cartridge.";
    12 UnsupportedFormat Information Cartridge "Unsupported format",
        "The drive cannot read cartridges of this kind.";
    13 RecoverableMechanicalCartridgeFailure Critical Cartridge
        "Recoverable mechanical cartridge failure", "The cartridge is broken but could be ejected.";
    14 UnrecoverableMechanicalCartridgeFailure Critical Cartridge
        "Unrecoverable mechanical cartridge failure", "The cartridge is broken and sticks in the drive.";
    15 MemoryChipInCartridgeFailure Warning Cartridge "Memory chip in cartridge failure",
        "The cartridge's memory could not be read or written.";
    16 ForcedEject Critical Cartridge "Forced eject", "The cartridge was ejected by hand while in use.";
    17 ReadOnlyFormat Warning Cartridge "Read only format",
        "The drive can read cartridges of this kind but not write them.";
    18 TapeDirectoryCorruptedOnLoad Warning Cartridge "Tape directory corrupted on load",
        "Searching is slow: what lies where has to be found out anew.";
    19 NearingMediaLife Information Cartridge "Nearing media life",
        "The cartridge should be replaced soon.";
    20 CleanNow Critical Drive "Clean now", "The drive needs cleaning before it goes on.";
    21 CleanPeriodic Warning Drive "Clean periodic", "The drive is due for its regular cleaning.";
    22 ExpiredCleaningMedia Critical Cartridge "Expired cleaning media",
        "The cleaning cartridge is used up.";
    23 InvalidCleaningTape Critical Cartridge "Invalid cleaning tape",
        "The drive cannot use cleaning cartridges of this kind.";
    24 RetensionRequested Warning Cartridge "Retension requested", "The tape wants to be retensioned.";
    25 MultiPortInterfaceError Warning Drive "Multi-port interface error on a primary port",
        "One of the drive's ports has failed.";
    26 CoolingFanFailure Warning Drive "Cooling fan failure", "A fan of the drive has failed.";
    27 PowerSupplyFailure Warning Drive "Power supply failure", "A spare power supply has failed.";
    28 PowerConsumption Warning Drive "Power consumption", "The drive takes more power than it should.";
    29 DrivePreventiveMaintenance Warning Drive "Drive preventive maintenance required",
        "The drive is due for maintenance.";
    30 HardwareA Critical Drive "Hardware A", "The drive has failed; a reset may help.";
    31 HardwareB Critical Drive "Hardware B", "The drive has failed its self test.";
    32 PrimaryInterface Warning Drive "Primary interface", "The drive has trouble with its interface.";
    33 EjectMedia Critical Cartridge "Eject media",
        "The drive has failed; the cartridge is to be ejected and loaded again.";
    34 MicrocodeUpdateFail Warning Drive "Microcode update fail", "New firmware could not be loaded.";
    35 DriveHumidity Warning Drive "Drive humidity", "It is too humid or too dry for the drive.";
    36 DriveTemperature Warning Drive "Drive temperature", "The drive is too warm or too cold.";
    37 DriveVoltage Warning Drive "Drive voltage", "The drive's supply voltage is wrong.";
    38 PredictiveFailure Critical Drive "Predictive failure", "The drive is going to fail.";
    39 DiagnosticsRequired Warning Drive "Diagnostics required",
        "The drive may have a fault; its diagnostics would tell.";
    40 LoaderHardwareA Critical Drive "Loader hardware A",
        "The loader has trouble to talk to the drive (obsolete).";
    41 LoaderStrayTape Critical Drive "Loader stray tape",
        "A cartridge was left in the loader (obsolete).";
    42 LoaderHardwareB Warning Drive "Loader hardware B", "The loader has a fault (obsolete).";
    43 LoaderDoor Critical Drive "Loader door", "The loader's door is open (obsolete).";
    44 LoaderHardwareC Critical Drive "Loader hardware C", "The loader has failed (obsolete).";
    45 LoaderMagazine Critical Drive "Loader magazine", "The loader has no magazine (obsolete).";
    46 LoaderPredictiveFailure Warning Drive "Loader predictive failure",
        "The loader is going to fail (obsolete).";
    47 Reserved47 Information Drive "Reserved 47", "Reserved.";
    48 Reserved48 Information Drive "Reserved 48", "Reserved.";
    49 Reserved49 Information Drive "Reserved 49", "Reserved.";
    50 LostStatistics Warning Cartridge "Lost statistics",
        "What was counted about the cartridge got lost.";
    51 TapeDirectoryInvalidAtUnload Critical Cartridge "Tape directory invalid at unload",
        "What lies where could not be noted at the unload.";
    52 TapeSystemAreaWriteFailure Critical Cartridge "Tape system area write failure",
        "The cartridge's system area could not be written.";
    53 TapeSystemAreaReadFailure Critical Cartridge "Tape system area read failure",
        "The cartridge's system area could not be read.";
    54 NoStartOfData Critical Cartridge "No start of data", "There is no beginning of data on the tape.";
    55 LoadingOrThreadingFailure Critical Drive "Loading or threading failure",
        "The cartridge could not be loaded.";
    56 UnrecoverableUnloadFailure Critical Drive "Unrecoverable unload failure",
        "The cartridge could not be unloaded.";
    57 AutomationInterfaceFailure Critical Drive "Automation interface failure",
        "The drive has trouble with the port to its library.";
    58 MicrocodeFailure Warning Drive "Microcode failure", "The firmware has found a fault of its own.";
    59 WormIntegrityCheckFailed Warning Cartridge "WORM medium - integrity check failed",
        "Somebody may have tampered with a cartridge that is written once.";
    60 WormOverwriteAttempted Warning Cartridge "WORM medium - overwrite attempted",
        "Somebody wanted to write over data on a cartridge that is written once.";
    61 EncryptionPolicyViolation Warning Cartridge "Encryption policy violation",
        "Somebody wanted to use the cartridge against the rules for encryption.";
    62 Reserved62 Information Drive "Reserved 62", "Reserved.";
    63 Reserved63 Information Drive "Reserved 63", "Reserved.";
    64 Reserved64 Information Drive "Reserved 64", "Reserved.";
}

impl TapeAlert {
    /// Returns the flag's number, 1 to 64.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the flag of the drive behind a number.
    pub fn of(flag: Flag) -> Self {
        Self::ALL[usize::from(flag.number()) - 1]
    }
}

impl From<TapeAlert> for Flag {
    fn from(alert: TapeAlert) -> Self {
        Self::new(alert.number()).expect("flags are numbered from 1 to 64")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::spc::tape_alert::Severity;

    #[test]
    fn each_flag_is_found_by_its_number_and_has_a_name_of_its_own() {
        let mut titles = BTreeSet::new();
        for (alert, flag) in TapeAlert::ALL.into_iter().zip(Flag::all()) {
            assert_eq!(Flag::from(alert), flag);
            assert_eq!(TapeAlert::of(flag), alert);
            assert!(titles.insert(alert.title()));
            assert!(alert.text().ends_with('.'));
        }
    }

    #[test]
    fn severities_of_the_standard() {
        assert_eq!(TapeAlert::ReadWarning.severity(), Severity::Warning);
        assert_eq!(TapeAlert::WriteProtect.severity(), Severity::Critical);
        assert_eq!(TapeAlert::NoRemoval.severity(), Severity::Information);
        assert_eq!(TapeAlert::CleanNow.number(), 0x14);
        assert_eq!(TapeAlert::WormOverwriteAttempted.number(), 0x3c);
    }
}
