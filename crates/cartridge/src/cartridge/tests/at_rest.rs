//! Encryption at rest: what lies on the disk, what is read without the key, and how keys come and go.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::{MIB, block, block_at, load, new_store, read, settings};
use crate::Writing;
use crate::encryption::recorded;
use crate::label::tests::label;
use crate::{
    Cartridge, Codec, Decryption, Encryption, EncryptionKey, Error, KeyAssociatedData,
    KeyEncryptionKey, KeyFile, KeyRing, LyingStore, MemoryStore, NextBlock, Read,
    SeededEnvironment, SegmentStore as _, Settings, rewrap_key,
};

fn ring(bytes: &[u8]) -> KeyRing {
    let keys = bytes.iter().map(|byte| KeyEncryptionKey::new(&[*byte; 32]));
    KeyRing::new(keys.collect::<Vec<_>>())
}

fn with_keys(keys: &[u8]) -> Settings {
    Settings {
        keys: ring(keys),
        ..settings()
    }
}

fn try_open(store: &MemoryStore, keys: &[u8]) -> Result<Cartridge, Error> {
    Cartridge::open(Box::new(store.clone()), with_keys(keys)).map(|(cartridge, _)| cartridge)
}

fn open(store: &MemoryStore, keys: &[u8]) -> Cartridge {
    try_open(store, keys).unwrap()
}

fn files(store: &MemoryStore) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = [store.read_label(), store.read_memory(), store.read_key()]
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    for name in store.segments().unwrap() {
        let file = store.open_segment(name).unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        files.push(bytes);
    }
    files
}

fn holds(files: &[Vec<u8>], text: &[u8]) -> bool {
    let mut windows = files.iter().flat_map(|file| file.windows(text.len()));
    windows.any(|window| window == text)
}

fn host(byte: u8) -> Encryption {
    Encryption {
        key: EncryptionKey::new(&[byte; 32]),
        data: KeyAssociatedData::default(),
        forbid_raw_reading: false,
    }
}

/// Objects 0 to 9 are blocks, 10 and 11 filemarks, 12 to 14 blocks, 15 a filemark.
fn filled(store: &MemoryStore, keys: &[u8]) -> Cartridge {
    let mut cartridge = open(store, keys);
    for number in 0..10 {
        cartridge.append_block(block(number, 900)).unwrap();
    }
    cartridge.append_filemarks(2).unwrap();
    for number in 12..15 {
        cartridge.append_block(block(number, 9000)).unwrap();
    }
    cartridge.append_filemarks(1).unwrap();
    cartridge.synchronize().unwrap();
    cartridge
}

fn check(cartridge: &mut Cartridge) {
    for number in 0..16 {
        let expected = match number {
            10 | 11 | 15 => Read::Filemark,
            ..10 => Read::Block(block(number, 900)),
            _ => Read::Block(block(number, 9000)),
        };
        assert_eq!(block_at(cartridge, number), expected, "{number}");
    }
    assert_eq!(read(cartridge), Read::EndOfData);
}

fn serials(store: &MemoryStore) -> String {
    let text = store.read_key().unwrap().unwrap_or_default();
    let text = String::from_utf8(text).unwrap();
    let serials = text.split("\"serial\":").skip(1);
    serials
        .map(|text| text.split(',').next().unwrap())
        .collect()
}

#[test]
fn neither_blocks_nor_keys_are_on_the_disk_whatever_the_codec() {
    let secret = Bytes::from_static(b"the quarterly figures, not for everybody");
    for codec in [Codec::Stored, Codec::Lz4, Codec::Zstd, Codec::Lzo] {
        let store = new_store(100 * MIB);
        let mut cartridge = open(&store, &[1]);
        cartridge.set_codec(codec);
        cartridge.append_block(secret.clone()).unwrap();
        cartridge.append_filemarks(1).unwrap();
        cartridge.append_block(block(7, 100)).unwrap();
        cartridge.synchronize().unwrap();
        let keys = KeyFile::read(&store, label(1).uuid).unwrap().unwrap();
        let own = keys.open(&ring(&[1])).unwrap().remove(0).key;
        for unload in [true, false] {
            let files = files(&store);
            for text in [&b"quarterly"[..], b"block 7", &[1; 32], own.bytes()] {
                assert!(!holds(&files, text), "{codec:?} {text:?}");
            }
            assert!(holds(&files, b"CAP001L5"), "the search finds what is there");
            if unload {
                cartridge.unload().unwrap();
                cartridge = open(&store, &[1]);
            }
        }
        assert_eq!(read(&mut cartridge), Read::Block(secret.clone()));
        assert_eq!(read(&mut cartridge), Read::Filemark);
        assert_eq!(read(&mut cartridge), Read::Block(block(7, 100)));
    }
}

