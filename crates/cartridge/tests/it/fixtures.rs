//! Cartridges that earlier versions wrote are opened for ever.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use cartridge::inspect::{Inspection, Keys};
use cartridge::{
    Cartridge, Codec, Decryption, EncryptionKey, KeyEncryptionKey, KeyRing, LocalStore,
    MemoryState, MemoryStore, NextBlock, Read, RecoveryReport, SegmentStore as _, Settings,
    read_label,
};

use crate::model::{Object, all_contents, contents, label, to_object};

/// The block `number`; `examples/make_fixture` knows the same rule.
fn text(number: usize, length: usize) -> Object {
    let line = format!("This is block {number} of the fixture. ");
    let block: Bytes = line.bytes().cycle().take(length).collect();
    Object::Block(block)
}

/// What is on the cartridge `mixed`.
fn mixed() -> Vec<Object> {
    let mut objects: Vec<Object> = (0..6).map(|block| text(block, 500 * (block + 1))).collect();
    objects.push(Object::Filemark);
    objects.extend((0..3).map(|block| text(100 + block, 500 * (block + 1))));
    objects.push(text(1000, 700));
    objects.extend(vec![Object::Filemark; 3]);
    objects.extend((0..4).map(|block| text(1001 + block, 1000)));
    objects.extend([text(2000, 12_345), Object::Filemark, text(2001, 1)]);
    objects
}

