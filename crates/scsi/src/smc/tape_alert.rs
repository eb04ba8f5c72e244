//! The TapeAlert flags of a media changer (SMC-3, TapeAlert log page).

use crate::spc::tape_alert::{Flag, alert_flags};

alert_flags! {
    /// A flag; the standard keeps 33 to 64 for later.
    ChangerAlert, 32;
    1 HardwareA Critical "Library hardware A", "The robot cannot work with a drive.";
    2 HardwareB Warning "Library hardware B", "The robot has a problem.";
    3 HardwareC Critical "Library hardware C", "The library has to be reset.";
    4 HardwareD Critical "Library hardware D", "The library has to be switched off and on.";
    5 DiagnosticsRequired Warning "Library diagnostics required", "The library wants to be tested.";
    6 Interface Critical "Library interface", "A host's connection has failed.";
    7 FailurePrediction Warning "Failure prediction", "A part of the library is about to fail.";
    8 Maintenance Warning "Library maintenance", "The library is due for maintenance.";
    9 HumidityLimits Critical "Library humidity limits", "The air is too humid or too dry.";
    10 TemperatureLimits Critical "Library temperature limits", "The library is too hot or too cold.";
    11 VoltageLimits Critical "Library voltage limits", "The voltage is out of its limits.";
    12 StrayCartridge Critical "Library stray cartridge", "A cartridge was left behind in the robot.";
    13 PickRetry Warning "Library pick retry", "It is difficult to take a cartridge out of its slot.";
    14 PlaceRetry Warning "Library place retry", "It is difficult to put a cartridge into its slot.";
    15 LoadRetry Warning "Library load retry", "A cartridge could not be loaded into a drive.";
    16 Door Critical "Library door", "A move has failed because a door is open.";
    17 MailSlot Critical "Library mail-slot", "The import/export station has a problem.";
    18 Magazine Critical "Library magazine", "A magazine is not there.";
    19 Security Warning "Library security", "A door was opened while it should not be.";
    20 SecurityMode Information "Library security mode", "The security mode was changed.";
    21 Offline Information "Library offline", "The library was taken offline.";
    22 DriveOffline Information "Library drive offline", "A drive was taken out of service.";
    23 ScanRetry Warning "Library scan retry", "It is difficult to read a barcode.";
    24 Inventory Critical "Library inventory", "What is in the library is not what it remembers.";
    25 IllegalOperation Warning "Library illegal operation",
        "A host has asked for what cannot be done.";
    26 DualPortInterfaceError Warning "Dual-port interface error", "A port has failed.";
    27 CoolingFanFailure Warning "Cooling fan failure", "A fan has failed.";
    28 PowerSupply Warning "Power supply", "A spare power supply has failed.";
    29 PowerConsumption Warning "Power consumption", "The library takes more power than it should.";
    30 PassThroughMechanismFailure Critical "Pass-through mechanism failure",
        "Cartridges cannot pass to the next library.";
    31 CartridgeInPassThroughMechanism Critical "Cartridge in pass-through mechanism",
        "A cartridge was left behind between two libraries.";
    32 UnreadableBarcodeLabels Information "Unreadable bar code labels", "A barcode cannot be read.";
}

impl From<ChangerAlert> for Flag {
    fn from(alert: ChangerAlert) -> Self {
        Self::new(alert as u8).expect("the numbers above are 1 to 32")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spc::tape_alert::Severity;

    #[test]
    fn flags_are_numbered_from_1() {
        for (alert, number) in ChangerAlert::ALL.into_iter().zip(1..) {
            assert_eq!(Flag::from(alert).number(), number, "{}", alert.title());
            assert!(alert.text().ends_with('.'));
        }
        assert_eq!(ChangerAlert::Inventory.severity(), Severity::Critical);
    }
}
