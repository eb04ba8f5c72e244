//! Invariant 7 of the small files: every single bit of a chain file and of a key file is flipped. Nothing else is
//! served than was written, nothing that was cut off comes back, and nothing is destroyed.

use cartridge::{
    Cartridge, Codec, Error, MemoryStore, Read, RecoveryReport, SegmentStore, Settings,
};

use super::files::Snapshot;
use crate::model::{Object, at_rest_settings, block, contents, label, small_settings, to_object};

const ROW_BYTES: usize = 160;
const HEAD_BYTES: usize = 256;

fn settings(chain_interval_segments: u32) -> Settings {
    Settings {
        codec: Codec::Stored,
        chain_interval_segments,
        ..small_settings(70)
    }
}

fn load(store: &MemoryStore, settings: &Settings) -> (Cartridge, RecoveryReport) {
    Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap()
}

fn append(cartridge: &mut Cartridge, objects: &mut Vec<Object>, length: usize) {
    let block = block(length, 4 * objects.len() as u64 + 1);
    cartridge.append_block(block.clone()).unwrap();
    objects.push(Object::Block(block));
}

/// A cartridge whose last session cut off most of it and was killed: the chain file knows segments that are live
/// and some that are dead, and power was lost before the removal of their files had reached the disk.
fn cut_and_killed() -> (Snapshot, Vec<Object>) {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(70)).unwrap();
    let settings = settings(1);
    let mut objects = Vec::new();
    let (mut cartridge, _) = load(&store, &settings);
    for _ in 0..24 {
        append(&mut cartridge, &mut objects, 3000);
    }
    cartridge.unload().unwrap();
    let (mut cartridge, _) = load(&store, &settings);
    cartridge.locate_block(4).unwrap();
    objects.truncate(4);
    // It waits for its frame, so that not all dead files are removed yet.
    append(&mut cartridge, &mut objects, 100);
    let before = Snapshot::of(&store);
    cartridge.synchronize().unwrap();
    let mut after = Snapshot::of(&store);
    let there: Vec<_> = after.segments.iter().map(|(name, _)| *name).collect();
    let removed = before.segments.into_iter();
    let removed: Vec<_> = removed.filter(|(name, _)| !there.contains(name)).collect();
    assert!(!removed.is_empty());
    after.segments.extend(removed);
    let chain = after.chain.as_ref().expect("written with each segment");
    let dead = chain[HEAD_BYTES..].chunks_exact(ROW_BYTES);
    assert!(dead.filter(|row| row[37] == 1).count() > 1, "dead rows");
    (after, objects)
}

#[test]
fn invariant_07_no_flipped_bit_of_the_chain_file_decides_anything() {
    let (mut files, objects) = cut_and_killed();
    let whole = files.chain.clone().expect("it is there");
    assert!(whole.len() > HEAD_BYTES + 4 * ROW_BYTES);
    let settings = settings(100);
    let check = |files: &Snapshot, what: &str| {
        let store = files.store();
        let (mut cartridge, report) = load(&store, &settings);
        assert_eq!(
            (&report.missing[..], &report.damaged[..]),
            (&[][..], &[][..])
        );
        assert!(report.unsealed && !report.dead.is_empty(), "{what}");
        assert_eq!(contents(&mut cartridge), objects, "{what}");
        (store, cartridge)
    };
    check(&files, "whole");
    println!("{} bits: flipped in a chain file", 8 * whole.len());
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        files.chain = Some(flipped);
        let (store, cartridge) = check(&files, &format!("bit {bit}"));
        if bit % 61 == 0 {
            // A good one takes its place.
            cartridge.unload().unwrap();
            let (mut cartridge, report) = load(&store, &settings);
            assert_eq!(report, RecoveryReport::default());
            assert_eq!(contents(&mut cartridge), objects);
            assert_ne!(Snapshot::of(&store).chain, files.chain);
        }
    }
}

/// A cartridge with a key of its own: one session sealed, one that was killed.
fn encrypted_and_killed(settings: &Settings) -> (Snapshot, Vec<Object>) {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(71)).unwrap();
    let mut objects = Vec::new();
    for session in 0..2 {
        let (mut cartridge, _) = load(&store, settings);
        cartridge.space_end_of_data().unwrap();
        for length in [300, 2500] {
            append(&mut cartridge, &mut objects, length);
        }
        cartridge.append_filemarks(1).unwrap();
        objects.push(Object::Filemark);
        if session == 0 {
            cartridge.unload().unwrap();
        } else {
            cartridge.synchronize().unwrap();
        }
    }
    (Snapshot::of(&store), objects)
}

#[test]
fn invariant_07_no_flipped_bit_of_the_key_file_opens_or_destroys_anything() {
    let settings = at_rest_settings(71);
    let (mut files, objects) = encrypted_and_killed(&settings);
    let whole = files.key.clone().expect("it is encrypted");
    println!("{} bits: flipped in a key file", 8 * whole.len());
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        files.key = Some(flipped.clone());
        let mut store = files.store();
        let (mut cartridge, report) = load(&store, &settings);
        assert!(report.missing.is_empty() && report.damaged.is_empty());
        assert_eq!(cartridge.end_of_data().object, objects.len() as u64);
        for (number, object) in (0..).zip(&objects) {
            cartridge.locate_block(number).unwrap();
            match cartridge.read_block() {
                Ok(read @ Read::Filemark) => assert_eq!(to_object(read).as_ref(), Some(object)),
                Ok(read) => panic!("bit {bit}, object {number}: {read:?} without its key"),
                Err(Error::KeyFileDamaged { .. }) => assert_ne!(*object, Object::Filemark),
                Err(error) => panic!("bit {bit}, object {number}: {error}"),
            }
        }
        assert!(cartridge.append_block(block(10, 1)).is_err(), "bit {bit}");
        cartridge.unload().unwrap();
        // Whoever has a copy of the file has everything.
        assert_eq!(store.read_key().unwrap(), Some(flipped), "bit {bit}");
        store.replace_key(&whole).unwrap();
        let (mut cartridge, _) = load(&store, &settings);
        assert_eq!(contents(&mut cartridge), objects, "bit {bit}");
    }
}
