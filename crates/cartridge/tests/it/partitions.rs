//! Partitions and the format that makes them.

use cartridge::{
    Cartridge, Error, Fault, Form, Label, LyingStore, MemoryStore, Read, SegmentStore as _,
    Settings,
};

use crate::model::{Object, all_contents, block, contents, label, small_settings};

const MIB: u64 = 1 << 20;

fn load(store: &MemoryStore) -> Cartridge {
    let settings = Settings {
        segment_size_bytes: 1 << 20,
        ..small_settings(7)
    };
    Cartridge::open(Box::new(store.clone()), settings)
        .unwrap()
        .0
}

fn formatted(store: &MemoryStore, sizes: &[u64]) -> Cartridge {
    Cartridge::create(Box::new(store.clone()), &label(1)).unwrap();
    let mut cartridge = load(store);
    cartridge.format(sizes).unwrap();
    cartridge
}

fn objects(seeds: &[u64]) -> Vec<Object> {
    let blocks = seeds.iter().map(|seed| block(100, *seed));
    blocks.map(Object::Block).collect()
}

#[test]
fn each_partition_keeps_its_own_objects() {
    let store = MemoryStore::new();
    let mut cartridge = formatted(&store, &[MIB, MIB, MIB]);
    // Back and forth: a partition goes on where it ended, in the same segment.
    for seed in 0..9 {
        cartridge
            .change_partition(u8::try_from(seed % 3).unwrap())
            .unwrap();
        assert_eq!(cartridge.position().object, 0);
        cartridge.space_end_of_data().unwrap();
        cartridge.append_block(block(100, seed)).unwrap();
    }
    let expected = [[0, 3, 6], [1, 4, 7], [2, 5, 8]].map(|seeds| objects(&seeds));
    assert_eq!(all_contents(&mut cartridge), expected);
    assert_eq!(store.segments().unwrap().len(), 3);
    cartridge.unload().unwrap();
    let mut cartridge = load(&store);
    assert_eq!(cartridge.position().partition, 0);
    assert_eq!(all_contents(&mut cartridge), expected);
    // What is cut off in one partition is cut off there alone.
    cartridge.change_partition(1).unwrap();
    cartridge.erase().unwrap();
    let expected = [expected[0].clone(), Vec::new(), expected[2].clone()];
    assert_eq!(all_contents(&mut cartridge), expected);
    cartridge.unload().unwrap();
    assert_eq!(all_contents(&mut load(&store)), expected);
}

#[test]
fn a_partition_that_is_not_there_is_refused_and_nothing_moves() {
    let store = MemoryStore::new();
    let mut cartridge = formatted(&store, &[MIB, MIB]);
    cartridge.change_partition(1).unwrap();
    cartridge.append_block(block(100, 1)).unwrap();
    let error = cartridge.change_partition(2).unwrap_err();
    assert!(matches!(error, Error::NoSuchPartition { partition: 2 }));
    let position = cartridge.position();
    assert_eq!((position.partition, position.object), (1, 1));
    assert_eq!(cartridge.usage_of(2), None);
}

#[test]
fn capacity_and_early_warning_are_those_of_the_partition() {
    let store = MemoryStore::new();
    let mut cartridge = formatted(&store, &[MIB, 10 * MIB]);
    let fill = |cartridge: &mut Cartridge| {
        let (mut written, mut warned_at) = (0_u64, None);
        // Seeds that are multiples of four do not compress.
        loop {
            match cartridge.append_block(block(10_000, 4 * written)) {
                Ok(_) => written += 1,
                Err(Error::VolumeFull) => return (written, warned_at),
                Err(error) => panic!("{error}"),
            }
            let warned = cartridge.append_filemarks(0).unwrap().early_warning;
            warned_at = warned_at.or(warned.then_some(written));
        }
    };
    // An eighth before the end of a small cartridge.
    assert_eq!(fill(&mut cartridge), (104, Some(92)));
    cartridge.change_partition(1).unwrap();
    assert_eq!(fill(&mut cartridge), (1048, Some(918)));
    assert_eq!(cartridge.usage().capacity_bytes, 10 * MIB);
    assert_eq!(cartridge.usage_of(0).unwrap().capacity_bytes, MIB);
    assert_eq!(cartridge.usage_of(0).unwrap().blocks, 104);
}

