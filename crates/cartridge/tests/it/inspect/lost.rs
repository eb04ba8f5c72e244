//! Segments, headers and labels that are lost.

use cartridge::inspect::Severity;
use cartridge::{Cartridge, Environment as _, SeededEnvironment};

use super::{
    Files, assert_true, cartridge, crc32c, inspect, read_by_cartridge, read_by_inspection,
    settings, verify,
};

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

/// One of the two was cut off: it is told all the same, for a drive refuses the cartridge.
#[test]
fn two_segments_with_one_number_are_told_and_what_counts_is_read() {
    let (store, objects) = cartridge();
    for uuid in [1, u128::MAX] {
        let mut files = Files::of(&store);
        let (mut name, mut bytes) = files.segments[2].clone();
        (name.number, name.uuid) = (1, uuid::Uuid::from_u128(uuid));
        for copy in [0, 4096] {
            bytes[copy + 40..copy + 56].copy_from_slice(name.uuid.as_bytes());
            bytes[copy + 88..copy + 92].copy_from_slice(&1_u32.to_le_bytes());
            let checksum = crc32c(&bytes[copy..copy + 4088]);
            bytes[copy + 4088..copy + 4092].copy_from_slice(&checksum.to_le_bytes());
        }
        files.segments.push((name, bytes));
        files.chain.clear();
        let store = files.store();
        assert!(read_by_cartridge(&store).is_none());
        let inspection = inspect(&store);
        let text = format!("{:?}", inspection.findings());
        assert!(
            text.contains("another segment has the same number"),
            "{text}"
        );
        let read = read_by_inspection(&inspection);
        assert_eq!(read, objects.iter().cloned().map(Some).collect::<Vec<_>>());
    }
}
