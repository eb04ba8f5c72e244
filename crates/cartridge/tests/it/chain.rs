//! The chain file: what it spares, what it notices, and that it decides nothing.

use std::io;
use std::time::{Duration, Instant};

use cartridge::{
    Cartridge, Codec, Error, Fault, LocalStore, LyingStore, MemoryStore, Read, RecoveryReport,
    SegmentName, SegmentStore, Settings,
};

use crate::model::{Object, block, contents, label, small_settings};

fn settings(seed: u64) -> Settings {
    Settings {
        codec: Codec::Stored,
        ..small_settings(seed)
    }
}

fn load(store: &MemoryStore, seed: u64) -> (Cartridge, RecoveryReport) {
    Cartridge::open(Box::new(store.clone()), settings(seed)).unwrap()
}

fn new_store() -> MemoryStore {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(1)).unwrap();
    store
}

/// Appends `count` blocks at the end of data, several of which fill a segment.
fn append(cartridge: &mut Cartridge, count: u64) {
    cartridge.space_end_of_data().unwrap();
    for _ in 0..count {
        let number = cartridge.position().object;
        cartridge.append_block(block(3000, number)).unwrap();
    }
}

fn expected(count: u64) -> Vec<Object> {
    (0..count)
        .map(|number| Object::Block(block(3000, number)))
        .collect()
}

fn sorted(store: &MemoryStore) -> Vec<SegmentName> {
    let mut names = store.segments().unwrap();
    names.sort();
    names
}

fn chain_of(store: &MemoryStore) -> Vec<u8> {
    let mut bytes = Vec::new();
    let chain = store.open_chain().unwrap();
    io::Read::read_to_end(&mut chain.expect("there is a chain file"), &mut bytes).unwrap();
    bytes
}

/// A cartridge of 100 blocks in many segments, written and put away.
fn written() -> MemoryStore {
    let store = new_store();
    let (mut cartridge, _) = load(&store, 1);
    append(&mut cartridge, 100);
    cartridge.unload().unwrap();
    assert!(sorted(&store).len() > 5);
    store
}

