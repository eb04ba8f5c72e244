//! What a tape consists of, and when a file of it may go: the halves of invariants 12 and 14 that need no
//! bucket.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cartridge::{Cartridge, LocalStore, LyingStore, SegmentName, SegmentStore};

use crate::model::{Host, all_contents, label, script, small_settings};

fn host(store: Box<dyn SegmentStore>, seed: u64) -> Host {
    let settings = small_settings(seed);
    let (cartridge, _) = Cartridge::open(store, settings.clone()).unwrap();
    Host::new(cartridge, settings)
}

fn synchronize(host: &mut Host) {
    if let Some(cartridge) = &mut host.cartridge {
        cartridge.synchronize().unwrap();
    }
}

/// Whenever a file has gone, a loss of power on the spot loses nothing: no copy of anything was in it alone.
#[test]
fn invariant_12_a_file_goes_only_when_nothing_is_read_from_it() {
    let mut gone = 0;
    for seed in 0..40 {
        let store = LyingStore::new();
        let open = || Box::new(store.clone()) as Box<dyn SegmentStore>;
        Cartridge::create(open(), &label(seed)).unwrap();
        let mut host = host(open(), seed);
        let names = || -> BTreeSet<SegmentName> { store.segments().unwrap().into_iter().collect() };
        let mut before = names();
        for step in script(seed, 80) {
            host.step(&step, open).unwrap();
            let after = names();
            let removed = before.difference(&after).count();
            before = after;
            if removed > 0 {
                gone += removed;
                synchronize(&mut host);
                let (mut loaded, _) =
                    Cartridge::open(Box::new(store.crash(seed)), small_settings(seed)).unwrap();
                assert_eq!(
                    all_contents(&mut loaded),
                    host.model.contents(),
                    "seed {seed}"
                );
            }
        }
    }
    assert!(gone > 100, "{gone}");
}

/// Copies what a tape cannot do without: its label and its segments.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "label" || name.parse::<SegmentName>().is_ok() {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

/// Without the catalogue, the chain file and the memory; of a tape that is loaded all that was synchronized.
#[test]
fn invariant_14_label_and_segments_alone_give_the_tape_back() {
    for seed in 0..12 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tape");
        let open = || Box::new(LocalStore::new(&path)) as Box<dyn SegmentStore>;
        let store = LocalStore::create(&path).unwrap();
        Cartridge::create(Box::new(store), &label(seed)).unwrap();
        let mut host = host(open(), seed);
        for step in script(seed, 100) {
            host.step(&step, open).unwrap();
        }
        synchronize(&mut host);
        for unload in [false, true] {
            if unload && let Some(cartridge) = host.cartridge.take() {
                cartridge.unload().unwrap();
            }
            let other = tempfile::tempdir().unwrap();
            copy(&path, other.path());
            let copied = Box::new(LocalStore::new(other.path()));
            let (mut loaded, _) = Cartridge::open(copied, small_settings(seed)).unwrap();
            assert_eq!(
                all_contents(&mut loaded),
                host.model.contents(),
                "seed {seed}"
            );
        }
    }
}
