//! Looking into a cartridge's files: every damaged byte is found and located, and what can be read is
//! read.

mod flips;
mod footers;
mod lost;
mod recovery;

use std::io::Read as _;

use cartridge::inspect::{Inspection, Keys, ObjectKind, Verification};
use cartridge::{
    Cartridge, Codec, Decryption, Error, KeyEncryptionKey, KeyRing, Located, MemoryStore, Read,
    SegmentName, SegmentStore, Settings,
};

use crate::model::{Object, block, encryption, key, label, small_settings, to_object};

fn settings() -> Settings {
    Settings {
        codec: Codec::Lz4,
        segment_size_bytes: 64 << 10,
        ..small_settings(3)
    }
}

/// Two sealed segments, of which the second cuts off the end of the first, and an unsealed one; a
/// memory, filemarks, encrypted blocks, a table and none, padding.
fn cartridge() -> (MemoryStore, Vec<Object>) {
    cartridge_with(&settings())
}

fn cartridge_with(settings: &Settings) -> (MemoryStore, Vec<Object>) {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(5)).unwrap();
    let mut objects = Vec::new();
    let open = || {
        let store = Box::new(store.clone());
        Cartridge::open(store, settings.clone()).unwrap().0
    };
    let append = |cartridge: &mut Cartridge, objects: &mut Vec<Object>, length: usize| {
        let block = block(length, objects.len() as u64);
        cartridge.append_block(block.clone()).unwrap();
        objects.push(Object::Block(block));
    };
    let mut first = open();
    first.set_memory(first.memory().clone()).unwrap();
    for length in [300, 301, 90, 90] {
        append(&mut first, &mut objects, length);
    }
    first.append_filemarks(2).unwrap();
    first.synchronize().unwrap();
    objects.extend([Object::Filemark, Object::Filemark]);
    for length in [45, 46, 47] {
        append(&mut first, &mut objects, length);
    }
    first.locate_block(8).unwrap();
    objects.truncate(8);
    append(&mut first, &mut objects, 70);
    first.append_filemarks(1).unwrap();
    objects.push(Object::Filemark);
    first.unload().unwrap();
    let mut last = open();
    last.space_end_of_data().unwrap();
    last.set_encryption(Some(encryption(5))).unwrap();
    append(&mut last, &mut objects, 100);
    last.synchronize().unwrap();
    append(&mut last, &mut objects, 33);
    last.synchronize().unwrap();
    drop(last);
    assert_eq!(store.segments().unwrap().len(), 3);
    (store, objects)
}

/// The files of a cartridge, of which one can be damaged.
#[derive(Clone)]
struct Files {
    label: Vec<u8>,
    memory: Vec<u8>,
    /// Empty when there is none.
    key: Vec<u8>,
    /// Empty when there is none.
    chain: Vec<u8>,
    segments: Vec<(SegmentName, Vec<u8>)>,
}

impl Files {
    fn of(store: &MemoryStore) -> Self {
        let mut names = store.segments().unwrap();
        names.sort();
        let segments = names.into_iter().map(|name| {
            let file = store.open_segment(name).unwrap();
            let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
            file.read_at(&mut bytes, 0).unwrap();
            (name, bytes)
        });
        let mut chain = Vec::new();
        if let Some(mut file) = store.open_chain().unwrap() {
            file.read_to_end(&mut chain).unwrap();
        }
        Self {
            chain,
            label: store.read_label().unwrap().unwrap(),
            memory: store.read_memory().unwrap().unwrap(),
            key: store.read_key().unwrap().unwrap_or_default(),
            segments: segments.collect(),
        }
    }

    fn store(&self) -> MemoryStore {
        let mut store = MemoryStore::new();
        store.replace_label(&self.label).unwrap();
        store.replace_memory(&self.memory).unwrap();
        if !self.chain.is_empty() {
            store.replace_chain(&self.chain).unwrap();
        }
        if !self.key.is_empty() {
            store.replace_key(&self.key).unwrap();
        }
        for (name, bytes) in &self.segments {
            let file = store.create_segment(*name).unwrap();
            file.write_at(&[bytes], 0).unwrap();
            store.publish_segment(*name).unwrap();
        }
        store
    }

    /// File after file: label, memory, key, chain, segments.
    fn file(&mut self, number: usize) -> &mut Vec<u8> {
        match number {
            0 => &mut self.label,
            1 => &mut self.memory,
            2 => &mut self.key,
            3 => &mut self.chain,
            _ => &mut self.segments[number - 4].1,
        }
    }