/// What lies before the damage at the end, and how many objects are damaged.
fn read_to_damage(cartridge: &mut Cartridge) -> (u64, u64) {
    cartridge.rewind().unwrap();
    for good in 0.. {
        match cartridge.read_block() {
            Ok(Read::Block(read)) => assert_eq!(read, block(3000, good)),
            Ok(Read::EndOfData) => return (good, 0),
            Ok(Read::Filemark) => panic!("none was written"),
            Err(Error::Damaged { last_object, .. }) => return (good, last_object + 1 - good),
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!()
}

#[test]
fn a_last_segment_that_is_lost_with_its_name_is_noticed() {
    let mut store = written();
    let lost = *sorted(&store).last().unwrap();
    store.remove_segment(lost).unwrap();
    for _ in 0..2 {
        let (mut cartridge, report) = load(&store, 2);
        assert_eq!(report.missing, [lost.uuid]);
        assert_eq!(report.damaged.len(), 1);
        assert_eq!(cartridge.end_of_data().object, 100);
        let (good, damaged) = read_to_damage(&mut cartridge);
        assert_eq!(good + damaged, 100);
        assert_eq!(report.damaged[0].objects, good..=99);
        assert_eq!(cartridge.usage().host_bytes, 300_000);
        cartridge.unload().unwrap();
    }
    // It can be written on, and written over.
    let (mut cartridge, _) = load(&store, 3);
    append(&mut cartridge, 1);
    cartridge.unload().unwrap();
    let (mut cartridge, report) = load(&store, 4);
    assert_eq!(report.missing, [lost.uuid]);
    cartridge.locate_block(100).unwrap();
    assert_eq!(
        cartridge.read_block().unwrap(),
        Read::Block(block(3000, 100))
    );
    cartridge.locate_block(10).unwrap();
    cartridge.append_block(block(3000, 10)).unwrap();
    cartridge.unload().unwrap();
    let (mut cartridge, report) = load(&store, 5);
    assert_eq!(report, RecoveryReport::default());
    assert_eq!(contents(&mut cartridge), expected(11));
}

#[test]
fn what_several_lost_segments_cut_off_stays_cut_off() {
    let store = written();
    let (mut cartridge, _) = load(&store, 2);
    for cut in [60, 40, 41] {
        cartridge.locate_block(cut).unwrap();
        append_at(&mut cartridge, 5);
    }
    cartridge.unload().unwrap();
    let (mut cartridge, _) = load(&store, 3);
    append(&mut cartridge, 40);
    cartridge.unload().unwrap();
    let whole = chain_of(&store);
    // The segments that begin at 40 and 41: two cuts in a row, which the others alone cannot bridge.
    for count in 1..=4 {
        let mut store = copy(&store);
        store.replace_chain(&whole).unwrap();
        let lost: Vec<_> = sorted(&store).into_iter().rev().take(count).collect();
        for name in &lost {
            store.remove_segment(*name).unwrap();
        }
        let (cartridge, report) = load(&store, 4);
        assert_eq!(report.missing.len(), count);
        assert_eq!(cartridge.end_of_data().object, 86);
    }
}

fn append_at(cartridge: &mut Cartridge, count: u64) {
    for _ in 0..count {
        let number = cartridge.position().object;
        cartridge.append_block(block(3000, number)).unwrap();
    }
}

/// The label and the segments alone.
fn copy(store: &MemoryStore) -> MemoryStore {
    let mut copy = MemoryStore::new();
    copy.replace_label(&store.read_label().unwrap().unwrap())
        .unwrap();
    for name in store.segments().unwrap() {
        let file = store.open_segment(name).unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        let new = copy.create_segment(name).unwrap();
        new.write_at(&[&bytes], 0).unwrap();
        copy.publish_segment(name).unwrap();
    }
    copy
}

#[test]
fn a_chain_file_that_is_missing_damaged_or_foreign_is_made_anew() {
    let store = written();
    let good = chain_of(&store);
    let mut bad: Vec<Vec<u8>> = (0..good.len())
        .step_by(7)
        .map(|at| {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            bytes
        })
        .collect();
    bad.extend([
        Vec::new(),
        good[..300].to_vec(),
        good[..good.len() - 1].to_vec(),
    ]);
    for bytes in bad {
        let mut store = copy(&store);
        store.replace_chain(&bytes).unwrap();
        let (cartridge, report) = load(&store, 2);
        assert_eq!(report, RecoveryReport::default());
        assert_eq!(cartridge.end_of_data().object, 100);
        cartridge.unload().unwrap();
        assert_ne!(chain_of(&store), bytes);
        assert_eq!(chain_of(&store).len(), good.len());
    }
    // Of another cartridge, with other segments.
    let mut other = MemoryStore::new();
    Cartridge::create(Box::new(other.clone()), &label(2)).unwrap();
    other.replace_chain(&good).unwrap();
    let (mut cartridge, report) = load(&other, 3);
    assert_eq!(report, RecoveryReport::default());
    assert_eq!(contents(&mut cartridge), []);
}

/// Each has a good checksum of its own, and as many rows are told as there are.
#[test]
fn a_head_and_rows_of_two_files_are_not_taken_together() {
    let of_one_segment = |seed, count| {
        let store = new_store();
        let (mut cartridge, _) = load(&store, seed);
        for number in 0..count {
            cartridge.append_block(block(100, number)).unwrap();
        }
        cartridge.unload().unwrap();
        assert_eq!(sorted(&store).len(), 1);
        store
    };
    let (long, mut short) = (of_one_segment(1, 3), of_one_segment(2, 1));
    let rows = chain_of(&short).split_off(256);
    let mut spliced = chain_of(&long);
    spliced.truncate(256);
    spliced.extend(rows);
    short.replace_chain(&spliced).unwrap();
    let (mut cartridge, report) = load(&short, 3);
    assert_eq!(report, RecoveryReport::default());
    assert_eq!(contents(&mut cartridge), [Object::Block(block(100, 0))]);
}

/// A version that knows no chain file leaves it as it is, and it may then name what is gone.
#[test]
fn a_chain_file_that_others_left_behind_takes_nothing_away() {
    let old = written();
    let stale = chain_of(&old);
    // Cut, rewritten from the beginning, written on, formatted: each without the file.
    for history in 0..4 {
        let mut store = copy(&old);
        let (mut cartridge, _) = load(&store, 10);
        match history {
            0 => drop(cartridge.locate_block(50).unwrap()),
            1 => cartridge.rewind().unwrap(),
            2 => cartridge.space_end_of_data().unwrap(),
            _ => cartridge.format(&[1 << 20, 1 << 20]).unwrap(),
        }
        append_at(&mut cartridge, 30);
        cartridge.unload().unwrap();
        let expected = contents(&mut load(&copy(&store), 11).0);
        store.replace_chain(&stale).unwrap();
        let (mut cartridge, report) = load(&store, 12);
        assert!(report.missing.is_empty(), "{history}");
        assert_eq!(contents(&mut cartridge), expected, "{history}");
    }
    // The last segments had been lost before, so that numbers were used twice.
    let mut store = copy(&old);
    for name in sorted(&store).into_iter().rev().take(2) {
        store.remove_segment(name).unwrap();
    }
    let (mut cartridge, _) = load(&store, 13);
    append(&mut cartridge, 2);
    cartridge.unload().unwrap();
    let expected = contents(&mut load(&copy(&store), 14).0);
    store.replace_chain(&stale).unwrap();
    let (mut cartridge, report) = load(&store, 15);
    assert!(report.missing.is_empty());
    assert_eq!(contents(&mut cartridge), expected);
}

/// Loads the cartridge in `store`; returns how many segments were opened for it.
fn opened_to_load(store: &MemoryStore) -> u64 {
    let before = store.opened();
    drop(load(store, 2));
    store.opened() - before
}

#[test]
fn only_the_last_segment_is_opened_to_load_a_cartridge() {
    let mut store = written();
    assert_eq!(opened_to_load(&store), 1);
    store.replace_chain(b"").unwrap();
    assert!(opened_to_load(&store) > 5);
}

#[test]
fn dead_files_that_are_still_there_are_not_opened() {
    let store = new_store();
    let (mut cartridge, _) = load(&store, 1);
    append(&mut cartridge, 1500);
    cartridge.rewind().unwrap();
    append_at(&mut cartridge, 1);
    cartridge.unload().unwrap();
    let left = sorted(&store).len();
    assert!(
        left > 10,
        "{left} files: more than are removed at an unload"
    );
    assert_eq!(opened_to_load(&store), 1);
    let (mut cartridge, _) = load(&store, 2);
    assert_eq!(contents(&mut cartridge), expected(1));
}

#[test]
fn a_thread_removes_dead_files_and_writes_the_chain_file_in_between() {
    let directory = tempfile::tempdir().unwrap();
    let store = || Box::new(LocalStore::new(directory.path()));
    Cartridge::create(store(), &label(1)).unwrap();
    let (mut cartridge, _) = Cartridge::open(store(), settings(1)).unwrap();
    while store().segments().unwrap().len() < 40 {
        append(&mut cartridge, 5);
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    while !directory.path().join("chain").exists() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    cartridge.rewind().unwrap();
    append_at(&mut cartridge, 1);
    while store().segments().unwrap().len() > 1 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    cartridge.unload().unwrap();
    let (mut cartridge, report) = Cartridge::open(store(), settings(2)).unwrap();
    assert_eq!(report, RecoveryReport::default());
    assert_eq!(contents(&mut cartridge), expected(1));
}

/// The file is written and lost, in part or not at all, at an unload that any operation interrupts.
#[test]
fn a_crash_while_the_chain_file_is_replaced_loses_nothing() {
    let prepared = || {
        let store = LyingStore::new();
        Cartridge::create(Box::new(store.clone()), &label(1)).unwrap();
        let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings(1)).unwrap();
        append(&mut cartridge, 30);
        cartridge.unload().unwrap();
        store
    };
    let rewrite = |store: &LyingStore| {
        let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings(2))?;
        cartridge.locate_block(20)?;
        append_at(&mut cartridge, 10);
        cartridge.synchronize()?;
        let begun = store.operations();
        cartridge.unload()?;
        Ok::<_, Error>(begun)
    };
    let whole = prepared();
    let first = rewrite(&whole).unwrap();
    let last = whole.operations();
    assert!(last > first + 2);
    for operation in first..last {
        let store = prepared();
        store.inject(operation, Fault::Stop);
        let _ = rewrite(&store);
        for seed in 0..10 {
            let left = store.crash(operation * 10 + seed);
            let (mut cartridge, report) = Cartridge::open(Box::new(left), settings(3)).unwrap();
            assert_eq!((report.missing, report.damaged), (vec![], vec![]));
            assert_eq!(contents(&mut cartridge), expected(30));
        }
    }
}