#[test]
fn to_hosts_it_looks_as_if_it_were_not_encrypted() {
    let (plain, sealed) = (new_store(100 * MIB), new_store(100 * MIB));
    let (mut a, mut b) = (filled(&plain, &[]), filled(&sealed, &[1]));
    for unloaded in [false, true] {
        assert_eq!(a.usage(), b.usage());
        assert_eq!(a.position(), b.position());
        assert!(!b.holds_encrypted_blocks() && !crate::has_encrypted_blocks(&sealed).unwrap());
        b.locate_block(3).unwrap();
        assert_eq!(b.next_block().unwrap(), NextBlock::Plain);
        b.set_decryption(Decryption::Encrypted(EncryptionKey::new(&[5; 32])));
        assert!(matches!(
            b.read_block(),
            Err(Error::NotEncrypted { object: 3 })
        ));
        b.set_decryption(Decryption::Off);
        assert!(b.is_encrypted_at_rest() && !a.is_encrypted_at_rest());
        check(&mut a);
        check(&mut b);
        if !unloaded {
            a.unload().unwrap();
            b.unload().unwrap();
            (a, b) = (load(&plain), open(&sealed, &[2, 1]));
        }
        a.space_end_of_data().unwrap();
        b.space_end_of_data().unwrap();
    }
}

#[test]
fn without_the_key_everything_moves_and_nothing_is_read_or_written() {
    let store = new_store(100 * MIB);
    let usage = filled(&store, &[1]).usage();
    let wanted = ring(&[1]).first().unwrap().id();
    for keys in [&[][..], &[2]] {
        let mut cartridge = open(&store, keys);
        assert_eq!(cartridge.usage(), usage);
        assert_eq!(cartridge.space_filemarks(2).unwrap().moved, 2);
        assert_eq!(cartridge.position().object, 12);
        let locked = |error| matches!(error, Error::KeyEncryptionKeyMissing { id } if id == wanted);
        assert!(locked(cartridge.read_block().unwrap_err()));
        assert_eq!(cartridge.position().object, 12);
        assert!(locked(cartridge.append_block(block(1, 10)).unwrap_err()));
        assert!(locked(cartridge.append_filemarks(1).unwrap_err()));
        assert!(locked(cartridge.erase().unwrap_err()));
        cartridge.rewind().unwrap();
        assert!(locked(cartridge.append_block(block(1, 10)).unwrap_err()));
        cartridge.unload().unwrap();
    }
    check(&mut open(&store, &[2, 1]));
}

#[test]
fn a_damaged_missing_or_foreign_key_file_locks_the_cartridge() {
    let store = new_store(100 * MIB);
    filled(&store, &[1]).unload().unwrap();
    let good = store.read_key().unwrap().unwrap();
    let other = new_store(100 * MIB);
    filled(&other, &[1]).unload().unwrap();
    let mut foreign = other.read_key().unwrap();
    for bit in (0..good.len() * 8).step_by(37) {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        foreign = if bit == 0 { foreign } else { Some(damaged) };
        for text in [foreign.clone(), None] {
            let mut store = store.clone();
            match text {
                Some(text) => store.replace_key(&text).unwrap(),
                None => store.destroy_key().unwrap(),
            }
            let mut cartridge = open(&store, &[1]);
            let error = cartridge.read_block().unwrap_err();
            assert!(matches!(error, Error::KeyFileDamaged { .. }), "{error}");
            cartridge.append_block(block(1, 10)).unwrap_err();
        }
    }
    store.clone().replace_key(&good).unwrap();
    check(&mut open(&store, &[1]));
}

#[test]
fn a_plain_cartridge_stays_plain_until_it_is_written_anew() {
    let store = new_store(100 * MIB);
    filled(&store, &[]).unload().unwrap();
    let mut cartridge = open(&store, &[1]);
    cartridge.space_end_of_data().unwrap();
    cartridge.append_block(block(16, 100)).unwrap();
    cartridge.synchronize().unwrap();
    assert!(!cartridge.is_encrypted_at_rest());
    assert_eq!(store.read_key().unwrap(), None);
    check_up_to_16(&mut cartridge);
    cartridge.rewind().unwrap();
    cartridge.append_block(block(0, 100)).unwrap();
    cartridge.synchronize().unwrap();
    assert!(cartridge.is_encrypted_at_rest());
    assert_eq!(serials(&store), "1");
    cartridge.unload().unwrap();
    assert!(!holds(&files(&store), b"block 0"));
    assert_eq!(read(&mut open(&store, &[1])), Read::Block(block(0, 100)));
}

fn check_up_to_16(cartridge: &mut Cartridge) {
    for number in 0..10 {
        assert_eq!(block_at(cartridge, number), Read::Block(block(number, 900)));
    }
    assert_eq!(block_at(cartridge, 16), Read::Block(block(16, 100)));
}

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

