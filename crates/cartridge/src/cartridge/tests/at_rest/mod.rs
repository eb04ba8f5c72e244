//! Encryption at rest: what lies on the disk, what is read without the key, and how keys come and go.

mod forgery;
mod keys;

use bytes::Bytes;

use super::{MIB, block, block_at, files, holds, load, new_store, read, settings};
use crate::label::tests::label;
use crate::{
    Cartridge, Codec, Decryption, Encryption, EncryptionKey, Error, KeyAssociatedData,
    KeyEncryptionKey, KeyFile, KeyRing, MemoryStore, NextBlock, Read, SegmentStore as _, Settings,
};

pub(super) fn ring(bytes: &[u8]) -> KeyRing {
    let keys = bytes.iter().map(|byte| KeyEncryptionKey::new(&[*byte; 32]));
    KeyRing::new(keys.collect::<Vec<_>>())
}

fn with_keys(keys: &[u8]) -> Settings {
    Settings {
        keys: ring(keys),
        ..settings()
    }
}

fn try_open(store: &MemoryStore, keys: &[u8]) -> Result<Cartridge, Error> {
    Cartridge::open(Box::new(store.clone()), with_keys(keys)).map(|(cartridge, _)| cartridge)
}

fn open(store: &MemoryStore, keys: &[u8]) -> Cartridge {
    try_open(store, keys).unwrap()
}

fn host(byte: u8) -> Encryption {
    Encryption {
        key: EncryptionKey::new(&[byte; 32]),
        data: KeyAssociatedData::default(),
        forbid_raw_reading: false,
    }
}

/// Objects 0 to 9 are blocks, 10 and 11 filemarks, 12 to 14 blocks, 15 a filemark.
fn filled(store: &MemoryStore, keys: &[u8]) -> Cartridge {
    let mut cartridge = open(store, keys);
    for number in 0..10 {
        cartridge.append_block(block(number, 900)).unwrap();
    }
    cartridge.append_filemarks(2).unwrap();
    for number in 12..15 {
        cartridge.append_block(block(number, 9000)).unwrap();
    }
    cartridge.append_filemarks(1).unwrap();
    cartridge.synchronize().unwrap();
    cartridge
}

fn check(cartridge: &mut Cartridge) {
    for number in 0..16 {
        let expected = match number {
            10 | 11 | 15 => Read::Filemark,
            ..10 => Read::Block(block(number, 900)),
            _ => Read::Block(block(number, 9000)),
        };
        assert_eq!(block_at(cartridge, number), expected, "{number}");
    }
    assert_eq!(read(cartridge), Read::EndOfData);
}

/// The bytes of the segment `at`, by name.
fn whole(store: &MemoryStore, at: usize) -> (crate::SegmentName, Vec<u8>) {
    let mut names = store.segments().unwrap();
    names.sort_by_key(|name| name.number);
    let file = store.open_segment(names[at]).unwrap();
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    (names[at], bytes)
}

fn check_up_to_16(cartridge: &mut Cartridge) {
    for number in 0..10 {
        assert_eq!(block_at(cartridge, number), Read::Block(block(number, 900)));
    }
    assert_eq!(block_at(cartridge, 16), Read::Block(block(16, 100)));
}

fn serials(store: &MemoryStore) -> String {
    let text = store.read_key().unwrap().unwrap_or_default();
    let text = String::from_utf8(text).unwrap();
    let serials = text.split("\"serial\":").skip(1);
    serials
        .map(|text| text.split(',').next().unwrap())
        .collect()
}

#[test]
fn neither_blocks_nor_keys_are_on_the_disk_whatever_the_codec() {
    let secret = Bytes::from_static(b"the quarterly figures, not for everybody");
    for codec in [Codec::Stored, Codec::Lz4, Codec::Zstd, Codec::Lzo] {
        let store = new_store(100 * MIB);
        let mut cartridge = open(&store, &[1]);
        cartridge.set_codec(codec);
        cartridge.append_block(secret.clone()).unwrap();
        cartridge.append_filemarks(1).unwrap();
        cartridge.append_block(block(7, 100)).unwrap();
        cartridge.synchronize().unwrap();
        let keys = KeyFile::read(&store, label(1).uuid).unwrap().unwrap();
        let own = keys.open(&ring(&[1])).unwrap().remove(0).key;
        for unload in [true, false] {
            let files = files(&store);
            for text in [&b"quarterly"[..], b"block 7", &[1; 32], own.bytes()] {
                assert!(!holds(&files, text), "{codec:?} {text:?}");
            }
            assert!(holds(&files, b"CAP001L5"), "the search finds what is there");
            if unload {
                cartridge.unload().unwrap();
                cartridge = open(&store, &[1]);
            }
        }
        assert_eq!(read(&mut cartridge), Read::Block(secret.clone()));
        assert_eq!(read(&mut cartridge), Read::Filemark);
        assert_eq!(read(&mut cartridge), Read::Block(block(7, 100)));
    }
}