#[test]
fn a_format_takes_all_data_with_it_and_its_files() {
    let store = MemoryStore::new();
    let mut cartridge = formatted(&store, &[MIB, MIB]);
    for partition in 0..2 {
        cartridge.change_partition(partition).unwrap();
        cartridge.append_block(block(100, 1)).unwrap();
    }
    cartridge.format(&[MIB, MIB, MIB, MIB]).unwrap();
    let position = cartridge.position();
    assert_eq!((position.partition, position.object), (0, 0));
    assert_eq!(all_contents(&mut cartridge), vec![Vec::new(); 4]);
    assert_eq!(store.segments().unwrap(), []);
    cartridge.set_capacity(5 * MIB).unwrap();
    assert_eq!(cartridge.usage().capacity_bytes, 5 * MIB);
    assert_eq!(cartridge.label().partition_bytes(), [5 * MIB]);
    for bad in [&[][..], &[0], &[1; 5], &[u64::MAX]] {
        let error = cartridge.format(bad).unwrap_err();
        assert!(matches!(error, Error::InvalidLabel { .. }), "{error}");
    }
    assert_eq!(load(&store).usage().capacity_bytes, 5 * MIB);
}

#[test]
fn a_protected_cartridge_is_not_formatted() {
    let store = MemoryStore::new();
    let mut cartridge = formatted(&store, &[MIB]);
    cartridge.append_block(block(100, 1)).unwrap();
    cartridge.set_write_protected(true).unwrap();
    let error = cartridge.format(&[MIB]).unwrap_err();
    assert!(matches!(error, Error::WriteProtected));
    assert_eq!(contents(&mut cartridge), objects(&[1]));
}

#[test]
fn a_segment_of_an_older_format_never_comes_back() {
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label(1)).unwrap();
    let open = |store: &LyingStore| {
        let opened = Cartridge::open(Box::new(store.clone()), small_settings(7));
        opened.unwrap()
    };
    let (mut cartridge, _) = open(&store);
    cartridge.append_block(block(100, 1)).unwrap();
    cartridge.synchronize().unwrap();
    // Every operation after the new label fails: the old segment cannot be removed.
    store.inject(store.operations() + 1, Fault::Fail);
    cartridge.format(&[MIB, MIB]).unwrap();
    drop(cartridge);
    for seed in 0..10 {
        let (mut cartridge, report) = open(&store.crash(seed));
        assert_eq!(report.dead.len(), 1);
        assert_eq!(all_contents(&mut cartridge), vec![Vec::new(); 2]);
    }
}

#[test]
fn a_format_that_failed_has_not_happened_or_blocks_writing_until_it_is_known() {
    let store = LyingStore::new();
    Cartridge::create(Box::new(store.clone()), &label(1)).unwrap();
    let open = |store: &LyingStore| {
        let opened = Cartridge::open(Box::new(store.clone()), small_settings(7));
        opened.unwrap().0
    };
    let mut cartridge = open(&store);
    cartridge.append_block(block(100, 1)).unwrap();
    cartridge.synchronize().unwrap();
    store.inject(store.operations(), Fault::FailOnce);
    let error = cartridge.format(&[MIB, MIB]).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(contents(&mut cartridge), objects(&[1]));
    for seed in 0..20 {
        assert_eq!(contents(&mut open(&store.crash(seed))), objects(&[1]));
    }
    // Neither the new label nor the old one can be written.
    store.inject(store.operations(), Fault::Fail);
    let error = cartridge.format(&[MIB, MIB]).unwrap_err();
    assert!(matches!(error, Error::LabelDoubtful { .. }), "{error}");
    cartridge.space_end_of_data().unwrap();
    let error = cartridge.append_block(block(100, 2)).unwrap_err();
    assert!(matches!(error, Error::LabelDoubtful { .. }), "{error}");
    assert_eq!(contents(&mut cartridge), objects(&[1]));
    store.heal();
    cartridge.append_block(block(100, 2)).unwrap();
    cartridge.synchronize().unwrap();
    for seed in 0..20 {
        assert_eq!(contents(&mut open(&store.crash(seed))), objects(&[1, 2]));
    }
}

