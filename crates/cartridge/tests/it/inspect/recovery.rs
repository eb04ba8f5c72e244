//! What is written of what can be read.

use std::sync::Arc;

use cartridge::inspect::{Inspection, Keys, Severity};
use cartridge::{Label, MemoryStore, SeededEnvironment, SegmentStore, Settings, read_label};

use super::{
    Files, cartridge, cartridge_with, crc32c, encrypted_settings, inspect, read_by_cartridge,
    read_by_inspection, settings, verify,
};
use crate::model::{Object, label};

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
