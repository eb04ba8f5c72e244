//! The commands that the disk has beside the primary ones (SBC-3).

use scsi::CommandSpec;
use scsi::command::{DataDirection, Execution, ReservationRules, Timeouts, UnitAttention};

pub(super) const TEST_UNIT_READY: u8 = 0x00;
pub(super) const READ_6: u8 = 0x08;
pub(super) const WRITE_6: u8 = 0x0a;
pub(super) const INQUIRY: u8 = 0x12;
pub(super) const MODE_SELECT_6: u8 = 0x15;
pub(super) const MODE_SENSE_6: u8 = 0x1a;
pub(super) const START_STOP_UNIT: u8 = 0x1b;
pub(super) const PREVENT_ALLOW_MEDIUM_REMOVAL: u8 = 0x1e;
pub(super) const READ_CAPACITY_10: u8 = 0x25;
pub(super) const READ_10: u8 = 0x28;
pub(super) const WRITE_10: u8 = 0x2a;
pub(super) const WRITE_AND_VERIFY_10: u8 = 0x2e;
pub(super) const VERIFY_10: u8 = 0x2f;
pub(super) const PRE_FETCH_10: u8 = 0x34;
pub(super) const SYNCHRONIZE_CACHE_10: u8 = 0x35;
pub(super) const WRITE_SAME_10: u8 = 0x41;
pub(super) const LOG_SENSE: u8 = 0x4d;
pub(super) const MODE_SELECT_10: u8 = 0x55;
pub(super) const MODE_SENSE_10: u8 = 0x5a;
pub(super) const READ_16: u8 = 0x88;
pub(super) const COMPARE_AND_WRITE: u8 = 0x89;
pub(super) const WRITE_16: u8 = 0x8a;
pub(super) const OR_WRITE_16: u8 = 0x8b;
pub(super) const WRITE_AND_VERIFY_16: u8 = 0x8e;
pub(super) const VERIFY_16: u8 = 0x8f;
pub(super) const PRE_FETCH_16: u8 = 0x90;
pub(super) const SYNCHRONIZE_CACHE_16: u8 = 0x91;
pub(super) const WRITE_SAME_16: u8 = 0x93;
/// Of its service actions the disk has READ CAPACITY(16) alone.
pub(super) const SERVICE_ACTION_IN_16: u8 = 0x9e;
pub(super) const READ_12: u8 = 0xa8;
pub(super) const WRITE_12: u8 = 0xaa;
pub(super) const WRITE_AND_VERIFY_12: u8 = 0xae;
pub(super) const VERIFY_12: u8 = 0xaf;

/// READ CAPACITY(16) (SBC-3).
const READ_CAPACITY_16: u8 = 0x10;

/// Byte 1 of reads and writes: DPO and FUA. Protection information is told to be unsupported by the
/// disk itself, because bits 7 to 5 are let through for SCSI-2.
const DPO_FUA: u8 = 0x18;
/// Byte 1 of VERIFY and WRITE AND VERIFY: DPO and BYTCHK.
const DPO_BYTCHK: u8 = 0x16;
/// Byte 1 of SYNCHRONIZE CACHE and PRE-FETCH: SYNC_NV (reserved in the latter) and IMMED.
const SYNC_IMMED: u8 = 0x06;
/// Byte 1 of WRITE SAME: ANCHOR and UNMAP, which the disk itself refuses.
pub(super) const UNMAP_ANCHOR: u8 = 0x18;
/// GROUP NUMBER.
const GROUP: u8 = 0x1f;

