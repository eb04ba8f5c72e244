//! The files of a cartridge, whoever wrote them: labels, memories, keys, headers, frames, indexes, and whole
//! directories. What checksums cover is signed after it was changed, so that it is read.
//!
//! Files are opened, inspected, read, moved over, written on, unloaded and opened again. Nothing panics,
//! counts go together, and what was written on is there afterwards.

use bytes::Bytes;
use cartridge::inspect::{Inspection, Keys};
use cartridge::{
    Cartridge, Codec, Decryption, EncryptionKey, MemoryStore, Read, SeededEnvironment, SegmentName,
    SegmentStore, Settings, limits,
};
use std::sync::Arc;
use uuid::Uuid;

use crate::rig::Choices;
use crate::wire::crc32c;

const HEADER_BYTES: usize = 4096;
const FRAMES_OFFSET: usize = 2 * HEADER_BYTES;
const FRAME_HEADER_BYTES: usize = 64;
const TRAILER_BYTES: usize = 256;
/// How much is read and walked of a cartridge that says it has very much.
const OBJECTS_READ_MAX: usize = 200;

const OWNER: Uuid = Uuid::from_u128(0x67ec_8e65);
const NAME: SegmentName = SegmentName {
    partition: 0,
    number: 1,
    uuid: Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
};

/// A line of JSON and its checksum.
fn signed_line(line: &[u8]) -> Vec<u8> {
    let mut text = line.to_vec();
    text.extend_from_slice(
        format!("\ncrc32c {:08x}\n", u32::from_le_bytes(crc32c(line))).as_bytes(),
    );
    text
}

fn label() -> Vec<u8> {
    let line = format!(
        "{{\"capstan_cartridge\":1,\"uuid\":\"{OWNER}\",\"barcode\":\"CAP001L5\",\"media\":\"LTO-5\",\
         \"density\":88,\"capacity_bytes\":1500000000000,\"created_unix_ms\":1,\"write_protected\":false}}"
    );
    signed_line(line.as_bytes())
}

/// Runs the target of labels, memories and keys.
pub fn lines(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (which, signs) = (choices.byte() % 3, !choices.byte().is_multiple_of(4));
    let line = choices.bytes(usize::from(u16::MAX));
    let text = if signs {
        signed_line(line)
    } else {
        line.to_vec()
    };
    let mut store = MemoryStore::new();
    let kept = match which {
        0 => store.replace_label(&text),
        1 => store
            .replace_label(&label())
            .and_then(|()| store.replace_memory(&text)),
        _ => store
            .replace_label(&label())
            .and_then(|()| store.replace_key(&text)),
    };
    kept.unwrap();
    exercise(&store);
}

/// A good header of [`NAME`].
fn header() -> Vec<u8> {
    let mut header = vec![0; HEADER_BYTES];
    header[..8].copy_from_slice(b"CAPSEG\r\n");
    header[8] = 1;
    header[20..24].copy_from_slice(&4096u32.to_le_bytes());
    header[24..40].copy_from_slice(OWNER.as_bytes());
    header[40..56].copy_from_slice(NAME.uuid.as_bytes());
    header[88] = 1;
    header[94] = 3;
    header[144..152].copy_from_slice(&1_500_000_000_000u64.to_le_bytes());
    header[152..160].copy_from_slice(b"CAP001L5");
    header[4092..].copy_from_slice(b"SEGH");
    header
}

fn sign_header(header: &mut [u8]) {
    let checksum = crc32c(&header[..4088]);
    header[4088..4092].copy_from_slice(&checksum);
}

