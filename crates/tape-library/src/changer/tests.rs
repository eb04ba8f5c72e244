//! The changer as initiators see it: command bytes in, response bytes out.

use scsi::{AdditionalSense, ElementAddress, Response, SenseKey, Status};

use crate::profile::Preset;
use crate::testing::{Bench, Initiator, result};

const ILLEGAL: SenseKey = SenseKey::IllegalRequest;

/// READ ELEMENT STATUS.
fn report(
    initiator: &Initiator,
    type_and_tags: u8,
    start: u16,
    count: u16,
    device_id: bool,
    allocation: u32,
) -> Response {
    let [start_high, start_low] = start.to_be_bytes();
    let [count_high, count_low] = count.to_be_bytes();
    let [_, a, b, c] = allocation.to_be_bytes();
    initiator.changer(&[
        0xb8,
        type_and_tags,
        start_high,
        start_low,
        count_high,
        count_low,
        u8::from(device_id),
        a,
        b,
        c,
        0,
        0,
    ])
}

/// The descriptors of a report: type, address, and the whole descriptor. Checks every length.
fn descriptors(data: &[u8]) -> Vec<(u8, u16, Vec<u8>)> {
    let u24 = |bytes: &[u8]| {
        usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
    };
    let u16 = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
    assert_eq!(u24(&data[5..8]), data.len() - 8, "bytes of report");
    let mut found = Vec::new();
    let mut rest = &data[8..];
    while !rest.is_empty() {
        let (length, bytes) = (usize::from(u16(&rest[2..4])), u24(&rest[5..8]));
        assert_eq!(bytes % length, 0);
        for descriptor in rest[8..8 + bytes].chunks_exact(length) {
            found.push((rest[0], u16(descriptor), descriptor.to_vec()));
        }
        rest = &rest[8 + bytes..];
    }
    assert_eq!(
        usize::from(u16(&data[2..4])),
        found.len(),
        "number of elements"
    );
    if let Some((_, first, _)) = found.first() {
        assert_eq!(u16(data), *first, "first element");
    }
    found
}

#[test]
fn golden_status_of_a_loaded_drive_and_its_empty_slot() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    initiator
        .move_medium(ElementAddress(1000), ElementAddress(500))
        .unwrap();
    let data = report(&initiator, 0x14, 500, 1, true, 0xffff).data_in;
    let serial = &bench.library.drives()[0].identity().serial;
    assert_eq!(serial.len(), 10);
    assert_eq!(
        data[..16],
        [
            0x01, 0xf4, 0, 1, 0, 0, 0, 94, // first element 500, one element, 94 bytes
            4, 0x80, 0, 86, 0, 0, 0, 86, // data transfer, PVOLTAG, one descriptor of 86 bytes
        ]
    );
    assert_eq!(
        data[16..28],
        [0x01, 0xf4, 0x09, 0, 0, 0, 0, 0, 0, 0x81, 0x03, 0xe8],
        "ACCESS and FULL, SVALID with a data medium, from slot 1000"
    );
    assert_eq!(&data[28..60], b"CAP001L5                        ");
    assert_eq!(data[60..64], [0; 4]);
    let id = format!("\x02\x01\x00\x22IBM     ULT3580-TD5     {serial}");
    assert_eq!(&data[64..], id.as_bytes());

    let data = report(&initiator, 0x12, 1000, 1, false, 0xffff).data_in;
    assert_eq!(
        data[..28],
        [
            0x03, 0xe8, 0, 1, 0, 0, 0, 60, // first element 1000
            2, 0x80, 0, 52, 0, 0, 0, 52, // storage
            0x03, 0xe8, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, // ACCESS
        ]
    );
    assert_eq!(&data[28..60], [b' '; 32]);
}

#[test]
fn all_types_come_in_the_order_of_addresses() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let data = report(&initiator, 0x10, 0, 0xffff, true, 0xff_ffff).data_in;
    let found = descriptors(&data);
    let addresses: Vec<_> = found
        .iter()
        .map(|(kind, address, _)| (*kind, *address))
        .collect();
    let expected: Vec<_> = std::iter::once((1, 1))
        .chain((10..14).map(|address| (3, address)))
        .chain((500..504).map(|address| (4, address)))
        .chain((1000..1024).map(|address| (2, address)))
        .collect();
    assert_eq!(addresses, expected);
}

