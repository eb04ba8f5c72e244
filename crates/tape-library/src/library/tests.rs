//! The library against a dumb model, over restarts, with files that vanish.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

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
fn interrupted_creation_begins_again_with_the_same_identity() {
    let bench = Bench::new(Preset::Default);
    let gateway = bench.library.gateway().clone();
    let Bench { data, library } = bench;
    drop(library);
    // As a crash before the last step leaves it.
    fs::rename(
        data.path().join("gateway.toml"),
        data.path().join("gateway.toml.new"),
    )
    .unwrap();
    fs::remove_file(data.path().join("catalog.sqlite")).unwrap();
    let new = NewLibrary::of_preset(Preset::Default);
    assert_eq!(Library::create(data.path(), new).unwrap(), gateway);
    let library = open(data.path());
    assert_eq!(library.cartridges().len(), 20);
    let directories = fs::read_dir(data.path().join("cartridges")).unwrap();
    assert_eq!(directories.count(), 20, "the first attempt left nothing");
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
fn what_was_written_is_there_after_a_restart_with_the_cartridge_in_the_drive() {
    let bench = Bench::new(Preset::Default);
    let host = bench.initiator("a");
    bench.try_move("slot:1", "drive:0").unwrap();
    host.send(1, &[0; 6], &[]); // takes the attention
    let write = [0x0a, 0, 0, 0, 4, 0];
    assert_eq!(host.send(1, &write, b"tape").sense, None);
    let filemark = [0x10, 0, 0, 0, 1, 0];
    assert_eq!(host.send(1, &filemark, &[]).sense, None);
    let status = bench.library.drives()[0].status();
    assert_eq!((status.state, status.object), (DriveState::Loaded, 2));
    drop(host);
    let bench = bench.reopen();
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    let host = bench.initiator("a");
    let read = [0x08, 0, 0, 0, 4, 0];
    assert_eq!(&host.send(1, &read, &[]).data_in[..], b"tape");
    bench.try_move("drive:0", "slot:1").unwrap();
    assert_eq!(bench.library.drives()[0].status().state, DriveState::Empty);
    assert!(bench.library.shut_down().is_empty());
}

#[test]
fn cartridge_that_lost_its_files_in_a_drive_can_be_taken_out() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    let record = bench.library.cartridge("CAP001L5").unwrap();
    let Bench { data, library } = bench;
    drop(library);
    fs::remove_dir_all(data.path().join(format!("cartridges/{}", record.uuid))).unwrap();
    let library = open(data.path());
    let bench = Bench { data, library };
    let record = bench.library.cartridge("CAP001L5").unwrap();
    assert_eq!(record.state, CartridgeState::Missing);
    assert_eq!(bench.library.drives()[0].status().state, DriveState::Empty);
    bench.try_move("drive:0", "slot:1").unwrap();
    assert!(matches!(
        bench.try_move("slot:1", "drive:0"),
        Err(MoveError::FilesMissing { .. })
    ));
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
fn deletion_that_a_crash_interrupted_is_finished_at_the_next_start() {
    let bench = Bench::new(Preset::Default);
    let record = bench.library.cartridge("CAP001L5").unwrap();
    bench
        .library
        .robot
        .arm()
        .begin_deletion(record.uuid)
        .unwrap();
    let bench = bench.reopen();
    assert_eq!(bench.library.cartridges().len(), 19);
    let files = bench
        .data
        .path()
        .join(format!("cartridges/{}", record.uuid));
    assert!(!files.exists());
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
fn rebuild_finds_every_cartridge_again_and_keeps_the_identity() {
    let bench = Bench::new(Preset::Default);
    let serial = bench.library.drives()[0].identity().serial.clone();
    bench.library.set_write_protected("CAP007L5", true).unwrap();
    let before = bench.library.cartridges();
    let Bench { data, library } = bench;
    drop(library);
    fs::remove_file(data.path().join("catalog.sqlite")).unwrap();
    assert!(matches!(
        Library::open(data.path(), OpenOptions::default()),
        Err(Error::CatalogueMissing { .. })
    ));
    fs::create_dir(data.path().join("cartridges/stray")).unwrap();
    let report = Library::rebuild(data.path()).unwrap();
    assert_eq!(report.skipped.len(), 1, "{:?}", report.skipped);
    assert_eq!(report.found, before, "all were in order in their slots");
    let library = open(data.path());
    assert_eq!(library.cartridges(), before);
    assert_eq!(library.drives()[0].identity().serial, serial);
}

#[test]
fn rebuild_replaces_a_damaged_catalogue_and_keeps_it_aside() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "slot:24").unwrap();
    let Bench { data, library } = bench;
    drop(library);
    let catalogue = data.path().join("catalog.sqlite");
    fs::write(
        &catalogue,
        b"not a database, and long enough to be looked at",
    )
    .unwrap();
    assert!(Library::open(data.path(), OpenOptions::default()).is_err());
    Library::rebuild(data.path()).unwrap();
    assert!(data.path().join("catalog.sqlite.old").exists());
    let library = open(data.path());
    let bench = Bench { data, library };
    assert_eq!(bench.place("CAP001L5"), "slot:1", "in order of barcodes");
}

