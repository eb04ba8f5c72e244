//! Every command of the table with any fields, in every state: an answer, never a panic.

use cartridge::MemoryStore;
use proptest::prelude::*;
use scsi::{CommandSpec, CommandTable, DataDirection, DeviceType, Status};

use super::harness::*;

/// What all units answer alike is answered before the drive.
const NOT_OURS: [u8; 14] = [
    0x03, 0x16, 0x17, 0x1c, 0x1d, 0x3b, 0x3c, 0x56, 0x57, 0x5e, 0x5f, 0xa0, 0xa3, 0xa4,
];

/// Any bits that the table lets through.
fn command() -> impl Strategy<Value = (&'static CommandSpec, Vec<u8>, Vec<u8>)> {
    let rows: Vec<_> = CommandTable::of(DeviceType::SequentialAccess)
        .rows()
        .filter(|row| !NOT_OURS.contains(&row.operation_code))
        .collect();
    let bits = prop::collection::vec(any::<u8>(), 16);
    // Mostly few bits, so that lengths and counts are small as well as huge.
    let thin = prop::collection::vec(any::<u8>(), 16);
    let data = prop::collection::vec(any::<u8>(), 0..200);
    (prop::sample::select(rows), bits, thin, data).prop_map(|(row, bits, thin, data)| {
        let mut cdb: Vec<u8> = row
            .usage
            .iter()
            .zip(bits.iter().zip(&thin))
            .map(|(usage, (bits, thin))| usage & bits & thin)
            .collect();
        cdb[0] = row.operation_code;
        if let Some(action) = row.service_action {
            cdb[1] = cdb[1] & 0xe0 | action;
        }
        (row, cdb, data)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_command_is_answered(commands in prop::collection::vec(command(), 1..60)) {
        let rig = Rig::empty();
        for (number, (row, cdb, data)) in commands.into_iter().enumerate() {
            match number % 20 {
                5 if !rig.drive.has_cartridge() => {
                    rig.insert(new_cartridge(MemoryStore::new(), 1 << 20));
                }
                19 => rig.drive.unload().unwrap(),
                _ => {}
            }
            let response = rig.run_with(&cdb, data);
            prop_assert!(
                response.data_in.is_empty() || row.direction == DataDirection::In,
                "{}", row.name
            );
            prop_assert!(
                response.data_out_length == 0 || row.direction == DataDirection::Out,
                "{}", row.name
            );
            prop_assert!(matches!(response.status, Status::Good | Status::CheckCondition));
            let status = rig.drive.status();
            prop_assert_eq!(status.barcode.is_some(), rig.drive.has_cartridge());
        }
    }
}
