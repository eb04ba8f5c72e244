//! The import/export station: its door, and what initiators are told.

use super::*;

const OPEN: [u8; 6] = [0x1b, 0, 0, 10, 0, 0];
const CLOSE: [u8; 6] = [0x1b, 0, 0, 10, 1, 0];
const TRAY_OPEN: (SenseKey, AdditionalSense) = (
    SenseKey::NotReady,
    AdditionalSense::MEDIUM_NOT_PRESENT_TRAY_OPEN,
);
const ACCESSED: AdditionalSense = AdditionalSense::IMPORT_OR_EXPORT_ELEMENT_ACCESSED;
const CHANGED: AdditionalSense = AdditionalSense::NOT_READY_TO_READY_CHANGE;

/// TEST UNIT READY, until it is GOOD: what the initiator is told.
fn attentions(initiator: &Initiator) -> Vec<AdditionalSense> {
    std::iter::from_fn(|| {
        let sense = initiator.changer(&[0; 6]).sense?;
        assert_eq!(sense.key, SenseKey::UnitAttention);
        Some(sense.additional)
    })
    .collect()
}

#[test]
fn open_station_is_out_of_the_pickers_reach() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let (slot, port) = (bench.address("slot:1"), bench.address("ie:1"));
    initiator.move_medium(slot, port).unwrap();
    result(&initiator.changer(&OPEN)).unwrap();
    assert!(bench.library.station_is_open());
    assert_eq!(initiator.move_medium(port, slot), Err(TRAY_OPEN));
    let other = bench.address("slot:2");
    assert_eq!(
        initiator.move_medium(other, bench.address("ie:2")),
        Err(TRAY_OPEN)
    );
    let exchange = [0xa6, 0, 0, 0, 0x03, 0xe9, 0, 10, 0x03, 0xe9, 0, 0];
    assert_eq!(result(&initiator.changer(&exchange)), Err(TRAY_OPEN));
    assert!(matches!(
        bench.try_move("ie:1", "slot:1"),
        Err(crate::MoveError::StationOpen(_))
    ));
    let flags = |initiator| -> Vec<u8> {
        let data = report(initiator, 0x03, 0, 2, false, 0xffff).data_in;
        descriptors(&data).iter().map(|(_, _, it)| it[2]).collect()
    };
    assert_eq!(flags(&initiator), [0x31, 0x30], "no ACCESS");
    assert_eq!(attentions(&initiator), [], "the library is ready");
    initiator
        .move_medium(other, bench.address("slot:24"))
        .unwrap();
    result(&initiator.changer(&CLOSE)).unwrap();
    assert_eq!(flags(&initiator), [0x39, 0x38]);
    initiator.move_medium(port, slot).unwrap();
}

#[test]
fn closing_tells_everybody_else_once() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    for _ in 0..2 {
        result(&one.changer(&OPEN)).unwrap();
        result(&one.changer(&CLOSE)).unwrap();
    }
    assert_eq!(attentions(&one), [], "it knows");
    assert_eq!(attentions(&two), [ACCESSED]);
    result(&one.changer(&CLOSE)).unwrap();
    assert_eq!(attentions(&two), [], "it was closed");
    bench
        .library
        .move_station(scsi::smc::DoorAction::Open)
        .unwrap();
    bench
        .library
        .move_station(scsi::smc::DoorAction::Close)
        .unwrap();
    assert_eq!(attentions(&one), [ACCESSED]);
    assert_eq!(attentions(&two), [ACCESSED]);
}

#[test]
fn what_the_operator_changes_is_told_and_what_initiators_move_is_not() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    let (slot, port) = (bench.address("slot:1"), bench.address("ie:1"));
    one.move_medium(slot, port).unwrap();
    assert_eq!(attentions(&two), []);
    bench.try_move("ie:1", "slot:1").unwrap();
    bench.try_move("slot:1", "ie:2").unwrap();
    for initiator in [&one, &two] {
        assert_eq!(attentions(initiator), [ACCESSED], "once");
    }
    bench.try_move("slot:2", "slot:24").unwrap();
    assert_eq!(attentions(&one), [CHANGED]);
    bench.library.delete_cartridge("CAP001L5").unwrap();
    assert_eq!(attentions(&one), [ACCESSED], "it was in ie:2");
    let new = crate::NewTapes {
        count: 1,
        barcodes: crate::BarcodeSource::List(vec!["NEW".into()]),
        media: None,
        form: None,
        capacity_bytes: None,
    };
    bench.library.create_cartridges(&new).unwrap();
    assert_eq!(attentions(&one), [CHANGED], "new ones appear in the slots");
    assert_eq!(attentions(&two), [CHANGED, ACCESSED]);
}