/// A copy of a fixture: loading seals the last segment.
pub(crate) fn copy_of(fixture: &str) -> tempfile::TempDir {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(testdata.join(fixture)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    directory
}

#[test]
fn a_formatted_cartridge_of_version_1_is_read() {
    let directory = copy_of("v1/partitions");
    let store = || Box::new(LocalStore::new(directory.path()));
    let sizes = [37_500_000_000, 1_462_500_000_000];
    assert_eq!(read_label(&*store()).unwrap().partition_bytes(), sizes);
    for unsealed in [true, false] {
        let (mut cartridge, report) = Cartridge::open(store(), Settings::default()).unwrap();
        assert_eq!((report.unsealed, report.dead.len()), (unsealed, 0));
        let first = vec![text(2, 1000), Object::Filemark];
        let second = (0..4).map(|block| text(100 + block, 5000)).collect();
        assert_eq!(all_contents(&mut cartridge), [first, second]);
    }
}

/// `examples/make_fixture` wrote it.
#[test]
fn a_memory_of_version_1_is_read() {
    let directory = copy_of("v1/memory");
    let store = Box::new(LocalStore::new(directory.path()));
    let (cartridge, report) = Cartridge::open(store, Settings::default()).unwrap();
    assert_eq!(report.memory, MemoryState::Good);
    let memory = cartridge.memory();
    assert_eq!((memory.change_reference, memory.loads), (7, 2));
    assert_eq!((memory.write_loads, memory.formats), (2, 1));
    assert_eq!(
        (memory.life.written_bytes, memory.life.stored_bytes),
        (1 << 40, 1 << 39)
    );
    assert_eq!(
        (memory.life.frames_written, memory.life.frames_read),
        (5, 2)
    );
    assert_eq!((memory.life.read_bytes, memory.life.fetched_bytes), (4, 3));
    assert_eq!((memory.life.write_errors, memory.life.read_errors), (1, 0));
    let serials: Vec<_> = memory.drives.iter().map(|drive| &*drive.serial).collect();
    assert_eq!(serials, ["2", "1"]);
    let attributes = memory.attributes.iter();
    let found: Vec<_> = attributes
        .map(|(partition, id, own)| (partition, id, own.format, own.value.as_slice()))
        .collect();
    let expected: [(u8, u16, u8, &[u8]); 2] = [(0, 0x0801, 1, b"LTFS"), (1, 0x080c, 0, &[0, 255])];
    assert_eq!(found, expected);
}

/// `examples/make_fixture` wrote it.
#[test]
fn an_encrypted_cartridge_of_version_1_is_read() {
    let directory = copy_of("v1/encrypted");
    let store = Box::new(LocalStore::new(directory.path()));
    let (mut cartridge, report) = Cartridge::open(store, Settings::default()).unwrap();
    assert_eq!(report, RecoveryReport::default());
    assert_eq!(cartridge.usage().filemarks, 1);
    let mut objects = Vec::new();
    for number in [0, 100, 200, 300] {
        objects.push((text(number, 400), None));
        objects.extend((1..4).map(|block| (text(number + block, 500 * block), Some(1))));
        objects.push((text(number + 4, 3000), Some(2)));
    }
    for (object, (block, key)) in objects.into_iter().enumerate() {
        cartridge.set_decryption(Decryption::Off);
        cartridge.locate_block(object as u64).unwrap();
        let Some(byte) = key else {
            assert_eq!(to_object(cartridge.read_block().unwrap()), Some(block));
            continue;
        };
        let NextBlock::Encrypted(next) = cartridge.next_block().unwrap() else {
            panic!("object {object} is encrypted");
        };
        let name = format!("fixture key {byte}");
        assert_eq!(next.data.unauthenticated, name.as_bytes());
        assert_eq!(next.data.authenticated, [byte; 12]);
        assert_eq!((next.data.format, next.forbid_raw_reading), (2, byte == 2));
        cartridge.set_decryption(Decryption::Encrypted(EncryptionKey::new(&[byte; 32])));
        assert_eq!(to_object(cartridge.read_block().unwrap()), Some(block));
    }
}

#[test]
fn a_cartridge_encrypted_at_rest_is_read_with_its_key_alone() {
    let directory = copy_of("v1/at_rest");
    let store = || Box::new(LocalStore::new(directory.path()));
    let with = |byte| Settings {
        keys: KeyRing::new([KeyEncryptionKey::new(&[byte; 32])]),
        ..Settings::default()
    };
    let (mut locked, _) = Cartridge::open(store(), with(1)).unwrap();
    assert_eq!(locked.end_of_data().filemarks, 9);
    let error = locked.read_block().unwrap_err().to_string();
    let id = KeyEncryptionKey::new(&[0x4b; 32]).id();
    assert_eq!(
        error,
        format!("cartridge: encrypted, and key {id} is not there")
    );
    drop(locked);
    for unsealed in [true, false] {
        let (mut cartridge, report) = Cartridge::open(store(), with(0x4b)).unwrap();
        assert_eq!((report.unsealed, report.discarded_bytes), (unsealed, 0));
        cartridge.set_decryption(Decryption::Mixed(EncryptionKey::new(&[1; 32])));
        let mut expected = Vec::new();
        for number in [0, 100, 200, 300] {
            expected.extend([text(number, 400), Object::Filemark, Object::Filemark]);
            expected.extend((1..4).map(|block| text(number + block, 2500 * block)));
        }
        expected.extend([text(400, 600), Object::Filemark]);
        for object in expected {
            assert_eq!(to_object(cartridge.read_block().unwrap()), Some(object));
        }
        assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
    }
}

/// What is on the cartridge `chain`.
fn chain() -> Vec<Object> {
    let mut objects: Vec<Object> = (0..15).map(|block| text(block, 2000)).collect();
    objects.extend([text(100, 3000), Object::Filemark, Object::Filemark]);
    objects.push(text(200, 4000));
    objects
}

#[test]
fn a_chain_file_and_footers_that_name_each_other_are_read() {
    let directory = copy_of("v1/chain");
    let store = || Box::new(LocalStore::new(directory.path()));
    for unsealed in [true, false] {
        let (mut cartridge, report) = Cartridge::open(store(), Settings::default()).unwrap();
        assert_eq!((report.unsealed, report.discarded_bytes), (unsealed, 0));
        assert_eq!((&report.missing[..], &report.dead[..]), (&[][..], &[][..]));
        assert_eq!(contents(&mut cartridge), chain());
    }
    // Now the last one is sealed, too: each names the one before it.
    let mut names = store().segments().unwrap();
    names.sort();
    assert_eq!(names.len(), 7);
    let paths: Vec<_> = names
        .iter()
        .map(|name| {
            directory
                .path()
                .join(name.to_string())
                .with_extension("seg")
        })
        .collect();
    let mut before: Option<[u8; 4]> = None;
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        let trailer = bytes.last_chunk::<256>().unwrap();
        let told = (trailer[200] == 1).then(|| [196, 197, 198, 199].map(|at| trailer[at]));
        assert_eq!(told, before, "{}", path.display());
        before = trailer.last_chunk().copied();
    }
    let inspection = Inspection::open(store(), &Keys::default()).unwrap();
    assert_eq!(inspection.verify(|_| {}).findings, []);

    // Without the last two names nothing but the chain file knows that there was more.
    let directory = copy_of("v1/chain");
    for name in &names[5..] {
        let path = directory.path().join(name.to_string());
        fs::remove_file(path).unwrap();
    }
    let store = Box::new(LocalStore::new(directory.path()));
    let (cartridge, report) = Cartridge::open(store, Settings::default()).unwrap();
    assert_eq!(report.missing, [names[5].uuid]);
    assert_eq!(cartridge.end_of_data().object, 18);
}