    fn name(&self, number: usize) -> String {
        match number {
            0 => "label".to_owned(),
            1 => "memory".to_owned(),
            2 => "key".to_owned(),
            3 => "chain".to_owned(),
            _ => self.segments[number - 4].0.to_string(),
        }
    }
}

/// The key of the host, and what encrypted cartridges of these tests are wrapped with.
fn keys() -> Keys {
    Keys {
        host: vec![key()],
        ring: encrypted_settings().keys,
    }
}

fn encrypted_settings() -> Settings {
    Settings {
        keys: KeyRing::new([KeyEncryptionKey::new(&[0x7e; 32])]),
        ..settings()
    }
}

fn inspect(store: &MemoryStore) -> Inspection {
    Inspection::open(Box::new(store.clone()), &keys()).unwrap()
}

/// What an inspection reads; `None` for blocks that are damaged.
fn read_by_inspection(inspection: &Inspection) -> Vec<Option<Object>> {
    let mut objects = Vec::new();
    for object in inspection.objects(0) {
        let number = usize::try_from(object.number).unwrap();
        assert!(number >= objects.len());
        objects.resize(number, None);
        match object.kind {
            ObjectKind::Block { bytes, .. } => objects.push(Some(Object::Block(bytes))),
            ObjectKind::Filemark => objects.push(Some(Object::Filemark)),
            ObjectKind::Damage(finding) => {
                let place = finding.place.unwrap();
                let end = place.objects.end() + 1 - place.filemarks;
                objects.resize(usize::try_from(end).unwrap(), None);
            }
            ObjectKind::Sealed(_) => objects.push(None),
        }
    }
    objects
}

/// The same as a drive reads; `None` when the cartridge is refused.
fn read_by_cartridge(store: &MemoryStore) -> Option<Vec<Option<Object>>> {
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), encrypted_settings()).ok()?;
    cartridge.set_decryption(Decryption::Mixed(key()));
    let mut objects = Vec::new();
    loop {
        match cartridge.read_block() {
            Ok(Read::EndOfData) => return Some(objects),
            Ok(read) => objects.push(to_object(read)),
            Err(Error::Damaged { last_object, .. } | Error::NotAuthentic { last_object, .. }) => {
                objects.resize(usize::try_from(last_object + 1).unwrap(), None);
                let located = cartridge.locate_block(last_object + 1).unwrap();
                assert_eq!(located, Located::Reached);
            }
            Err(
                Error::KeyMissing { .. } | Error::WrongKey { .. } | Error::KeyFileDamaged { .. },
            ) => {
                objects.push(None);
                let next = objects.len() as u64;
                cartridge.locate_block(next).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Whatever is served is what was written.
fn assert_true(read: &[Option<Object>], objects: &[Object], what: &str) {
    for (number, object) in read.iter().enumerate() {
        let good = object.is_none() || object.as_ref() == objects.get(number);
        assert!(good, "{what}: object {number}");
    }
}

fn verify(store: &MemoryStore) -> Verification {
    inspect(store).verify(|_| {})
}

#[test]
fn a_good_cartridge_is_clean_and_counted() {
    let (store, objects) = cartridge();
    let inspection = inspect(&store);
    let mut told = 0;
    let verification = inspection.verify(|bytes| told += bytes);
    assert_eq!(verification.findings, []);
    assert_eq!(told, inspection.length_bytes());
    let report = verification.partitions[0];
    assert_eq!((report.objects, report.filemarks), (12, 3));
    assert_eq!((report.blocks, report.sealed_blocks), (9, 0));
    assert_eq!((report.files, report.lost_blocks), (4, 0));
    let bytes = objects.iter().map(|object| match object {
        Object::Block(block) => block.len(),
        Object::Filemark => 0,
    });
    assert_eq!(report.host_bytes, bytes.sum::<usize>() as u64);
    let read = read_by_inspection(&inspection);
    assert_eq!(read, objects.into_iter().map(Some).collect::<Vec<_>>());
    // Without the key the encrypted blocks are whole all the same.
    let inspection = Inspection::open(Box::new(store), &Keys::default()).unwrap();
    let verification = inspection.verify(|_| {});
    assert!(!verification.is_damaged());
    assert_eq!(verification.partitions[0].sealed_blocks, 2);
}

/// CRC-32C, bit by bit.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
