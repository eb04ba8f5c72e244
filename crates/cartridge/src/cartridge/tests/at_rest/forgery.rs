//! Somebody who can write the files, and make all checksums fit, changes them.

use super::super::{MIB, block, block_at, new_store};
use super::{check, filled, open, try_open, whole, with_keys};
use crate::{Cartridge, Error, MemoryStore, Read, SegmentStore as _};

/// Puts good checksums to `frame`, a header and its body, at `offset`.
fn put_checksums(frame: &mut [u8], segment: uuid::Uuid, offset: u64) {
    let length = u32::from_le_bytes(frame[28..32].try_into().unwrap()) as usize;
    let checksum = crc_fast::crc32_iscsi(&frame[64..64 + length]);
    frame[56..60].copy_from_slice(&checksum.to_le_bytes());
    let place = [segment.as_bytes(), &offset.to_le_bytes()[..]].concat();
    let checksum = crc_fast::crc32_iscsi(&[&frame[..60], &place].concat());
    frame[60..64].copy_from_slice(&checksum.to_le_bytes());
}

/// Where the frames of an unsealed or sealed file are: offset, kind, length with header.
fn frames(bytes: &[u8]) -> Vec<(usize, u8, usize)> {
    let mut frames = Vec::new();
    let mut at = 8192;
    while bytes.get(at..at + 4) == Some(b"CPFR") {
        let body = u32::from_le_bytes(bytes[at + 28..at + 32].try_into().unwrap()) as usize;
        frames.push((at, bytes[at + 4], 64 + body));
        at += 64 + body.next_multiple_of(8);
    }
    frames
}

fn overwrite(store: &MemoryStore, name: crate::SegmentName, bytes: &[u8]) {
    let file = store.open_segment(name).unwrap();
    file.write_at(&[bytes], 0).unwrap();
    file.truncate(bytes.len() as u64).unwrap();
}

/// Somebody who can write the files and make all checksums fit changes each frame, in a sealed segment.
#[test]
fn forged_frames_are_found_and_filemarks_among_them() {
    let store = new_store(100 * MIB);
    drop(filled(&store, &[1]));
    let (name, good) = whole(&store, 0);
    // A filemark more, a filemark moved; without a footer, so that the frames are walked.
    for (offset, kind, length) in frames(&good).into_iter().filter(|(_, kind, _)| *kind != 3) {
        let changes: &[usize] = if kind == 2 { &[12, 64, 79] } else { &[64, 100] };
        for at in changes {
            let mut forged = good.clone();
            forged[offset + at] = forged[offset + at].wrapping_add(1);
            put_checksums(
                &mut forged[offset..offset + length],
                name.uuid,
                offset as u64,
            );
            overwrite(&store, name, &forged);
            let (mut cartridge, report) =
                Cartridge::open(Box::new(store.clone()), with_keys(&[1])).unwrap();
            if kind == 2 {
                assert!(!report.damaged.is_empty(), "{offset} {at}");
            }
            let results = (0..16).map(|object| {
                cartridge.locate_block(object).ok();
                cartridge.read_block()
            });
            let results: Vec<_> = results.collect();
            let damaged = results
                .iter()
                .filter(|it| matches!(it, Err(Error::Damaged { .. })));
            assert!(damaged.count() > 0, "{offset} {at}");
        }
    }
}

