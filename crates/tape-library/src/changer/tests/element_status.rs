//! READ ELEMENT STATUS, byte by byte.

use super::*;

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
            form: None,
            capacity_bytes: Some(100 << 30),
        })
        .unwrap();
    initiator.take_attentions();
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
fn reading_never_waits_for_the_robot() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    // As while a drive brings its data to a slow disk.
    let arm = bench.library.hold_the_arm();
    let data = report(&initiator, 0x10, 0, 0xffff, true, 0xff_ffff).data_in;
    assert_eq!(descriptors(&data).len(), 33);
    drop(arm);
}

#[test]
fn cartridge_from_an_import_export_element_has_no_source_to_return_to() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let [slot, port, drive] = ["slot:1", "ie:1", "drive:0"].map(|name| bench.address(name));
    let source = || {
        let data = report(&initiator, 0x04, 500, 1, false, 0xffff).data_in;
        (data[25] & 0x80, u16::from_be_bytes([data[26], data[27]]))
    };
    initiator.move_medium(slot, port).unwrap();
    initiator.move_medium(port, drive).unwrap();
    assert_eq!(source(), (0x80, 1000), "the last slot, not ie:1");
    initiator.move_medium(drive, port).unwrap();
    bench
        .library
        .create_cartridges(&crate::NewTapes {
            count: 0,
            barcodes: crate::BarcodeSource::List(vec!["NEW".into()]),
            media: None,
            form: None,
            capacity_bytes: None,
        })
        .unwrap();
    initiator.take_attentions();
    assert_eq!(bench.place("NEW"), "slot:1", "its slot is taken now");
    initiator.move_medium(port, drive).unwrap();
    assert_eq!(source(), (0x80, 1000), "remembered all the same");
}

#[test]
fn medium_type_tells_data_worm_and_cleaning_cartridges() {
    let bench = Bench::new(Preset::Default);
    for (barcode, media) in [("WRM001LV", "LTO-5W"), ("CLN001L1", "cleaning")] {
        let new = crate::NewTapes {
            count: 0,
            barcodes: crate::BarcodeSource::List(vec![barcode.into()]),
            media: Some(media.into()),
            form: None,
            capacity_bytes: Some(1 << 20),
        };
        bench.library.create_cartridges(&new).unwrap();
    }
    let initiator = bench.initiator("a");
    let data = report(&initiator, 0x12, 1019, 4, false, 0xffff).data_in;
    let found: Vec<_> = descriptors(&data)
        .iter()
        .map(|(_, _, descriptor)| {
            let barcode = String::from_utf8_lossy(&descriptor[12..20]).into_owned();
            (barcode, descriptor[9])
        })
        .collect();
    let expected = [
        ("CAP020L5", 1),
        ("WRM001LV", 4),
        ("CLN001L1", 2),
        ("        ", 0),
    ];
    assert_eq!(
        found,
        expected.map(|(barcode, kind)| (barcode.to_owned(), kind))
    );
}

/// Types, starts, counts, tags and room in all combinations: what is told of the whole never depends on
/// how much of it there is room for, and what fits is a piece of it.
#[test]
fn every_combination_tells_the_whole_length() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    initiator
        .move_medium(ElementAddress(1000), ElementAddress(501))
        .unwrap();
    for kind in 0..=4 {
        for volume_tag in [0, 0x10] {
            for device_id in [false, true] {
                for (start, count) in [(0, 0xffff), (11, 3), (502, 30), (1030, 1), (0, 0)] {
                    let ask = |room| {
                        let flags = kind | volume_tag;
                        report(&initiator, flags, start, count, device_id, room).data_in
                    };
                    let whole = ask(0xff_ffff);
                    let found = descriptors(&whole); // checks every length
                    assert!(found.len() <= usize::from(count));
                    assert!(found.iter().all(|(_, address, _)| *address >= start));
                    assert!(kind == 0 || found.iter().all(|(other, _, _)| *other == kind));
                    let pages = [1, 2, 3, 4].map(|kind| {
                        let of_kind = found.iter().filter(|(other, _, _)| *other == kind);
                        usize::from(of_kind.count() > 0)
                    });
                    let headers = 8 + 8 * pages.iter().sum::<usize>();
                    let bodies: usize = found.iter().map(|(_, _, it)| it.len()).sum();
                    assert_eq!(whole.len(), headers + bodies);
                    for room in [0, 7, 8, 15, 16, 17, 28] {
                        let cut = ask(room);
                        assert_eq!(cut[..], whole[..whole.len().min(room as usize)]);
                    }
                }
            }
        }
    }
    for kind in 5..=15 {
        let sense = report(&initiator, kind, 0, 1, false, 255).sense.unwrap();
        assert_eq!(sense.field.unwrap().byte, 1, "type {kind}");
    }
}
