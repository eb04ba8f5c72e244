//! Everything that can be done with the files of a cartridge.

use std::sync::Arc;

use bytes::Bytes;
use cartridge::inspect::{Inspection, Keys};
use cartridge::{
    Cartridge, Codec, Decryption, EncryptionKey, KeyRing, MemoryStore, Read, SeededEnvironment,
    Settings, limits,
};

/// How much is read and walked of a cartridge that says it has very much.
const OBJECTS_READ_MAX: usize = 200;

pub(super) fn settings(seed: u64, keys: &KeyRing) -> Settings {
    Settings {
        segment_size_bytes: 64 << 10,
        frame_size_bytes: 4 << 10,
        reserve_step_bytes: 16 << 10,
        codec: Codec::Lz4,
        keys: keys.clone(),
        environment: Arc::new(SeededEnvironment::new(seed)),
        ..Settings::default()
    }
}

/// The key of hosts with which it is read: that of the fixtures.
pub(super) fn host_key() -> EncryptionKey {
    EncryptionKey::new(&[1; 32])
}

/// Does with the files whatever can be done with a cartridge.
pub(super) fn exercise(store: &MemoryStore, keys: &KeyRing) {
    inspect(store, keys);
    let Ok((mut cartridge, _)) = Cartridge::open(Box::new(store.clone()), settings(1, keys)) else {
        return;
    };
    cartridge.set_decryption(Decryption::Mixed(host_key()));
    for partition in 0..cartridge.partitions() {
        cartridge.change_partition(partition).unwrap();
        read_and_move(&mut cartridge);
    }
    cartridge.change_partition(0).unwrap();
    let _ = cartridge.space_end_of_data();
    let block = Bytes::from_static(b"written on");
    let end = cartridge.end_of_data();
    if cartridge.append_block(block.clone()).is_err() || cartridge.append_filemarks(1).is_err() {
        return;
    }
    cartridge.unload().unwrap();
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings(2, keys)).unwrap();
    cartridge.locate_block(end.object).unwrap();
    assert_eq!(cartridge.read_block().unwrap(), Read::Block(block));
    assert_eq!(cartridge.read_block().unwrap(), Read::Filemark);
    assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
    assert_eq!(cartridge.position().filemarks, end.filemarks + 1);
}

fn inspect(store: &MemoryStore, keys: &KeyRing) {
    let keys = Keys {
        host: vec![host_key()],
        ring: keys.clone(),
    };
    let Ok(inspection) = Inspection::open(Box::new(store.clone()), &keys) else {
        return;
    };
    inspection.verify(|_| ());
    for partition in 0..inspection.partitions() {
        let mut next = 0;
        for object in inspection.objects(partition).take(OBJECTS_READ_MAX) {
            assert!(object.number >= next);
            next = object.number + 1;
        }
    }
}

fn read_and_move(cartridge: &mut Cartridge) {
    let end = cartridge.end_of_data();
    assert!(end.filemarks <= end.object && end.object <= 2 * limits::COUNT_MAX);
    let usage = cartridge.usage();
    assert_eq!(usage.blocks + usage.filemarks, end.object);
    for _ in 0..OBJECTS_READ_MAX {
        let before = cartridge.position();
        match cartridge.read_block() {
            Ok(Read::EndOfData) => {
                // Whoever signs headers and frames may let them count filemarks differently.
                assert_eq!(before.object, end.object);
                break;
            }
            Ok(Read::Block(block)) => assert!((1..=limits::BLOCK_BYTES_MAX).contains(&block.len())),
            Ok(Read::Filemark) => {}
            Err(_) => {
                assert_eq!(
                    cartridge.position(),
                    before,
                    "a read that fails moves nothing"
                );
                if cartridge.locate_block(before.object + 1).is_err() {
                    break;
                }
                continue;
            }
        }
        assert_eq!(cartridge.position().object, before.object + 1);
    }
    for object in [0, end.object / 2, end.object.saturating_sub(1), end.object] {
        if cartridge.locate_block(object).is_ok() {
            assert_eq!(cartridge.position().object, object);
        }
        let _ = cartridge.next_block();
        let _ = (cartridge.space_blocks(-1), cartridge.space_filemarks(-1));
        let _ = (cartridge.space_blocks(3), cartridge.space_filemarks(2));
        assert!(cartridge.position().object <= end.object);
    }
    for file in [1, end.filemarks / 2, end.filemarks] {
        if cartridge.locate_filemark(file).is_ok() {
            assert!(cartridge.position().object <= end.object);
        }
    }
}
