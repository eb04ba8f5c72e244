//! The one table of commands.
//!
//! Whoever needs to know something about a command reads it here: dispatch, the check of reserved
//! bits, the question whether a unit attention is told first or a reservation is in the way, the
//! choice between the transport's thread and the logical unit's worker, and REPORT SUPPORTED
//! OPERATION CODES.
//!
//! - [`reservation`]: what a reservation of another nexus does to a command.
//! - [`timeout`]: how long a command may take.
//! - `primary`, `sequential_access`, `media_changer`: the rows, by standard.

mod media_changer;
mod primary;
pub mod reservation;
mod sequential_access;
#[cfg(test)]
mod tests;
pub mod timeout;

use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;
pub use reservation::{Presence, ReservationRules, Restriction};
pub use timeout::Timeouts;

/// A peripheral device type (SPC-5 §6.7.2, table 148).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DeviceType {
    /// Sequential-access device: a tape drive (SSC-5).
    SequentialAccess = 0x01,
    /// Media changer (SMC-3).
    MediaChanger = 0x08,
}

/// Which way data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataDirection {
    /// The command carries no data.
    None,
    /// Data-In, to the initiator.
    In,
    /// Data-Out, from the initiator.
    Out,
}

/// Who runs a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// The transport's own thread, because the command ends at once. The device has the last word: a
    /// READ or WRITE that has to wait for a disk goes to the worker all the same.
    Inline,
    /// The logical unit's worker, because the command may wait for a disk or a robot.
    Worker,
}

/// How a pending unit attention meets a command (SAM-5 §5.14, SPC-5 §6.7, §6.35, §6.39).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitAttention {
    /// The command is not run; its sense data tells the attention.
    Report,
    /// The command runs and the attention stays.
    Ignore,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// Byte 0 of the CDB.
    pub operation_code: u8,
    /// Byte 1, bits 4 to 0, for operation codes that have service actions.
    pub service_action: Option<u8>,
    /// The standard's name.
    pub name: &'static str,
    /// Which way data goes.
    pub direction: DataDirection,
    /// Who runs it.
    pub execution: Execution,
    /// What a pending unit attention does.
    pub unit_attention: UnitAttention,
    /// What a reservation of another nexus does.
    pub reservations: ReservationRules,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// The length of the CDB in bytes, and for each byte the bits that may be set (the CDB usage
    /// data of SPC-5 §6.36.3). Operation code and service action stand as they are.
    pub usage: &'static [u8],
}

/// The commands of a device: those that every device has, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandTable {
    own: &'static [CommandSpec],
    /// Operation codes of `own` that this device does not have.
    without: [Option<u8>; WITHOUT_MAX],
}

/// The most commands that a device may lack of those that its type has.
const WITHOUT_MAX: usize = 4;

impl CommandTable {
    /// Returns the commands of a device of type `device`.
    pub const fn of(device: DeviceType) -> Self {
        Self::with(match device {
            DeviceType::SequentialAccess => sequential_access::COMMANDS,
            DeviceType::MediaChanger => media_changer::COMMANDS,
        })
    }

    /// Returns the commands of a device that has `own` beside the primary commands.
    pub const fn with(own: &'static [CommandSpec]) -> Self {
        Self {
            own,
            without: [None; WITHOUT_MAX],
        }
    }

    /// Returns the same table without the commands `operation_codes` of the device's own, at most four
    /// in all.
    #[must_use]
    pub fn without(mut self, operation_codes: &[u8]) -> Self {
        for code in operation_codes {
            let free = self.without.iter_mut().find(|slot| slot.is_none());
            *free.expect("devices lack at most WITHOUT_MAX commands") = Some(*code);
        }
        self
    }

