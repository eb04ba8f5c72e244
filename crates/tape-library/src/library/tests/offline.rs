//! Cartridges that are brought into a library that nobody serves.

use std::fs;

use cartridge::SystemEnvironment;
use scsi::smc::ElementType;
use tempfile::TempDir;

use crate::library::{IncomingSpec, Library, NewLibrary, OfflineLibrary, OpenOptions};
use crate::profile::Media;
use crate::{ElementName, Error, Preset};

fn library() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    Library::create(data.path(), NewLibrary::of_preset(Preset::Default)).unwrap();
    data
}

fn spec(barcode: &str) -> IncomingSpec {
    IncomingSpec {
        barcode: barcode.to_owned(),
        media: Media::find("LTO-5").unwrap(),
        capacity_bytes: 1 << 30,
        element: None,
    }
}

#[test]
fn a_cartridge_is_in_the_library_only_when_it_was_taken_in() {
    let data = library();
    let mut library = OfflineLibrary::open(data.path()).unwrap();
    let before = library.cartridges().unwrap().len();
    let incoming = library.begin(spec("NEW001L5"), &SystemEnvironment).unwrap();
    assert!(incoming.directory().join("label").exists());
    assert_eq!(library.cartridges().unwrap().len(), before);
    let record = library.take_in(incoming, false).unwrap();
    assert!(library.directory(record.uuid).join("label").exists());
    let taken = library.begin(spec("NEW001L5"), &SystemEnvironment);
    assert!(matches!(taken, Err(Error::BarcodeTaken { .. })));
    library.close().unwrap();
    let served = Library::open(data.path(), OpenOptions::default()).unwrap();
    let found = served.cartridge("NEW001L5").unwrap();
    assert_eq!(found.uuid, record.uuid);
    assert_eq!(
        served.layout().kind(found.element.unwrap()),
        Some(ElementType::Storage)
    );
}

#[test]
fn what_was_interrupted_leaves_nothing() {
    let data = library();
    let mut library = OfflineLibrary::open(data.path()).unwrap();
    // Given up.
    let incoming = library.begin(spec("NEW001L5"), &SystemEnvironment).unwrap();
    let directory = incoming.directory().to_owned();
    drop(incoming);
    assert!(!directory.exists());
    // Killed while it was being written.
    std::mem::forget(library.begin(spec("NEW002L5"), &SystemEnvironment).unwrap());
    // Killed after it was moved to its place, before the catalogue had it.
    let incoming = library.begin(spec("NEW003L5"), &SystemEnvironment).unwrap();
    let uuid = incoming.record().uuid;
    library.inventory_for_tests().expect(uuid).unwrap();
    fs::rename(incoming.directory(), library.directory(uuid)).unwrap();
    let place = library.directory(uuid);
    drop((incoming, library));
    assert!(data.path().join("importing").exists() && place.exists());
    let served = Library::open(data.path(), OpenOptions::default()).unwrap();
    assert!(!data.path().join("importing").exists() && !place.exists());
    for barcode in ["NEW001L5", "NEW002L5", "NEW003L5"] {
        assert!(served.cartridge(barcode).is_err(), "{barcode}");
    }
}

#[test]
fn a_place_is_kept_if_it_is_free() {
    let data = library();
    let mut library = OfflineLibrary::open(data.path()).unwrap();
    let address = |name| library.layout().address(name).unwrap();
    let (wanted, taken) = (
        address(ElementName::Slot(24)),
        address(ElementName::Slot(1)),
    );
    let mut put = |barcode, element| {
        let spec = IncomingSpec {
            element: Some(element),
            ..spec(barcode)
        };
        let incoming = library.begin(spec, &SystemEnvironment).unwrap();
        library.take_in(incoming, false).unwrap().element
    };
    assert_eq!(put("NEW001L5", wanted), Some(wanted));
    let other = put("NEW002L5", taken);
    assert!(other.is_some() && other != Some(taken));
}