use DataDirection::{In, None, Out};

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("READ(6)", In, READS, &usage_6(READ_6)),
    row("WRITE(6)", Out, WRITES, &usage_6(WRITE_6)),
    row(
        "START STOP UNIT",
        None,
        WRITES,
        &[START_STOP_UNIT, 0x01, 0, 0x0f, 0xf7, 0],
    ),
    row(
        "READ CAPACITY(10)",
        In,
        STATE,
        &[READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
    row("READ(10)", In, READS, &usage_10(READ_10, DPO_FUA)),
    row("WRITE(10)", Out, WRITES, &usage_10(WRITE_10, DPO_FUA)),
    row(
        "WRITE AND VERIFY(10)",
        Out,
        WRITES,
        &usage_10(WRITE_AND_VERIFY_10, DPO_BYTCHK),
    ),
    row("VERIFY(10)", Out, READS, &usage_10(VERIFY_10, DPO_BYTCHK)),
    row(
        "SYNCHRONIZE CACHE(10)",
        None,
        WRITES,
        &usage_10(SYNCHRONIZE_CACHE_10, SYNC_IMMED),
    ),
    row(
        "PRE-FETCH(10)",
        None,
        READS,
        &usage_10(PRE_FETCH_10, SYNC_IMMED),
    ),
    row(
        "WRITE SAME(10)",
        Out,
        WRITES,
        &usage_10(WRITE_SAME_10, UNMAP_ANCHOR),
    ),
    row("READ(16)", In, READS, &usage_16(READ_16, DPO_FUA)),
    row("WRITE(16)", Out, WRITES, &usage_16(WRITE_16, DPO_FUA)),
    row(
        "WRITE AND VERIFY(16)",
        Out,
        WRITES,
        &usage_16(WRITE_AND_VERIFY_16, DPO_BYTCHK),
    ),
    row("VERIFY(16)", Out, READS, &usage_16(VERIFY_16, DPO_BYTCHK)),
    row("ORWRITE(16)", Out, WRITES, &usage_16(OR_WRITE_16, DPO_FUA)),
    row(
        "COMPARE AND WRITE",
        Out,
        WRITES,
        &usage_of_compare_and_write(),
    ),
    row(
        "PRE-FETCH(16)",
        None,
        READS,
        &usage_16(PRE_FETCH_16, SYNC_IMMED),
    ),
    row(
        "WRITE SAME(16)",
        Out,
        WRITES,
        &usage_16(WRITE_SAME_16, UNMAP_ANCHOR),
    ),
    row(
        "SYNCHRONIZE CACHE(16)",
        None,
        WRITES,
        &usage_16(SYNCHRONIZE_CACHE_16, SYNC_IMMED),
    ),
    CommandSpec {
        service_action: Some(READ_CAPACITY_16),
        ..row("READ CAPACITY(16)", In, STATE, &usage_of_read_capacity_16())
    },
    row("READ(12)", In, READS, &usage_12(READ_12, DPO_FUA)),
    row("WRITE(12)", Out, WRITES, &usage_12(WRITE_12, DPO_FUA)),
    row(
        "WRITE AND VERIFY(12)",
        Out,
        WRITES,
        &usage_12(WRITE_AND_VERIFY_12, DPO_BYTCHK),
    ),
    row("VERIFY(12)", Out, READS, &usage_12(VERIFY_12, DPO_BYTCHK)),
];

/// SBC-3, commands that are allowed in the presence of various reservations.
const READS: ReservationRules = ReservationRules::READS;
const WRITES: ReservationRules = ReservationRules::WRITES;
const STATE: ReservationRules = ReservationRules::STATE;

const fn row(
    name: &'static str,
    direction: DataDirection,
    reservations: ReservationRules,
    usage: &'static [u8],
) -> CommandSpec {
    CommandSpec {
        operation_code: usage[0],
        service_action: Option::None,
        name,
        direction,
        execution: Execution::Inline,
        unit_attention: UnitAttention::Report,
        reservations,
        timeouts: Timeouts::TRANSFER,
        usage,
    }
}

/// 21 bits of address, a byte of length.
const fn usage_6(operation_code: u8) -> [u8; 6] {
    [operation_code, 0x1f, 0xff, 0xff, 0xff, 0]
}

/// Four bytes of address, group number, two bytes of length.
const fn usage_10(operation_code: u8, flags: u8) -> [u8; 10] {
    let mut usage = [0xff; 10];
    usage[0] = operation_code;
    usage[1] = flags;
    usage[6] = GROUP;
    usage[9] = 0; // CONTROL
    usage
}

/// Four bytes of address, four of length, group number.
const fn usage_12(operation_code: u8, flags: u8) -> [u8; 12] {
    let mut usage = [0xff; 12];
    usage[0] = operation_code;
    usage[1] = flags;
    usage[10] = GROUP;
    usage[11] = 0;
    usage
}

/// Eight bytes of address, four of length, group number.
const fn usage_16(operation_code: u8, flags: u8) -> [u8; 16] {
    let mut usage = [0xff; 16];
    usage[0] = operation_code;
    usage[1] = flags;
    usage[14] = GROUP;
    usage[15] = 0;
    usage
}

/// Eight bytes of address, three reserved, a byte of length, group number.
const fn usage_of_compare_and_write() -> [u8; 16] {
    let mut usage = usage_16(COMPARE_AND_WRITE, DPO_FUA);
    usage[10] = 0;
    usage[11] = 0;
    usage[12] = 0;
    usage
}

/// Four bytes of allocation length.
const fn usage_of_read_capacity_16() -> [u8; 16] {
    let mut usage = [0; 16];
    usage[0] = SERVICE_ACTION_IN_16;
    usage[1] = READ_CAPACITY_16;
    let mut byte = 10;
    while byte < 14 {
        usage[byte] = 0xff;
        byte += 1;
    }
    usage
}
