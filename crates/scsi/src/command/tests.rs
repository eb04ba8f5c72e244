//! The table holds together.

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

#[test]
fn allowing_removal_disturbs_no_reservation_and_preventing_does() {
    let table = CommandTable::of(DeviceType::MediaChanger);
    let allow = Cdb::new(&[0x1e, 0, 0, 0, 0, 0]);
    let prevent = Cdb::new(&[0x1e, 0, 0, 0, 1, 0]);
    let spec = table.find(&allow).unwrap();
    for restriction in [
        Restriction::Reserved,
        Restriction::WriteExclusive,
        Restriction::ExclusiveAccess,
    ] {
        assert!(spec.is_allowed_during(restriction, &allow));
        assert!(!spec.is_allowed_during(restriction, &prevent));
    }
}

#[test]
fn element_status_without_motion_is_read_beside_a_reservation() {
    let table = CommandTable::of(DeviceType::MediaChanger);
    let any = Cdb::new(&[0xb8, 0, 0, 0, 0xff, 0xff, 0x00, 0, 1, 0, 0, 0]);
    let current = Cdb::new(&[0xb8, 0, 0, 0, 0xff, 0xff, 0x02, 0, 1, 0, 0, 0]);
    let spec = table.find(&any).unwrap();
    assert!(!spec.is_allowed_during(Restriction::Reserved, &any));
    assert!(spec.is_allowed_during(Restriction::Reserved, &current));
    assert!(spec.is_allowed_during(Restriction::WriteExclusive, &any));
}

#[test]
fn whoever_is_allowed_beside_exclusive_access_is_beside_write_exclusive() {
    for device in [DeviceType::SequentialAccess, DeviceType::MediaChanger] {
        for spec in CommandTable::of(device).rows() {
            let cdb = Cdb::new(&[spec.operation_code]);
            let beside = |restriction| spec.is_allowed_during(restriction, &cdb);
            if beside(Restriction::ExclusiveAccess) {
                assert!(beside(Restriction::WriteExclusive), "{}", spec.name);
            }
        }
    }
}

#[test]
fn an_unknown_service_action_is_a_field_and_an_unknown_operation_code_is_not() {
    let table = CommandTable::of(DeviceType::SequentialAccess);
    let action = Cdb::new(&[0xa3, 0x1f]);
    assert_eq!(table.find(&action), None);
    assert_eq!(
        table.refusal(&action),
        Sense::invalid_field_in_cdb(1).at_bit(4)
    );
    let code = Cdb::new(&[0x28]);
    assert_eq!(table.find(&code), None);
    let unknown = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
    assert_eq!(table.refusal(&code), Sense::illegal_request(unknown));
}

#[test]
fn usage_data_carry_the_service_action() {
    for device in [DeviceType::SequentialAccess, DeviceType::MediaChanger] {
        for spec in CommandTable::of(device).rows() {
            if let Some(action) = spec.service_action {
                assert_eq!(spec.usage[1] & 0x1f, action, "{}", spec.name);
            }
        }
    }
}

/// What the standards' tables say of the commands that they name: SPC-5 table 68, SSC-5 and SMC-3
/// §4.11 for persistent reservations, SPC-2 tables 10 and B.4 for RESERVE. The columns are RESERVE,
/// Write Exclusive and Exclusive Access, each of another nexus.
const ALLOWED: &[(&str, [bool; 3])] = &[
    ("INQUIRY", [true, true, true]),
    ("LOG SELECT", [false, false, false]),
    ("LOG SENSE", [true, true, true]),
    ("MODE SELECT(6)", [false, false, false]),
    ("MODE SELECT(10)", [false, false, false]),
    ("MODE SENSE(6)", [false, true, false]),
    ("MODE SENSE(10)", [false, true, false]),
    ("READ ATTRIBUTE", [false, true, false]),
    ("READ BUFFER(10)", [false, true, false]),
    ("RECEIVE DIAGNOSTIC RESULTS", [false, true, false]),
    ("REPORT IDENTIFYING INFORMATION", [true, true, true]),
    ("REPORT LUNS", [true, true, true]),
    ("REPORT SUPPORTED OPERATION CODES", [false, true, false]),
    (
        "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
        [false, true, false],
    ),
    ("REPORT TARGET PORT GROUPS", [true, true, true]),
    ("REPORT TIMESTAMP", [true, true, true]),
    ("REQUEST SENSE", [true, true, true]),
    ("SECURITY PROTOCOL IN", [false, true, false]),
    ("SECURITY PROTOCOL OUT", [false, false, false]),
    ("SEND DIAGNOSTIC", [false, false, false]),
    ("SET IDENTIFYING INFORMATION", [false, false, false]),
    ("SET TIMESTAMP", [false, false, false]),
    ("TEST UNIT READY", [false, true, true]),
    ("WRITE ATTRIBUTE", [false, false, false]),
    ("WRITE BUFFER", [false, false, false]),
    ("ALLOW OVERWRITE", [false, false, false]),
    ("ERASE(6)", [false, false, false]),
    ("ERASE(16)", [false, false, false]),
    ("FORMAT MEDIUM", [false, false, false]),
    ("LOAD UNLOAD", [false, false, false]),
    ("LOCATE(10)", [false, true, false]),
    ("LOCATE(16)", [false, true, false]),
    ("READ(6)", [false, true, false]),
    ("READ(16)", [false, true, false]),
    ("READ BLOCK LIMITS", [true, true, true]),
    ("READ MEDIA SERIAL NUMBER", [true, true, true]),
    ("READ POSITION", [false, true, true]),
    ("READ REVERSE(6)", [false, true, false]),
    ("REPORT DENSITY SUPPORT", [true, true, true]),
    ("REWIND", [false, true, false]),
    ("SET CAPACITY", [false, false, false]),
    ("SPACE(6)", [false, true, false]),
    ("SPACE(16)", [false, true, false]),
    ("VERIFY(6)", [false, true, false]),
    ("WRITE(6)", [false, false, false]),
    ("WRITE(16)", [false, false, false]),
    ("WRITE FILEMARKS(6)", [false, false, false]),
    ("EXCHANGE MEDIUM", [false, false, false]),
    ("INITIALIZE ELEMENT STATUS", [false, false, false]),
    ("MOVE MEDIUM", [false, false, false]),
    ("POSITION TO ELEMENT", [false, false, false]),
    ("REQUEST VOLUME ELEMENT ADDRESS", [false, true, false]),
    ("SEND VOLUME TAG", [false, false, false]),
];

#[test]
fn reservations_are_in_the_way_as_the_standards_tables_have_it() {
    let columns = [
        Restriction::Reserved,
        Restriction::WriteExclusive,
        Restriction::ExclusiveAccess,
    ];
    for (name, allowed) in ALLOWED {
        let mut rows = [DeviceType::SequentialAccess, DeviceType::MediaChanger]
            .into_iter()
            .flat_map(|device| CommandTable::of(device).rows())
            .filter(|spec| spec.name == *name)
            .peekable();
        assert!(rows.peek().is_some(), "{name}");
        for spec in rows {
            let cdb = Cdb::new(&[spec.operation_code]);
            let found = columns.map(|column| spec.is_allowed_during(column, &cdb));
            assert_eq!(found, *allowed, "{name}");
        }
    }
}
