//! The one table of commands.
//!
//! Whoever needs to know something about a command reads it here: dispatch, the check of reserved
//! bits, the question whether a unit attention is told first, the choice between the transport's
//! thread and the logical unit's worker.

use crate::sense::Sense;
use crate::task::Cdb;

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
    /// The length of the CDB in bytes, and for each byte the bits that may be set (the CDB usage
    /// data of SPC-5 §6.36.3).
    pub usage: &'static [u8],
    /// Which way data goes.
    pub direction: DataDirection,
    /// Who runs it.
    pub execution: Execution,
    /// What a pending unit attention does.
    pub unit_attention: UnitAttention,
}

/// The commands of a device: those that every device has, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandTable {
    own: &'static [CommandSpec],
}

impl CommandTable {
    /// Returns the commands of a device of type `device`.
    pub const fn of(device: DeviceType) -> Self {
        Self::with(match device {
            DeviceType::SequentialAccess => SEQUENTIAL_ACCESS,
            DeviceType::MediaChanger => MEDIA_CHANGER,
        })
    }

    /// Returns the commands of a device that has `own` beside the primary commands.
    pub const fn with(own: &'static [CommandSpec]) -> Self {
        Self { own }
    }

    /// Returns the row for `cdb`, or `None` for a command that the device does not have: INVALID
    /// COMMAND OPERATION CODE.
    pub fn find(self, cdb: &Cdb) -> Option<&'static CommandSpec> {
        self.rows().find(|spec| {
            spec.operation_code == cdb.operation_code()
                && spec
                    .service_action
                    .is_none_or(|action| action == cdb.service_action())
        })
    }

    /// Returns all rows.
    pub fn rows(self) -> impl Iterator<Item = &'static CommandSpec> {
        PRIMARY.iter().chain(self.own)
    }
}

impl CommandSpec {
    /// Checks that no bit is set which the standard reserves or which we do not support.
    ///
    /// Bits 7 to 5 of byte 1 are let through for the commands of SCSI-2: old initiators put the
    /// logical unit number there.
    pub fn check_reserved(&self, cdb: &Cdb) -> Result<(), Sense> {
        for (offset, allowed) in self.usage.iter().enumerate().skip(1) {
            let allowed = if offset == 1 {
                allowed | 0xe0
            } else {
                *allowed
            };
            let excess = cdb.byte(offset) & !allowed;
            if excess != 0 {
                #[allow(clippy::cast_possible_truncation)] // a CDB has 16 bytes
                let mut sense = Sense::invalid_field_in_cdb(offset as u16);
                if let Some(field) = &mut sense.field {
                    #[allow(clippy::cast_possible_truncation)] // 0 to 7
                    let bit = excess.ilog2() as u8;
                    field.bit = Some(bit);
                }
                return Err(sense);
            }
        }
        Ok(())
    }
}

use DataDirection::{In, Out};
use Execution::{Inline, Worker};

const fn row(
    operation_code: u8,
    name: &'static str,
    direction: DataDirection,
    execution: Execution,
    usage: &'static [u8],
) -> CommandSpec {
    CommandSpec {
        operation_code,
        service_action: None,
        name,
        usage,
        direction,
        execution,
        unit_attention: UnitAttention::Report,
    }
}

const fn despite_unit_attention(mut spec: CommandSpec) -> CommandSpec {
    spec.unit_attention = UnitAttention::Ignore;
    spec
}

const NONE: DataDirection = DataDirection::None;