#[test]
fn any_start_and_count_gives_the_elements_from_there_on() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let all: Vec<u16> = descriptors(&report(&initiator, 0, 0, 0xffff, false, 0xff_ffff).data_in)
        .into_iter()
        .map(|(_, address, _)| address)
        .collect();
    for start in [0, 1, 2, 10, 13, 14, 499, 503, 504, 1023, 1024, 0xffff] {
        for count in [0, 1, 3, 5, 33, 0xffff] {
            let data = report(&initiator, 0, start, count, false, 0xff_ffff).data_in;
            let found: Vec<u16> = descriptors(&data)
                .into_iter()
                .map(|(_, address, _)| address)
                .collect();
            let expected: Vec<u16> = all
                .iter()
                .copied()
                .filter(|address| *address >= start)
                .take(count.into())
                .collect();
            assert_eq!(found, expected, "from {start}, {count}");
        }
    }
}

#[test]
fn any_allocation_length_cuts_the_same_report() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let whole = report(&initiator, 0x10, 0, 0xffff, true, 0xff_ffff).data_in;
    let length = u32::try_from(whole.len()).unwrap();
    for allocation in (0..100).chain([length - 1, length, length + 1]) {
        let cut = report(&initiator, 0x10, 0, 0xffff, true, allocation).data_in;
        assert_eq!(cut[..], whole[..whole.len().min(allocation as usize)]);
    }
}

#[test]
fn three_thousand_elements_are_reported_in_one_answer() {
    let bench = Bench::new(Preset::TapeGateway);
    let initiator = bench.initiator("a");
    let data = report(&initiator, 0x10, 0, 0xffff, true, 0xff_ffff).data_in;
    let found = descriptors(&data);
    assert_eq!(found.len(), 1 + 10 + 1600 + 1600);
    let count = |kind| found.iter().filter(|(found, _, _)| *found == kind).count();
    assert_eq!((count(2), count(3), count(4)), (1600, 1600, 10));
}

#[test]
fn device_id_of_every_drive_is_what_the_drive_says_of_itself() {
    for preset in Preset::ALL {
        let bench = Bench::new(preset);
        let initiator = bench.initiator("a");
        let data = report(&initiator, 0x04, 0, 0xffff, true, 0xff_ffff).data_in;
        let found = descriptors(&data);
        assert_eq!(found.len(), bench.library.drives().len());
        for (number, (_, address, descriptor)) in found.iter().enumerate() {
            let bay = &bench.library.drives()[number];
            assert_eq!(bay.element(), ElementAddress(*address));
            let lun = u16::try_from(number).unwrap() + 1;
            let inquiry = [0x12, 1, 0x83, 0, 0xff, 0];
            let page = initiator.send(lun, &inquiry, &[]).data_in;
            // The first designator of the page, with its header.
            let length = 4 + usize::from(page[7]);
            assert_eq!(page[5], 0x01, "T10 vendor identification of the unit");
            assert_eq!(descriptor[12..], page[4..4 + length], "drive {number}");
            let serial = initiator
                .send(lun, &[0x12, 1, 0x80, 0, 0xff, 0], &[])
                .data_in;
            assert!(descriptor.ends_with(&serial[4..]));
        }
    }
}

