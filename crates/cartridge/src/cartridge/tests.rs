//! What one cartridge does, told step by step.

mod at_rest;
mod encryption;
mod nonces;

use bytes::Bytes;

use crate::label::tests::label;
use crate::limits::DEAD_REMOVED_PER_CALL;
use crate::{
    Appended, Cartridge, Codec, Error, Located, MemoryStore, Read, SegmentStore as _, Settings,
    Spaced, Stop,
};

const MIB: u64 = 1 << 20;

fn settings() -> Settings {
    Settings {
        segment_size_bytes: 64 << 10,
        frame_size_bytes: 4 << 10,
        reserve_step_bytes: 16 << 10,
        ..Settings::default()
    }
}

fn new_store(capacity_bytes: u64) -> MemoryStore {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(capacity_bytes)).unwrap();
    store
}

fn load(store: &MemoryStore) -> Cartridge {
    Cartridge::open(Box::new(store.clone()), settings())
        .unwrap()
        .0
}

/// A block that names itself; compressible.
fn block(number: u64, length: usize) -> Bytes {
    let text = format!("block {number} ");
    text.bytes().cycle().take(length).collect()
}

/// What is in every file of a cartridge.
fn files(store: &MemoryStore) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = [store.read_label(), store.read_memory(), store.read_key()]
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    for name in store.segments().unwrap() {
        let file = store.open_segment(name).unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        files.push(bytes);
    }
    files
}

fn holds(files: &[Vec<u8>], text: &[u8]) -> bool {
    let mut windows = files.iter().flat_map(|file| file.windows(text.len()));
    windows.any(|window| window == text)
}

fn read(cartridge: &mut Cartridge) -> Read {
    cartridge.read_block().unwrap()
}

fn block_at(cartridge: &mut Cartridge, object: u64) -> Read {
    assert_eq!(cartridge.locate_block(object).unwrap(), Located::Reached);
    read(cartridge)
}

#[test]
fn what_was_written_is_read_after_loading_again() {
    let store = new_store(100 * MIB);
    let mut cartridge = load(&store);
    for number in 0..100 {
        cartridge.append_block(block(number, 3000)).unwrap();
    }
    cartridge.append_filemarks(2).unwrap();
    cartridge.unload().unwrap();

    let (mut cartridge, report) = Cartridge::open(Box::new(store), settings()).unwrap();
    assert_eq!(report, crate::RecoveryReport::default());
    for number in 0..100 {
        assert_eq!(read(&mut cartridge), Read::Block(block(number, 3000)));
    }
    assert_eq!(read(&mut cartridge), Read::Filemark);
    assert_eq!(read(&mut cartridge), Read::Filemark);
    assert_eq!(read(&mut cartridge), Read::EndOfData);
    assert_eq!(cartridge.position(), cartridge.end_of_data());
    assert_eq!(cartridge.position().filemarks, 2);
}

#[test]
fn an_overwrite_in_the_middle_cuts_off_what_follows() {
    let store = new_store(100 * MIB);
    let mut cartridge = load(&store);
    for number in 0..100 {
        cartridge.append_block(block(number, 3000)).unwrap();
    }
    cartridge.locate_block(41).unwrap();
    cartridge.append_block(block(1000, 10)).unwrap();
    assert_eq!(cartridge.end_of_data().object, 42);
    for mut cartridge in [cartridge, load(&store)] {
        let last = cartridge.end_of_data().object;
        assert_eq!(block_at(&mut cartridge, 40), Read::Block(block(40, 3000)));
        if last == 42 {
            assert_eq!(read(&mut cartridge), Read::Block(block(1000, 10)));
        } else {
            // The second one was loaded while block 1000 waited for its frame, as after a crash.
            assert_eq!(last, 41);
        }
        assert_eq!(read(&mut cartridge), Read::EndOfData);
    }
}

/// Removing a file of 256 MiB takes its time: whoever must not wait must not do it either.
#[test]
fn nothing_is_appended_at_once_while_files_are_to_be_removed() {
    let mut cartridge = load(&new_store(1 << 30));
    cartridge.set_codec(Codec::Stored);
    while cartridge.chain.rows().len() <= 2 * DEAD_REMOVED_PER_CALL {
        cartridge.append_block(block(1, 2000)).unwrap();
    }
    cartridge.rewind().unwrap();
    cartridge.append_block(block(2, 100)).unwrap();
    assert!(!cartridge.dead.is_empty(), "only some were removed");
    assert!(!cartridge.is_ready_for(100));
    while !cartridge.dead.is_empty() {
        cartridge.append_filemarks(1).unwrap();
    }
    assert!(cartridge.is_ready_for(100));
}

