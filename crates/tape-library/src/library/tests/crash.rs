//! What a crash between two steps leaves, and what a failed step leaves.

use super::*;
use crate::inventory::Relocation;

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

/// Moves as far as a crash lets it, then starts again.
fn crash_in_a_move(
    from: &str,
    to: &str,
    steps: impl FnOnce(&Library, &CartridgeRecord, ElementAddress),
) -> Bench {
    let bench = Bench::new(Preset::Default);
    if from != "slot:1" {
        bench.try_move("slot:1", from).unwrap();
    }
    let record = bench.library.cartridge("CAP001L5").unwrap();
    steps(&bench.library, &record, bench.address(to));
    bench.reopen()
}

fn loaded(bench: &Bench, drive: usize) -> Option<String> {
    bench.library.drives()[drive].status().barcode
}

#[test]
fn crash_after_the_unload_leaves_the_cartridge_in_the_drive() {
    let bench = crash_in_a_move("drive:0", "slot:5", |library, _, _| {
        library.drives()[0].drive().unload().unwrap();
    });
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    assert_eq!(loaded(&bench, 0).as_deref(), Some("CAP001L5"));
}

#[test]
fn crash_after_the_catalogue_leaves_the_cartridge_at_its_destination() {
    let relocate = |library: &Library, record: &CartridgeRecord, to: ElementAddress| {
        let relocation = Relocation {
            cartridge: record.uuid,
            element: to,
            source: record.source,
            archive_intent: None,
        };
        library.robot.arm().relocate(&[relocation]).unwrap();
    };
    let bench = crash_in_a_move("slot:1", "drive:1", relocate);
    assert_eq!(bench.place("CAP001L5"), "drive:1");
    assert_eq!(loaded(&bench, 1).as_deref(), Some("CAP001L5"));

    let bench = crash_in_a_move("drive:0", "drive:1", |library, record, to| {
        library.drives()[0].drive().unload().unwrap();
        relocate(library, record, to);
    });
    assert_eq!(loaded(&bench, 0), None);
    assert_eq!(loaded(&bench, 1).as_deref(), Some("CAP001L5"));
}

#[test]
fn move_that_the_catalogue_refuses_puts_the_cartridge_back_into_the_drive() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    let trigger = "CREATE TRIGGER fault BEFORE UPDATE ON cartridges
                   BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END";
    bench.library.robot.arm().execute(trigger);
    let initiator = bench.initiator("a");
    assert_eq!(
        initiator.move_medium(bench.address("drive:0"), bench.address("slot:1")),
        Err((
            SenseKey::HardwareError,
            AdditionalSense::INTERNAL_TARGET_FAILURE
        ))
    );
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    assert_eq!(loaded(&bench, 0).as_deref(), Some("CAP001L5"));
    bench.library.robot.arm().execute("DROP TRIGGER fault");
    bench.try_move("drive:0", "slot:1").unwrap();
    assert_eq!(loaded(&bench, 0), None);
}

/// The exchange of CAP001L5 in drive 0 with CAP002L5 in slot 2, as far as a crash lets it.
fn crash_in_an_exchange(steps: impl FnOnce(&Library, &[Relocation; 2])) -> Bench {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    let relocation = |barcode: &str, to: &str| Relocation {
        cartridge: bench.library.cartridge(barcode).unwrap().uuid,
        element: bench.address(to),
        source: None,
        archive_intent: None,
    };
    let relocations = [
        relocation("CAP001L5", "slot:2"),
        relocation("CAP002L5", "drive:0"),
    ];
    steps(&bench.library, &relocations);
    bench.reopen()
}

#[test]
fn crash_in_an_exchange_leaves_both_where_they_were_or_both_where_they_go() {
    let unload = |library: &Library| library.drives()[0].drive().unload().unwrap();
    let bench = crash_in_an_exchange(|library, _| unload(library));
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    assert_eq!(bench.place("CAP002L5"), "slot:2");
    assert_eq!(loaded(&bench, 0).as_deref(), Some("CAP001L5"));

    let bench = crash_in_an_exchange(|library, relocations| {
        unload(library);
        library.robot.arm().relocate(relocations).unwrap();
    });
    assert_eq!(bench.place("CAP001L5"), "slot:2");
    assert_eq!(bench.place("CAP002L5"), "drive:0");
    assert_eq!(loaded(&bench, 0).as_deref(), Some("CAP002L5"));
}

/// The catalogue takes the first cartridge's new place and fails at the second's.
#[test]
fn exchange_that_the_catalogue_refuses_half_way_leaves_both_where_they_were() {
    let bench = Bench::new(Preset::Default);
    bench.try_move("slot:1", "drive:0").unwrap();
    bench.try_move("slot:2", "drive:1").unwrap();
    let trigger = "CREATE TRIGGER fault BEFORE UPDATE ON cartridges
                   WHEN NEW.element IS NOT NULL AND NEW.barcode = 'CAP002L5'
                   BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END";
    bench.library.robot.arm().execute(trigger);
    let exchange = Exchange {
        source: bench.address("drive:0"),
        first: bench.address("drive:1"),
        second: bench.address("drive:0"),
    };
    assert!(matches!(
        bench.library.exchange(exchange),
        Err(MoveError::Catalogue(_))
    ));
    assert_eq!(bench.place("CAP001L5"), "drive:0");
    assert_eq!(bench.place("CAP002L5"), "drive:1");
    assert_eq!(loaded(&bench, 0).as_deref(), Some("CAP001L5"));
    assert_eq!(loaded(&bench, 1).as_deref(), Some("CAP002L5"));
    bench.library.robot.arm().execute("DROP TRIGGER fault");
    let bench = bench.reopen();
    assert_eq!(loaded(&bench, 0).as_deref(), Some("CAP001L5"));
    let exchange = Exchange {
        source: bench.address("drive:0"),
        first: bench.address("drive:1"),
        second: bench.address("drive:0"),
    };
    bench.library.exchange(exchange).unwrap();
    assert_eq!(loaded(&bench, 0).as_deref(), Some("CAP002L5"));
}