#[test]
fn a_footer_that_somebody_made_is_refused() {
    let store = new_store(100 * MIB);
    filled(&store, &[1]).unload().unwrap();
    let (name, good) = whole(&store, 0);
    check(&mut open(&store, &[1]));
    let trailer = good.len() - 256;
    let crc = |bytes: &mut [u8]| {
        let checksum = crc_fast::crc32_iscsi(&bytes[trailer..trailer + 252]);
        bytes[trailer + 252..].copy_from_slice(&checksum.to_le_bytes());
    };
    // One filemark less in the count, and the proof taken out.
    for (at, value) in [(72, good[trailer + 72] - 1), (172, good[trailer + 172] ^ 1)] {
        let mut forged = good.clone();
        forged[trailer + at] = value;
        crc(&mut forged);
        overwrite(&store, name, &forged);
        let error = try_open(&store, &[1]).unwrap_err();
        assert!(matches!(error, Error::ForeignSegment { .. }), "{error}");
        try_open(&store, &[]).unwrap();
    }
    // The header: the generation.
    let mut forged = good.clone();
    for copy in [0, 4096] {
        forged[copy + 136] ^= 1;
        let checksum = crc_fast::crc32_iscsi(&forged[copy..copy + 4088]);
        forged[copy + 4088..copy + 4092].copy_from_slice(&checksum.to_le_bytes());
    }
    overwrite(&store, name, &forged);
    assert!(matches!(
        try_open(&store, &[1]).unwrap_err(),
        Error::ForeignSegment { .. }
    ));
}

#[test]
fn frames_of_elsewhere_are_not_taken() {
    let store = new_store(100 * MIB);
    filled(&store, &[1]).unload().unwrap();
    let mut cartridge = open(&store, &[1]);
    cartridge.space_end_of_data().unwrap();
    for number in 16..26 {
        cartridge.append_block(block(number - 16, 900)).unwrap();
    }
    cartridge.unload().unwrap();
    let (_, first) = whole(&store, 0);
    let (name, second) = whole(&store, 1);
    let (one, other) = (frames(&first)[0], frames(&second)[0]);
    assert_eq!(one.2, other.2, "the same blocks, as long when compressed");
    let mut forged = second.clone();
    // The body of the same frame of another segment, and then the header, too.
    for (from, to) in [(64, one.2), (0, one.2)] {
        forged[other.0 + from..other.0 + to].copy_from_slice(&first[one.0 + from..one.0 + to]);
        forged[other.0 + 16] = 16;
        forged[other.0 + 44..other.0 + 48].copy_from_slice(&name.uuid.as_bytes()[..4]);
        put_checksums(
            &mut forged[other.0..other.0 + other.2],
            name.uuid,
            other.0 as u64,
        );
        overwrite(&store, name, &forged);
        let mut cartridge = open(&store, &[1]);
        cartridge.locate_block(16).unwrap();
        let error = cartridge.read_block().unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
    overwrite(&store, name, &second);
    assert_eq!(
        block_at(&mut open(&store, &[1]), 16),
        Read::Block(block(0, 900))
    );
}

#[test]
fn a_plain_segment_on_an_encrypted_cartridge_is_not_read() {
    let store = new_store(100 * MIB);
    filled(&store, &[]).unload().unwrap();
    let (_, plain) = whole(&store, 0);
    let store = new_store(100 * MIB);
    filled(&store, &[1]).unload().unwrap();
    let mut cartridge = open(&store, &[1]);
    cartridge.space_end_of_data().unwrap();
    cartridge.append_block(block(16, 900)).unwrap();
    cartridge.unload().unwrap();
    // The last segment without its seal: a plain frame of the same cartridge, header and all.
    let (name, second) = whole(&store, 1);
    let mut forged = plain;
    for copy in [0, 4096] {
        let (header, own) = (&mut forged[copy..copy + 4096], &second[..4096]);
        for range in [16..93, 96..184, 240..280] {
            header[range.clone()].copy_from_slice(&own[range]);
        }
        header[12..16].fill(0);
        header[240..272].fill(0);
        let checksum = crc_fast::crc32_iscsi(&header[..4088]);
        header[4088..4092].copy_from_slice(&checksum.to_le_bytes());
    }
    forged.truncate(8192 + frames(&forged)[0].2.next_multiple_of(8));
    let frame = &mut forged[8192..];
    frame[16] = 16;
    frame[44..48].copy_from_slice(&name.uuid.as_bytes()[..4]);
    put_checksums(frame, name.uuid, 8192);
    overwrite(&store, name, &forged);
    let mut cartridge = open(&store, &[1]);
    cartridge.locate_block(16).unwrap();
    let error = cartridge.read_block().unwrap_err();
    assert!(error.to_string().contains("not encrypted"), "{error}");
}