#[test]
fn station_stays_closed_while_an_initiator_prevents_removal() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    result(&two.changer(&[0x1e, 0, 0, 0, 1, 0])).unwrap();
    let prevented = Err((ILLEGAL, AdditionalSense::MEDIUM_REMOVAL_PREVENTED));
    assert_eq!(result(&one.changer(&OPEN)), prevented);
    let by_operator = bench.library.move_station(scsi::smc::DoorAction::Open);
    assert_eq!(by_operator, Err(crate::RemovalPrevented));
    // mtx eepos 1: the cartridge does not move either.
    let move_and_open = [0xa5, 0, 0, 0, 0x03, 0xe8, 0, 10, 0, 0, 0, 0x40];
    assert_eq!(result(&one.changer(&move_and_open)), prevented);
    assert_eq!(bench.place("CAP001L5"), "slot:1");
    result(&two.changer(&[0x1e, 0, 0, 0, 0, 0])).unwrap();
    result(&one.changer(&OPEN)).unwrap();
}

#[test]
fn eepos_of_mtx_opens_and_closes() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let eepos = |from: u16, to: u16, operation: u8| {
        let ([a, b], [c, d]) = (from.to_be_bytes(), to.to_be_bytes());
        result(&initiator.changer(&[0xa5, 0, 0, 1, a, b, c, d, 0, 0, 0, operation << 6]))
    };
    eepos(1000, 10, 1).unwrap();
    assert_eq!(bench.place("CAP001L5"), "ie:1");
    assert!(bench.library.station_is_open());
    eepos(10, 1000, 2).unwrap();
    assert_eq!(bench.place("CAP001L5"), "slot:1");
    assert!(!bench.library.station_is_open());
    // eepos 1 transfer 25 25: the station alone, empty or not.
    eepos(10, 10, 1).unwrap();
    assert!(bench.library.station_is_open());
    eepos(10, 10, 2).unwrap();
    assert!(!bench.library.station_is_open());
    let field = Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB));
    assert_eq!(eepos(1000, 10, 3), field);
    let full = Err((ILLEGAL, AdditionalSense::MEDIUM_DESTINATION_ELEMENT_FULL));
    assert_eq!(eepos(1000, 1000, 1), full, "a slot is no station");
    assert!(!bench.library.station_is_open());
}

#[test]
fn only_import_export_elements_have_a_door() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    for element in [1_u16, 9, 14, 500, 1000] {
        let [high, low] = element.to_be_bytes();
        let sense = initiator
            .changer(&[0x1b, 0, high, low, 0, 0])
            .sense
            .unwrap();
        assert_eq!(sense.additional, AdditionalSense::INVALID_ELEMENT_ADDRESS);
        assert_eq!(sense.field.unwrap().byte, 2);
    }
    let eject = [0x1b, 0, 0, 0, 2, 0];
    assert_eq!(
        result(&initiator.changer(&eject)),
        Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB))
    );
}

#[test]
fn drive_out_of_service_is_disabled_for_initiators() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let (slot, drive) = (bench.address("slot:1"), bench.address("drive:0"));
    bench.library.set_in_service(0, false);
    bench.library.set_in_service(0, false);
    assert_eq!(attentions(&initiator), [AdditionalSense::ELEMENT_DISABLED]);
    let disabled = Err((ILLEGAL, AdditionalSense::ELEMENT_DISABLED));
    assert_eq!(initiator.move_medium(slot, drive), disabled);
    let data = report(&initiator, 0x04, 0, 1, false, 0xffff).data_in;
    let (_, _, descriptor) = descriptors(&data).remove(0);
    assert_eq!(
        (descriptor[2], descriptor[9]),
        (0x00, 0x20),
        "no ACCESS, ED"
    );
    bench.try_move("slot:1", "drive:0").unwrap(); // the operator's way
    attentions(&initiator);
    assert_eq!(initiator.move_medium(drive, slot), disabled);
    bench.library.set_in_service(0, true);
    assert_eq!(attentions(&initiator), [AdditionalSense::ELEMENT_ENABLED]);
    initiator.move_medium(drive, slot).unwrap();
}