#[test]
fn import_export_elements_say_who_put_the_cartridge_there() {
    let mut machine = Preset::TapeGateway.machine();
    machine.storage_elements = 4;
    machine.import_export_elements = 4;
    let bench = Bench::with_machine(Preset::TapeGateway, machine);
    let initiator = bench.initiator("a");
    let made = bench
        .library
        .create_cartridges(&crate::NewTapes {
            count: 2,
            barcodes: crate::BarcodeSource::Random {
                prefix: "DEMO".into(),
            },
            media: None,
            capacity_bytes: Some(100 << 30),
        })
        .unwrap();
    assert!(made[0].barcode.starts_with("DEMO") && made[0].barcode.len() == 10);
    initiator
        .move_medium(bench.address("ie:2"), bench.address("ie:3"))
        .unwrap();
    let data = report(&initiator, 0x03, 0, 4, false, 0xffff).data_in;
    let flags: Vec<u8> = descriptors(&data).iter().map(|(_, _, d)| d[2]).collect();
    assert_eq!(
        flags,
        [0x3b, 0x38, 0x39, 0x38],
        "IMPEXP only where it was made"
    );
}

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
    let initiator = bench.initiator("a");
    bench
        .library
        .create_cartridges(&crate::NewTapes {
            count: 1,
            barcodes: crate::BarcodeSource::List(vec!["NEW001L6".into()]),
            media: Some("LTO-6".into()),
            capacity_bytes: None,
        })
        .unwrap();
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
fn mode_sense_of_mtx_and_loaderinfo() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let page_1d = [
        0x1d, 18, 0, 1, 0, 1, 0x03, 0xe8, 0, 24, 0, 10, 0, 4, 0x01, 0xf4, 0, 4, 0, 0,
    ];
    let data = initiator.changer(&[0x1a, 0x08, 0x1d, 0, 136, 0]).data_in;
    assert_eq!(data[..4], [23, 0, 0, 0]);
    assert_eq!(data[4..], page_1d);
    let data = initiator
        .changer(&[0x5a, 0x08, 0x3f, 0, 0, 0, 0, 0, 136, 0])
        .data_in;
    assert_eq!(data[..8], [0, 50, 0, 0, 0, 0, 0, 0]);
    assert_eq!(data[8..28], page_1d);
    assert_eq!(data[28..32], [0x1e, 2, 0, 0]);
    assert_eq!(data[32..35], [0x1f, 18, 0x0e]);
    let changeable = initiator.changer(&[0x1a, 0x08, 0x5d, 0, 136, 0]).data_in;
    assert_eq!(changeable[4..6], [0x1d, 18]);
    assert_eq!(changeable[6..], [0; 18]);
    let saved = initiator.changer(&[0x1a, 0x08, 0xdd, 0, 136, 0]);
    assert_eq!(
        result(&saved),
        Err((ILLEGAL, AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED))
    );
    for unknown in [[0x1a, 0x08, 0x0f, 0, 136, 0], [0x1a, 0x08, 0x1d, 1, 136, 0]] {
        assert_eq!(
            result(&initiator.changer(&unknown)),
            Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB))
        );
    }
}

#[test]
fn mode_select_accepts_what_is_so_and_nothing_else() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let mut list = initiator
        .changer(&[0x1a, 0x08, 0x3f, 0, 136, 0])
        .data_in
        .to_vec();
    list[0] = 0;
    let length = u8::try_from(list.len()).unwrap();
    let select = [0x15, 0x10, 0, 0, length, 0];
    let response = initiator.send(0, &select, &list);
    assert_eq!(response.status, Status::Good);
    assert_eq!(response.data_out_length, u32::from(length));
    list[13] ^= 1; // the number of storage elements
    assert_eq!(
        result(&initiator.send(0, &select, &list)),
        Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_PARAMETER_LIST))
    );
    assert_eq!(
        result(&initiator.send(0, &select, &list[..10])),
        Err((ILLEGAL, AdditionalSense::PARAMETER_LIST_LENGTH_ERROR))
    );
}

#[test]
fn log_pages() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let sense = |page: u8| initiator.changer(&[0x4d, 0, 0x40 | page, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(sense(0).data_in[..], [0, 0, 0, 2, 0x00, 0x2e]);
    let alerts = sense(0x2e).data_in;
    assert_eq!(alerts[..4], [0x2e, 0, 0x01, 0x40], "64 flags of five bytes");
    assert_eq!(alerts[4..9], [0, 1, 3, 1, 0]);
    assert_eq!(
        result(&sense(0x31)),
        Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB))
    );
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
fn identity_of_the_tape_gateway_is_what_mtx_inquiry_shows() {
    let bench = Bench::new(Preset::TapeGateway);
    let initiator = bench.initiator("a");
    let inquiry = initiator.changer(&[0x12, 0, 0, 0, 96, 0]).data_in;
    assert_eq!(inquiry[..2], [0x08, 0x80]);
    assert_eq!(&inquiry[8..36], b"AWS     Gateway-VTL     0100");
    let pages = initiator.changer(&[0x12, 1, 0, 0, 96, 0]).data_in;
    assert_eq!(pages[4..], [0x00, 0x80, 0x83]);
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

#[test]
fn every_command_of_the_table_is_answered() {
    use scsi::{CommandSpec, DeviceType};
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    for spec in CommandSpec::all(DeviceType::MediaChanger) {
        let mut cdb = [0; 16];
        cdb[0] = spec.operation_code;
        let response = initiator.changer(&cdb);
        assert_ne!(
            result(&response),
            Err((ILLEGAL, AdditionalSense::INVALID_COMMAND_OPERATION_CODE)),
            "{}",
            spec.name
        );
    }
}
