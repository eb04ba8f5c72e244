//! Damage is found, and what lies around it stays readable.

use cartridge::{
    Cartridge, Codec, Decryption, Error, Located, MemoryStore, Read, SegmentName, SegmentStore,
    Settings,
};

use proptest::prelude::*;

use crate::model::{Object, block, contents, encryption, key, label, small_settings, to_object};

/// The codec does not matter: damage is found before anything is decompressed.
fn settings() -> Settings {
    Settings {
        codec: Codec::Lz4,
        ..small_settings(5)
    }
}

fn load(store: &MemoryStore) -> Result<Cartridge, Error> {
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings())?;
    cartridge.set_decryption(Decryption::Mixed(key()));
    Ok(cartridge)
}

/// A cartridge of several sealed segments with a cut in the middle, and what is on it. Half of the
/// blocks are encrypted. The last
/// segment is not sealed; all of it but its last frame was synchronized before the last frame.
fn cartridge() -> (MemoryStore, Vec<Object>) {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(5)).unwrap();
    let mut objects = Vec::new();
    let mut number = 0;
    let mut append = |cartridge: &mut Cartridge, objects: &mut Vec<Object>, count: u64| {
        for _ in 0..count {
            number += 1;
            if number % 10 == 0 {
                let encrypted = (number % 20 == 0).then(|| encryption(5));
                cartridge.set_encryption(encrypted).unwrap();
            }
            if number % 7 == 0 {
                cartridge.append_filemarks(2).unwrap();
                objects.extend([Object::Filemark, Object::Filemark]);
            } else {
                let length = 200 + usize::try_from(number % 13 * 90).unwrap();
                cartridge.append_block(block(length, number)).unwrap();
                objects.push(Object::Block(block(length, number)));
            }
        }
    };
    let mut first = load(&store).unwrap();
    append(&mut first, &mut objects, 60);
    assert_eq!(first.locate_block(40).unwrap(), Located::Reached);
    objects.truncate(40);
    append(&mut first, &mut objects, 20);
    first.unload().unwrap();
    // Large enough that this session writes one segment.
    let settings = Settings {
        segment_size_bytes: 100 << 10,
        ..settings()
    };
    let (mut last, _) = Cartridge::open(Box::new(store.clone()), settings).unwrap();
    last.space_end_of_data().unwrap();
    for _ in 0..3 {
        append(&mut last, &mut objects, 5);
        last.synchronize().unwrap();
    }
    append(&mut last, &mut objects, 1);
    last.synchronize().unwrap();
    drop(last);
    assert!(store.segments().unwrap().len() > 3);
    (store, objects)
}

/// A copy whose files can be damaged.
fn copy(store: &MemoryStore) -> MemoryStore {
    let mut copy = MemoryStore::new();
    copy.replace_label(&store.read_label().unwrap().unwrap())
        .unwrap();
    for name in store.segments().unwrap() {
        let bytes = bytes_of(store, name);
        copy.create_segment(name)
            .unwrap()
            .write_at(&[&bytes], 0)
            .unwrap();
        copy.publish_segment(name).unwrap();
    }
    copy
}

