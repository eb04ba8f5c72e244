//! The catalogue remembers, and its schema refuses what cannot be.

use super::*;
use crate::profile::Preset;

fn gateway(id: u128) -> Gateway {
    Gateway {
        id: Uuid::from_u128(id),
        name: "test".into(),
        preset: Preset::Default,
        created_unix_ms: 1,
        machine: Preset::Default.machine(),
    }
}

fn record(number: u16, element: u16) -> CartridgeRecord {
    CartridgeRecord {
        uuid: Uuid::from_u128(number.into()),
        barcode: format!("CAP{number:03}L5"),
        media: "LTO-5".into(),
        capacity_bytes: u64::MAX,
        created_unix_ms: 2,
        element: Some(ElementAddress(element)),
        source: None,
        state: CartridgeState::Present,
        write_protected: false,
        archive_intent: None,
    }
}

fn create(path: &Path) -> Inventory {
    let layout = gateway(1).machine.layout().unwrap();
    Inventory::create(path, &gateway(1), &layout).unwrap()
}

#[test]
fn everything_comes_back_after_reopening() {
    let data = tempfile::tempdir().unwrap();
    let path = Inventory::path(data.path());
    let mut inventory = create(&path);
    inventory
        .insert(&[record(1, 1000), record(2, 1001)])
        .unwrap();
    let intent = ArchiveIntent {
        element: ElementAddress(10),
        since_unix_ms: 77,
    };
    inventory
        .relocate(&[Relocation {
            cartridge: Uuid::from_u128(2),
            element: ElementAddress(10),
            source: Some(ElementAddress(1001)),
            archive_intent: Some(intent),
        }])
        .unwrap();
    inventory
        .set_state(Uuid::from_u128(1), CartridgeState::Missing)
        .unwrap();
    inventory
        .set_write_protected(Uuid::from_u128(1), true)
        .unwrap();
    drop(inventory);
    let inventory = Inventory::open(&path, &gateway(1)).unwrap();
    assert_eq!(
        inventory.cartridges().unwrap(),
        [
            CartridgeRecord {
                state: CartridgeState::Missing,
                write_protected: true,
                ..record(1, 1000)
            },
            CartridgeRecord {
                source: Some(ElementAddress(1001)),
                archive_intent: Some(intent),
                ..record(2, 10)
            },
        ]
    );
}

#[test]
fn a_move_away_takes_the_intent_back() {
    let data = tempfile::tempdir().unwrap();
    let mut inventory = create(&Inventory::path(data.path()));
    inventory.insert(&[record(1, 1000)]).unwrap();
    let mut relocation = Relocation {
        cartridge: Uuid::from_u128(1),
        element: ElementAddress(10),
        source: Some(ElementAddress(1000)),
        archive_intent: Some(ArchiveIntent {
            element: ElementAddress(10),
            since_unix_ms: 77,
        }),
    };
    inventory.relocate(&[relocation]).unwrap();
    relocation.element = ElementAddress(1000);
    relocation.archive_intent = None;
    inventory.relocate(&[relocation]).unwrap();
    assert_eq!(inventory.cartridges().unwrap()[0].archive_intent, None);
}

#[test]
fn the_schema_refuses_what_cannot_be() {
    let data = tempfile::tempdir().unwrap();
    let mut inventory = create(&Inventory::path(data.path()));
    inventory.insert(&[record(1, 1000)]).unwrap();
    let mut same_barcode = record(2, 1001);
    same_barcode.barcode = record(1, 0).barcode;
    for impossible in [record(2, 1000), record(2, 999), same_barcode] {
        let both = [record(3, 1003), impossible];
        assert!(inventory.insert(&both).is_err());
    }
    assert_eq!(inventory.cartridges().unwrap().len(), 1, "all or none");
}

#[test]
fn deletion_is_remembered_until_the_files_are_gone() {
    let data = tempfile::tempdir().unwrap();
    let path = Inventory::path(data.path());
    let mut inventory = create(&path);
    inventory.insert(&[record(1, 1000)]).unwrap();
    inventory.begin_deletion(Uuid::from_u128(1)).unwrap();
    drop(inventory);
    let mut inventory = Inventory::open(&path, &gateway(1)).unwrap();
    assert_eq!(inventory.cartridges().unwrap(), []);
    assert_eq!(inventory.deletions().unwrap(), [Uuid::from_u128(1)]);
    inventory.finish_deletion(Uuid::from_u128(1)).unwrap();
    assert!(inventory.deletions().unwrap().is_empty());
}

#[test]
fn foreign_newer_missing_and_existing_catalogues_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let path = Inventory::path(data.path());
    assert!(matches!(
        Inventory::open(&path, &gateway(1)),
        Err(Error::CatalogueMissing { .. })
    ));
    let inventory = create(&path);
    assert!(matches!(
        Inventory::open(&path, &gateway(2)),
        Err(Error::CatalogueForeign { .. })
    ));
    let layout = gateway(1).machine.layout().unwrap();
    assert!(matches!(
        Inventory::create(&path, &gateway(1), &layout),
        Err(Error::NotEmpty { .. })
    ));
    inventory
        .connection
        .pragma_update(None, "user_version", schema::VERSION + 1)
        .unwrap();
    assert!(matches!(
        Inventory::open(&path, &gateway(1)),
        Err(Error::CatalogueNewer { .. })
    ));
}

#[test]
fn closed_catalogue_is_one_file() {
    let data = tempfile::tempdir().unwrap();
    let path = Inventory::path(data.path());
    let mut inventory = create(&path);
    inventory.insert(&[record(1, 1000)]).unwrap();
    inventory.close().unwrap();
    let names: Vec<_> = std::fs::read_dir(data.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["catalog.sqlite"]);
}

#[test]
fn catalogue_of_version_1_is_brought_up_to_date_and_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let path = Inventory::path(data.path());
    let mut inventory = create(&path);
    inventory.insert(&[record(1, 1000)]).unwrap();
    schema::downgrade(&inventory.connection);
    inventory.close().unwrap();
    let inventory = Inventory::open(&path, &gateway(1)).unwrap();
    assert_eq!(inventory.cartridges().unwrap(), [record(1, 1000)]);
    inventory.execute("SELECT * FROM persistent_registrations, persistent_reservations");
}
