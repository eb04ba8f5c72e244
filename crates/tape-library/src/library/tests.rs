//! The library against a dumb model, over restarts, with files that vanish.

mod cleaning;
mod crash;
mod faults;
mod model;
mod offline;
mod rebuild;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use cartridge::Form;
use proptest::prelude::*;
use scsi::{AdditionalSense, SenseKey};

use super::*;
use crate::drive::DriveState;
use crate::inventory::CartridgeState;
use crate::profile::{MachineSpec, Preset};
use crate::testing::{Bench, open};

fn tapes(barcodes: BarcodeSource, count: u32) -> NewTapes {
    NewTapes {
        count,
        barcodes,
        media: None,
        form: None,
        capacity_bytes: None,
    }
}

fn list(barcodes: &[&str]) -> NewTapes {
    let barcodes = barcodes.iter().map(|barcode| (*barcode).to_owned());
    tapes(BarcodeSource::List(barcodes.collect()), 0)
}

#[test]
fn first_library_is_what_the_manual_says() {
    let begin = Instant::now();
    let bench = Bench::new(Preset::Default);
    assert!(begin.elapsed() < Duration::from_secs(30), "made quickly");
    let barcodes: Vec<_> = bench
        .library
        .cartridges()
        .into_iter()
        .map(|record| record.barcode)
        .collect();
    assert_eq!(barcodes.len(), 20);
    assert_eq!((&*barcodes[0], &*barcodes[19]), ("CAP001L5", "CAP020L5"));
    assert_eq!(bench.place("CAP001L5"), "slot:1");
    assert_eq!(bench.place("CAP020L5"), "slot:20");
    let record = bench.library.cartridge("CAP001L5").unwrap();
    assert_eq!(record.capacity_bytes, 1_500_000_000_000);
    let products: Vec<_> = bench
        .library
        .drives()
        .iter()
        .map(|bay| bay.identity().product.clone())
        .collect();
    assert_eq!(
        products,
        ["ULT3580-TD5", "ULT3580-TD5", "ULT3580-TD6", "ULT3580-TD6"]
    );
    assert_eq!(bench.library.elements().len(), 1 + 4 + 4 + 24);
}

#[test]
fn names_and_serial_numbers_survive_a_restart() {
    let bench = Bench::new(Preset::Default);
    let before = (
        bench.library.gateway().clone(),
        bench.library.changer_identity().clone(),
        bench.library.drives()[3].identity().clone(),
    );
    let bench = bench.reopen();
    let after = (
        bench.library.gateway().clone(),
        bench.library.changer_identity().clone(),
        bench.library.drives()[3].identity().clone(),
    );
    assert_eq!(before, after);
}

#[test]
fn library_is_not_made_twice_nor_over_anything() {
    let bench = Bench::new(Preset::Default);
    let again = Library::create(bench.data.path(), NewLibrary::of_preset(Preset::Default));
    assert!(matches!(again, Err(Error::NotEmpty { .. })));
    let empty = tempfile::tempdir().unwrap();
    assert!(!Library::exists(empty.path()));
    assert!(matches!(
        Library::open(empty.path(), OpenOptions::default()),
        Err(Error::NoLibrary { .. })
    ));
    fs::create_dir_all(empty.path().join("cartridges/x")).unwrap();
    let over = Library::create(empty.path(), NewLibrary::of_preset(Preset::Default));
    assert!(matches!(over, Err(Error::NotEmpty { .. })));
}

#[test]
fn source_is_remembered_and_the_way_back_leads_there() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:3", "drive:1").unwrap();
    bench.try_move("drive:1", "drive:2").unwrap();
    let record = bench.library.cartridge("CAP003L5").unwrap();
    assert_eq!(record.source, Some(bench.address("slot:3")));
    let back = bench.library.return_address(&record);
    assert_eq!(back, Some(bench.address("slot:3")));
    bench.try_move("slot:4", "slot:3").unwrap();
    let back = bench.library.return_address(&record);
    assert_eq!(back, Some(bench.address("slot:4")), "the first free one");
}

#[test]
fn new_cartridges_leave_the_slots_of_loaded_ones_free_while_they_can() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:3", "drive:1").unwrap();
    let barcodes = ["NEW1L5", "NEW2L5", "NEW3L5", "NEW4L5", "NEW5L5"];
    let made = bench.library.create_cartridges(&list(&barcodes)).unwrap();
    let places: Vec<_> = made.iter().map(|record| record.element.unwrap()).collect();
    let slots = ["slot:21", "slot:22", "slot:23", "slot:24", "slot:3"];
    let expected = slots.map(|slot| bench.address(slot));
    assert_eq!(places, expected, "the loaded one's slot is the last resort");
}