#[test]
fn a_cartridge_of_version_1_is_read() {
    let directory = copy_of("v1/mixed");
    let store = || Box::new(LocalStore::new(directory.path()));
    let label = read_label(&*store()).unwrap();
    assert_eq!((&*label.barcode, label.density), ("CAP001L5", 0x58));
    for unsealed in [true, false] {
        let (mut cartridge, report) = Cartridge::open(store(), Settings::default()).unwrap();
        assert_eq!(report.unsealed, unsealed);
        assert_eq!((report.discarded_bytes, report.dead.len()), (0, 0));
        assert_eq!(contents(&mut cartridge), mixed());
        assert_eq!(cartridge.usage().filemarks, 5);
    }
}

fn bytes_of(store: &MemoryStore, number: u32) -> Vec<u8> {
    let names = store.segments().unwrap();
    let name = names
        .into_iter()
        .find(|name| name.number == number)
        .unwrap();
    let file = store.open_segment(name).unwrap();
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// Asserts that there is a frame with this kind, first object and body length at `offset`.
fn assert_frame(bytes: &[u8], offset: usize, kind: u8, first_object: u8, body_length: u16) {
    let header = &bytes[offset..offset + 64];
    assert_eq!((&header[..4], header[4]), (&b"CPFR"[..], kind), "{offset}");
    assert_eq!(header[16], first_object, "{offset}");
    assert_eq!(header[28..30], body_length.to_le_bytes(), "{offset}");
}

/// The example at the end of docs/cartridge-format.md, byte by byte where it gives numbers.
#[test]
fn the_example_of_the_document_is_true() {
    let store = MemoryStore::new();
    let settings = Settings {
        codec: Codec::Stored,
        reserve_step_bytes: 64 << 10,
        ..Settings::default()
    };
    let open = || Cartridge::open(Box::new(store.clone()), settings.clone()).unwrap();
    Cartridge::create(Box::new(store.clone()), &label(1)).unwrap();
    let (mut cartridge, _) = open();
    let block = |length| Bytes::from(vec![0xaa; length]);
    cartridge.append_block(block(3000)).unwrap();
    cartridge.append_block(block(3000)).unwrap();
    cartridge.append_filemarks(1).unwrap();
    cartridge.synchronize().unwrap();
    cartridge.append_block(block(100)).unwrap();
    cartridge.synchronize().unwrap();
    drop(cartridge);
    let name = store.segments().unwrap()[0];
    let file = store.open_segment(name).unwrap();
    file.write_at(&[&[0x55; 700]], 20480).unwrap();

    let (mut cartridge, report) = open();
    assert_eq!(report.discarded_bytes, 700);
    let first = bytes_of(&store, 1);
    assert_eq!(first[..6], *b"CAPSEG");
    assert_eq!(first[..4096], first[4096..8192]);
    assert_frame(&first, 8192, 1, 0, 6000);
    assert_frame(&first, 14256, 2, 2, 0);
    assert_frame(&first, 14320, 3, 3, 2000);
    assert_frame(&first, 16384, 1, 3, 100);
    assert_frame(&first, 16552, 3, 4, 3864);
    assert_eq!(first[16384 + 40..16384 + 44], (16384u32 / 8).to_le_bytes());
    assert_eq!(first[20576..20584], *b"CAPFOOT1");
    assert_eq!(
        (first[20576 + 57], first[20576 + 72], first[20576 + 80]),
        (4, 4, 1)
    );
    assert_eq!(first.len(), 20832);

    cartridge.locate_block(1).unwrap();
    cartridge.append_block(block(50)).unwrap();
    cartridge.unload().unwrap();
    let second = bytes_of(&store, 2);
    assert_eq!((second[72], second[96], second[128]), (1, 1, 1));
    assert_eq!(second[56..72], *name.uuid.as_bytes());
    assert_eq!(second[120..122], 3000u16.to_le_bytes());
    assert_frame(&second, 8192, 1, 1, 50);
    assert_frame(&second, 8312, 3, 2, 3912);
    assert_eq!(second[12320..12328], *b"CAPFOOT1");
    assert_eq!(second.len(), 12576);
    let blocks = [3000, 50].map(|length| Object::Block(block(length)));
    assert_eq!(contents(&mut open().0), blocks);
}