#[test]
fn spacing_stops_where_ssc_says() {
    let mut cartridge = load(&new_store(100 * MIB));
    for _ in 0..3 {
        for number in 0..5 {
            cartridge.append_block(block(number, 100)).unwrap();
        }
        cartridge.append_filemarks(1).unwrap();
    }
    cartridge.rewind().unwrap();
    let stopped = |moved, by| Spaced {
        moved,
        stopped_by: Some(by),
    };
    assert_eq!(
        cartridge.space_blocks(9).unwrap(),
        stopped(5, Stop::Filemark)
    );
    assert_eq!(cartridge.position().object, 6);
    assert_eq!(
        cartridge.space_blocks(-1).unwrap(),
        stopped(0, Stop::Filemark)
    );
    assert_eq!(cartridge.position().object, 5);
    assert_eq!(
        cartridge.space_blocks(-9).unwrap(),
        stopped(5, Stop::BeginningOfPartition)
    );
    assert_eq!(cartridge.space_filemarks(2).unwrap().stopped_by, None);
    assert_eq!(cartridge.position().object, 12);
    assert_eq!(
        cartridge.space_filemarks(2).unwrap(),
        stopped(1, Stop::EndOfData)
    );
    assert_eq!(cartridge.space_filemarks(-1).unwrap().moved, 1);
    assert_eq!(cartridge.position().object, 17);
    assert_eq!(
        cartridge.space_filemarks(-3).unwrap(),
        stopped(2, Stop::BeginningOfPartition)
    );
    assert_eq!(cartridge.locate_filemark(2).unwrap(), Located::Reached);
    assert_eq!(cartridge.position().object, 12);
    assert_eq!(cartridge.locate_filemark(4).unwrap(), Located::EndOfData);
    assert_eq!(
        cartridge.space_blocks(1).unwrap(),
        stopped(0, Stop::EndOfData)
    );
    assert_eq!(cartridge.locate_block(18).unwrap(), Located::Reached);
    assert_eq!(cartridge.locate_block(19).unwrap(), Located::EndOfData);
}

#[test]
fn the_end_of_the_capacity_is_told_early_and_filemarks_still_fit() {
    let mut cartridge = load(&new_store(MIB));
    cartridge.set_codec(Codec::Stored);
    let mut warned_at = None;
    let full_at = loop {
        let number = cartridge.end_of_data().object;
        match cartridge.append_block(block(number, 10_000)) {
            Ok(Appended {
                early_warning: true,
            }) => warned_at = warned_at.or(Some(number)),
            Ok(_) => assert_eq!(warned_at, None),
            Err(Error::VolumeFull) => break number,
            Err(error) => panic!("{error}"),
        }
    };
    // An eighth of one MiB before the end.
    assert_eq!((warned_at, full_at), (Some(91), 104));
    assert!(cartridge.append_filemarks(1000).unwrap().early_warning);
    cartridge.synchronize().unwrap();
    let error = cartridge.append_filemarks(100_000).unwrap_err();
    assert!(matches!(error, Error::VolumeFull));
    assert_eq!(
        block_at(&mut cartridge, 103),
        Read::Block(block(103, 10_000))
    );
    // Rewriting from the beginning makes room again.
    cartridge.rewind().unwrap();
    let appended = cartridge.append_block(block(0, 10_000)).unwrap();
    assert_eq!(
        appended,
        Appended {
            early_warning: false
        }
    );
    assert_eq!(cartridge.usage().stored_bytes, 10_000);
}

#[test]
fn a_write_protected_cartridge_cannot_be_changed() {
    let store = new_store(MIB);
    let mut cartridge = load(&store);
    cartridge.append_block(block(0, 100)).unwrap();
    cartridge.unload().unwrap();
    let mut cartridge = load(&store);
    cartridge.set_write_protected(true).unwrap();
    for mut cartridge in [cartridge, load(&store)] {
        assert!(cartridge.label().write_protected);
        let block = block(1, 100);
        assert!(matches!(
            cartridge.append_block(block),
            Err(Error::WriteProtected)
        ));
        assert!(matches!(
            cartridge.append_filemarks(1),
            Err(Error::WriteProtected)
        ));
        assert!(matches!(cartridge.erase(), Err(Error::WriteProtected)));
        assert!(matches!(read(&mut cartridge), Read::Block(_)));
    }
}

#[test]
fn erase_is_durable_and_leaves_what_is_before() {
    let store = new_store(MIB);
    let mut cartridge = load(&store);
    for number in 0..10 {
        cartridge.append_block(block(number, 100)).unwrap();
    }
    cartridge.locate_block(4).unwrap();
    cartridge.erase().unwrap();
    // Loaded without unloading: as after a crash.
    let mut cartridge = load(&store);
    assert_eq!(cartridge.end_of_data().object, 4);
    assert_eq!(block_at(&mut cartridge, 3), Read::Block(block(3, 100)));
    cartridge.rewind().unwrap();
    cartridge.erase().unwrap();
    assert_eq!(read(&mut cartridge), Read::EndOfData);
    assert_eq!(cartridge.usage().stored_bytes, 0);
    cartridge.append_block(block(77, 100)).unwrap();
    cartridge.unload().unwrap();
    assert_eq!(block_at(&mut load(&store), 0), Read::Block(block(77, 100)));
}

#[test]
fn blocks_of_every_length_are_taken_and_no_other() {
    let mut cartridge = load(&new_store(100 * MIB));
    let max = crate::limits::BLOCK_BYTES_MAX;
    for length in [1, 2, 4095, 4096, 4097, 70_000, max] {
        cartridge.append_block(block(1, length)).unwrap();
    }
    for length in [0, max + 1] {
        let error = cartridge.append_block(vec![0; length].into()).unwrap_err();
        assert!(matches!(error, Error::BlockLength { .. }));
    }
    cartridge.rewind().unwrap();
    for length in [1, 2, 4095, 4096, 4097, 70_000, max] {
        assert_eq!(read(&mut cartridge), Read::Block(block(1, length)));
    }
}

#[test]
fn loading_and_unloading_without_writing_leaves_no_segment() {
    use crate::SegmentStore as _;
    let store = new_store(MIB);
    let mut cartridge = load(&store);
    assert_eq!(read(&mut cartridge), Read::EndOfData);
    cartridge.append_filemarks(0).unwrap();
    cartridge.synchronize().unwrap();
    cartridge.unload().unwrap();
    assert_eq!(store.segments().unwrap(), []);
}
