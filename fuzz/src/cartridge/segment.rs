//! One segment: its header, its frames, its index and its trailer.

use cartridge::{KeyRing, SegmentName};
use uuid::Uuid;

use super::{HEADER_BYTES, OWNER, exercise, patch, store_with};
use crate::rig::Choices;
use crate::wire::crc32c;

const FRAMES_OFFSET: usize = 2 * HEADER_BYTES;
pub(super) const FRAME_HEADER_BYTES: usize = 64;
const TRAILER_BYTES: usize = 256;

const NAME: SegmentName = SegmentName {
    partition: 0,
    number: 1,
    uuid: Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0),
};

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

pub(super) fn sign_header(header: &mut [u8]) {
    let checksum = crc32c(&header[..4088]);
    header[4088..4092].copy_from_slice(&checksum);
}

/// Signs the frame that begins at `at` of the file of the segment `uuid`.
pub(super) fn sign_frame(file: &mut [u8], at: usize, uuid: &[u8; 16]) {
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
    exercise(&store_with(&file, NAME), &KeyRing::default());
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
    exercise(&store_with(&file, NAME), &KeyRing::default());
}