#[test]
fn a_label_that_does_not_know_its_segments_is_refused() {
    let store = MemoryStore::new();
    let mut cartridge = formatted(&store, &[MIB, MIB]);
    cartridge.change_partition(1).unwrap();
    cartridge.append_block(block(100, 1)).unwrap();
    cartridge.unload().unwrap();
    // The label of before the format, from a backup of the label alone.
    let old = MemoryStore::new();
    Cartridge::create(Box::new(old.clone()), &label(1)).unwrap();
    let text = old.read_label().unwrap().unwrap();
    store.clone().replace_label(&text).unwrap();
    let opened = Cartridge::open(Box::new(store.clone()), small_settings(7));
    let error = opened.unwrap_err();
    assert!(matches!(error, Error::ForeignSegment { .. }), "{error}");
}

fn worm(store: &MemoryStore) -> Cartridge {
    let label = Label {
        form: Form::Worm,
        ..label(1)
    };
    Cartridge::create(Box::new(store.clone()), &label).unwrap();
    load(store)
}

fn refused<T>(result: Result<T, Error>) {
    assert!(matches!(result.err(), Some(Error::WriteOnce)));
}

#[test]
fn what_is_written_once_is_neither_overwritten_nor_erased_nor_formatted() {
    let store = MemoryStore::new();
    let mut cartridge = worm(&store);
    for seed in 0..5 {
        cartridge.append_block(block(100, seed)).unwrap();
    }
    cartridge.append_filemarks(1).unwrap();
    for object in 0..5 {
        cartridge.locate_block(object).unwrap();
        refused(cartridge.append_block(block(100, 9)));
        refused(cartridge.append_filemarks(1));
        refused(cartridge.erase());
        refused(cartridge.format(&[MIB]));
        refused(cartridge.set_capacity(MIB));
        assert_eq!(cartridge.position().object, object);
    }
    cartridge.space_end_of_data().unwrap();
    refused(cartridge.erase());
    cartridge.append_block(block(100, 5)).unwrap();
    cartridge.unload().unwrap();
    let mut cartridge = load(&store);
    let mut expected = objects(&[0, 1, 2, 3, 4]);
    expected.push(Object::Filemark);
    expected.extend(objects(&[5]));
    assert_eq!(contents(&mut cartridge), expected);
}

#[test]
fn filemarks_at_the_end_of_a_worm_cartridge_may_be_replaced() {
    let store = MemoryStore::new();
    let mut cartridge = worm(&store);
    cartridge.append_block(block(100, 0)).unwrap();
    cartridge.append_filemarks(2).unwrap();
    // What st does when it closes a tape, and then writes on.
    cartridge.space_filemarks(-1).unwrap();
    cartridge.append_block(block(100, 1)).unwrap();
    assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
    cartridge.space_filemarks(-1).unwrap();
    refused(cartridge.append_block(block(100, 2)));
    let mut expected = objects(&[0]);
    expected.push(Object::Filemark);
    expected.extend(objects(&[1]));
    assert_eq!(contents(&mut cartridge), expected);
}

#[test]
fn a_cleaning_cartridge_takes_no_data() {
    let store = MemoryStore::new();
    let label = Label {
        form: Form::Cleaning,
        ..label(1)
    };
    Cartridge::create(Box::new(store.clone()), &label).unwrap();
    let mut cartridge = load(&store);
    let error = cartridge.append_block(block(1, 1)).unwrap_err();
    assert!(matches!(error, Error::WriteProtected), "{error}");
    let error = cartridge.format(&[MIB]).unwrap_err();
    assert!(matches!(error, Error::WriteProtected), "{error}");
}
