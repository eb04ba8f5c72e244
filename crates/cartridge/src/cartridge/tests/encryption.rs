//! Encrypted blocks: what lies on the disk, what is read with which key, and that no nonce comes twice.

use bytes::Bytes;

use super::{MIB, block, block_at, files, holds, load, new_store, read, settings};
use crate::{
    Cartridge, Decryption, Encryption, EncryptionKey, Error, KeyAssociatedData, MemoryStore,
    NextBlock, Read, SegmentStore as _,
};

fn key(byte: u8) -> EncryptionKey {
    EncryptionKey::new(&[byte; 32])
}

pub(super) fn encryption(byte: u8) -> Encryption {
    Encryption {
        key: key(byte),
        data: KeyAssociatedData {
            unauthenticated: format!("key number {byte}").into_bytes(),
            authenticated: vec![byte; 12],
            ..KeyAssociatedData::default()
        },
        forbid_raw_reading: byte == 9,
    }
}

/// Objects 0 and 1 in clear, 2 and 3 under key 1, a filemark, 5 and 6 under key 2, 7 in clear.
fn mixed_cartridge(store: &MemoryStore) -> Cartridge {
    let mut cartridge = load(store);
    for (objects, key) in [(0..2, None), (2..4, Some(1)), (5..7, Some(2)), (7..8, None)] {
        if objects.start == 5 {
            cartridge.append_filemarks(1).unwrap();
        }
        cartridge.set_encryption(key.map(encryption)).unwrap();
        for number in objects {
            cartridge.append_block(block(number, 600)).unwrap();
        }
    }
    cartridge.synchronize().unwrap();
    cartridge
}

#[test]
fn neither_block_nor_key_is_on_the_disk_and_what_was_told_is() {
    let store = new_store(100 * MIB);
    let mut cartridge = load(&store);
    cartridge.set_codec(crate::Codec::Stored);
    let secret = Bytes::from_static(b"the quarterly figures, not for everybody");
    cartridge.set_encryption(Some(encryption(1))).unwrap();
    cartridge.append_block(secret.clone()).unwrap();
    cartridge.synchronize().unwrap();
    for cartridge in [Some(cartridge), None] {
        let files = files(&store);
        assert!(!holds(&files, &secret));
        assert!(!holds(&files, b"quarterly"));
        assert!(!holds(&files, &[1; 32]), "the key");
        assert!(holds(&files, b"key number 1"));
        if let Some(cartridge) = cartridge {
            cartridge.unload().unwrap();
        }
    }
    let mut cartridge = load(&store);
    cartridge.set_decryption(Decryption::Encrypted(key(1)));
    assert_eq!(read(&mut cartridge), Read::Block(secret));
}

#[test]
fn missing_and_wrong_keys_and_blocks_in_clear_are_told_apart() {
    let store = new_store(100 * MIB);
    drop(mixed_cartridge(&store));
    for mut cartridge in [load(&store), load(&store)] {
        let mut at = |decryption: Decryption, object| {
            cartridge.set_decryption(decryption);
            cartridge.locate_block(object).unwrap();
            let result = cartridge.read_block();
            let moved = cartridge.position().object - object;
            assert_eq!(moved, u64::from(result.is_ok()));
            result
        };
        let good = |object| Read::Block(block(object, 600));
        for object in [2, 3] {
            let missing = at(Decryption::Off, object).unwrap_err();
            assert!(matches!(missing, Error::KeyMissing { object: told } if told == object));
            let wrong = at(Decryption::Mixed(key(2)), object).unwrap_err();
            assert!(matches!(wrong, Error::WrongKey { object: told } if told == object));
            assert_eq!(at(Decryption::Mixed(key(1)), object).unwrap(), good(object));
        }
        for object in [0, 1, 7] {
            let plain = at(Decryption::Encrypted(key(1)), object).unwrap_err();
            assert!(matches!(plain, Error::NotEncrypted { object: told } if told == object));
            assert_eq!(at(Decryption::Off, object).unwrap(), good(object));
            assert_eq!(at(Decryption::Mixed(key(1)), object).unwrap(), good(object));
        }
        assert_eq!(at(Decryption::Encrypted(key(2)), 6).unwrap(), good(6));
        for decryption in [Decryption::Off, Decryption::Encrypted(key(1))] {
            assert_eq!(at(decryption, 4).unwrap(), Read::Filemark);
        }
    }
}

#[test]
fn what_was_decrypted_is_not_served_without_its_key() {
    let store = new_store(100 * MIB);
    let mut cartridge = mixed_cartridge(&store);
    cartridge.set_decryption(Decryption::Mixed(key(1)));
    assert_eq!(block_at(&mut cartridge, 2), Read::Block(block(2, 600)));
    cartridge.set_decryption(Decryption::Off);
    let error = cartridge.read_block().unwrap_err();
    assert!(matches!(error, Error::KeyMissing { object: 3 }), "{error}");
    assert!(!cartridge.is_ready_to_read());
    cartridge.locate_block(1).unwrap();
    assert_eq!(read(&mut cartridge), Read::Block(block(1, 600)));
    assert!(matches!(
        cartridge.read_block().unwrap_err(),
        Error::KeyMissing { object: 2 }
    ));
}

