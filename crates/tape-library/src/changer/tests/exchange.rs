//! EXCHANGE MEDIUM.

use super::*;

fn exchange(initiator: &Initiator, [source, first, second]: [u16; 3]) -> Response {
    let mut cdb = [0xa6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    cdb[4..6].copy_from_slice(&source.to_be_bytes());
    cdb[6..8].copy_from_slice(&first.to_be_bytes());
    cdb[8..10].copy_from_slice(&second.to_be_bytes());
    initiator.changer(&cdb)
}

#[test]
fn cartridge_of_a_drive_goes_to_the_slot_of_the_next_one() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    let initiator = bench.initiator("a");
    let host = bench.initiator("b");
    let write = [0x0a, 0, 0, 0, 4, 0];
    assert_eq!(host.send(1, &write, b"tape").sense, None);
    // Slot 2 into drive 0; the cartridge of slot 1 goes where the other one was.
    result(&exchange(&initiator, [1001, 500, 1001])).unwrap();
    assert_eq!(bench.place("CAP002L5"), "drive:0");
    assert_eq!(bench.place("CAP001L5"), "slot:2");
    let status = bench.library.drives()[0].status();
    assert_eq!(status.barcode.as_deref(), Some("CAP002L5"));
    let record = bench.library.cartridge("CAP001L5").unwrap();
    assert_eq!(record.source, Some(bench.address("slot:1")));
    // And into a third place: what was written came to the disk.
    result(&exchange(&initiator, [1001, 500, 1000])).unwrap();
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    assert_eq!(bench.place("CAP002L5"), "slot:1");
    host.send(1, &[0; 6], &[]); // takes the attention
    let read = [0x08, 0, 0, 0, 4, 0];
    assert_eq!(&host.send(1, &read, &[]).data_in[..], b"tape");
}

#[test]
fn two_drives_and_two_slots_swap() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    bench.try_move("slot:2", "drive:1").unwrap();
    let initiator = bench.initiator("a");
    result(&exchange(&initiator, [500, 501, 500])).unwrap();
    let loaded: Vec<_> = bench.library.drives()[..2]
        .iter()
        .map(|bay| bay.status().barcode.unwrap())
        .collect();
    assert_eq!(loaded, ["CAP002L5", "CAP001L5"]);
    result(&exchange(&initiator, [1002, 1003, 1002])).unwrap();
    assert_eq!(bench.place("CAP003L5"), "slot:4");
    let bench = bench.reopen();
    assert_eq!(bench.place("CAP004L5"), "slot:3");
    assert_eq!(bench.place("CAP001L5"), "drive:1");
}

#[test]
fn senses_and_field_pointers() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    let initiator = bench.initiator("a");
    let refused = |elements| exchange(&initiator, elements).sense.unwrap();
    for (elements, pointer) in [
        ([999, 500, 1001], 4),
        ([1001, 499, 1001], 6),
        ([1001, 500, 1], 8),
    ] {
        let sense = refused(elements);
        assert_eq!(
            sense.additional,
            AdditionalSense::INVALID_ELEMENT_ADDRESS,
            "{elements:?}"
        );
        assert_eq!(sense.field.unwrap().byte, pointer);
    }
    let empty = AdditionalSense::MEDIUM_SOURCE_ELEMENT_EMPTY;
    let full = AdditionalSense::MEDIUM_DESTINATION_ELEMENT_FULL;
    for (elements, expected) in [
        ([1023, 500, 1023], empty), // the source
        ([1001, 501, 1001], empty), // the first destination is a source too
        ([1001, 500, 1002], full),  // the second destination
        ([1001, 500, 500], full),   // the first as the second
        ([1001, 1001, 1023], full), // the source as the first
    ] {
        let sense = refused(elements);
        assert_eq!((sense.key, sense.additional), (ILLEGAL, expected));
    }
    let invert = [0xa6, 0, 0, 0, 0x03, 0xe9, 0x01, 0xf4, 0x03, 0xe9, 2, 0];
    let pointer = initiator.changer(&invert).sense.unwrap().field.unwrap();
    assert_eq!((pointer.byte, pointer.bit), (10, Some(1)));
    let picker = [0xa6, 0, 0, 9, 0x03, 0xe9, 0x01, 0xf4, 0x03, 0xe9, 0, 0];
    let pointer = initiator.changer(&picker).sense.unwrap().field.unwrap();
    assert_eq!(pointer.byte, 2);
    assert_eq!(bench.place("CAP001L5"), "drive:0", "nothing has moved");
    assert_eq!(bench.place("CAP002L5"), "slot:2");
}

#[test]
fn drive_that_prevents_removal_exchanges_nothing() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    bench.try_move("slot:2", "drive:1").unwrap();
    let initiator = bench.initiator("a");
    let host = bench.initiator("b");
    result(&host.send(2, &[0x1e, 0, 0, 0, 1, 0], &[])).unwrap();
    for elements in [[1002, 501, 1002], [501, 500, 501]] {
        assert_eq!(
            result(&exchange(&initiator, elements)),
            Err((ILLEGAL, AdditionalSense::MEDIUM_REMOVAL_PREVENTED))
        );
    }
    let loaded = |drive: usize| bench.library.drives()[drive].status().barcode;
    assert_eq!(loaded(0).as_deref(), Some("CAP001L5"), "still in its drive");
}

#[test]
fn cartridge_that_does_not_fit_leaves_both_where_they_are() {
    let bench = Bench::new(Preset::Default);
    let new = crate::NewTapes {
        count: 1,
        barcodes: crate::BarcodeSource::List(vec!["NEW001L6".into()]),
        media: Some("LTO-6".into()),
        form: None,
        capacity_bytes: None,
    };
    bench.library.create_cartridges(&new).unwrap();
    bench.try_move("slot:1", "drive:0").unwrap();
    bench.try_move("slot:21", "drive:2").unwrap();
    let initiator = bench.initiator("a");
    // An LTO-6 cartridge into the LTO-5 drive 0, as the first and as the second.
    for elements in [[502, 500, 502], [500, 502, 500]] {
        assert_eq!(
            result(&exchange(&initiator, elements)),
            Err((ILLEGAL, AdditionalSense::INCOMPATIBLE_MEDIUM_INSTALLED))
        );
        assert_eq!(bench.place("CAP001L5"), "drive:0");
        assert_eq!(bench.place("NEW001L6"), "drive:2");
    }
}

#[test]
fn missing_files_of_one_put_the_other_back_into_its_drive() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    let initiator = bench.initiator("a");
    let record = bench.library.cartridge("CAP002L5").unwrap();
    let directory = format!("cartridges/{}", record.uuid);
    std::fs::remove_dir_all(bench.data.path().join(directory)).unwrap();
    assert_eq!(
        result(&exchange(&initiator, [1001, 500, 1001])),
        Err((
            SenseKey::MediumError,
            AdditionalSense::MEDIA_LOAD_OR_EJECT_FAILED
        ))
    );
    let status = bench.library.drives()[0].status();
    assert_eq!(status.barcode.as_deref(), Some("CAP001L5"));
    assert_eq!(bench.place("CAP001L5"), "drive:0");
}
