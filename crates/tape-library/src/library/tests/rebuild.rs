//! A catalogue that was lost is made again from the cartridges.

use super::*;

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
    let kept = data.path().join("catalog.sqlite.old");
    assert!(fs::read(&kept).unwrap().starts_with(b"not a database"));
    Library::rebuild(data.path()).unwrap();
    assert!(data.path().join("catalog.sqlite.old.2").exists());
    assert!(
        fs::read(&kept).unwrap().starts_with(b"not a database"),
        "no copy replaces another"
    );
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

#[test]
fn cartridge_with_data_keeps_its_barcode_before_an_older_blank_one() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    let host = bench.initiator("a");
    assert_eq!(host.send(1, &[0x0a, 0, 0, 0, 4, 0], b"tape").sense, None);
    bench.try_move("drive:0", "slot:1").unwrap();
    drop(host);
    let real = bench.library.cartridge("CAP001L5").unwrap();
    // As a creation leaves it that was interrupted, and then tried again.
    let mut left_behind = real.clone();
    left_behind.uuid = Uuid::from_u128(7);
    left_behind.created_unix_ms -= 1;
    let Bench { data, library } = bench;
    drop(library);
    let directory = data.path().join(format!("cartridges/{}", left_behind.uuid));
    new_tapes::create_files(&directory, &left_behind).unwrap();
    let report = Library::rebuild(data.path()).unwrap();
    assert_eq!(report.found[0].uuid, real.uuid);
    assert_eq!(report.skipped[0].path, directory);
    assert!(report.skipped[0].reason.contains("blank"));
}

#[test]
fn partitions_and_forms_are_the_cartridges_own_and_outlive_the_catalogue() {
    let bench = Bench::new(Preset::Default);
    let new = NewTapes {
        form: Some(Form::Worm),
        ..list(&["LAW001LV"])
    };
    bench.library.create_cartridges(&new).unwrap();
    bench.try_move("slot:1", "drive:0").unwrap();
    let host = bench.initiator("a");
    // MODE SELECT of page 11h: 100 MB and the rest; then FORMAT MEDIUM.
    let list = [
        0, 0, 0x10, 0, 0x11, 10, 1, 1, 0x34, 3, 0, 0, 0, 100, 0xff, 0xff,
    ];
    assert_eq!(host.send(1, &[0x15, 0x10, 0, 0, 16, 0], &list).sense, None);
    assert_eq!(host.send(1, &[0x04, 0, 1, 0, 0, 0], &[]).sense, None);
    assert_eq!(host.send(1, &[0x0a, 0, 0, 0, 4, 0], b"tape").sense, None);
    bench.try_move("drive:0", "slot:1").unwrap();
    drop(host);
    let Bench { data, library } = bench;
    drop(library);
    fs::remove_file(data.path().join("catalog.sqlite")).unwrap();
    let report = Library::rebuild(data.path()).unwrap();
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    let library = open(data.path());
    assert_eq!(library.cartridge("LAW001LV").unwrap().form(), Form::Worm);
    let bench = Bench { data, library };
    bench.try_move("slot:1", "drive:0").unwrap();
    let status = bench.library.drives()[0].status();
    assert_eq!(status.barcode.as_deref(), Some("CAP001L5"));
    assert_eq!(status.capacity_bytes, 100_000_000);
    assert!(status.used_bytes > 0);
}
