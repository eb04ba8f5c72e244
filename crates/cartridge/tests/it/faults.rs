//! Disks that fail or are full.

use cartridge::{Cartridge, Error, Fault, LyingStore, Read, Remedy, SegmentStore as _, Settings};

use crate::model::{
    Host, Object, Step, all_contents, at_rest_settings, block, contents, label, script,
    small_settings,
};

fn store(seed: u64) -> LyingStore {
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label(seed)).unwrap();
    store
}

fn load(store: &LyingStore) -> Cartridge {
    let opened = Cartridge::open(Box::new(store.clone()), small_settings(9));
    let (cartridge, report) = opened.unwrap();
    assert!(
        report.damaged.is_empty() && report.missing.is_empty(),
        "{report:?}"
    );
    cartridge
}

#[test]
fn a_full_disk_shows_before_a_block_is_accepted_and_writing_works_again() {
    // Every size of the disk, so that it is full at every kind of growth.
    for room in (0..120_000).step_by(500) {
        let store = store(1);
        let mut cartridge = load(&store);
        store.set_room_bytes(Some(room));
        let mut objects = Vec::new();
        let mut full = 0;
        for number in 0..60 {
            let block = block(1500, number * 4);
            match cartridge.append_block(block.clone()) {
                Ok(_) => objects.push(Object::Block(block)),
                Err(Error::NoSpace) => full += 1,
                Err(error) => panic!("{error}"),
            }
            if number % 10 == 0 {
                match cartridge.append_filemarks(1) {
                    Ok(_) => objects.push(Object::Filemark),
                    Err(Error::NoSpace) => full += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(cartridge.end_of_data().object, objects.len() as u64);
        }
        cartridge.synchronize().unwrap();
        if matches!(objects.last(), Some(Object::Block(_))) {
            // Room was kept for one filemark after the last block.
            cartridge.append_filemarks(1).unwrap();
            objects.push(Object::Filemark);
            cartridge.synchronize().unwrap();
        }
        assert!(store.used_bytes() <= room);
        assert_eq!(full == 0, objects.len() == 67);
        assert_eq!(contents(&mut cartridge), objects);
        assert_eq!(contents(&mut load(&store.crash(room))), objects);

        store.set_room_bytes(None);
        cartridge.space_end_of_data().unwrap();
        cartridge.append_block(block(3000, 1)).unwrap();
        objects.push(Object::Block(block(3000, 1)));
        cartridge.unload().unwrap();
        assert_eq!(contents(&mut load(&store)), objects);
    }
}

#[test]
fn a_full_disk_does_not_cut_off_what_was_to_be_overwritten() {
    let store = store(2);
    let mut cartridge = load(&store);
    for number in 0..20 {
        cartridge.append_block(block(1000, number)).unwrap();
    }
    cartridge.locate_block(3).unwrap();
    store.set_room_bytes(Some(store.used_bytes()));
    let error = cartridge.append_block(block(1000, 50)).unwrap_err();
    assert_eq!(error.remedy(), Remedy::FreeSpace);
    let mut loaded = load(&store.crash(1));
    for cartridge in [&mut cartridge, &mut loaded] {
        assert_eq!(contents(cartridge).len(), 20);
    }
}

#[test]
fn what_was_told_to_be_lost_does_not_come_back() {
    for erase in [false, true] {
        let store = store(3);
        let mut cartridge = load(&store);
        cartridge.append_block(block(100, 1)).unwrap();
        cartridge.synchronize().unwrap();
        cartridge.append_block(block(100, 2)).unwrap();
        cartridge.append_filemarks(1).unwrap();
        // The next operations are the write of the pad and the sync.
        store.inject(store.operations() + 1, Fault::FailOnce);
        let error = cartridge.synchronize().unwrap_err();
        let Error::Deferred {
            first_lost, lost, ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((first_lost, lost), (1, 2));
        cartridge.synchronize().unwrap();
        if erase {
            cartridge.erase().unwrap();
            assert_eq!(contents(&mut load(&store.fork())).len(), 1);
        }
        cartridge.unload().unwrap();
        // The kernel still had the frames in its cache.
        assert_eq!(contents(&mut load(&store)).len(), 1);
    }
}

#[test]
fn the_last_bytes_of_a_full_disk_are_used() {
    let store = store(4);
    let settings = Settings {
        reserve_step_bytes: 1 << 20,
        ..small_settings(9)
    };
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings).unwrap();
    store.set_room_bytes(Some(22_000));
    cartridge.append_block(block(2000, 1)).unwrap();
    cartridge.synchronize().unwrap();
    let error = cartridge.append_block(block(2000, 2)).unwrap_err();
    assert!(matches!(error, Error::NoSpace));
}

#[test]
fn a_creation_that_could_not_be_undone_cuts_nothing_off() {
    for failing in [4, 5] {
        a_creation_fails(failing);
    }
}

/// Of creating, reserving, writing, syncing, publishing and syncing the directory, the one with this
/// number fails for good, and so do all that come after it.
fn a_creation_fails(failing: u64) {
    let store = store(5);
    let mut cartridge = load(&store);
    for number in 0..10 {
        cartridge.append_block(block(100, number)).unwrap();
    }
    cartridge.locate_block(3).unwrap();
    store.inject(store.operations() + failing, Fault::Fail);
    let error = cartridge.append_block(block(100, 50)).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    let error = cartridge.append_block(block(100, 50)).unwrap_err();
    assert!(matches!(error, Error::Doubtful { .. }), "{error}");
    assert_eq!(contents(&mut cartridge).len(), 10);
    store.heal();
    cartridge.space_end_of_data().unwrap();
    cartridge.append_block(block(100, 51)).unwrap();
    cartridge.synchronize().unwrap();
    for seed in 0..50 {
        assert_eq!(contents(&mut load(&store.crash(seed))).len(), 11);
    }
}

#[test]
fn a_creation_that_fails_before_it_is_published_is_no_doubt() {
    for failing in 0..4 {
        let store = store(7);
        let mut cartridge = load(&store);
        for number in 0..10 {
            cartridge.append_block(block(100, number)).unwrap();
        }
        cartridge.locate_block(3).unwrap();
        store.inject(store.operations() + failing, Fault::Fail);
        let error = cartridge.append_block(block(100, 50)).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        for seed in 0..20 {
            assert_eq!(contents(&mut load(&store.crash(seed))).len(), 10);
        }
        // What could not be removed means nothing, and unloading need not wait for it.
        cartridge
            .unload()
            .unwrap_or_else(|error| panic!("{failing}: {error}"));
        store.heal();
        assert_eq!(contents(&mut load(&store)).len(), 10);
        assert_eq!(store.list().unwrap().unpublished, []);
    }
}

#[test]
fn many_dead_segments_go_step_by_step_and_at_once_when_room_is_short() {
    let store = store(6);
    let mut cartridge = load(&store);
    for number in 0..200 {
        cartridge.append_block(block(9000, number * 4)).unwrap();
    }
    cartridge.rewind().unwrap();
    let full = store.segments().unwrap().len();
    assert!(full > 90);
    cartridge.append_block(block(9000, 1)).unwrap();
    assert!(store.segments().unwrap().len() > full / 2);
    // Dead or not yet removed: after a crash none of them counts. The new block may be there.
    assert!(contents(&mut load(&store.crash(1))).len() <= 1);
    store.set_room_bytes(Some(store.used_bytes()));
    for number in 0..100 {
        cartridge.append_block(block(9000, number * 4)).unwrap();
    }
    cartridge.unload().unwrap();
    assert!(store.segments().unwrap().len() < full);
    assert_eq!(contents(&mut load(&store)).len(), 101);
}

/// Runs a script on a disk on which the operation `operation` fails, and does what a host would do:
/// it moves after an error and goes on.
fn run(seed: u64, operation: u64, fault: Fault) {
    let store = store(seed);
    let open = || Box::new(store.clone()) as Box<dyn cartridge::SegmentStore>;
    let cartridge = load(&store);
    store.inject(store.operations() + operation, fault);
    let mut host = Host::new(cartridge, small_settings(9));
    let mut deferred = 0;
    for step in script(seed, 60) {
        if host.cartridge.is_none() || matches!(step, Step::Reload) {
            continue;
        }
        let error = match host.step(&step, open) {
            Ok(()) => continue,
            Err(error) => error,
        };
        let cartridge = host.cartridge.as_mut().expect("only Reload takes it");
        let end = usize::try_from(cartridge.end_of_data().object).unwrap();
        if let Error::Deferred { first_lost, .. } = &error {
            deferred += 1;
            assert_eq!(*first_lost, end as u64);
            let refused = cartridge.append_block(block(10, 1)).unwrap_err();
            assert!(matches!(refused, Error::PositionLost), "{refused}");
        }
        // Nothing synchronized is lost, and nothing comes in between.
        let model = &mut host.model;
        let appends = matches!(step, Step::Append { .. } | Step::Filemarks(_));
        if appends && matches!(error, Error::Deferred { .. }) {
            // The segment was begun, which cut off what follows; only then did a write fail.
            model.cut();
        }
        assert!(end >= model.synchronized, "{error}");
        if end < model.objects.len() {
            model.objects.truncate(end);
        } else {
            assert_eq!(end, model.objects.len(), "{error}");
        }
        if fault == Fault::Fail {
            store.heal();
        }
        cartridge.rewind().unwrap();
        model.position = 0;
        let read = cartridge.read_block().unwrap();
        let expected = match model.objects.first() {
            None => Read::EndOfData,
            Some(Object::Filemark) => Read::Filemark,
            Some(Object::Block(block)) => Read::Block(block.clone()),
        };
        assert_eq!(read, expected);
        cartridge.rewind().unwrap();
    }
    assert!(deferred <= 1, "told more than once");
    store.heal();
    let cartridge = host.cartridge.take().expect("never taken");
    cartridge.unload().unwrap();
    assert_eq!(all_contents(&mut load(&store)), host.model.contents());
    // And nothing of what was lost comes back after a loss of power.
    assert_eq!(
        all_contents(&mut load(&store.crash(operation))),
        host.model.contents()
    );
}

#[test]
fn a_failure_at_any_operation_loses_only_what_was_not_synchronized_and_is_told_once() {
    for seed in 400..406 {
        for operation in 0..200 {
            for fault in [Fault::FailOnce, Fault::Fail] {
                run(seed, operation, fault);
            }
        }
    }
}

/// The kernel shows what it did not write, and later syncs of it succeed.
#[test]
fn what_a_failed_sync_dropped_is_not_believed_after_a_kill() {
    let mut vanished = 0;
    for seed in 0..40 {
        let store = store(8).crash(seed);
        let mut cartridge = load(&store);
        cartridge.append_block(block(100, 1)).unwrap();
        cartridge.synchronize().unwrap();
        cartridge.append_block(block(1500, 2)).unwrap();
        store.inject(store.operations() + 2, Fault::FailOnce);
        cartridge.synchronize().unwrap_err();
        drop(cartridge);
        let found = contents(&mut load(&store));
        assert!((1..=2).contains(&found.len()));
        vanished += usize::from(found.len() == 1);
        assert_eq!(contents(&mut load(&store.crash(seed))), found);
    }
    assert!((1..40).contains(&vanished));
}

#[test]
fn a_read_that_fails_for_a_moment_does_not_spoil_what_is_counted() {
    let store = store(9);
    let mut cartridge = load(&store);
    for length in [10, 1000, 100] {
        cartridge.append_block(block(length, 1)).unwrap();
    }
    cartridge.locate_block(1).unwrap();
    store.inject_read(store.reads(), Fault::FailOnce);
    cartridge.append_block(block(500, 1)).unwrap();
    assert_eq!(cartridge.usage().host_bytes, 510);
}

/// What was told to be lost may be there after a crash. Its key is kept until it cannot be.
#[test]
fn a_new_key_does_not_make_remains_unreadable() {
    for seed in 0..20 {
        let store = store(10).crash(seed);
        let load = |store: &LyingStore, seed| {
            let opened = Cartridge::open(Box::new(store.clone()), at_rest_settings(seed));
            opened.unwrap().0
        };
        let mut cartridge = load(&store, seed);
        cartridge.format(&[1 << 30, 1 << 30]).unwrap();
        cartridge.append_block(block(100, 1)).unwrap();
        store.inject(store.operations() + 2, Fault::FailOnce);
        cartridge.synchronize().unwrap_err();
        cartridge.change_partition(1).unwrap();
        cartridge.append_block(block(100, 2)).unwrap();
        cartridge.synchronize().unwrap();
        let left = all_contents(&mut load(&store.crash(seed), 1000 + seed));
        assert!(left[0].is_empty() || left[0] == [Object::Block(block(100, 1))]);
        assert_eq!(left[1], [Object::Block(block(100, 2))]);
    }
}
