//! A reader of segment files of its own, from docs/cartridge-format.md: it shares no code with the crate.

use std::io::Read as _;

use cartridge::{MemoryStore, SegmentName, SegmentStore};

/// All files of a cartridge, to be put into stores of their own.
pub(super) struct Snapshot {
    label: Option<Vec<u8>>,
    memory: Option<Vec<u8>>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) chain: Option<Vec<u8>>,
    pub(super) segments: Vec<(SegmentName, Vec<u8>)>,
}

impl Snapshot {
    pub(super) fn of(store: &MemoryStore) -> Self {
        let chain = store.open_chain().unwrap().map(|mut chain| {
            let mut bytes = Vec::new();
            chain.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let names = store.segments().unwrap().into_iter();
        Self {
            label: store.read_label().unwrap(),
            memory: store.read_memory().unwrap(),
            key: store.read_key().unwrap(),
            chain,
            segments: names.map(|name| (name, bytes_of(store, name))).collect(),
        }
    }

    pub(super) fn store(&self) -> MemoryStore {
        let mut store = MemoryStore::new();
        if let Some(label) = &self.label {
            store.replace_label(label).unwrap();
        }
        if let Some(memory) = &self.memory {
            store.replace_memory(memory).unwrap();
        }
        if let Some(key) = &self.key {
            store.replace_key(key).unwrap();
        }
        if let Some(chain) = &self.chain {
            store.replace_chain(chain).unwrap();
        }
        for (name, bytes) in &self.segments {
            let file = store.create_segment(*name).unwrap();
            file.write_at(&[bytes], 0).unwrap();
            store.publish_segment(*name).unwrap();
        }
        store
    }
}

/// What a segment header says.
pub(super) struct Header {
    pub(super) number: u32,
    pub(super) first_object: u64,
    pub(super) first_mark: u64,
}

/// A segment file.
pub(super) struct Segment {
    pub(super) name: SegmentName,
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
}

/// What a frame header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) sequence: u32,
    pub(super) objects: u32,
    pub(super) first_object: u64,
    pub(super) durable_upto: u64,
    pub(super) marks_before: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

pub(super) fn bytes_of(store: &dyn SegmentStore, name: SegmentName) -> Vec<u8> {
    let file = store.open_segment(name).unwrap();
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// Returns the segments of a partition that are not cut off, in order.
pub(super) fn segments(store: &dyn SegmentStore, partition: u8) -> Vec<Segment> {
    let names = store.segments().unwrap().into_iter();
    let mut all: Vec<Segment> = names
        .filter(|name| name.partition == partition)
        .map(|name| {
            let bytes = bytes_of(store, name);
            assert_eq!(&bytes[..8], b"CAPSEG\r\n");
            let header = Header {
                number: u32_at(&bytes, 88),
                first_object: u64_at(&bytes, 96),
                first_mark: u64_at(&bytes, 104),
            };
            assert_eq!((header.number, bytes[92]), (name.number, partition));
            Segment {
                name,
                header,
                bytes,
            }
        })
        .collect();
    all.sort_by_key(|segment| std::cmp::Reverse(segment.name.number));
    // From the highest number to the lowest: what begins where a later one does, or after, is dead.
    let mut lowest = u64::MAX;
    all.retain(|segment| {
        let live = segment.header.first_object < lowest;
        lowest = lowest.min(segment.header.first_object);
        live
    });
    all.reverse();
    all
}

/// Returns the frames of a segment file, one behind the other.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame> {
    let mut at = 8192;
    std::iter::from_fn(move || {
        let header = bytes
            .get(at..at + 64)
            .filter(|header| &header[..4] == b"CPFR")?;
        let length = (64 + u32_at(header, 28) as usize).next_multiple_of(8);
        let frame = Frame {
            offset: at as u64,
            length,
            kind: header[4],
            sequence: u32_at(header, 8),
            objects: u32_at(header, 12),
            first_object: u64_at(header, 16),
            durable_upto: u64::from(u32_at(header, 40)) * 8,
            marks_before: u32_at(header, 48),
        };
        at += length;
        Some(frame)
    })
}

pub(super) fn flip(store: &dyn SegmentStore, name: SegmentName, at: u64, mask: u8) {
    let mut byte = [0];
    let file = store.open_segment(name).unwrap();
    file.read_at(&mut byte, at).unwrap();
    file.write_at(&[&[byte[0] ^ mask]], at).unwrap();
}

/// Puts the checksums right of a frame at the beginning of `frame` that lies at `offset` of `segment`: of its
/// body, then of its header, which is good only there.
pub(super) fn sign(frame: &mut [u8], segment: SegmentName, offset: u64) {
    let body = 64 + u32_at(frame, 28) as usize;
    let checksum = crc_fast::crc32_iscsi(&frame[64..body]);
    frame[56..60].copy_from_slice(&checksum.to_le_bytes());
    frame[44..48].copy_from_slice(&segment.uuid.as_bytes()[..4]);
    let mut covered = frame[..60].to_vec();
    covered.extend_from_slice(segment.uuid.as_bytes());
    covered.extend_from_slice(&offset.to_le_bytes());
    let checksum = crc_fast::crc32_iscsi(&covered);
    frame[60..64].copy_from_slice(&checksum.to_le_bytes());
}