fn whole(store: &MemoryStore, at: usize) -> (crate::SegmentName, Vec<u8>) {
    let mut names = store.segments().unwrap();
    names.sort_by_key(|name| name.number);
    let file = store.open_segment(names[at]).unwrap();
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    (names[at], bytes)
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

/// What a host does, and what happens to it.
#[derive(Clone, Debug)]
enum Step {
    Encrypt(Option<u8>),
    Append(usize),
    Filemark,
    Synchronize,
    Overwrite(u64),
    Erase(u64),
    Format,
    Partition(u8),
    Fail(u64),
    Reload,
    Crash(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => prop::option::of(1u8..3).prop_map(Step::Encrypt),
        8 => (1usize..6000).prop_map(Step::Append),
        2 => Just(Step::Filemark),
        2 => Just(Step::Synchronize),
        2 => (0u64..20).prop_map(Step::Overwrite),
        1 => (0u64..4).prop_map(Step::Erase),
        1 => Just(Step::Format),
        1 => (0u8..2).prop_map(Step::Partition),
        1 => (0u64..6).prop_map(Step::Fail),
        1 => Just(Step::Reload),
        2 => any::<u64>().prop_map(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Failing disks, crashes, rewrites and formats: no pair of key and nonce comes twice, nothing is
    /// ever in clear on the disk, and what the files hold can be opened.
    #[test]
    fn keys_survive_what_happens_and_no_nonce_comes_twice(
        steps in prop::collection::vec(step(), 20..150),
        seed in any::<u64>(),
        behind in any::<bool>(),
    ) {
        let label = crate::Label {
            uuid: uuid::Uuid::from_u128(0x2_5ea1),
            ..label(1 << 40)
        };
        recorded::take(label.uuid);
        let settings = Settings {
            segment_size_bytes: 20 << 10,
            frame_size_bytes: 2000,
            reserve_step_bytes: 8 << 10,
            chain_interval_segments: 2,
            keys: ring(&[1]),
            codec: Codec::Stored,
            read_ahead: crate::ReadAhead::Inline,
            writing: if behind { Writing::Behind } else { Writing::AtOnce },
            environment: Arc::new(SeededEnvironment::new(seed)),
        };
        let mut store = LyingStore::new();
        Cartridge::create(Box::new(store.clone()), &label).unwrap();
        let open = |store: &LyingStore| {
            Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap().0
        };
        let mut cartridge = open(&store);
        for step in steps {
            // Failures are injected, and what they leave behind is the point.
            match step {
                Step::Encrypt(byte) => {
                    let _ = cartridge.set_encryption(byte.map(host));
                }
                Step::Append(length) => {
                    let _ = cartridge.append_block(block(length as u64, length));
                }
                Step::Filemark => {
                    let _ = cartridge.append_filemarks(1);
                }
                Step::Synchronize => {
                    let _ = cartridge.synchronize();
                }
                Step::Overwrite(object) => {
                    let _ = cartridge.locate_block(object);
                    let _ = cartridge.append_block(block(object, 100));
                }
                Step::Erase(object) => {
                    let _ = cartridge.locate_block(object);
                    let _ = cartridge.erase();
                }
                Step::Format => {
                    let _ = cartridge.format(&[1 << 30, 1 << 30]);
                }
                Step::Partition(partition) => {
                    let _ = cartridge.change_partition(partition);
                }
                Step::Fail(after) => {
                    store.inject(store.operations() + after, crate::Fault::FailOnce);
                }
                Step::Reload => {
                    let _ = cartridge.synchronize();
                    store.heal();
                    drop(cartridge);
                    cartridge = open(&store);
                }
                Step::Crash(seed) => {
                    store.heal();
                    store = store.crash(seed);
                    drop(cartridge);
                    cartridge = open(&store);
                    cartridge.check_unlocked().unwrap();
                    for partition in 0..cartridge.partitions() {
                        cartridge.change_partition(partition).unwrap();
                        loop {
                            match cartridge.read_block() {
                                Ok(Read::EndOfData) => break,
                                Ok(_) => {}
                                Err(Error::KeyMissing { object }) => {
                                    cartridge.locate_block(object + 1).unwrap();
                                }
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                    for name in store.segments().unwrap() {
                        let file = store.open_segment(name).unwrap();
                        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
                        file.read_at(&mut bytes, 0).unwrap();
                        prop_assert!(!holds(&[bytes], b"block "), "in clear");
                    }
                }
            }
        }
        drop(cartridge);
        let pairs = recorded::take(label.uuid);
        let different: HashSet<_> = pairs.iter().collect();
        prop_assert_eq!(different.len(), pairs.len());
    }
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