/// Commands of both devices (SPC-5).
const PRIMARY: &[CommandSpec] = &[
    row(
        0x00,
        "TEST UNIT READY",
        NONE,
        Inline,
        &[0x00, 0, 0, 0, 0, 0],
    ),
    despite_unit_attention(row(
        0x03,
        "REQUEST SENSE",
        In,
        Inline,
        &[0x03, 0x01, 0, 0, 0xff, 0],
    )),
    despite_unit_attention(row(
        0x12,
        "INQUIRY",
        In,
        Inline,
        &[0x12, 0x01, 0xff, 0xff, 0xff, 0],
    )),
    row(
        0x15,
        "MODE SELECT(6)",
        Out,
        Worker,
        &[0x15, 0x11, 0, 0, 0xff, 0],
    ),
    row(
        0x1a,
        "MODE SENSE(6)",
        In,
        Inline,
        &[0x1a, 0x08, 0xff, 0xff, 0xff, 0],
    ),
    row(
        0x1e,
        "PREVENT ALLOW MEDIUM REMOVAL",
        NONE,
        Inline,
        &[0x1e, 0, 0, 0, 0x03, 0],
    ),
    row(
        0x4d,
        "LOG SENSE",
        In,
        Inline,
        &[0x4d, 0x01, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0],
    ),
    row(
        0x55,
        "MODE SELECT(10)",
        Out,
        Worker,
        &[0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0],
    ),
    row(
        0x5a,
        "MODE SENSE(10)",
        In,
        Inline,
        &[0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0],
    ),
    despite_unit_attention(row(
        0xa0,
        "REPORT LUNS",
        In,
        Inline,
        &[0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
    )),
];

/// Commands of tape drives (SSC-5).
const SEQUENTIAL_ACCESS: &[CommandSpec] = &[
    row(0x01, "REWIND", NONE, Worker, &[0x01, 0x01, 0, 0, 0, 0]),
    row(
        0x05,
        "READ BLOCK LIMITS",
        In,
        Inline,
        &[0x05, 0, 0, 0, 0, 0],
    ),
    row(
        0x08,
        "READ(6)",
        In,
        Inline,
        &[0x08, 0x03, 0xff, 0xff, 0xff, 0],
    ),
    row(
        0x0a,
        "WRITE(6)",
        Out,
        Inline,
        &[0x0a, 0x01, 0xff, 0xff, 0xff, 0],
    ),
    row(
        0x10,
        "WRITE FILEMARKS(6)",
        NONE,
        Worker,
        &[0x10, 0x01, 0xff, 0xff, 0xff, 0],
    ),
    row(
        0x11,
        "SPACE(6)",
        NONE,
        Worker,
        &[0x11, 0x0f, 0xff, 0xff, 0xff, 0],
    ),
    row(0x19, "ERASE(6)", NONE, Worker, &[0x19, 0x03, 0, 0, 0, 0]),
    row(
        0x1b,
        "LOAD UNLOAD",
        NONE,
        Worker,
        &[0x1b, 0x01, 0, 0, 0x0f, 0],
    ),
    row(
        0x2b,
        "LOCATE(10)",
        NONE,
        Worker,
        &[0x2b, 0x07, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0],
    ),
    row(
        0x34,
        "READ POSITION",
        In,
        Inline,
        &[0x34, 0x1f, 0, 0, 0, 0, 0, 0xff, 0xff, 0],
    ),
    row(
        0x44,
        "REPORT DENSITY SUPPORT",
        In,
        Inline,
        &[0x44, 0x03, 0, 0, 0, 0, 0, 0xff, 0xff, 0],
    ),
    row(
        0x91,
        "SPACE(16)",
        NONE,
        Worker,
        &[
            0x91, 0x0f, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ],
    ),
    row(
        0x92,
        "LOCATE(16)",
        NONE,
        Worker,
        &[
            0x92, 0x3b, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ],
    ),
];

/// Commands of media changers (SMC-3).
const MEDIA_CHANGER: &[CommandSpec] = &[
    row(
        0x07,
        "INITIALIZE ELEMENT STATUS",
        NONE,
        Worker,
        &[0x07, 0, 0, 0, 0, 0],
    ),
    row(
        0x2b,
        "POSITION TO ELEMENT",
        NONE,
        Worker,
        &[0x2b, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0],
    ),
    row(
        0x37,
        "INITIALIZE ELEMENT STATUS WITH RANGE",
        NONE,
        Worker,
        &[0x37, 0x03, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0],
    ),
    row(
        0xa5,
        "MOVE MEDIUM",
        NONE,
        Worker,
        &[0xa5, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x01, 0],
    ),
    row(
        0xb8,
        "READ ELEMENT STATUS",
        In,
        Inline,
        &[
            0xb8, 0x1f, 0xff, 0xff, 0xff, 0xff, 0x03, 0xff, 0xff, 0xff, 0, 0,
        ],
    ),
    // Vendor specific: the operation code that the command had before SMC-2, still sent.
    row(
        0xe7,
        "INITIALIZE ELEMENT STATUS WITH RANGE",
        NONE,
        Worker,
        &[0xe7, 0x03, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sense::FieldPointer;

    #[test]
    fn every_row_has_the_length_of_its_operation_code_group() {
        for device in [DeviceType::SequentialAccess, DeviceType::MediaChanger] {
            for spec in CommandTable::of(device).rows() {
                // SPC-5 §4.2.5.1, table 21.
                let length = match spec.operation_code >> 5 {
                    0 => 6,
                    // Group 7 is vendor specific; its only command has the layout of group 1.
                    1 | 2 | 7 => 10,
                    4 => 16,
                    5 => 12,
                    group => panic!("{} in group {group}", spec.name),
                };
                assert_eq!(spec.usage.len(), length, "{}", spec.name);
                assert_eq!(spec.usage[0], spec.operation_code, "{}", spec.name);
            }
        }
    }

    #[test]
    fn no_command_stands_twice() {
        for device in [DeviceType::SequentialAccess, DeviceType::MediaChanger] {
            let mut seen = std::collections::HashSet::new();
            for spec in CommandTable::of(device).rows() {
                assert!(
                    seen.insert((spec.operation_code, spec.service_action)),
                    "{}",
                    spec.name
                );
            }
        }
    }

    #[test]
    fn a_reserved_bit_is_named() {
        let cdb = Cdb::new(&[0xa5, 0, 0, 0, 0x01, 0xf4, 0x03, 0xe8, 0x20, 0, 0, 0]);
        let spec = CommandTable::of(DeviceType::MediaChanger)
            .find(&cdb)
            .unwrap();
        let sense = spec.check_reserved(&cdb).unwrap_err();
        assert_eq!(
            sense.field,
            Some(FieldPointer {
                in_cdb: true,
                byte: 8,
                bit: Some(5)
            })
        );
    }

    #[test]
    fn the_lun_of_scsi_2_in_byte_1_is_let_through() {
        let cdb = Cdb::new(&[0x00, 0x60, 0, 0, 0, 0]);
        let spec = CommandTable::of(DeviceType::SequentialAccess)
            .find(&cdb)
            .unwrap();
        assert_eq!(spec.check_reserved(&cdb), Ok(()));
    }
}
