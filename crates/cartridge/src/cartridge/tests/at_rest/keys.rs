//! How keys come and go.

use super::super::{MIB, block, files, new_store, read};
use super::{check, filled, host, open, ring, serials, whole, with_keys};
use crate::label::tests::label;
use crate::{
    Cartridge, Decryption, EncryptionKey, Error, Read, SeededEnvironment, SegmentStore as _,
    rewrap_key,
};

#[test]
fn writing_anew_erasing_all_and_a_format_bring_a_new_key_and_destroy_the_old() {
    let store = new_store(100 * MIB);
    let mut cartridge = filled(&store, &[1]);
    assert_eq!(serials(&store), "1");
    cartridge.locate_block(5).unwrap();
    cartridge.append_block(block(5, 100)).unwrap();
    assert_eq!(serials(&store), "1", "in the middle the key stays");
    cartridge.rewind().unwrap();
    cartridge.append_block(block(0, 100)).unwrap();
    assert_eq!(serials(&store), "2");
    cartridge.rewind().unwrap();
    cartridge.erase().unwrap();
    assert_eq!(serials(&store), "3");
    cartridge.format(&[50 * MIB, 50 * MIB]).unwrap();
    assert_eq!(store.read_key().unwrap(), None);
    cartridge.append_block(block(0, 100)).unwrap();
    cartridge.change_partition(1).unwrap();
    cartridge.append_block(block(1, 100)).unwrap();
    cartridge.unload().unwrap();
    assert_eq!(serials(&store), "1", "one key for both partitions");
    let mut cartridge = open(&store, &[1]);
    assert_eq!(read(&mut cartridge), Read::Block(block(0, 100)));
    cartridge.change_partition(1).unwrap();
    assert_eq!(read(&mut cartridge), Read::Block(block(1, 100)));
    // Even a cartridge whose key is lost can be formatted.
    drop(cartridge);
    let mut cartridge = open(&store, &[2]);
    cartridge.format(&[100 * MIB]).unwrap();
    cartridge.append_block(block(2, 100)).unwrap();
    cartridge.synchronize().unwrap();
    cartridge.rewind().unwrap();
    assert_eq!(read(&mut cartridge), Read::Block(block(2, 100)));
}

/// A partition that was emptied goes on with a segment of its own under the key in use.
#[test]
fn an_emptied_partition_does_not_go_on_under_a_destroyed_key() {
    let store = new_store(100 * MIB);
    let mut cartridge = open(&store, &[1]);
    cartridge.format(&[50 * MIB, 50 * MIB]).unwrap();
    cartridge.change_partition(1).unwrap();
    cartridge.append_block(block(1, 100)).unwrap();
    cartridge.rewind().unwrap();
    cartridge.erase().unwrap();
    cartridge.change_partition(0).unwrap();
    cartridge.append_block(block(0, 100)).unwrap();
    cartridge.change_partition(1).unwrap();
    cartridge.append_block(block(1, 100)).unwrap();
    cartridge.unload().unwrap();
    let mut cartridge = open(&store, &[1]);
    assert_eq!(read(&mut cartridge), Read::Block(block(0, 100)));
    cartridge.change_partition(1).unwrap();
    assert_eq!(read(&mut cartridge), Read::Block(block(1, 100)));
}

#[test]
fn rotation_changes_which_key_opens_it_and_no_segment() {
    let mut store = new_store(100 * MIB);
    filled(&store, &[1]).unload().unwrap();
    let before = files(&store);
    let environment = SeededEnvironment::new(9);
    assert!(rewrap_key(&mut store, label(1).uuid, &ring(&[2, 1]), &environment).unwrap());
    let after = files(&store);
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b);
    assert_eq!((before.len(), changed.count()), (after.len(), 1));
    check(&mut open(&store, &[2]));
    let mut old = open(&store, &[1]);
    assert!(matches!(
        old.read_block(),
        Err(Error::KeyEncryptionKeyMissing { .. })
    ));
}

#[test]
fn a_host_may_bring_its_own_key_all_the_same() {
    let store = new_store(100 * MIB);
    let mut cartridge = open(&store, &[1]);
    for (number, key) in [(0, None), (1, Some(5)), (2, None), (3, Some(6))] {
        cartridge.set_encryption(key.map(host)).unwrap();
        cartridge.append_block(block(number, 600)).unwrap();
    }
    cartridge.append_filemarks(1).unwrap();
    cartridge.unload().unwrap();
    assert!(crate::has_encrypted_blocks(&store).unwrap());
    let mut cartridge = open(&store, &[1]);
    assert!(cartridge.holds_encrypted_blocks());
    assert_eq!(read(&mut cartridge), Read::Block(block(0, 600)));
    assert!(matches!(
        cartridge.read_block(),
        Err(Error::KeyMissing { object: 1 })
    ));
    cartridge.set_decryption(Decryption::Mixed(EncryptionKey::new(&[5; 32])));
    assert_eq!(read(&mut cartridge), Read::Block(block(1, 600)));
    assert_eq!(read(&mut cartridge), Read::Block(block(2, 600)));
    assert!(matches!(
        cartridge.read_block(),
        Err(Error::WrongKey { object: 3 })
    ));
}

#[test]
fn a_crash_is_recovered_with_the_key_and_without() {
    let store = new_store(100 * MIB);
    drop(filled(&store, &[1]));
    for keys in [&[2][..], &[1], &[1]] {
        let (mut cartridge, report) =
            Cartridge::open(Box::new(store.clone()), with_keys(keys)).unwrap();
        assert_eq!(cartridge.end_of_data().object, 16);
        assert!(report.damaged.is_empty());
        if keys == [1] {
            check(&mut cartridge);
        }
    }
    let (_, report) = Cartridge::open(Box::new(store), with_keys(&[1])).unwrap();
    assert!(!report.unsealed, "with the key it was sealed");
}

#[test]
fn a_crypto_erase_leaves_a_blank_cartridge_and_nothing_to_read() {
    let mut store = new_store(100 * MIB);
    assert!(matches!(
        crate::crypto_erase(&mut store),
        Err(Error::NotEncryptedAtRest)
    ));
    filled(&store, &[1]).unload().unwrap();
    let (key, before) = (store.read_key().unwrap().unwrap(), whole(&store, 0));
    crate::crypto_erase(&mut store).unwrap();
    assert!(!files(&store).contains(&key));
    // Without the commit of the format, as a crash leaves it: the key is gone all the same.
    let crashed = new_store(100 * MIB);
    filled(&crashed, &[1]).unload().unwrap();
    crashed.clone().destroy_key().unwrap();
    let mut cartridge = open(&crashed, &[1]);
    assert!(matches!(
        cartridge.read_block(),
        Err(Error::KeyFileDamaged { .. })
    ));
    for keys in [&[1][..], &[]] {
        let mut cartridge = open(&store, keys);
        assert_eq!(cartridge.usage().blocks, 0);
        assert_eq!(read(&mut cartridge), Read::EndOfData);
    }
    assert_ne!(before.1.len(), 0);
    let mut cartridge = filled(&store, &[2]);
    check(&mut cartridge);
    assert!(cartridge.is_encrypted_at_rest());
}
