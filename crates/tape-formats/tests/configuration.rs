//! mhvtl's configuration, and manifests of plain files.

#![allow(clippy::unwrap_used)] // a test says what it expects by failing

use tape_formats::manifest::{Manifest, TapeFile};
use tape_formats::mhvtl::{DeviceConf, LibraryContents, Place};

const DEVICE_CONF: &str = "\
VERSION: 5

# a comment
Library: 10 CHANNEL: 00 TARGET: 00 LUN: 00
 Vendor identification: STK
 Product identification: L700
 Product revision level: 550V
 Unit serial number: XYZZY_A
 NAA: 10:22:33:44:ab:00:00:00
 Home directory: /srv/tapes
 PERSIST: True
 # fifo: /var/tmp/mhvtl

Drive: 12 CHANNEL: 00 TARGET: 02 LUN: 00
 Library ID: 10 Slot: 02
 Vendor identification: HP
 Product identification: Ultrium 6-SCSI
 Unit serial number: XYZZY_A2
 Compression: factor 1 enabled 1

Drive: 11 CHANNEL: 0 TARGET: 1 LUN: 0
 Library ID: 10 Slot: 1
 Vendor identification: IBM
 Product identification: ULT3580-TD8

Drive: 40 CHANNEL: 0 TARGET: 1 LUN: 0
 Vendor identification: IBM
 Something new: 1
";

#[test]
fn libraries_and_drives_are_read() {
    let conf = DeviceConf::parse(DEVICE_CONF).unwrap();
    assert_eq!(conf.version, 5);
    let library = &conf.libraries[0];
    assert_eq!(
        (library.id, &*library.vendor, &*library.product),
        (10, "STK", "L700")
    );
    assert_eq!(library.home.as_deref(), Some("/srv/tapes"));
    assert!(library.persist);
    let drives = conf.drives_of(10);
    let ids: Vec<_> = drives.iter().map(|it| (it.id, it.bay)).collect();
    assert_eq!(ids, [(11, Some((10, 1))), (12, Some((10, 2)))]);
    assert_eq!(drives[1].product, "Ultrium 6-SCSI");
    assert_eq!(conf.drives[2].bay, None, "stands alone");
}

#[test]
fn what_cannot_be_is_told_with_its_line() {
    let said = |text: &str| DeviceConf::parse(text).unwrap_err().to_string();
    assert_eq!(
        said("VERSION: 5\n\nLibrary: x CHANNEL: 0"),
        "line 3: a number is expected instead of \"x CHANNEL: 0\""
    );
    assert_eq!(
        said("Drive: 1\n\nDrive: 1\n"),
        "line 3: the number 1 is used twice"
    );
    assert!(said("Drive: 1\n Library ID: 10\n").starts_with("line 2: "));
    let said = |text: &str| LibraryContents::parse(text).unwrap_err().to_string();
    assert_eq!(
        said("Slot 1: A\nSlot 1: B\n"),
        "line 2: Slot 1 has A already"
    );
    assert_eq!(
        said("Slot 1: A\nMAP 1: A\n"),
        "line 2: A is in two elements"
    );
    assert!(said("Slot 0:\n").starts_with("line 1: "));
    assert!(said("Slot 1: ../../etc\n").contains("directory"));
}

#[test]
fn elements_are_counted_to_the_last_one() {
    let text = "VERSION: 2\n\nDrive 1: E01001L8\nDrive 2:\nPicker 1:\n\nMAP 1:\nMAP 4:\n\
                # Slot 99: no\nSlot 1: E01002L8 # here\nSlot 39:\nSlot 22: CLN101L8\n";
    let contents = LibraryContents::parse(text).unwrap();
    assert_eq!((contents.drives, contents.maps, contents.slots), (2, 4, 39));
    let places: Vec<_> = contents
        .cartridges
        .iter()
        .map(|(p, b)| (*p, &**b))
        .collect();
    assert_eq!(
        places,
        [
            (Place::Drive(1), "E01001L8"),
            (Place::Slot(1), "E01002L8"),
            (Place::Slot(22), "CLN101L8")
        ]
    );
}

#[test]
fn manifests_are_the_same_after_a_round_trip_and_stay_in_their_directory() {
    let mut file = TapeFile {
        name: "file000000".to_owned(),
        blocks: Vec::new(),
        filemark: true,
    };
    for length in [512, 512, 512, 100] {
        file.push(length);
    }
    assert_eq!(file.blocks, [(512, 3), (100, 1)]);
    assert_eq!(file.bytes(), Some(1636));
    assert_eq!(file.lengths().collect::<Vec<_>>(), [512, 512, 512, 100]);
    let manifest = Manifest {
        capstan_files: 1,
        barcode: "CAP001L5".to_owned(),
        partition: 0,
        files: vec![file],
    };
    assert_eq!(
        Manifest::parse(manifest.emit().as_bytes()).unwrap(),
        manifest
    );
    for name in ["../x", "/etc/passwd", "a/b", "..", "", "manifest.json"] {
        let mut bad = manifest.clone();
        name.clone_into(&mut bad.files[0].name);
        assert!(Manifest::parse(bad.emit().as_bytes()).is_err(), "{name}");
    }
    let mut bad = manifest.clone();
    bad.files[0].blocks = vec![(u32::MAX, 1)];
    assert!(Manifest::parse(bad.emit().as_bytes()).is_err());
}