#[test]
fn to_hosts_it_looks_as_if_it_were_not_encrypted() {
    let (plain, sealed) = (new_store(100 * MIB), new_store(100 * MIB));
    let (mut a, mut b) = (filled(&plain, &[]), filled(&sealed, &[1]));
    for unloaded in [false, true] {
        assert_eq!(a.usage(), b.usage());
        assert_eq!(a.position(), b.position());
        assert!(!b.holds_encrypted_blocks() && !crate::has_encrypted_blocks(&sealed).unwrap());
        b.locate_block(3).unwrap();
        assert_eq!(b.next_block().unwrap(), NextBlock::Plain);
        b.set_decryption(Decryption::Encrypted(EncryptionKey::new(&[5; 32])));
        assert!(matches!(
            b.read_block(),
            Err(Error::NotEncrypted { object: 3 })
        ));
        b.set_decryption(Decryption::Off);
        assert!(b.is_encrypted_at_rest() && !a.is_encrypted_at_rest());
        check(&mut a);
        check(&mut b);
        if !unloaded {
            a.unload().unwrap();
            b.unload().unwrap();
            (a, b) = (load(&plain), open(&sealed, &[2, 1]));
        }
        a.space_end_of_data().unwrap();
        b.space_end_of_data().unwrap();
    }
}

#[test]
fn without_the_key_everything_moves_and_nothing_is_read_or_written() {
    let store = new_store(100 * MIB);
    let usage = filled(&store, &[1]).usage();
    let wanted = ring(&[1]).first().unwrap().id();
    for keys in [&[][..], &[2]] {
        let mut cartridge = open(&store, keys);
        assert_eq!(cartridge.usage(), usage);
        assert_eq!(cartridge.space_filemarks(2).unwrap().moved, 2);
        assert_eq!(cartridge.position().object, 12);
        let locked = |error| matches!(error, Error::KeyEncryptionKeyMissing { id } if id == wanted);
        assert!(locked(cartridge.read_block().unwrap_err()));
        assert_eq!(cartridge.position().object, 12);
        assert!(locked(cartridge.append_block(block(1, 10)).unwrap_err()));
        assert!(locked(cartridge.append_filemarks(1).unwrap_err()));
        assert!(locked(cartridge.erase().unwrap_err()));
        cartridge.rewind().unwrap();
        assert!(locked(cartridge.append_block(block(1, 10)).unwrap_err()));
        cartridge.unload().unwrap();
    }
    check(&mut open(&store, &[2, 1]));
}

#[test]
fn a_damaged_missing_or_foreign_key_file_locks_the_cartridge() {
    let store = new_store(100 * MIB);
    filled(&store, &[1]).unload().unwrap();
    let good = store.read_key().unwrap().unwrap();
    let other = new_store(100 * MIB);
    filled(&other, &[1]).unload().unwrap();
    let mut foreign = other.read_key().unwrap();
    for bit in (0..good.len() * 8).step_by(37) {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        foreign = if bit == 0 { foreign } else { Some(damaged) };
        for text in [foreign.clone(), None] {
            let mut store = store.clone();
            match text {
                Some(text) => store.replace_key(&text).unwrap(),
                None => store.destroy_key().unwrap(),
            }
            let mut cartridge = open(&store, &[1]);
            let error = cartridge.read_block().unwrap_err();
            assert!(matches!(error, Error::KeyFileDamaged { .. }), "{error}");
            cartridge.append_block(block(1, 10)).unwrap_err();
        }
    }
    store.clone().replace_key(&good).unwrap();
    check(&mut open(&store, &[1]));
}

#[test]
fn a_plain_cartridge_stays_plain_until_it_is_written_anew() {
    let store = new_store(100 * MIB);
    filled(&store, &[]).unload().unwrap();
    let mut cartridge = open(&store, &[1]);
    cartridge.space_end_of_data().unwrap();
    cartridge.append_block(block(16, 100)).unwrap();
    cartridge.synchronize().unwrap();
    assert!(!cartridge.is_encrypted_at_rest());
    assert_eq!(store.read_key().unwrap(), None);
    check_up_to_16(&mut cartridge);
    cartridge.rewind().unwrap();
    cartridge.append_block(block(0, 100)).unwrap();
    cartridge.synchronize().unwrap();
    assert!(cartridge.is_encrypted_at_rest());
    assert_eq!(serials(&store), "1");
    cartridge.unload().unwrap();
    assert!(!holds(&files(&store), b"block 0"));
    assert_eq!(read(&mut open(&store, &[1])), Read::Block(block(0, 100)));
}