#[test]
fn move_into_an_import_export_element_records_the_wish_to_archive() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "ie:2").unwrap();
    let bench = bench.reopen();
    let record = bench.library.cartridge("CAP001L5").unwrap();
    let intent = record.archive_intent.unwrap();
    assert_eq!(intent.element, bench.address("ie:2"));
    assert!(intent.since_unix_ms >= 1_800_000_000_000);
    bench.try_move("ie:2", "slot:1").unwrap();
    let record = bench.library.cartridge("CAP001L5").unwrap();
    assert_eq!(record.archive_intent, None);
}

#[test]
fn barcodes_are_unique_checked_and_left_out_of_sequences() {
    let bench = Bench::new(Preset::Default);
    let create = |new: &NewTapes| bench.library.create_cartridges(new);
    assert!(matches!(
        create(&list(&["CAP001L5"])),
        Err(Error::BarcodeTaken { .. })
    ));
    assert!(matches!(
        create(&list(&["SAME01L5", "SAME01L5"])),
        Err(Error::BarcodeTaken { .. })
    ));
    for wrong in ["", "WITH SPACE", "ÄÖÜ", &"X".repeat(33)] {
        assert!(matches!(
            create(&list(&[wrong])),
            Err(Error::InvalidBarcode { .. })
        ));
    }
    let sequence = BarcodeSource::Sequence {
        prefix: "CAP".into(),
        first: 19,
    };
    let made = create(&tapes(sequence, 2)).unwrap();
    assert_eq!(
        (&*made[0].barcode, &*made[1].barcode),
        ("CAP021L5", "CAP022L5")
    );
    assert_eq!(bench.place("CAP021L5"), "slot:21");
    assert!(matches!(
        create(&list(&["A", "B", "C"])),
        Err(Error::NoFreeElements {
            wanted: 3,
            free: 2,
            ..
        })
    ));
    assert!(matches!(
        create(&list(&[])),
        Err(Error::CartridgeCount { count: 0, .. })
    ));
    let mut unknown = list(&["X"]);
    unknown.media = Some("LTO-77".into());
    assert!(matches!(create(&unknown), Err(Error::UnknownMedia { .. })));
}

#[test]
fn tape_gateway_makes_cartridges_into_its_import_export_elements() {
    let bench = Bench::new(Preset::TapeGateway);
    assert!(bench.library.cartridges().is_empty());
    let random = BarcodeSource::Random {
        prefix: "DEMO".into(),
    };
    let made = bench.library.create_cartridges(&tapes(random, 5)).unwrap();
    assert_eq!(bench.place(&made[0].barcode), "ie:1");
    assert_eq!(bench.address("slot:1601"), bench.address("ie:1"));
    assert_eq!(made[0].archive_intent, None);
}

#[test]
fn deletion_is_refused_in_a_drive_and_frees_the_element() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    assert!(matches!(
        bench.library.delete_cartridge("CAP001L5"),
        Err(Error::InDrive { .. })
    ));
    bench.try_move("drive:0", "slot:1").unwrap();
    let record = bench.library.cartridge("CAP001L5").unwrap();
    bench.library.delete_cartridge("CAP001L5").unwrap();
    assert!(matches!(
        bench.library.delete_cartridge("CAP001L5"),
        Err(Error::NoSuchCartridge { .. })
    ));
    let files = bench
        .data
        .path()
        .join(format!("cartridges/{}", record.uuid));
    assert!(!files.exists());
    bench.try_move("slot:2", "slot:1").unwrap();
}

#[test]
fn write_protect_tab_is_obeyed_by_the_drive_and_survives() {
    let bench = Bench::new(Preset::Default);
    bench.library.set_write_protected("CAP001L5", true).unwrap();
    let bench = bench.reopen();
    assert!(bench.library.cartridge("CAP001L5").unwrap().write_protected);
    bench.try_move("slot:1", "drive:0").unwrap();
    let host = bench.initiator("a");
    let sense = host.send(1, &[0x0a, 0, 0, 0, 4, 0], b"tape").sense.unwrap();
    assert_eq!(
        (sense.key, sense.additional),
        (SenseKey::DataProtect, AdditionalSense::WRITE_PROTECTED)
    );
    assert!(matches!(
        bench.library.set_write_protected("CAP001L5", false),
        Err(Error::InDrive { .. })
    ));
}

