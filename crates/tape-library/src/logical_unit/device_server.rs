//! What a logical unit needs of the device behind it.

use std::time::Duration;

use scsi::command::CommandTable;
use scsi::{Command, NexusId, Response, Sense, SenseFormat};

use super::trace::TapePosition;
use crate::inject::Injector;
use crate::nexus::{ItNexus, NexusName};

/// A device: a changer or a drive.
pub trait DeviceServer: Send + Sync {
    /// Returns the commands that it has.
    fn commands(&self) -> CommandTable;

    /// Runs a command to its end.
    ///
    /// Calls for one unit never overlap, neither with each other nor with
    /// [`DeviceServer::nexus_lost`] and [`DeviceServer::reset`]. The command stands in the table,
    /// has no reserved bit set, and neither a unit attention nor a reservation is in its way. Commands
    /// that are alike for all devices never come here: REPORT LUNS, REQUEST SENSE, reservations, and
    /// reports about the commands themselves.
    fn execute(&self, nexus: &ItNexus, command: &Command) -> Response;

    /// The command that runs was aborted and nobody waits for its response: what would take long may
    /// end before it is done. May come when the command has just begun or just ended. Does not wait.
    fn give_up(&self) {}

    /// Returns whether `command`, which the table calls [`Execution::Inline`](scsi::command::Execution::Inline), would end without
    /// waiting for a disk or for somebody else who has the device. Does not wait itself.
    fn ends_at_once(&self, _command: &Command) -> bool {
        true
    }

    /// An answer has gone out and nothing else is to be done: prepares what is likely to be wanted next.
    /// May run beside everything else. Does not wait, neither for a disk nor for who has the device.
    fn use_idle_time(&self) {}

    /// Tests itself (SEND DIAGNOSTIC, SPC-5 §6.42). May wait for a disk.
    fn self_test(&self) -> Result<(), Sense> {
        Ok(())
    }

    /// Returns the format of the sense data that go out with CHECK CONDITION (`D_SENSE` of the control
    /// mode page). Does not wait.
    fn sense_format(&self) -> SenseFormat {
        SenseFormat::Fixed
    }

    /// Takes the error of a command that had ended GOOD, for REQUEST SENSE, which comes before every
    /// other command that would be told (SPC-5 §4.4.7).
    fn take_deferred(&self) -> Option<Sense> {
        None
    }

    /// Returns the nexuses that prevent the removal of the medium. Does not wait.
    fn preventing_removal(&self) -> Vec<NexusId> {
        Vec::new()
    }

    /// Brings the device to what it is by now: time has gone by. Runs before every command; costs
    /// nothing when nothing goes on.
    fn catch_up(&self) {}

    /// Takes how long the mechanics need before the command that has just run may be answered.
    fn owes(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns what REQUEST SENSE tells when there is nothing else (SPC-5 §6.41): what goes on.
    fn condition(&self) -> Option<Sense> {
        None
    }

    /// Returns the faults that the device has to meet.
    fn injector(&self) -> Option<&Injector> {
        None
    }

    /// Returns the barcode of the cartridge in the device, for faults. Does not wait.
    fn cartridge(&self) -> Option<String> {
        None
    }

    /// Returns where the tape stands, for the trace; `None` without one. Does not wait.
    fn position(&self) -> Option<TapePosition> {
        None
    }

    /// Drops what `nexus` alone held, such as its prevention of medium removal (SAM-5 §6.3.4).
    fn nexus_lost(&self, nexus: NexusId);

    /// The nexuses `holders` hold a reservation now; `preempted` when another's PERSISTENT RESERVE OUT
    /// has taken it from somebody. Told after commands and events that may change it, also when they have
    /// not.
    fn reservation_changed(&self, _holders: Vec<NexusName>, _preempted: bool) {}

    /// Does a logical unit reset (SAM-5 §6.3.3). The unit aborts the tasks and establishes the unit
    /// attention itself.
    fn reset(&self);
}
