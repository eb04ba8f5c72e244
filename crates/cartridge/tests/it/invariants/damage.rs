//! Invariant 7: no flipped bit, and nothing that was put in another's place, is ever served.

use cartridge::{
    Cartridge, Codec, Decryption, Error, MemoryStore, Read, SegmentName, SegmentStore, Settings,
};

use super::files::{Frame, bytes_of, flip, frames, sign};
use crate::model::{Object, block, encryption, key, label, small_settings, to_object};

fn settings(seed: u64) -> Settings {
    Settings {
        codec: Codec::Stored,
        ..small_settings(seed)
    }
}

/// Blocks of the same lengths on each cartridge, one to a frame, with filemarks between; of two segments.
fn cartridge(seed: u64, encrypted: bool) -> (MemoryStore, Vec<Object>) {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(seed)).unwrap();
    let mut objects = Vec::new();
    for session in 0..2 {
        let (mut cartridge, _) =
            Cartridge::open(Box::new(store.clone()), settings(100 * seed + session)).unwrap();
        cartridge.space_end_of_data().unwrap();
        cartridge
            .set_encryption(encrypted.then(|| encryption(3)))
            .unwrap();
        for number in 0..4 {
            let block = block(400, 1000 * seed + 100 * session + 4 * number);
            cartridge.append_block(block.clone()).unwrap();
            cartridge.append_filemarks(1).unwrap();
            objects.extend([Object::Block(block), Object::Filemark]);
        }
        cartridge.unload().unwrap();
    }
    (store, objects)
}

fn copy(store: &MemoryStore) -> MemoryStore {
    let mut copy = MemoryStore::new();
    copy.replace_label(&store.read_label().unwrap().unwrap())
        .unwrap();
    if let Some(memory) = store.read_memory().unwrap() {
        copy.replace_memory(&memory).unwrap();
    }
    for name in store.segments().unwrap() {
        let file = copy.create_segment(name).unwrap();
        file.write_at(&[&bytes_of(store, name)], 0).unwrap();
        copy.publish_segment(name).unwrap();
    }
    copy
}