#[test]
fn of_two_cartridges_with_one_barcode_the_older_is_taken() {
    let bench = Bench::new(Preset::Default);
    let mut twin = bench.library.cartridge("CAP001L5").unwrap();
    twin.uuid = Uuid::from_u128(7);
    twin.created_unix_ms += 1;
    let Bench { data, library } = bench;
    drop(library);
    let directory = data.path().join(format!("cartridges/{}", twin.uuid));
    new_tapes::create_files(&directory, &twin).unwrap();
    let report = Library::rebuild(data.path()).unwrap();
    assert_eq!(report.found.len(), 20);
    assert_eq!(report.skipped[0].path, directory);
}

/// A small library, so that random moves meet full, empty, and foreign elements.
fn small() -> MachineSpec {
    let mut machine = Preset::TapeGateway.machine();
    machine.drives = vec!["ibm-ult3580-td5".into(), "ibm-ult3580-td6".into()];
    machine.storage_elements = 3;
    machine.import_export_elements = 2;
    machine.new_cartridges = crate::profile::NewCartridgesGo::Storage;
    machine
}

#[derive(Clone, Debug)]
enum Step {
    /// By MOVE MEDIUM or by the API, from and to one of the names in [`PLACES`].
    Move {
        by_cdb: bool,
        from: usize,
        to: usize,
    },
    Reopen,
}

const PLACES: [&str; 8] = [
    "slot:1", "slot:2", "slot:3", "ie:1", "ie:2", "drive:0", "drive:1", "picker:0",
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (any::<bool>(), 0..PLACES.len(), 0..PLACES.len())
            .prop_map(|(by_cdb, from, to)| Step::Move { by_cdb, from, to }),
        1 => Just(Step::Reopen),
    ]
}

/// What the library should be: a map of places.
#[derive(Default)]
struct Model {
    barcodes: BTreeMap<&'static str, &'static str>,
    sources: BTreeMap<&'static str, &'static str>,
}

impl Model {
    /// Moves, or says with which additional sense a move is refused.
    fn step(&mut self, from: &'static str, to: &'static str) -> Result<(), AdditionalSense> {
        if from.starts_with("picker") || to.starts_with("picker") {
            return Err(AdditionalSense::INVALID_ELEMENT_ADDRESS);
        }
        let Some(barcode) = self.barcodes.get(from).copied() else {
            return Err(AdditionalSense::MEDIUM_SOURCE_ELEMENT_EMPTY);
        };
        if self.barcodes.contains_key(to) {
            return Err(AdditionalSense::MEDIUM_DESTINATION_ELEMENT_FULL);
        }
        // Drive 0 is of generation 5 and the one LTO-6 cartridge does not fit.
        if to == "drive:0" && barcode.ends_with("L6") {
            return Err(AdditionalSense::INCOMPATIBLE_MEDIUM_INSTALLED);
        }
        self.barcodes.remove(from);
        self.barcodes.insert(to, barcode);
        if !from.starts_with("drive") {
            self.sources.insert(barcode, from);
        }
        Ok(())
    }
}

fn compare(bench: &Bench, model: &Model) {
    for element in bench.library.elements() {
        let name = element.name.to_string();
        let barcode = element.cartridge.as_ref().map(|record| &*record.barcode);
        assert_eq!(barcode, model.barcodes.get(&*name).copied(), "{name}");
        if let Some(record) = &element.cartridge {
            let source = model.sources.get(&*record.barcode).copied();
            assert_eq!(record.source, source.map(|name| bench.address(name)));
            assert_eq!(
                record.archive_intent.is_some(),
                name.starts_with("ie"),
                "{name}"
            );
        }
    }
    for bay in bench.library.drives() {
        let name = format!("drive:{}", bay.number());
        let expected = model.barcodes.get(&*name).copied();
        assert_eq!(bay.status().barcode.as_deref(), expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn library_moves_like_a_map_of_elements(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::with_machine(Preset::TapeGateway, small());
        bench.library.create_cartridges(&list(&["AAA001L5", "BBB002L5"])).unwrap();
        let mut newer = list(&["CCC003L6"]);
        newer.media = Some("LTO-6".into());
        bench.library.create_cartridges(&newer).unwrap();
        let mut model = Model::default();
        model.barcodes.extend([
            ("slot:1", "AAA001L5"),
            ("slot:2", "BBB002L5"),
            ("slot:3", "CCC003L6"),
        ]);
        for step in steps {
            match step {
                Step::Reopen => bench = bench.reopen(),
                Step::Move { by_cdb, from, to } => {
                    let (from, to) = (PLACES[from], PLACES[to]);
                    let expected = model.step(from, to);
                    if by_cdb {
                        let initiator = bench.initiator("a");
                        let moved = initiator.move_medium(bench.address(from), bench.address(to));
                        prop_assert_eq!(moved.map_err(|(_, additional)| additional), expected);
                    } else {
                        prop_assert_eq!(bench.try_move(from, to).is_ok(), expected.is_ok());
                    }
                }
            }
            compare(&bench, &model);
        }
    }
}
