//! Looking into a cartridge's files: every damaged byte is found and located, and what can be read is
//! read.

use std::io::Read as _;
use std::sync::Arc;

use cartridge::inspect::{Inspection, Keys, ObjectKind, Severity, Verification};
use cartridge::{
    Cartridge, Codec, Decryption, Environment as _, Error, KeyEncryptionKey, KeyRing, Label,
    Located, MemoryStore, Read, SeededEnvironment, SegmentName, SegmentStore, Settings, read_label,
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

/// One bit of every byte of every file: found, located in its file, and, where objects are lost, by
/// their numbers; and what is served is what was written.
#[test]
fn a_flipped_bit_of_any_byte_is_found_and_located() {
    flip_all(&cartridge(), 1);
}

/// Of the segments every 23rd byte will do: only the seals are different.
#[test]
fn a_flipped_bit_is_found_on_a_cartridge_that_is_encrypted_at_rest() {
    flip_all(&cartridge_with(&encrypted_settings()), 23);
}

fn flip_all((store, objects): &(MemoryStore, Vec<Object>), step: usize) {
    let files = Files::of(store);
    let count = files.segments.len() + 4;
    std::thread::scope(|scope| {
        for half in 0..2 {
            let mut files = files.clone();
            scope.spawn(move || {
                for number in 0..count {
                    let length = files.file(number).len();
                    let step = if number < 4 { 1 } else { step };
                    for at in (0..length).step_by(step).filter(|at| at % 2 == half) {
                        // Headers have a test of their own for each bit; their reserved bytes are many.
                        let reserved = at < 8192 && (280..4088).contains(&(at % 4096));
                        if number < 4 || !reserved || at % 64 == half {
                            flip(&mut files, objects, number, at);
                        }
                    }
                }
            });
        }
    });
}

fn flip(files: &mut Files, objects: &[Object], number: usize, at: usize) {
    let bit = 1 << (at % 8);
    files.file(number)[at] ^= bit;
    let what = format!("{} at {at}", files.name(number));
    let store = files.store();
    let inspection = inspect(&store);
    let verification = inspection.verify(|_| {});
    let name = files.name(number);
    let mut found = verification.findings.iter().filter(|it| it.file == name);
    let located = found.any(|finding| {
        let bytes = finding.bytes.clone();
        bytes.is_none_or(|bytes| bytes.contains(&(at as u64)))
    });
    assert!(located, "{what}: {:?}", verification.findings);
    let read = read_by_inspection(&inspection);
    assert_true(&read, objects, &what);
    // What is not read is told of by its number, but for a tail that nothing proves.
    let lost = verification
        .findings
        .iter()
        .filter(|it| it.severity == Severity::Lost);
    let lost: Vec<_> = lost.filter_map(|it| it.place.clone()).collect();
    let locked = name == "key";
    for (number, object) in read.iter().enumerate().filter(|_| !locked) {
        let told = lost
            .iter()
            .any(|place| place.objects.contains(&(number as u64)));
        assert_eq!(object.is_none(), told, "{what}: object {number}");
    }
    let torn = objects.len() - read.len();
    assert!(torn <= 2, "{what}: {torn} objects");
    if let Some(read) = read_by_cartridge(&store) {
        assert_true(&read, objects, &what);
    }
    files.file(number)[at] ^= bit;
}

#[test]
fn what_a_lost_segment_held_is_told_and_the_rest_is_read() {
    let (store, objects) = cartridge();
    let mut files = Files::of(&store);
    let (name, _) = files.segments.remove(1);
    let store = files.store();
    let verification = verify(&store);
    let places = verification
        .findings
        .iter()
        .filter_map(|it| it.place.as_ref());
    let lost: Vec<_> = places.map(|place| place.objects.clone()).collect();
    assert_eq!(lost, [8..=9]);
    let text = format!("{:?}", verification.findings);
    assert!(text.contains(&name.uuid.to_string()), "{text}");
    let place = verification
        .findings
        .iter()
        .find_map(|it| it.place.clone())
        .unwrap();
    assert_eq!((place.file, place.block, place.filemarks), (2, Some(2), 1));
    let read = read_by_inspection(&inspect(&store));
    assert_eq!(read.len(), objects.len());
    assert_true(&read, &objects, "lost segment");
    assert_eq!(read.iter().filter(|it| it.is_none()).count(), 1);
}

#[test]
fn without_any_header_frames_tell_what_a_segment_holds() {
    let (store, objects) = cartridge();
    for number in 0..3 {
        let mut files = Files::of(&store);
        files.segments[number].1[..8192].fill(0);
        files.chain.clear();
        let store = files.store();
        assert!(read_by_cartridge(&store).is_none());
        let verification = verify(&store);
        assert!(verification.worst() == Some(Severity::Lost));
        let read = read_by_inspection(&inspect(&store));
        assert_eq!(read.len(), objects.len());
        assert_true(&read, &objects, "lost header");
        // The salt went with the header of the last one.
        let unread = read.iter().filter(|it| it.is_none()).count();
        assert_eq!(unread, if number == 2 { 2 } else { 0 });
    }
}

#[test]
fn without_a_label_the_segments_tell_what_belongs_together() {
    let (store, objects) = cartridge();
    let mut files = Files::of(&store);
    files.label.truncate(10);
    let (mut foreign, mut bytes) = files.segments[0].clone();
    foreign.uuid = SeededEnvironment::new(9).new_uuid();
    bytes[40..56].copy_from_slice(foreign.uuid.as_bytes());
    files.segments.push((foreign, bytes));
    let inspection = inspect(&files.store());
    assert!(inspection.label().is_none());
    let read = read_by_inspection(&inspection);
    assert_eq!(read, objects.into_iter().map(Some).collect::<Vec<_>>());
    let verification = inspection.verify(|_| {});
    let mut told: Vec<_> = verification.findings.iter().map(|it| &*it.file).collect();
    told.sort_unstable();
    told.dedup();
    let mut expected = vec![foreign.to_string(), "label".to_owned()];
    expected.sort_unstable();
    assert_eq!(told, expected);
}

#[test]
fn a_footer_that_disagrees_with_the_frames_is_found() {
    let (store, _) = cartridge();
    let mut files = Files::of(&store);
    let bytes = &mut files.segments[0].1;
    let trailer = bytes.len() - 256;
    let at = |offset: usize| -> usize { trailer + offset };
    // One filemark fewer, under a good checksum.
    bytes[at(80)] -= 1;
    let checksum = crc32c(&bytes[trailer..trailer + 252]);
    bytes[at(252)..].copy_from_slice(&checksum.to_le_bytes());
    let verification = verify(&files.store());
    let text = format!("{:?}", verification.findings);
    assert!(text.contains("the trailer counts"), "{text}");
}

/// The trailer's part that tells of the one before: CRC and flags.
fn told_before(bytes: &[u8]) -> (&[u8], u8) {
    let trailer = &bytes[bytes.len() - 256..];
    (&trailer[196..200], trailer[200])
}

#[test]
fn a_footer_names_the_one_before_and_another_one_is_found() {
    for (settings, at_rest) in [(settings(), false), (encrypted_settings(), true)] {
        let (store, _) = cartridge_with(&settings);
        // The end is sealed by this.
        drop(Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap());
        let files = Files::of(&store);
        assert_eq!(files.segments.len(), 3);
        assert_eq!(told_before(&files.segments[0].1), (&[0; 4][..], 0));
        for pair in files.segments.windows(2) {
            let crc = pair[0].1.last_chunk::<4>().unwrap();
            assert_eq!(told_before(&pair[1].1), (&crc[..], 1));
        }
        assert_eq!(verify(&store).findings, []);

        if at_rest {
            continue; // there the proof tells what the checksum tells here
        }
        // The second with a trailer as good as the first, but for when it was sealed.
        let mut other = files.clone();
        let bytes = &mut other.segments[1].1;
        let trailer = bytes.len() - 256;
        bytes[trailer + 188] ^= 1;
        let checksum = crc32c(&bytes[trailer..trailer + 252]);
        bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
        let findings = verify(&other.store()).findings;
        let [finding] = &findings[..] else {
            panic!("{findings:?}");
        };
        assert_eq!(finding.file, files.segments[2].0.to_string());
        let name = files.segments[1].0.to_string();
        assert!(finding.reason.contains(&name), "{findings:?}");
        assert_eq!(finding.severity, Severity::Repairable);

        // Who did not know the field left zeros: nothing is compared.
        let bytes = &mut other.segments[2].1;
        let trailer = bytes.len() - 256;
        bytes[trailer + 196..trailer + 201].fill(0);
        let checksum = crc32c(&bytes[trailer..trailer + 252]);
        bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(verify(&other.store()).findings, []);
    }
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

/// Recovers a damaged cartridge and checks that the new one is clean and can be loaded.
fn recover(inspection: &Inspection, label: &Label) -> (MemoryStore, Vec<Option<Object>>) {
    let store = MemoryStore::new();
    let target = || Ok(Box::new(store.clone()) as Box<dyn SegmentStore>);
    let recovered = inspection
        .recover(&target, label, settings(), |_| {})
        .unwrap();
    let verification = verify(&store);
    assert_eq!(verification.findings, []);
    let report = verification.partitions[0];
    assert_eq!(report.blocks, recovered.partitions[0].blocks);
    assert_eq!(report.filemarks, recovered.partitions[0].filemarks);
    assert_eq!(read_label(&store).unwrap(), *label);
    let read = read_by_cartridge(&store).unwrap();
    (store, read)
}

#[test]
fn what_is_recovered_is_everything_that_could_be_read() {
    let (store, objects) = cartridge();
    let whole: Vec<_> = objects.iter().cloned().map(Some).collect();
    let label = label(5);
    assert_eq!(recover(&inspect(&store), &label).1, whole);
    // A frame, a whole segment, headers, a label: whatever is left, files keep their numbers.
    for number in 0..3 {
        let mut files = Files::of(&store);
        files.segments[number].1[8192 + 70] ^= 1;
        let read = recover(&inspect(&files.store()), &label).1;
        let expected: Vec<_> = read_by_inspection(&inspect(&files.store()));
        let expected: Vec<_> = expected.into_iter().flatten().map(Some).collect();
        assert_eq!(read, expected);
        assert!(read.len() < whole.len());
    }
    let mut files = Files::of(&store);
    files.segments.remove(0);
    let (recovered, read) = recover(&inspect(&files.store()), &label);
    let marks = |read: &[Option<Object>]| {
        read.iter()
            .filter(|it| **it == Some(Object::Filemark))
            .count()
    };
    assert_eq!((marks(&read), marks(&whole)), (3, 3));
    assert_eq!(read[2..], whole[8..]);
    // Again and again changes nothing more.
    assert_eq!(recover(&inspect(&recovered), &label).1, read);

    let mut files = Files::of(&store);
    files.label.clear();
    let inspection = inspect(&files.store());
    let made = inspection.label_of_segments().unwrap();
    assert_eq!((made.uuid, &made.barcode), (label.uuid, &label.barcode));
    assert_eq!(made.capacity_bytes, label.capacity_bytes);
    assert_eq!(recover(&inspection, &made).1, whole);
}

#[test]
fn a_wiped_tail_is_named_and_sealed_blocks_need_their_key() {
    let (store, objects) = cartridge();
    let mut files = Files::of(&store);
    files.segments[2].1.fill(0);
    let inspection = inspect(&files.store());
    let tail: Vec<_> = inspection
        .unreadable_tail()
        .iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(tail, [files.segments[2].0]);
    assert_eq!(recover(&inspection, &label(5)).1.len(), 10);

    let inspection = Inspection::open(Box::new(store), &Keys::default()).unwrap();
    assert!(inspection.unreadable_tail().is_empty());
    let target = MemoryStore::new();
    let open = || Ok(Box::new(target.clone()) as Box<dyn SegmentStore>);
    let recovered = inspection
        .recover(&open, &label(5), settings(), |_| {})
        .unwrap();
    assert_eq!(recovered.partitions[0].sealed_blocks, 2);
    assert_eq!(recovered.partitions[0].blocks + 3, objects.len() as u64 - 2);
}

#[test]
fn what_is_encrypted_at_rest_is_read_with_its_key_and_checked_without() {
    let (store, objects) = cartridge_with(&encrypted_settings());
    let inspection = inspect(&store);
    let verification = inspection.verify(|_| {});
    assert_eq!(verification.findings, []);
    assert_eq!(verification.partitions[0].blocks, 9);
    let whole: Vec<_> = objects.into_iter().map(Some).collect();
    assert_eq!(read_by_inspection(&inspection), whole);

    let locked = Inspection::open(Box::new(store.clone()), &Keys::default()).unwrap();
    let verification = locked.verify(|_| {});
    assert_eq!(verification.worst(), Some(Severity::Note));
    assert_eq!(verification.partitions[0].sealed_blocks, 9);

    // The new cartridge is encrypted, too, under a new key.
    let new = MemoryStore::new();
    let target = || Ok(Box::new(new.clone()) as Box<dyn SegmentStore>);
    let settings = Settings {
        environment: Arc::new(SeededEnvironment::new(99)),
        ..encrypted_settings()
    };
    let recovered = inspection.recover(&target, &label(5), settings, |_| {});
    assert_eq!(recovered.unwrap().partitions[0].blocks, 9);
    let (one, other) = (store.read_key().unwrap(), new.read_key().unwrap());
    assert!(other.is_some() && one != other);
    let inspection = inspect(&new);
    assert_eq!(inspection.verify(|_| {}).findings, []);
    assert_eq!(read_by_inspection(&inspection), whole);

    // Somebody who does not have the key takes a filemark away, and makes all checksums fit.
    let mut files = Files::of(&store);
    let bytes = &mut files.segments[0].1;
    let trailer = bytes.len() - 256;
    bytes[trailer + 80] -= 1;
    let checksum = crc32c(&bytes[trailer..trailer + 252]);
    bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
    let verification = verify(&files.store());
    let text = format!("{:?}", verification.findings);
    assert!(text.contains("not what was sealed"), "{text}");
}

#[test]
fn the_chain_file_knows_of_lost_segments_and_headers() {
    let (store, objects) = cartridge();
    // Unloaded now, so that the chain file knows all of it.
    let open = Cartridge::open(Box::new(store.clone()), settings());
    open.unwrap().0.unload().unwrap();
    let whole: Vec<_> = objects.iter().cloned().map(Some).collect();
    assert_eq!(verify(&store).findings, []);
    for number in 0..3 {
        let mut files = Files::of(&store);
        assert!(!files.chain.is_empty());
        files.segments[number].1[..8192].fill(0);
        assert_eq!(read_by_inspection(&inspect(&files.store())), whole);
        assert!(inspect(&files.store()).unreadable_tail().is_empty());
    }
    let mut files = Files::of(&store);
    files.segments.pop();
    let store = files.store();
    let verification = verify(&store);
    let places = verification
        .findings
        .iter()
        .filter_map(|it| it.place.as_ref());
    let lost: Vec<_> = places.map(|place| place.objects.clone()).collect();
    assert_eq!(lost, [10..=11]);
    let mut expected = whole[..10].to_vec();
    expected.extend([None, None]);
    assert_eq!(read_by_inspection(&inspect(&store)), expected);
}