#[test]
fn the_next_block_is_described_without_its_key() {
    let store = new_store(100 * MIB);
    let mut cartridge = mixed_cartridge(&store);
    assert_eq!(cartridge.next_block().unwrap(), NextBlock::EndOfData);
    cartridge.set_decryption(Decryption::Encrypted(key(2)));
    let mut at = |object| {
        cartridge.locate_block(object).unwrap();
        let next = cartridge.next_block().unwrap();
        assert_eq!(cartridge.position().object, object);
        next
    };
    assert_eq!(at(1), NextBlock::Plain);
    assert_eq!(at(4), NextBlock::Filemark);
    for (object, byte) in [(3, 1), (6, 2)] {
        let NextBlock::Encrypted(block) = at(object) else {
            panic!("{object} is encrypted");
        };
        assert_eq!(block.data, encryption(byte).data);
        assert_eq!(block.key_fits, byte == 2);
        assert!(!block.forbid_raw_reading);
    }
    cartridge.set_encryption(Some(encryption(9))).unwrap();
    cartridge.locate_block(0).unwrap();
    cartridge.append_block(block(0, 10)).unwrap();
    cartridge.rewind().unwrap();
    let NextBlock::Encrypted(block) = cartridge.next_block().unwrap() else {
        panic!("it is encrypted");
    };
    assert!(block.forbid_raw_reading && !block.key_fits);
}

#[test]
fn motion_capacity_and_recovery_need_no_key() {
    let store = new_store(100 * MIB);
    let usage = mixed_cartridge(&store).usage();
    let (mut cartridge, report) = Cartridge::open(Box::new(store.clone()), settings()).unwrap();
    assert!(report.unsealed && report.damaged.is_empty());
    assert_eq!(report.discarded_bytes, 0);
    assert_eq!(cartridge.usage(), usage);
    assert_eq!((usage.blocks, usage.filemarks), (7, 1));
    assert_eq!(usage.host_bytes, 7 * 600);
    assert!(cartridge.holds_encrypted_blocks());
    assert!(crate::has_encrypted_blocks(&store).unwrap());
    assert_eq!(cartridge.space_filemarks(1).unwrap().moved, 1);
    assert_eq!(cartridge.position().object, 5);
    // In the middle of an encrypted frame: what stays counts its share.
    cartridge.locate_block(3).unwrap();
    cartridge.append_block(block(50, 600)).unwrap();
    cartridge.synchronize().unwrap();
    assert_eq!(cartridge.usage().host_bytes, 4 * 600);
    cartridge.locate_block(2).unwrap();
    cartridge.erase().unwrap();
    assert!(!cartridge.holds_encrypted_blocks());
    assert!(!crate::has_encrypted_blocks(&store).unwrap());
}

/// With the same blocks a cartridge is as full with encryption as without.
#[test]
fn sealing_is_not_charged() {
    let stored = [None, Some(encryption(1))].map(|encryption| {
        let store = new_store(100 * MIB);
        let mut cartridge = load(&store);
        cartridge.set_encryption(encryption).unwrap();
        for number in 0..50 {
            let length = 500 + usize::try_from(number * 70).unwrap();
            cartridge.append_block(block(number, length)).unwrap();
        }
        cartridge.append_filemarks(1).unwrap();
        let usage = cartridge.usage();
        cartridge.unload().unwrap();
        assert_eq!(load(&store).usage(), usage);
        usage.stored_bytes
    });
    assert_eq!(stored[0], stored[1]);
}

/// A frame that was changed and given a good checksum again: neither damage nor another key.
#[test]
fn a_forged_frame_is_told_from_damage_and_from_another_key() {
    const FRAME: u64 = 8192;
    let store = new_store(100 * MIB);
    let mut cartridge = load(&store);
    cartridge.set_encryption(Some(encryption(1))).unwrap();
    cartridge.append_block(block(1, 600)).unwrap();
    cartridge.synchronize().unwrap();
    cartridge.set_decryption(Decryption::Mixed(key(1)));
    let name = store.segments().unwrap()[0];
    let file = store.open_segment(name).unwrap();
    let mut bytes = vec![0; 64 + 2000];
    file.read_at(&mut bytes, FRAME).unwrap();
    let length = u32::from_le_bytes(bytes[28..32].try_into().unwrap()) as usize;
    // The last bit of the preamble's U-KAD, of the cipher text, and of the tag.
    for at in [64 + 24, 64 + length - 30, 64 + length - 1] {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        file.write_at(&[&forged], FRAME).unwrap();
        cartridge.rewind().unwrap();
        let damaged = cartridge.read_block().unwrap_err();
        assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");

        let checksum = crc_fast::crc32_iscsi(&forged[64..64 + length]);
        forged[56..60].copy_from_slice(&checksum.to_le_bytes());
        let place = [name.uuid.as_bytes(), &FRAME.to_le_bytes()[..]].concat();
        let covered = [&forged[..60], &place].concat();
        let checksum = crc_fast::crc32_iscsi(&covered);
        forged[60..64].copy_from_slice(&checksum.to_le_bytes());
        file.write_at(&[&forged], FRAME).unwrap();
        let error = cartridge.read_block().unwrap_err();
        let told = matches!(
            error,
            Error::NotAuthentic {
                first_object: 0,
                last_object: 0,
                ..
            }
        );
        assert!(told, "{error}");
    }
}

#[test]
fn key_associated_data_that_are_too_long_are_refused_and_nothing_is_encrypted() {
    let mut cartridge = load(&new_store(MIB));
    cartridge.set_encryption(Some(encryption(1))).unwrap();
    let mut long = encryption(2);
    long.data.unauthenticated = vec![0; 129];
    let error = cartridge.set_encryption(Some(long)).unwrap_err();
    assert!(matches!(
        error,
        Error::KeyAssociatedDataLength { length: 129 }
    ));
    assert_eq!(cartridge.encryption(), None);
}
