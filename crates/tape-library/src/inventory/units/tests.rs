//! What was saved comes back, for its own unit only.

use super::*;
use crate::gateway::Gateway;
use crate::inventory::Inventory;
use crate::profile::Preset;

fn gateway() -> Gateway {
    Gateway {
        id: uuid::Uuid::from_u128(1),
        name: "test".into(),
        preset: Preset::Default,
        created_unix_ms: 1,
        machine: Preset::Default.machine(),
    }
}

fn catalogue(data: &Path) -> Arc<UnitCatalogue> {
    let path = Inventory::path(data);
    if !path.exists() {
        let layout = gateway().machine.layout().unwrap();
        Inventory::create(&path, &gateway(), &layout).unwrap();
    }
    UnitCatalogue::open(&path).unwrap()
}

fn registration(name: &str, key: u64) -> Registration {
    Registration {
        nexus: NexusName {
            initiator: InitiatorPort(format!("{name},i,0x800000000001").into()),
            target_port: TargetPort {
                name: "iqn.t,t,0x0001".into(),
                relative: 1,
            },
        },
        key,
        all_target_ports: key == 2,
    }
}

fn persistent(kind: Option<ReservationType>) -> Persistent {
    // In another order than that of their names.
    let registrations = vec![registration("iqn.b", u64::MAX), registration("iqn.a", 2)];
    let held = kind.map(|kind| Held {
        kind,
        holder: if kind.is_all_registrants() {
            HeldBy::AllRegistrants
        } else {
            HeldBy::One(registrations[1].nexus.clone())
        },
        since: SystemTime::UNIX_EPOCH,
    });
    Persistent::restored(registrations, held)
}

/// What is the same after a restart: everything but since when.
fn comparable(persistent: &Persistent) -> impl PartialEq + std::fmt::Debug + use<> {
    let held = persistent.held.clone();
    (
        persistent.registrations.clone(),
        held.map(|held| (held.kind, held.holder)),
        persistent.survives_power_loss,
    )
}

#[test]
fn everything_comes_back_after_reopening() {
    let data = tempfile::tempdir().unwrap();
    for kind in std::iter::once(None).chain(ReservationType::ALL.map(Some)) {
        let saved = persistent(kind);
        let unit = catalogue(data.path()).of_unit("changer");
        unit.save(&saved).unwrap();
        drop(unit);
        let catalogue = catalogue(data.path());
        let loaded = catalogue.of_unit("changer").load().unwrap();
        assert_eq!(comparable(&loaded), comparable(&saved));
        let other = catalogue.of_unit("drive-0").load().unwrap();
        assert_eq!(other, Persistent::default());
    }
}

#[test]
fn what_is_not_to_survive_is_forgotten() {
    let data = tempfile::tempdir().unwrap();
    let unit = catalogue(data.path()).of_unit("changer");
    let mut saved = persistent(Some(ReservationType::WriteExclusive));
    unit.save(&saved).unwrap();
    saved.survives_power_loss = false;
    unit.save(&saved).unwrap();
    assert_eq!(unit.load().unwrap(), Persistent::default());
}

#[test]
fn reservation_that_cannot_be_is_told() {
    let data = tempfile::tempdir().unwrap();
    let catalogue = catalogue(data.path());
    let unit = catalogue.of_unit("changer");
    unit.save(&persistent(Some(ReservationType::WriteExclusive)))
        .unwrap();
    let change = |statement: &str| catalogue.lock().execute_batch(statement).unwrap();
    change("UPDATE persistent_reservations SET type = 2");
    assert!(matches!(unit.load(), Err(Error::CatalogueDamaged { .. })));
    change("UPDATE persistent_reservations SET type = 3, initiator = NULL, target = NULL");
    assert!(matches!(unit.load(), Err(Error::CatalogueDamaged { .. })));
}

#[test]
fn identifying_information_comes_back_for_its_own_unit() {
    let data = tempfile::tempdir().unwrap();
    let store = |unit| catalogue(data.path()).information_of_unit(unit);
    let (peripheral, text) = (InformationKind::Peripheral, InformationKind::Text);
    assert!(store("changer").load().unwrap().is_empty());
    store("changer").save(peripheral, &[1, 2, 3]).unwrap();
    store("changer").save(text, b"rack 7\0").unwrap();
    store("drive-0").save(text, b"broken\0").unwrap();
    store("changer").save(peripheral, &[4; 64]).unwrap();
    let loaded = store("changer").load().unwrap();
    assert_eq!(loaded[&peripheral], [4; 64]);
    assert_eq!(loaded[&text], b"rack 7\0");
    assert_eq!(store("drive-0").load().unwrap().len(), 1);
}
