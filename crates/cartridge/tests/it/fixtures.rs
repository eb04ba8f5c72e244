//! Cartridges that earlier versions wrote are opened for ever.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use cartridge::{Cartridge, LocalStore, Settings, read_label};

use crate::model::{Object, contents};

/// The block `number`; `examples/make_fixture.rs` knows the same rule.
fn text(number: usize, length: usize) -> Object {
    let line = format!("This is block {number} of the fixture. ");
    let block: Bytes = line.bytes().cycle().take(length).collect();
    Object::Block(block)
}

/// What is on the cartridge `mixed`.
fn mixed() -> Vec<Object> {
    let mut objects: Vec<Object> = (0..6).map(|block| text(block, 500 * (block + 1))).collect();
    objects.push(Object::Filemark);
    objects.extend((0..3).map(|block| text(100 + block, 500 * (block + 1))));
    objects.push(text(1000, 700));
    objects.extend(vec![Object::Filemark; 3]);
    objects.extend((0..4).map(|block| text(1001 + block, 1000)));
    objects.extend([text(2000, 12_345), Object::Filemark, text(2001, 1)]);
    objects
}

#[test]
fn a_cartridge_of_version_1_is_read() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1/mixed");
    let directory = tempfile::tempdir().unwrap();
    // Loading seals the last segment, so it is done with a copy.
    for entry in fs::read_dir(fixture).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    let store = || Box::new(LocalStore::new(directory.path()));
    let label = read_label(&*store()).unwrap();
    assert_eq!((&*label.barcode, label.density), ("CAP001L5", 0x58));
    for unsealed in [true, false] {
        let (mut cartridge, report) = Cartridge::open(store(), Settings::default()).unwrap();
        assert_eq!(report.unsealed, unsealed);
        assert_eq!((report.discarded_bytes, report.removed.len()), (0, 0));
        assert_eq!(contents(&mut cartridge), mixed());
        assert_eq!(cartridge.usage().filemarks, 5);
    }
}
