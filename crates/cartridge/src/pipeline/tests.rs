//! What comes out of a lane, and that nobody waits for ever.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::{Content, FrameJob, Lane, Writing};
use crate::codec::Codec;
use crate::format::FRAMES_OFFSET;
use crate::frame::FrameBuilder;
use crate::limits::{PIPELINE_BYTES_MAX, PIPELINE_FRAMES_MAX};
use crate::store::{Fault, LyingStore, MemoryStore, SegmentFile, SegmentName, SegmentStore as _};

const NAME: SegmentName = SegmentName {
    partition: 0,
    number: 1,
    uuid: Uuid::from_u128(1),
};

/// A file whose writes wait until they are allowed.
struct Slow {
    inner: Box<dyn SegmentFile>,
    allowed: Mutex<Receiver<()>>,
}

impl SegmentFile for Slow {
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }
    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = allowed.recv();
        self.inner.write_at(parts, offset)
    }
    fn reserve(&self, from: u64, to: u64) -> io::Result<()> {
        self.inner.reserve(from, to)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.inner.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

/// A file in which every write is a bug of ours.
struct Buggy;

impl SegmentFile for Buggy {
    fn length(&self) -> io::Result<u64> {
        Ok(0)
    }
    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Ok(0)
    }
    fn write_at(&self, _parts: &[&[u8]], _offset: u64) -> io::Result<()> {
        panic!("a bug that a test wants")
    }
    fn reserve(&self, _from: u64, _to: u64) -> io::Result<()> {
        Ok(())
    }
    fn truncate(&self, _length: u64) -> io::Result<()> {
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn lane_of(file: Box<dyn SegmentFile>, writing: Writing) -> Lane {
    Lane::new(writing, NAME.uuid, file.into(), FRAMES_OFFSET).unwrap()
}

fn slow() -> (Lane, Sender<()>) {
    let (allow, allowed) = channel();
    let inner = MemoryStore::new().create_segment(NAME).unwrap();
    let allowed = Mutex::new(allowed);
    let lane = lane_of(Box::new(Slow { inner, allowed }), Writing::Behind);
    (lane, allow)
}

/// Compressible bytes whose length in a frame depends on all of them.
fn block(number: u32, length: usize) -> Bytes {
    let words = (0..).map(|n: u32| [b'a' + u8::try_from((n ^ number) % 7).unwrap(), b' ']);
    words.flatten().take(length).collect()
}

fn job(sequence: u32, codec: Codec, length: usize) -> FrameJob {
    let mut builder = FrameBuilder::new(1);
    builder.push(block(sequence, length), codec, None);
    FrameJob {
        segment: NAME.uuid,
        sequence,
        first_object: sequence.into(),
        marks_before: 0,
        content: Content::Blocks(builder.take().unwrap()),
        sealing: None,
    }
}

fn put_all(lane: &Lane, jobs: impl Iterator<Item = FrameJob>) -> io::Result<()> {
    for job in jobs {
        lane.wait_for_room(job.footprint());
        lane.put(job)?;
    }
    lane.settle();
    lane.check()
}

#[test]
fn what_is_written_does_not_depend_on_who_makes_it() {
    let written = |writing| {
        let store = MemoryStore::new();
        let lane = lane_of(store.clone().create_segment(NAME).unwrap(), writing);
        let codecs = Codec::ALL.iter().cycle();
        let jobs = (0..200u32)
            .zip(codecs)
            .map(|(n, codec)| job(n, *codec, 1000 + n as usize * 37 % 9000));
        put_all(&lane, jobs).unwrap();
        let objects: Vec<u64> = lane
            .take_placed()
            .iter()
            .map(|placed| placed.entry.first_object)
            .collect();
        assert!(objects.iter().copied().eq(0..200));
        drop(lane);
        let mut store = store;
        store.publish_segment(NAME).unwrap();
        let file = store.open_segment(NAME).unwrap();
        let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        bytes
    };
    let at_once = written(Writing::AtOnce);
    assert!(at_once.len() > 50_000);
    for _ in 0..5 {
        assert!(written(Writing::Behind) == at_once);
    }
}

#[test]
fn only_so_much_is_on_its_way() {
    let (lane, allow) = slow();
    assert!(lane.takes_at_once(1, 100 << 20), "the first goes alone");
    assert!(!lane.takes_at_once(2, 100 << 20), "but not with another");
    assert!(lane.takes_at_once(2, 900));
    lane.put(job(0, Codec::Stored, PIPELINE_BYTES_MAX - 1000))
        .unwrap();
    assert!(lane.takes_at_once(1, 900));
    assert!(!lane.takes_at_once(1, 2000));
    for number in 1..u32::try_from(PIPELINE_FRAMES_MAX).unwrap() {
        assert!(lane.takes_at_once(1, 1));
        lane.put(job(number, Codec::Stored, 1)).unwrap();
    }
    assert!(!lane.takes_at_once(1, 1));
    drop(allow);
    lane.wait_for_room(1);
    lane.settle();
    lane.check().unwrap();
    assert_eq!(lane.take_placed().len(), PIPELINE_FRAMES_MAX);
    assert!(lane.takes_at_once(1, PIPELINE_BYTES_MAX));
}

#[test]
fn after_a_failed_write_nothing_is_written_and_every_call_fails() {
    for writing in [Writing::AtOnce, Writing::Behind] {
        let mut store = LyingStore::new();
        let lane = lane_of(store.create_segment(NAME).unwrap(), writing);
        lane.put(job(0, Codec::Lz4, 100)).unwrap();
        lane.settle();
        store.inject(store.operations(), Fault::FailOnce);
        let jobs = (1..40).map(|number| job(number, Codec::Lz4, 5000));
        put_all(&lane, jobs).unwrap_err();
        let operations = store.operations();
        lane.put(job(40, Codec::Lz4, 100)).unwrap_err();
        lane.check().unwrap_err();
        lane.settle();
        assert_eq!(store.operations(), operations);
        assert_eq!(lane.take_placed().len(), 1);
        assert!(
            lane.takes_at_once(1, PIPELINE_BYTES_MAX),
            "all was given back"
        );
    }
}

#[test]
fn a_bug_ends_the_segment_and_nobody_waits_for_ever() {
    let lane = lane_of(Box::new(Buggy), Writing::Behind);
    let jobs = (0..100).map(|number| job(number, Codec::Zstd, 50_000));
    let error = put_all(&lane, jobs).unwrap_err();
    assert_eq!(error.to_string(), "a frame could not be written");
    lane.wait_for_progress();
    lane.wait_for_room(PIPELINE_BYTES_MAX);
}

#[test]
fn dropping_drops_what_waits() {
    let store = MemoryStore::new();
    let inner = store.clone().create_segment(NAME).unwrap();
    let (allow, allowed) = channel();
    let allowed = Mutex::new(allowed);
    let lane = lane_of(Box::new(Slow { inner, allowed }), Writing::Behind);
    let shared = Arc::downgrade(&lane.shared);
    for number in 0..20 {
        lane.put(job(number, Codec::Zstd, 100_000)).unwrap();
    }
    let dropped = std::thread::spawn(move || drop(lane));
    drop(allow); // the write under way ends
    dropped.join().unwrap();
    // A worker may still hold on to it, for as long as it takes to compress a frame.
    for _ in 0..1000 {
        if shared.upgrade().is_none() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("somebody keeps the lane");
}
