//! What every answer to every command must be, whatever its bytes and the state of the device: the
//! judge of commands of any bytes.

use proptest::prelude::*;
use scsi::command::{CommandSpec, Restriction};
use scsi::sense::FieldPointer;
use scsi::{AdditionalSense, Cdb, CommandTable, DataDirection, Response, Sense, SenseKey, Status};

/// A command with random fields.
#[derive(Clone, Debug)]
pub(crate) struct AnyCommand {
    pub(crate) cdb: Vec<u8>,
    pub(crate) data_out: Vec<u8>,
}

/// Commands of `table`, mostly: with fields that the table lets through, with a bit too much, and of
/// any bytes at all.
pub(crate) fn any_command(table: CommandTable) -> impl Strategy<Value = AnyCommand> {
    let rows: Vec<&'static CommandSpec> = table.rows().collect();
    let bytes = || prop::collection::vec(any::<u8>(), 16);
    let data = prop::collection::vec(any::<u8>(), 0..300);
    // Mostly few bits, so that lengths and counts are small as well as huge.
    (prop::sample::select(rows), bytes(), bytes(), 0..10_u8, data).prop_map(
        |(row, bits, thin, kind, data_out)| {
            let mut cdb = vec![0; 16];
            for (at, byte) in cdb.iter_mut().enumerate() {
                let usage = row.usage.get(at).copied().unwrap_or(0);
                let random = bits[at] & thin[at];
                *byte = if kind == 0 { bits[at] } else { usage & random };
            }
            if kind != 0 {
                cdb[0] = row.operation_code;
                if let Some(action) = row.service_action {
                    cdb[1] = cdb[1] & 0xe0 | action;
                }
            }
            if kind == 1 {
                cdb[1 + usize::from(bits[0] % 15)] |= 1 << (thin[0] % 8);
            }
            AnyCommand { cdb, data_out }
        },
    )
}

/// Whether another nexus has reserved the unit, and how, so that it is in the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reserved {
    No,
    ByAnother(Restriction),
}

/// RESERVE, RELEASE, PERSISTENT RESERVE IN and OUT.
const RESERVING: [u8; 6] = [0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f];

/// Judges an answer to a command for which no unit attention waited.
pub(crate) fn judge(
    table: CommandTable,
    command: &AnyCommand,
    reserved: Reserved,
    response: &Response,
) -> Result<(), TestCaseError> {
    let cdb = Cdb::new(&command.cdb);
    let is_check = response.status == Status::CheckCondition;
    prop_assert_eq!(response.sense.is_some(), is_check);
    let failure = AdditionalSense::INTERNAL_TARGET_FAILURE;
    let told = response.sense.map(|sense| sense.additional);
    prop_assert_ne!(told, Some(failure), "a bug of ours");
    let Some(spec) = table.find(&cdb) else {
        let refusal = table.refusal(&cdb);
        prop_assert_eq!(response.sense.map(place), Some(place(refusal)));
        return Ok(());
    };
    if let Err(reserved_bit) = spec.check_reserved(&cdb) {
        let told = response.sense.map(place);
        prop_assert_eq!(told, Some(place(reserved_bit)), "{}", spec.name);
        return Ok(());
    }
    let in_the_way = match reserved {
        Reserved::No => false,
        Reserved::ByAnother(restriction) => !spec.is_allowed_during(restriction, &cdb),
    };
    let conflict = response.status == Status::ReservationConflict;
    // Reservations of the one kind are in the way of the other's commands, the holder's own too.
    if !(conflict && RESERVING.contains(&spec.operation_code)) {
        prop_assert_eq!(conflict, in_the_way, "{}", spec.name);
    }
    data_go_one_way(spec, command, response)?;
    response
        .sense
        .map_or(Ok(()), |sense| sense_makes_sense(spec, sense))
}

/// What a refusal says. Not in which format: an earlier command may have set D_SENSE.
fn place(sense: Sense) -> (AdditionalSense, Option<FieldPointer>) {
    (sense.additional, sense.field)
}

fn data_go_one_way(
    spec: &CommandSpec,
    command: &AnyCommand,
    response: &Response,
) -> Result<(), TestCaseError> {
    let (name, length) = (spec.name, response.data_in.len());
    if spec.direction != DataDirection::In {
        prop_assert_eq!(length, 0, "{}", name);
    }
    if spec.direction != DataDirection::Out {
        prop_assert_eq!(response.data_out_length, 0, "{}", name);
    }
    if let Some(allocated) = allocation_length(&Cdb::new(&command.cdb)) {
        prop_assert!(length <= allocated, "{}: {} > {}", name, length, allocated);
    }
    Ok(())
}

fn sense_makes_sense(spec: &CommandSpec, sense: Sense) -> Result<(), TestCaseError> {
    let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
    prop_assert_ne!(sense.additional, code, "{} stands in the table", spec.name);
    prop_assert!(sense.additional.text().is_some(), "{:?}", sense);
    if let Some(field) = sense.field {
        prop_assert_eq!(sense.key, SenseKey::IllegalRequest, "{}", spec.name);
        let in_cdb = sense.additional == AdditionalSense::INVALID_FIELD_IN_CDB;
        prop_assert!(!in_cdb || field.in_cdb, "{}: {:?}", spec.name, sense);
        let length = if field.in_cdb {
            spec.usage.len()
        } else {
            1 << 16
        };
        prop_assert!(
            usize::from(field.byte) < length,
            "{}: {:?}",
            spec.name,
            sense
        );
    }
    prop_assert!(!sense.to_fixed().is_empty() && !sense.to_descriptors().is_empty());
    Ok(())
}

/// ALLOCATION LENGTH of commands that have one. READ BUFFER and INQUIRY are of all devices; others
/// have their codes for themselves, or the field stands at the same place in both.
fn allocation_length(cdb: &Cdb) -> Option<usize> {
    Some(match cdb.operation_code() {
        0x03 | 0x1a => usize::from(cdb.byte(4)),
        0x12 | 0x1c => usize::from(cdb.u16(3)),
        0x3c => cdb.u24(6) as usize,
        0x44 | 0x4d | 0x5a | 0x5e => usize::from(cdb.u16(7)),
        0x8c | 0x9e => cdb.u32(10) as usize,
        0xa0 | 0xa3 | 0xab => cdb.u32(6) as usize,
        0xb8 => cdb.u24(7) as usize,
        _ => return None,
    })
}
