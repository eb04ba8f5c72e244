//! MOVE MEDIUM and its senses, and what stands in its way.

use super::*;

#[test]
fn senses_of_move_medium() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let refused = |from: u16, to: u16| {
        initiator
            .move_medium(ElementAddress(from), ElementAddress(to))
            .unwrap_err()
    };
    let invalid = (ILLEGAL, AdditionalSense::INVALID_ELEMENT_ADDRESS);
    assert_eq!(refused(999, 500), invalid);
    assert_eq!(refused(1000, 499), invalid);
    assert_eq!(refused(1, 1000), invalid, "the picker is no place");
    assert_eq!(
        refused(1023, 500),
        (ILLEGAL, AdditionalSense::MEDIUM_SOURCE_ELEMENT_EMPTY)
    );
    assert_eq!(
        refused(1000, 1001),
        (ILLEGAL, AdditionalSense::MEDIUM_DESTINATION_ELEMENT_FULL)
    );
    assert_eq!(
        refused(1000, 1000),
        (ILLEGAL, AdditionalSense::MEDIUM_DESTINATION_ELEMENT_FULL)
    );
    // From slot 1 to drive 0: invert, and a picker that is none.
    let invert = [0xa5, 0, 0, 0, 0x03, 0xe8, 0x01, 0xf4, 0, 0, 1, 0];
    assert_eq!(
        result(&initiator.changer(&invert)),
        Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB))
    );
    let picker = [0xa5, 0, 0, 2, 0x03, 0xe8, 0x01, 0xf4, 0, 0, 0, 0];
    assert_eq!(result(&initiator.changer(&picker)), Err(invalid));
    let picker = [0xa5, 0, 0, 1, 0x03, 0xe8, 0x01, 0xf4, 0, 0, 0, 0];
    assert_eq!(result(&initiator.changer(&picker)), Ok(()));
}

#[test]
fn drive_that_prevents_removal_keeps_its_cartridge_until_the_nexus_is_lost() {
    let bench = Bench::new(Preset::Default);
    let changer = bench.initiator("a");
    let (slot, drive) = (bench.address("slot:1"), bench.address("drive:0"));
    changer.move_medium(slot, drive).unwrap();
    let host = bench.initiator("b");
    result(&host.send(1, &[0x1e, 0, 0, 0, 1, 0], &[])).unwrap();
    assert_eq!(
        changer.move_medium(drive, slot),
        Err((ILLEGAL, AdditionalSense::MEDIUM_REMOVAL_PREVENTED))
    );
    let data = report(&changer, 0x04, 500, 1, false, 0xffff).data_in;
    assert_eq!(data[18], 0x01, "FULL, no ACCESS");
    drop(host);
    bench.library.drives()[0].unit().wait_until_idle();
    changer.move_medium(drive, slot).unwrap();
}

#[test]
fn load_is_told_to_every_initiator_of_the_drive() {
    let bench = Bench::new(Preset::Default);
    let one = bench.initiator("a");
    let two = bench.initiator("b");
    let test_unit_ready = [0; 6];
    assert_eq!(
        result(&one.send(1, &test_unit_ready, &[])),
        Err((SenseKey::NotReady, AdditionalSense::MEDIUM_NOT_PRESENT))
    );
    one.move_medium(bench.address("slot:1"), bench.address("drive:0"))
        .unwrap();
    for initiator in [&one, &two] {
        assert_eq!(
            result(&initiator.send(1, &test_unit_ready, &[])),
            Err((
                SenseKey::UnitAttention,
                AdditionalSense::NOT_READY_TO_READY_CHANGE
            ))
        );
        assert_eq!(result(&initiator.send(1, &test_unit_ready, &[])), Ok(()));
    }
}

#[test]
fn incompatible_cartridge_stays_where_it_is() {
    let bench = Bench::new(Preset::Default);
    bench
        .library
        .create_cartridges(&crate::NewTapes {
            count: 1,
            barcodes: crate::BarcodeSource::List(vec!["NEW001L6".into()]),
            media: Some("LTO-6".into()),
            form: None,
            capacity_bytes: None,
        })
        .unwrap();
    let initiator = bench.initiator("a");
    let slot = bench.address("slot:21");
    assert_eq!(
        initiator.move_medium(slot, bench.address("drive:0")),
        Err((ILLEGAL, AdditionalSense::INCOMPATIBLE_MEDIUM_INSTALLED))
    );
    assert_eq!(bench.place("NEW001L6"), "slot:21");
    initiator
        .move_medium(slot, bench.address("drive:2"))
        .unwrap();
}

#[test]
fn cartridge_without_files_is_the_mediums_fault_and_can_be_moved() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let record = bench.library.cartridge("CAP002L5").unwrap();
    let files = bench
        .data
        .path()
        .join(format!("cartridges/{}", record.uuid));
    let elsewhere = bench.data.path().join("elsewhere");
    std::fs::rename(&files, &elsewhere).unwrap();
    let (slot, drive) = (bench.address("slot:2"), bench.address("drive:1"));
    assert_eq!(
        initiator.move_medium(slot, drive),
        Err((
            SenseKey::MediumError,
            AdditionalSense::MEDIA_LOAD_OR_EJECT_FAILED
        ))
    );
    let data = report(&initiator, 0x12, 1001, 1, false, 0xffff).data_in;
    assert_eq!(data[18], 0x0d, "ACCESS, EXCEPT, FULL");
    assert_eq!(data[20..22], [0x53, 0x00]);
    let other = bench.address("slot:24");
    initiator.move_medium(slot, other).unwrap();

    std::fs::rename(&elsewhere, &files).unwrap();
    result(&initiator.changer(&[0x07, 0, 0, 0, 0, 0])).unwrap();
    let data = report(&initiator, 0x12, 1023, 1, false, 0xffff).data_in;
    assert_eq!(data[18], 0x09, "the look found it again");
    initiator.move_medium(other, drive).unwrap();
}

#[test]
fn positions_and_ranges_are_checked() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let invalid = Err((ILLEGAL, AdditionalSense::INVALID_ELEMENT_ADDRESS));
    let ask = |cdb: &[u8]| result(&initiator.changer(cdb));
    assert_eq!(ask(&[0x2b, 0, 0, 0, 0x03, 0xe8, 0, 0, 0, 0]), Ok(()));
    assert_eq!(ask(&[0x2b, 0, 0, 0, 0x03, 0xe7, 0, 0, 0, 0]), invalid);
    for code in [0x37, 0xe7] {
        assert_eq!(ask(&[code, 1, 0x03, 0xe8, 0, 0, 0, 4, 0, 0]), Ok(()));
        assert_eq!(ask(&[code, 1, 0x03, 0xe7, 0, 0, 0, 4, 0, 0]), invalid);
    }
}

#[test]
fn removal_that_is_prevented_stops_deletion_until_it_is_allowed() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    result(&initiator.changer(&[0x1e, 0, 0, 0, 1, 0])).unwrap();
    assert!(matches!(
        bench.library.delete_cartridge("CAP020L5"),
        Err(crate::Error::RemovalPrevented { .. })
    ));
    result(&initiator.changer(&[0x1e, 0, 0, 0, 0, 0])).unwrap();
    bench.library.delete_cartridge("CAP020L5").unwrap();
}