#[test]
fn creation_that_fails_leaves_no_directory_behind() {
    let bench = Bench::new(Preset::Default);
    let mut new = list(&["NEW1L5", "NEW2L5"]);
    new.capacity_bytes = Some(0);
    let made = bench.library.create_cartridges(&new);
    assert!(matches!(made, Err(Error::Cartridge { .. })), "{made:?}");
    let directories = fs::read_dir(bench.data.path().join("cartridges")).unwrap();
    assert_eq!(directories.count(), 20);
}

#[test]
fn move_by_barcode_takes_that_cartridge_wherever_it_has_gone() {
    let bench = Bench::new(Preset::Default);
    let from = bench.library.cartridge("CAP001L5").unwrap().element;
    bench.try_move("slot:1", "slot:24").unwrap();
    bench.try_move("slot:2", "slot:1").unwrap();
    assert_eq!(from, Some(bench.address("slot:1")), "what a caller knew");
    let drive = bench.address("drive:0");
    let was = bench.library.move_named("CAP001L5", drive).unwrap();
    assert_eq!(was, bench.address("slot:24"));
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    assert_eq!(bench.place("CAP002L5"), "slot:1");
    assert!(matches!(
        bench.library.move_named("NOBODY", drive),
        Err(Error::NoSuchCartridge { .. })
    ));
}

#[test]
fn shut_down_waits_until_the_robot_is_at_rest() {
    let bench = Bench::new(Preset::Default);
    let arm = bench.library.hold_the_arm();
    let library = Arc::clone(&bench.library);
    let (done, wait) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || done.send(library.shut_down().len()).unwrap());
    assert!(wait.recv_timeout(Duration::from_millis(100)).is_err());
    drop(arm);
    assert_eq!(wait.recv().unwrap(), 0);
    thread.join().unwrap();
}

#[test]
fn a_cartridge_is_what_its_barcode_its_media_or_its_form_says() {
    let bench = Bench::new(Preset::Default);
    let make = |new: &NewTapes| {
        let made = bench.library.create_cartridges(new);
        made.map(|made| {
            (
                made[0].barcode.clone(),
                made[0].media.clone(),
                made[0].form(),
            )
        })
    };
    let new = |barcode: &str, media: Option<&str>, form| NewTapes {
        media: media.map(str::to_owned),
        form,
        ..list(&[barcode])
    };
    let worm = Some(Form::Worm);
    for (barcode, media, form, made) in [
        ("A01LV", None, None, ("LTO-5W", Form::Worm)),
        ("A01L6", None, None, ("LTO-6", Form::Data)),
        ("PLAIN", None, None, ("LTO-5", Form::Data)),
        ("A02L6", None, worm, ("LTO-6W", Form::Worm)),
        ("A03L6", Some("LTO-5"), None, ("LTO-5", Form::Data)),
    ] {
        let expected = (barcode.to_owned(), made.0.to_owned(), made.1);
        assert_eq!(make(&new(barcode, media, form)).unwrap(), expected);
        bench.library.delete_cartridge(barcode).unwrap(); // for room
    }
    let sequence = |prefix: &str, form| NewTapes {
        form,
        ..tapes(
            BarcodeSource::Sequence {
                prefix: prefix.to_owned(),
                first: 1,
            },
            1,
        )
    };
    let (barcode, media, _) = make(&sequence("LAW", worm)).unwrap();
    assert_eq!((&*barcode, &*media), ("LAW001LV", "LTO-5W"));
    let old = make(&new("OLD1", Some("LTO-1"), worm)).unwrap_err();
    assert_eq!(
        old.to_string(),
        "media LTO-1: there is no kind of it for writing once (WORM)"
    );
    // The label, from which drives know it and a rebuild starts, says the same.
    let record = bench.library.cartridges().into_iter();
    let record = record
        .clone()
        .find(|record| record.barcode == "LAW001LV")
        .unwrap();
    let directory = bench
        .data
        .path()
        .join("cartridges")
        .join(record.uuid.to_string());
    let label = cartridge::read_label(&cartridge::LocalStore::new(directory)).unwrap();
    assert_eq!((label.form, &*label.media), (Form::Worm, "LTO-5W"));
}