/// Signs the frame that begins at `at` of the file of the segment `uuid`.
fn sign_frame(file: &mut [u8], at: usize, uuid: &[u8; 16]) {
    let Some(frame) = file
        .get_mut(at..)
        .filter(|frame| frame.len() >= FRAME_HEADER_BYTES)
    else {
        return;
    };
    let length = u32::from_le_bytes([frame[28], frame[29], frame[30], frame[31]]) as usize;
    if let Some(body) = frame.get(FRAME_HEADER_BYTES..FRAME_HEADER_BYTES.saturating_add(length)) {
        let checksum = crc32c(body);
        frame[56..60].copy_from_slice(&checksum);
    }
    frame[44..48].copy_from_slice(&uuid[..4]);
    let mut covered = frame[..60].to_vec();
    covered.extend_from_slice(uuid);
    covered.extend_from_slice(&(at as u64).to_le_bytes());
    let checksum = crc32c(&covered);
    frame[60..64].copy_from_slice(&checksum);
}

/// Changes fields of `bytes` as chosen.
fn patch(bytes: &mut [u8], choices: &mut Choices<'_>) {
    for _ in 0..choices.byte() % 8 {
        let at = usize::from(choices.short()) % bytes.len();
        let length = usize::from(choices.byte() % 9);
        let new = choices.bytes(length);
        let to = (at + new.len()).min(bytes.len());
        bytes[at..to].copy_from_slice(&new[..to - at]);
    }
}

fn store_with(file: &[u8], name: SegmentName) -> MemoryStore {
    let mut store = MemoryStore::new();
    store.replace_label(&label()).unwrap();
    put(&mut store, name, file);
    store
}

fn put(store: &mut MemoryStore, name: SegmentName, bytes: &[u8]) {
    if let Ok(file) = store.create_segment(name) {
        file.write_at(&[bytes], 0).unwrap();
        store.publish_segment(name).unwrap();
    }
}

/// Runs the target of headers, indexes and trailers.
pub fn segment(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut file = header();
    patch(&mut file, &mut choices);
    sign_header(&mut file);
    file.extend_from_within(..);
    // Two blocks in a frame, which may be what the index says.
    let mut frame = frame_header(1, 0, 2, 20);
    frame[7] = 1;
    frame[24..28].copy_from_slice(&20u32.to_le_bytes());
    frame[36..40].copy_from_slice(&10u32.to_le_bytes());
    frame.resize(FRAME_HEADER_BYTES + 24, 0x61);
    file.extend(frame);
    sign_frame(&mut file, FRAMES_OFFSET, NAME.uuid.as_bytes());
    if !choices.byte().is_multiple_of(4) {
        let data_end = file.len();
        let entries = usize::from(choices.byte() % 5);
        let mut index = vec![0; 32 * entries];
        for (number, entry) in index.chunks_mut(32).enumerate() {
            entry[0] = 2 * number as u8;
            entry[8..12].copy_from_slice(&((FRAMES_OFFSET / 8) as u32).to_le_bytes());
            (entry[12], entry[16], entry[20], entry[28], entry[30]) = (20, 20, 2, 1, 1);
            patch(entry, &mut choices);
        }
        let mut trailer = vec![0; TRAILER_BYTES];
        trailer[..8].copy_from_slice(b"CAPFOOT1");
        (trailer[8], trailer[12], trailer[57]) = (1, 1, 2);
        trailer[16..32].copy_from_slice(OWNER.as_bytes());
        trailer[32..48].copy_from_slice(NAME.uuid.as_bytes());
        (trailer[60], trailer[72], trailer[88], trailer[96]) = (entries as u8, 2, 20, 20);
        trailer[104..112].copy_from_slice(&(data_end as u64).to_le_bytes());
        trailer[112..116].copy_from_slice(&crc32c(&index));
        patch(&mut trailer, &mut choices);
        let checksum = crc32c(&trailer[..252]);
        trailer[252..].copy_from_slice(&checksum);
        file.extend(index);
        file.extend(trailer);
    }
    exercise(&store_with(&file, NAME));
}

fn frame_header(kind: u8, codec: u8, objects: u32, body: u32) -> Vec<u8> {
    let mut frame = vec![0; FRAME_HEADER_BYTES];
    frame[..4].copy_from_slice(b"CPFR");
    (frame[4], frame[5]) = (kind, codec);
    frame[12..16].copy_from_slice(&objects.to_le_bytes());
    frame[28..32].copy_from_slice(&body.to_le_bytes());
    frame[40..44].copy_from_slice(&((FRAMES_OFFSET / 8) as u32).to_le_bytes());
    frame
}