/// Reads everything. What is there is what was written, or an error tells where it is not.
fn serves_nothing_else(store: &MemoryStore, objects: &[Object]) -> Result<usize, Error> {
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings(7))?;
    cartridge.set_decryption(Decryption::Mixed(key()));
    let mut good = 0;
    loop {
        let object = usize::try_from(cartridge.position().object).unwrap();
        match cartridge.read_block() {
            Ok(Read::EndOfData) => return Ok(good),
            Ok(read) => {
                assert_eq!(
                    to_object(read).as_ref(),
                    objects.get(object),
                    "object {object}"
                );
                good += 1;
            }
            Err(Error::Damaged { last_object, .. } | Error::NotAuthentic { last_object, .. }) => {
                cartridge.locate_block(last_object + 1)?;
            }
            Err(Error::WrongKey { object }) => {
                cartridge.locate_block(object + 1)?;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// One bit of every byte of headers, frames, index and trailer; the nightly run flips them all.
#[test]
fn invariant_07_no_flipped_bit_is_served() {
    let all = std::env::var_os("CAPSTAN_CARTRIDGE_STEPS").is_some();
    for encrypted in [false, true] {
        let (store, objects) = cartridge(1, encrypted);
        let (mut missed, mut flips) = (0, 0);
        for name in store.segments().unwrap() {
            for at in 0..bytes_of(&store, name).len() {
                // Both headers are the same; most of them is reserved.
                let sparse = (280..4088).contains(&(at % 4096)) && at < 8192;
                if sparse && at % 97 != 0 && !all {
                    continue;
                }
                let bits = if all { 0..8 } else { at % 8..at % 8 + 1 };
                for bit in bits {
                    flips += 1;
                    flip(&store, name, at as u64, 1 << bit);
                    let good = serves_nothing_else(&store, &objects);
                    missed += usize::from(good.is_ok_and(|good| good < objects.len()));
                    flip(&store, name, at as u64, 1 << bit);
                }
            }
        }
        println!("{flips} bits: flipped in segments, encrypted {encrypted}");
        assert!(missed > 1000, "{missed}");
        assert_eq!(
            serves_nothing_else(&store, &objects).unwrap(),
            objects.len()
        );
    }
}

#[test]
fn invariant_07_no_flipped_bit_of_the_label_is_believed() {
    let (store, _) = cartridge(2, false);
    let label = store.read_label().unwrap().unwrap();
    for at in 0..label.len() {
        for bit in 0..8 {
            let mut store = copy(&store);
            let mut flipped = label.clone();
            flipped[at] ^= 1 << bit;
            store.replace_label(&flipped).unwrap();
            let opened = Cartridge::open(Box::new(store), settings(1));
            assert!(opened.is_err(), "bit {bit} of byte {at}");
        }
    }
}

/// The frames of blocks of all segments.
fn blocks(store: &MemoryStore) -> Vec<(SegmentName, Frame)> {
    let mut names = store.segments().unwrap();
    names.sort();
    let all = names.into_iter().flat_map(|name| {
        let frames: Vec<Frame> = frames(&bytes_of(store, name)).collect();
        frames.into_iter().map(move |frame| (name, frame))
    });
    all.filter(|(_, frame)| frame.kind == 1).collect()
}

fn frame_bytes(store: &MemoryStore, (name, frame): (SegmentName, Frame)) -> Vec<u8> {
    let at = usize::try_from(frame.offset).unwrap();
    bytes_of(store, name)[at..at + frame.length].to_vec()
}

/// Frames moved as they are: within the segment, to another one, to another cartridge. Their checksum names
/// the place.
#[test]
fn invariant_07_no_moved_frame_is_served() {
    for encrypted in [false, true] {
        let (store, objects) = cartridge(3, encrypted);
        let (other, _) = cartridge(4, encrypted);
        for (number, (name, to)) in blocks(&store).into_iter().enumerate() {
            for (source, from) in [(&store, number), (&other, number + 100)]
                .into_iter()
                .flat_map(|(source, skip)| {
                    (0..8)
                        .filter(move |it| *it != skip)
                        .map(move |it| (source, it))
                })
            {
                let frame = frame_bytes(source, blocks(source)[from]);
                assert_eq!(frame.len(), to.length);
                let store = copy(&store);
                let file = store.open_segment(name).unwrap();
                file.write_at(&[&frame], to.offset).unwrap();
                let good = serves_nothing_else(&store, &objects).unwrap();
                assert_eq!(good, objects.len() - 1);
            }
        }
    }
}

/// Somebody who knows the format puts the checksums right. Only the tag of an encrypted frame can tell.
#[test]
fn invariant_07_no_forged_frame_is_served_when_encrypted() {
    let (store, objects) = cartridge(5, true);
    let (other, _) = cartridge(6, true);
    for (number, (name, to)) in blocks(&store).into_iter().enumerate() {
        let own = frame_bytes(&store, (name, to));
        for (source, from) in [
            (&store, (number + 1) % 8),
            (&store, (number + 4) % 8),
            (&other, number),
        ] {
            let frame = frame_bytes(source, blocks(source)[from]);
            // The whole frame, or another's body under its own header.
            let bodies = [frame.clone(), [&own[..64], &frame[64..]].concat()];
            for mut forged in bodies {
                forged[8..12].copy_from_slice(&own[8..12]); // sequence
                forged[16..24].copy_from_slice(&own[16..24]); // first object
                forged[48..52].copy_from_slice(&own[48..52]); // filemarks before
                sign(&mut forged, name, to.offset);
                let store = copy(&store);
                let file = store.open_segment(name).unwrap();
                file.write_at(&[&forged], to.offset).unwrap();
                let good = serves_nothing_else(&store, &objects).unwrap();
                assert_eq!(good, objects.len() - 1);
            }
        }
    }
}

/// Segments that were cut off are put back, all or some of them, as a file system may after a crash.
#[test]
fn invariant_03_old_generations_that_are_put_back_stay_dead() {
    let store = MemoryStore::new();
    Cartridge::create(Box::new(store.clone()), &label(7)).unwrap();
    let mut old: Vec<(SegmentName, Vec<u8>)> = Vec::new();
    let mut objects: Vec<Object> = Vec::new();
    for session in 0..10 {
        let (mut cartridge, _) =
            Cartridge::open(Box::new(store.clone()), settings(70 + session)).unwrap();
        let keep = [0, 9, 4, 12, 2, 30, 6, 11, 1, 3][usize::try_from(session).unwrap()];
        objects.truncate(keep);
        cartridge.locate_block(objects.len() as u64).unwrap();
        for number in 0..15 {
            let block = block(3000, 4 * (100 * session + number));
            cartridge.append_block(block.clone()).unwrap();
            objects.push(Object::Block(block));
        }
        // Those of this session are known before the next one removes them.
        cartridge.synchronize().unwrap();
        let seen = store.segments().unwrap();
        old.extend(seen.into_iter().map(|name| (name, bytes_of(&store, name))));
        cartridge.unload().unwrap();
    }
    let present = store.segments().unwrap();
    old.retain(|(name, _)| !present.contains(name));
    assert!(old.len() > 10);
    for subset in 0..60u64 {
        let mut store = copy(&store);
        for (number, (name, bytes)) in (0..).zip(&old) {
            if subset == 0 || (subset * 0x9e37_79b9 + number * 7919) % 3 == 0 {
                let Ok(file) = store.create_segment(*name) else {
                    continue;
                };
                file.write_at(&[bytes], 0).unwrap();
                store.publish_segment(*name).unwrap();
            }
        }
        assert_eq!(
            serves_nothing_else(&store, &objects).unwrap(),
            objects.len()
        );
    }
}