    /// Returns the row for `cdb`, or `None` for a command that the device does not have: see
    /// [`CommandTable::refusal`].
    pub fn find(self, cdb: &Cdb) -> Option<&'static CommandSpec> {
        // The device's own first: they come most often.
        self.own.iter().chain(primary::COMMANDS).find(|spec| {
            spec.operation_code == cdb.operation_code()
                && !self.without.contains(&Some(spec.operation_code))
                && spec
                    .service_action
                    .is_none_or(|action| action == cdb.service_action())
        })
    }

    /// Returns the sense for a command without a row: INVALID COMMAND OPERATION CODE, or INVALID
    /// FIELD IN CDB when only the service action is unknown (SPC-5 §4.2.5.2).
    pub fn refusal(self, cdb: &Cdb) -> Sense {
        const SERVICE_ACTION_BIT: u8 = 4;
        if self
            .rows()
            .any(|spec| spec.operation_code == cdb.operation_code())
        {
            return Sense::invalid_field_in_cdb(1).at_bit(SERVICE_ACTION_BIT);
        }
        Sense::illegal_request(AdditionalSense::INVALID_COMMAND_OPERATION_CODE)
    }

    /// Returns all rows.
    pub fn rows(self) -> impl Iterator<Item = &'static CommandSpec> {
        let own = self.own.iter();
        let own = own.filter(move |spec| !self.without.contains(&Some(spec.operation_code)));
        primary::COMMANDS.iter().chain(own)
    }
}

impl CommandSpec {
    /// Checks that no bit is set which the standard reserves or which we do not support.
    ///
    /// Bits 7 to 5 of byte 1 are let through for commands that SCSI-2 may have had, those without
    /// service actions and not of sixteen bytes: old initiators put the logical unit number there.
    pub fn check_reserved(&self, cdb: &Cdb) -> Result<(), Sense> {
        for (offset, allowed) in self.usage.iter().enumerate().skip(1) {
            let allowed = if offset == 1 && self.may_carry_lun() {
                allowed | LUN_OF_SCSI_2
            } else {
                *allowed
            };
            let excess = cdb.byte(offset) & !allowed;
            if excess != 0 {
                #[allow(clippy::cast_possible_truncation)] // a CDB has 16 bytes, a byte 8 bits
                let (offset, bit) = (offset as u16, excess.ilog2() as u8);
                return Err(Sense::invalid_field_in_cdb(offset).at_bit(bit));
            }
        }
        Ok(())
    }

    /// Returns whether byte 1 may have a logical unit number in bits 7 to 5.
    pub const fn may_carry_lun(&self) -> bool {
        const OF_SIXTEEN_BYTES: u8 = 4;
        self.service_action.is_none() && self.operation_code >> 5 != OF_SIXTEEN_BYTES
    }

    /// Returns whether `cdb`, a command of this row, may run although another nexus holds a
    /// reservation that restricts it in the way of `restriction`.
    pub fn is_allowed_during(&self, restriction: Restriction, cdb: &Cdb) -> bool {
        self.reservations.presence(restriction).allows(cdb)
    }
}

/// Bits 7 to 5 of byte 1, where SCSI-2 had the logical unit number.
pub const LUN_OF_SCSI_2: u8 = 0xe0;

/// Makes rows, one for each line:
///
/// ```text
/// code [service action] name: direction, execution, unit attention, reservations, timeouts, usage;
/// ```
macro_rules! commands {
    ($(
        $code:literal $([$action:literal])? $name:literal: $direction:ident, $execution:ident,
        $attention:ident, $reservations:ident, $timeouts:ident, $usage:expr;
    )*) => {
        /// The rows.
        pub(super) const COMMANDS: &[$crate::command::CommandSpec] = &[$(
            $crate::command::CommandSpec {
                operation_code: $code,
                service_action: $crate::command::commands!(@action $($action)?),
                name: $name,
                direction: $crate::command::DataDirection::$direction,
                execution: $crate::command::Execution::$execution,
                unit_attention: $crate::command::UnitAttention::$attention,
                reservations: $crate::command::ReservationRules::$reservations,
                timeouts: $crate::command::Timeouts::$timeouts,
                usage: &$usage,
            },
        )*];
    };
    (@action) => { None };
    (@action $action:literal) => { Some($action) };
}
use commands;