/// Runs the target of frames and codecs, in a segment that was not sealed and is walked.
pub fn frames(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut file = header();
    sign_header(&mut file);
    file.extend_from_within(..);
    let (mut object, mut marks) = (0u64, 0u32);
    for sequence in 0..u32::from(choices.byte() % 6) {
        let kind = choices.one_of(&[1, 1, 1, 2, 3]);
        let codec = choices.byte() % 5;
        let count = if kind == 3 {
            0
        } else {
            1 + u32::from(choices.byte() % 4)
        };
        let wanted = usize::from(choices.short() % 2048);
        let mut body = if kind == 1 {
            choices.bytes(wanted).to_vec()
        } else {
            Vec::new()
        };
        let plain = match choices.byte() % 4 {
            0 => body.len() as u32,
            1 => choices.word() % (1 << 24),
            _ => u32::from(choices.short()),
        };
        let equal = choices.byte().is_multiple_of(3);
        if kind == 1 && !equal {
            // A table that adds up.
            let mut table: Vec<u8> = Vec::new();
            for number in 0..count {
                let rest = plain - (plain / count) * (count - 1);
                let length = if number == 0 { rest } else { plain / count };
                table.extend(length.to_le_bytes());
            }
            body.splice(0..0, table);
        }
        let mut frame = frame_header(kind, codec, count, body.len() as u32);
        frame[8..12].copy_from_slice(&sequence.to_le_bytes());
        frame[16..24].copy_from_slice(&object.to_le_bytes());
        frame[48..52].copy_from_slice(&marks.to_le_bytes());
        if kind == 1 {
            frame[24..28].copy_from_slice(&plain.to_le_bytes());
            if equal {
                frame[7] = 1;
                frame[36..40].copy_from_slice(&(plain / count).to_le_bytes());
            } else {
                frame[32..36].copy_from_slice(&(4 * count).to_le_bytes());
            }
        }
        if choices.byte().is_multiple_of(4) {
            patch(&mut frame, &mut choices);
        }
        let at = file.len();
        file.extend(frame);
        file.extend(body);
        file.resize(file.len().next_multiple_of(8), 0);
        sign_frame(&mut file, at, NAME.uuid.as_bytes());
        object += u64::from(count);
        marks += if kind == 2 { count } else { 0 };
    }
    exercise(&store_with(&file, NAME));
}

/// The fixtures: what earlier versions wrote.
fn fixtures() -> [Vec<(&'static str, &'static [u8])>; 3] {
    macro_rules! file {
        ($name:literal) => {
            (
                $name,
                include_bytes!(concat!("../../crates/cartridge/testdata/v1/", $name)).as_slice(),
            )
        };
    }
    [
        vec![
            file!("mixed/label"),
            file!("mixed/0-00000001-b9b501d1-d854-4b71-8bc9-42ee9086c171.seg"),
            file!("mixed/0-00000002-a83d7e35-de18-4749-b585-27120fbbe785.seg"),
            file!("mixed/0-00000004-630bfdb7-a6a6-44a5-bb4a-79a517cec22a.seg"),
            file!("mixed/0-00000005-4687e965-68c4-4210-8865-ef73371863e2.seg"),
        ],
        vec![
            file!("encrypted/label"),
            file!("encrypted/0-00000001-29fb173f-b546-444f-a4f6-e7ff7a82f2c3.seg"),
            file!("encrypted/0-00000002-83e503f6-aed3-44bd-8665-4aae7b4ff2b9.seg"),
            file!("encrypted/0-00000003-1932da1e-686e-4134-b35d-a430279f97ee.seg"),
        ],
        vec![
            file!("partitions/label"),
            file!("partitions/0-00000001-614f5601-77dc-4567-9667-61748e5c43cb.seg"),
            file!("partitions/1-00000001-a8574c6f-ae6d-4b6f-8aa2-d790d641b387.seg"),
        ],
    ]
}