fn bytes_of(store: &MemoryStore, name: SegmentName) -> Vec<u8> {
    let file = store.open_segment(name).unwrap();
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// Reads everything, passing over what is damaged; `None` stands for an object that was damaged.
fn read_around(cartridge: &mut Cartridge) -> Vec<Option<Object>> {
    let mut objects = Vec::new();
    cartridge.rewind().unwrap();
    loop {
        match cartridge.read_block() {
            Ok(Read::EndOfData) => return objects,
            Ok(read) => objects.push(to_object(read)),
            Err(Error::Damaged {
                first_object,
                last_object,
                ..
            }) => {
                assert!((first_object..=last_object).contains(&cartridge.position().object));
                objects.resize(usize::try_from(last_object + 1).unwrap(), None);
                assert_eq!(
                    cartridge.locate_block(last_object + 1).unwrap(),
                    Located::Reached
                );
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_never_served_as_good_data() {
    let (store, objects) = cartridge();
    let mut names = store.segments().unwrap();
    names.sort();
    let last = *names.last().unwrap();
    let mut found_damage = 0;
    for name in names {
        let length = bytes_of(&store, name).len();
        // Headers are mostly zeros and have a test of their own for each bit.
        for at in (0..length)
            .step_by(3)
            .filter(|at| *at >= 8192 || at % 97 == 0)
        {
            let store = copy(&store);
            let mut byte = [0];
            let file = store.open_segment(name).unwrap();
            file.read_at(&mut byte, at as u64).unwrap();
            byte[0] ^= 1 << (at % 8);
            file.write_at(&[&byte], at as u64).unwrap();
            let mut cartridge = load(&store).unwrap();
            let read = read_around(&mut cartridge);
            for (number, object) in read.iter().enumerate() {
                assert!(object.is_none() || object.as_ref() == objects.get(number));
            }
            found_damage += usize::from(read.contains(&None));
            // Only in the frames behind the last proof of durability is damage a torn tail.
            let lost = objects.len() - read.len();
            let lost_max = if name == last { 2 } else { 0 };
            assert!(lost <= lost_max, "{name} at {at}: {lost} objects lost");
        }
    }
    assert!(found_damage > 100);
}

#[test]
fn a_header_has_a_second_copy_and_without_both_nothing_is_guessed() {
    let (store, objects) = cartridge();
    for name in store.segments().unwrap() {
        let store = copy(&store);
        let file = store.open_segment(name).unwrap();
        file.write_at(&[&[0; 4096]], 0).unwrap();
        assert_eq!(contents(&mut load(&store).unwrap()), objects);
        file.write_at(&[&[0; 4096]], 4096).unwrap();
        let error = load(&store).unwrap_err();
        assert!(matches!(error, Error::SegmentHeaderDamaged { segment } if segment == name));
        assert!(store.segments().unwrap().contains(&name));
    }
}

/// A file has its name only since its header was durable: one that was wiped cannot be taken for one that
/// was being created, which would bring back what it had cut off.
#[test]
fn a_wiped_segment_is_damage_and_one_in_creation_is_not() {
    let (store, objects) = cartridge();
    for name in store.segments().unwrap() {
        let store = copy(&store);
        let file = store.open_segment(name).unwrap();
        let length = usize::try_from(file.length().unwrap()).unwrap();
        file.write_at(&[&vec![0; length]], 0).unwrap();
        for length in [length as u64, 0] {
            file.truncate(length).unwrap();
            let error = load(&store).unwrap_err();
            assert!(matches!(error, Error::SegmentHeaderDamaged { segment } if segment == name));
            assert!(store.segments().unwrap().contains(&name));
        }
    }
    let mut store = copy(&store);
    let name = SegmentName {
        number: 99,
        ..store.segments().unwrap()[0]
    };
    store
        .create_segment(name)
        .unwrap()
        .reserve(0, 9000)
        .unwrap();
    assert_eq!(contents(&mut load(&store).unwrap()), objects);
    assert_eq!(store.list().unwrap().unpublished, []);
}

#[test]
fn what_a_missing_segment_held_is_damage_and_the_rest_is_readable() {
    let (store, objects) = cartridge();
    let mut names = store.segments().unwrap();
    names.sort();
    names.pop();
    for name in names {
        let mut store = copy(&store);
        store.remove_segment(name).unwrap();
        let settings = settings();
        let (mut cartridge, report) = Cartridge::open(Box::new(store), settings).unwrap();
        assert_eq!(report.missing, [name.uuid]);
        cartridge.set_decryption(Decryption::Mixed(key()));
        let read = read_around(&mut cartridge);
        assert_eq!(read.len(), objects.len());
        assert!(read.contains(&None));
        for (read, object) in read.iter().zip(&objects) {
            assert!(read.is_none() || read.as_ref() == Some(object));
        }
        // Filemarks before and behind the damage are where they were.
        let marks = objects.iter().enumerate();
        let marks = marks.filter(|(_, object)| **object == Object::Filemark);
        for (file, (at, _)) in marks.enumerate() {
            let located = cartridge.locate_filemark(file as u64 + 1).unwrap();
            assert_eq!(located, Located::Reached);
            if read[at].is_some() {
                assert_eq!(cartridge.position().object, at as u64 + 1);
            }
        }
    }
}

#[test]
fn damage_can_be_overwritten() {
    let (store, objects) = cartridge();
    let mut names = store.segments().unwrap();
    names.sort();
    let file = store.open_segment(names[0]).unwrap();
    file.write_at(&[&[0xff; 300]], 8192 + 64 + 10).unwrap();
    let mut cartridge = load(&store).unwrap();
    let damaged = read_around(&mut cartridge)
        .iter()
        .position(Option::is_none)
        .unwrap();
    // In the middle of the damaged frame, which held at least two objects.
    cartridge.locate_block(damaged as u64 + 1).unwrap();
    cartridge.append_block(block(100, 1)).unwrap();
    cartridge.unload().unwrap();
    let read = read_around(&mut load(&store).unwrap());
    assert_eq!(read.len(), damaged + 2);
    assert_eq!(read[damaged], None);
    assert_eq!(read[damaged + 1], Some(Object::Block(block(100, 1))));
    assert_eq!(read[0].as_ref(), (damaged > 0).then_some(&objects[0]));
}

#[test]
fn segments_of_another_cartridge_are_refused() {
    let (store, _) = cartridge();
    let mut other = MemoryStore::new();
    Cartridge::create(Box::new(other.clone()), &label(6)).unwrap();
    let name = store.segments().unwrap()[0];
    let bytes = bytes_of(&store, name);
    other
        .create_segment(name)
        .unwrap()
        .write_at(&[&bytes], 0)
        .unwrap();
    other.publish_segment(name).unwrap();
    let error = load(&other).unwrap_err();
    assert!(matches!(error, Error::ForeignSegment { .. }), "{error}");
    let renamed = SegmentName {
        number: name.number + 50,
        ..name
    };
    let mut store = copy(&store);
    store
        .create_segment(renamed)
        .unwrap()
        .write_at(&[&bytes], 0)
        .unwrap();
    store.publish_segment(renamed).unwrap();
    let error = load(&store).unwrap_err();
    assert!(matches!(error, Error::ForeignSegment { segment, .. } if segment == renamed));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Random bytes anywhere, and files cut anywhere: what is served is still good.
    #[test]
    fn random_damage_never_panics_nor_serves_wrong_data(
        file in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..6000),
        cut in any::<bool>(),
    ) {
        let (store, objects) = cartridge();
        let mut names = store.segments().unwrap();
        names.sort();
        let file = store.open_segment(names[file.index(names.len())]).unwrap();
        let at = at.index(usize::try_from(file.length().unwrap()).unwrap()) as u64;
        if cut {
            file.truncate(at).unwrap();
        } else {
            file.write_at(&[&bytes], at).unwrap();
        }
        if let Ok(mut cartridge) = load(&store) {
            for (number, object) in read_around(&mut cartridge).iter().enumerate() {
                prop_assert!(object.is_none() || object.as_ref() == objects.get(number));
            }
        }
    }
}
