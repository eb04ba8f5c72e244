//! Reading ahead changes nothing but how often, and when, the disk is asked. [`LyingStore`] counts that.

use std::thread;
use std::time::{Duration, Instant};

use cartridge::{
    Cartridge, Codec, Decryption, Fault, Located, LyingStore, MemoryStore, Read, ReadAhead,
    SegmentStore, Settings,
};

use crate::model::{Object, block, encryption, key, label, small_settings, to_object};

const MODES: [ReadAhead; 3] = [ReadAhead::Off, ReadAhead::Inline, ReadAhead::Threads];

/// How many blocks there are. Each has a frame of its own, which is read with one call.
const BLOCKS: u64 = 40;

fn settings(read_ahead: ReadAhead) -> Settings {
    Settings {
        segment_size_bytes: 512 << 10,
        codec: Codec::Zstd,
        read_ahead,
        ..small_settings(4)
    }
}

fn load(store: &(impl SegmentStore + Clone + 'static), read_ahead: ReadAhead) -> Cartridge {
    let opened = Cartridge::open(Box::new(store.clone()), settings(read_ahead));
    let mut cartridge = opened.unwrap().0;
    cartridge.set_decryption(Decryption::Mixed(key()));
    cartridge
}

/// A cartridge of [`BLOCKS`] blocks, every third of them encrypted, in one segment. It is at its
/// beginning, and the index of the segment is in memory.
fn cartridge(read_ahead: ReadAhead) -> (LyingStore, Cartridge) {
    let store = LyingStore::new();
    let cartridge = written(&store, read_ahead);
    (store, cartridge)
}

fn written(store: &(impl SegmentStore + Clone + 'static), read_ahead: ReadAhead) -> Cartridge {
    Cartridge::create(Box::new(store.clone()), &label(4)).unwrap();
    let mut cartridge = load(store, read_ahead);
    cartridge.set_encryption(Some(encryption(1))).unwrap();
    for number in 0..BLOCKS {
        let encrypted = (number % 3 == 0).then(|| encryption(1));
        cartridge.set_encryption(encrypted).unwrap();
        cartridge.append_block(block(2000, number)).unwrap();
    }
    cartridge.unload().unwrap();
    let mut cartridge = load(store, read_ahead);
    cartridge.locate_block(1).unwrap();
    cartridge.rewind().unwrap();
    cartridge
}

fn read(cartridge: &mut Cartridge, number: u64) {
    let expected = Read::Block(block(2000, number));
    assert_eq!(cartridge.read_block().unwrap(), expected, "block {number}");
}

#[test]
fn a_locate_and_a_read_read_one_frame() {
    for mode in MODES {
        let (store, mut cartridge) = cartridge(mode);
        for step in 0..BLOCKS {
            let object = step * 7 % BLOCKS;
            assert_eq!(cartridge.locate_block(object).unwrap(), Located::Reached);
            let before = store.reads();
            read(&mut cartridge, object);
            cartridge.use_idle_time();
            assert_eq!(store.reads() - before, 1, "{mode:?}, block {object}");
        }
    }
}

#[test]
fn two_frames_in_a_row_bring_the_next_ones_and_each_is_read_once() {
    let (store, mut cartridge) = cartridge(ReadAhead::Inline);
    let start = store.reads();
    read(&mut cartridge, 0);
    assert_eq!(store.reads() - start, 1);
    read(&mut cartridge, 1);
    assert_eq!(store.reads() - start, 3, "and block 2");
    read(&mut cartridge, 2);
    assert_eq!(store.reads() - start, 5, "and blocks 3 and 4");
    for number in 3..BLOCKS {
        read(&mut cartridge, number);
        assert!(store.reads() - start > (number + 2).min(BLOCKS - 1));
    }
    assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
    assert_eq!(store.reads() - start, BLOCKS);
}

#[test]
fn threads_bring_what_is_on_the_disk() {
    let (store, mut cartridge) = cartridge(ReadAhead::Threads);
    let start = store.reads();
    for number in 0..BLOCKS {
        // Everything here comes from the disk, and is not for who must not wait, until the thread has it.
        let deadline = Instant::now() + Duration::from_secs(20);
        while number > 1 && !cartridge.is_ready_to_read() {
            assert!(Instant::now() < deadline, "nobody brings block {number}");
            thread::yield_now();
        }
        read(&mut cartridge, number);
        cartridge.use_idle_time();
    }
    assert_eq!(store.reads() - start, BLOCKS, "each once");
}

#[test]
fn whatever_moves_or_changes_the_key_begins_again_with_one_frame() {
    type Change = fn(&mut Cartridge);
    let changes: [(&str, Change); 6] = [
        ("locate", |it| {
            it.locate_block(4).unwrap();
        }),
        ("space", |it| {
            it.space_blocks(-1).unwrap();
            it.space_blocks(1).unwrap();
        }),
        ("rewind", |it| {
            it.rewind().unwrap();
            it.space_blocks(4).unwrap();
        }),
        ("key", |it| {
            it.set_decryption(Decryption::Off);
            it.set_decryption(Decryption::Mixed(key()));
        }),
        ("partition", |it| {
            it.change_partition(0).unwrap();
            it.locate_block(4).unwrap();
        }),
        ("erase", |it| {
            it.locate_block(20).unwrap();
            it.erase().unwrap();
            it.locate_block(4).unwrap();
        }),
    ];
    for (name, change) in changes {
        let (store, mut cartridge) = cartridge(ReadAhead::Inline);
        (0..4).for_each(|number| read(&mut cartridge, number));
        change(&mut cartridge);
        let before = store.reads();
        read(&mut cartridge, 4);
        // After an erase the segment's index is read again, with its trailer.
        let index = if name == "erase" { 2 } else { 0 };
        assert!(store.reads() - before <= 1 + index, "{name}");
        read(&mut cartridge, 5);
    }
}

#[test]
fn what_was_appended_is_read_and_not_what_was_ahead() {
    for mode in MODES {
        let (_, mut cartridge) = cartridge(mode);
        (0..6).for_each(|number| read(&mut cartridge, number));
        for number in 6..9 {
            cartridge.append_block(block(900, 100 + number)).unwrap();
        }
        assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
        cartridge.locate_block(4).unwrap();
        read(&mut cartridge, 4);
        read(&mut cartridge, 5);
        for number in 6..9 {
            let expected = Read::Block(block(900, 100 + number));
            assert_eq!(cartridge.read_block().unwrap(), expected);
        }
    }
}

#[test]
fn a_read_that_failed_ahead_is_tried_again_by_the_reader() {
    for mode in MODES {
        let (store, mut cartridge) = cartridge(mode);
        (0..3).for_each(|number| read(&mut cartridge, number));
        store.inject_read(store.reads() + 2, Fault::FailOnce);
        let mut failed = 0;
        for number in 3..BLOCKS {
            while cartridge.read_block().map_or(true, |read| {
                assert_eq!(read, Read::Block(block(2000, number)));
                false
            }) {
                failed += 1;
            }
        }
        // With threads it may have been the reader's own: whoever comes first reads.
        assert!(failed <= usize::from(mode != ReadAhead::Inline), "{mode:?}");
    }
}

/// Everything that a reader is told from the beginning to the end of data; it spaces over what it cannot
/// read.
fn told(cartridge: &mut Cartridge, asks_first: bool) -> Vec<Result<Object, String>> {
    cartridge.rewind().unwrap();
    let mut told = Vec::new();
    loop {
        if asks_first {
            cartridge.is_ready_to_read();
        }
        match cartridge.read_block() {
            Ok(Read::EndOfData) => return told,
            Ok(read) => told.extend(to_object(read).map(Ok)),
            Err(error) => {
                let at = cartridge.position().object;
                told.push(Err(error.to_string()));
                cartridge.space_blocks(1).unwrap();
                assert_eq!(cartridge.position().object, at + 1);
            }
        }
        cartridge.use_idle_time();
    }
}

#[test]
fn damage_and_missing_keys_are_told_when_the_reader_gets_there() {
    let store = MemoryStore::new(); // whose files may be damaged
    drop(written(&store, ReadAhead::Off));
    let name = store.segments().unwrap()[0];
    let file = store.open_segment(name).unwrap();
    // In some frames; what is damaged at its beginning and what elsewhere is all one here.
    let length = file.length().unwrap();
    for part in 2..6 {
        let offset = 8192 + (length - 8192) * part / 8;
        file.write_at(&[&[0xee; 90]], offset).unwrap();
    }
    for decryption in [
        Decryption::Mixed(key()),
        Decryption::Off,
        Decryption::Encrypted(key()),
    ] {
        let tell = |mode, asks_first| {
            let mut cartridge = load(&store, mode);
            cartridge.set_decryption(decryption.clone());
            told(&mut cartridge, asks_first)
        };
        let expected = tell(ReadAhead::Off, false);
        assert_eq!(expected.len() as u64, BLOCKS);
        assert!(expected.iter().filter(|it| it.is_err()).count() >= 3);
        for mode in MODES {
            for asks_first in [false, true] {
                assert_eq!(tell(mode, asks_first), expected, "{mode:?}");
            }
        }
    }
}