/// Runs the target of whole directories: fixtures whose files are changed, cut, mixed and signed again.
pub fn directory(input: &[u8]) {
    let mut choices = Choices::new(input);
    let fixtures = fixtures();
    let fixture = &fixtures[usize::from(choices.byte()) % fixtures.len()];
    let mut files: Vec<(SegmentName, Vec<u8>)> = fixture[1..]
        .iter()
        .map(|(path, bytes)| {
            let name = path.rsplit('/').next().unwrap_or_default();
            (name.parse().unwrap(), bytes.to_vec())
        })
        .collect();
    for _ in 0..choices.byte() % 6 {
        let (from, to) = (usize::from(choices.byte()), usize::from(choices.byte()));
        let (from, to) = (from % files.len(), to % files.len());
        let at = 8 * usize::from(choices.short());
        match choices.byte() % 6 {
            0 => files[to].1.truncate(at),
            1 if files.len() > 1 => drop(files.remove(to)),
            2 => {
                // A piece of one file in the place of a piece of another.
                let length = 8 * usize::from(choices.short() % 1024);
                let source = 8 * usize::from(choices.short());
                let piece = files[from].1.iter().skip(source).take(length).copied();
                let piece: Vec<u8> = piece.collect();
                let file = &mut files[to].1;
                let end = (at + piece.len()).min(file.len());
                if at < end {
                    file[at..end].copy_from_slice(&piece[..end - at]);
                }
            }
            3 => {
                let header_bytes = files[to].1.len().min(HEADER_BYTES);
                if header_bytes == HEADER_BYTES {
                    let (header, rest) = files[to].1.split_at_mut(HEADER_BYTES);
                    patch(header, &mut choices);
                    sign_header(header);
                    rest.iter_mut()
                        .take(HEADER_BYTES)
                        .zip(&*header)
                        .for_each(|(to, from)| *to = *from);
                }
            }
            4 => {
                // A field of a frame, signed.
                let uuid = *files[to].0.uuid.as_bytes();
                let file = &mut files[to].1;
                if let Some(frame) = file.get_mut(at..at + FRAME_HEADER_BYTES) {
                    patch(frame, &mut choices);
                    sign_frame(file, at, &uuid);
                }
            }
            _ => {
                let file = &mut files[to].1;
                if !file.is_empty() {
                    patch(file, &mut choices);
                }
            }
        }
    }
    let mut store = MemoryStore::new();
    store.replace_label(fixture[0].1).unwrap();
    for (name, bytes) in &files {
        put(&mut store, *name, bytes);
    }
    exercise(&store);
}

fn settings(seed: u64) -> Settings {
    Settings {
        segment_size_bytes: 64 << 10,
        frame_size_bytes: 4 << 10,
        reserve_step_bytes: 16 << 10,
        codec: Codec::Lz4,
        environment: Arc::new(SeededEnvironment::new(seed)),
        ..Settings::default()
    }
}

/// Does with the files whatever can be done with a cartridge.
fn exercise(store: &MemoryStore) {
    if let Ok(inspection) = Inspection::open(Box::new(store.clone()), &Keys::default()) {
        inspection.verify(|_| ());
    }
    let Ok((mut cartridge, _)) = Cartridge::open(Box::new(store.clone()), settings(1)) else {
        return;
    };
    cartridge.set_decryption(Decryption::Mixed(EncryptionKey::new(&[1; 32])));
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
    let (mut cartridge, _) = Cartridge::open(Box::new(store.clone()), settings(2)).unwrap();
    cartridge.locate_block(end.object).unwrap();
    assert_eq!(cartridge.read_block().unwrap(), Read::Block(block));
    assert_eq!(cartridge.read_block().unwrap(), Read::Filemark);
    assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
    assert_eq!(cartridge.position().filemarks, end.filemarks + 1);
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
                assert_eq!(before, end);
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
            assert!(cartridge.position().filemarks <= end.filemarks);
        }
    }
}
