//! Writes that return before they are done, on a thread of the file's own.
//!
//! # Purpose
//! Who appends to a tape must not wait for a disk that is slow for a moment: it may be the thread that
//! answers a host's pings. Here it waits only when [`WRITE_BEHIND_BYTES_MAX`] are on their way, and
//! it can ask beforehand ([`SegmentFile::takes_at_once`]).
//!
//! # Ordering
//! Writes reach the file below in their order, one at a time. Everything else ([`SegmentFile::sync`]
//! above all) waits until they have.
//!
//! # Crash
//! What is on its way is lost like everything that was not synchronized. After a write that failed the
//! file takes no more: those behind it are dropped, and every later write and sync fails as it did, so
//! that a gap can never be taken for data.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;

use super::{Listing, SegmentFile, SegmentName, SegmentStore};
use crate::limits::WRITE_BEHIND_BYTES_MAX;

/// A store whose new segments are written behind their writer's back.
#[derive(Debug)]
pub struct WriteBehind<S> {
    store: S,
}

impl<S: SegmentStore> WriteBehind<S> {
    /// Returns `store` with write-behind.
    pub fn new(store: S) -> Self {
        Self { store }
    }
}

impl<S: SegmentStore> SegmentStore for WriteBehind<S> {
    fn read_label(&self) -> io::Result<Option<Vec<u8>>> {
        self.store.read_label()
    }

    fn replace_label(&mut self, text: &[u8]) -> io::Result<()> {
        self.store.replace_label(text)
    }

    fn read_memory(&self) -> io::Result<Option<Vec<u8>>> {
        self.store.read_memory()
    }

    fn replace_memory(&mut self, text: &[u8]) -> io::Result<()> {
        self.store.replace_memory(text)
    }

    fn read_key(&self) -> io::Result<Option<Vec<u8>>> {
        self.store.read_key()
    }

    fn replace_key(&mut self, text: &[u8]) -> io::Result<()> {
        self.store.replace_key(text)
    }

    fn destroy_key(&mut self) -> io::Result<()> {
        self.store.destroy_key()
    }

    fn open_chain(&self) -> io::Result<Option<Box<dyn io::Read>>> {
        self.store.open_chain()
    }

    fn replace_chain(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.store.replace_chain(bytes)
    }

    fn second_handle(&self) -> Option<Box<dyn SegmentStore>> {
        self.store.second_handle()
    }

    fn list(&self) -> io::Result<Listing> {
        self.store.list()
    }

    fn create_segment(&mut self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        let file = self.store.create_segment(name)?;
        match WriteBehindFile::new(file) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => {
                let _ = self.store.remove_unpublished(name); // it means nothing
                Err(error)
            }
        }
    }

    fn publish_segment(&mut self, name: SegmentName) -> io::Result<()> {
        self.store.publish_segment(name)
    }

    fn open_segment(&self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        self.store.open_segment(name)
    }

    fn remove_segment(&mut self, name: SegmentName) -> io::Result<()> {
        self.store.remove_segment(name)
    }

    fn remove_unpublished(&mut self, name: SegmentName) -> io::Result<()> {
        self.store.remove_unpublished(name)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.store.sync_directory()
    }
}

struct WriteBehindFile {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the file's owner and its thread share. Whoever takes both locks takes `queue` first.
struct Shared {
    queue: Mutex<Queue>,
    /// Signalled when there is something to write, and when something was written.
    changed: Condvar,
    file: Mutex<Box<dyn SegmentFile>>,
}

#[derive(Default)]
struct Queue {
    writes: VecDeque<Write>,
    /// Of the writes that have not ended, the one under way included.
    bytes: usize,
    /// Why a write failed.
    failure: Option<io::Error>,
    closed: bool,
}

struct Write {
    parts: Vec<Bytes>,
    offset: u64,
    length: usize,
}

impl WriteBehindFile {
    fn new(file: Box<dyn SegmentFile>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            file: Mutex::new(file),
        });
        let thread = thread::Builder::new().name("write-behind".to_owned());
        let thread = thread.spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_until_closed()
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Waits until every write has ended; returns the file below.
    fn settled(&self) -> MutexGuard<'_, Box<dyn SegmentFile>> {
        drop(self.shared.wait_while(|queue| queue.bytes > 0));
        self.shared.file()
    }

    /// The same, when all of them succeeded.
    fn intact(&self) -> io::Result<MutexGuard<'_, Box<dyn SegmentFile>>> {
        self.shared.wait_while(|queue| queue.bytes > 0).check()?;
        Ok(self.shared.file())
    }
}

impl Drop for WriteBehindFile {
    /// What nobody synchronized is not owed to anybody.
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        queue.bytes -= queue
            .writes
            .drain(..)
            .map(|write| write.length)
            .sum::<usize>();
        drop(queue);
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a write-behind thread ended in a bug");
        }
    }
}

impl SegmentFile for WriteBehindFile {
    fn length(&self) -> io::Result<u64> {
        self.settled().length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.settled().read_at(buffer, offset)
    }

    fn read_at_once(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let queue = self.shared.queue();
        if queue.bytes > 0 {
            return Ok(None);
        }
        match self.shared.file.try_lock() {
            Ok(file) => file.read_at_once(buffer, offset),
            Err(TryLockError::Poisoned(file)) => file.into_inner().read_at_once(buffer, offset),
            Err(TryLockError::WouldBlock) => Ok(None),
        }
    }

    fn write_at(&mut self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        self.intact()?.write_at(parts, offset)
    }

    fn write_later(&mut self, parts: Vec<Bytes>, offset: u64) -> io::Result<()> {
        let length = parts.iter().map(Bytes::len).sum();
        // A write that is longer than all the room goes alone.
        let full =
            |queue: &mut Queue| queue.bytes > 0 && queue.bytes + length > WRITE_BEHIND_BYTES_MAX;
        let mut queue = self.shared.wait_while(full);
        queue.check()?;
        queue.bytes += length;
        queue.writes.push_back(Write {
            parts,
            offset,
            length,
        });
        drop(queue);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn takes_at_once(&self, length: usize) -> bool {
        self.shared.queue().bytes + length <= WRITE_BEHIND_BYTES_MAX
    }

    fn reserve(&mut self, from: u64, to: u64) -> io::Result<()> {
        self.intact()?.reserve(from, to)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.intact()?.truncate(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.intact()?.sync()
    }

    fn forget_cache(&mut self) -> io::Result<()> {
        self.intact()?.forget_cache()
    }
}

impl Queue {
    /// Fails as the write did that failed, if one has.
    fn check(&self) -> io::Result<()> {
        let Some(failure) = &self.failure else {
            return Ok(());
        };
        Err(match failure.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(failure.kind(), failure.to_string()),
        })
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole between any two statements that could panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self) -> MutexGuard<'_, Box<dyn SegmentFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, condition: impl FnMut(&mut Queue) -> bool) -> MutexGuard<'_, Queue> {
        self.changed
            .wait_while(self.queue(), condition)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn write_until_closed(&self) {
        while let Some(write) = self.next() {
            let parts: Vec<&[u8]> = write.parts.iter().map(|part| &**part).collect();
            let written = self.file().write_at(&parts, write.offset);
            let mut queue = self.queue();
            queue.bytes -= write.length;
            if let Err(error) = written {
                queue.failure = Some(error);
                queue.bytes -= queue
                    .writes
                    .drain(..)
                    .map(|write| write.length)
                    .sum::<usize>();
            }
            drop(queue);
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Write> {
        self.wait_while(|queue| queue.writes.is_empty() && !queue.closed)
            .writes
            .pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::store::{Fault, LyingStore, MemoryStore};
    use uuid::Uuid;

    const NAME: SegmentName = SegmentName {
        partition: 0,
        number: 1,
        uuid: Uuid::from_u128(1),
    };

    /// A file whose writes wait until they are allowed.
    struct Slow {
        inner: Box<dyn SegmentFile>,
        allowed: Receiver<()>,
    }

    impl SegmentFile for Slow {
        fn length(&self) -> io::Result<u64> {
            self.inner.length()
        }
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.inner.read_at(buffer, offset)
        }
        fn write_at(&mut self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
            let _ = self.allowed.recv();
            self.inner.write_at(parts, offset)
        }
        fn reserve(&mut self, from: u64, to: u64) -> io::Result<()> {
            self.inner.reserve(from, to)
        }
        fn truncate(&mut self, length: u64) -> io::Result<()> {
            self.inner.truncate(length)
        }
        fn sync(&mut self) -> io::Result<()> {
            self.inner.sync()
        }
    }

    fn slow() -> (WriteBehindFile, Sender<()>) {
        let (allow, allowed) = channel();
        let inner = MemoryStore::new().create_segment(NAME).unwrap();
        let file = WriteBehindFile::new(Box::new(Slow { inner, allowed })).unwrap();
        (file, allow)
    }

    fn block(value: u8, length: usize) -> Vec<Bytes> {
        vec![Bytes::from(vec![value; length])]
    }

    #[test]
    fn a_write_returns_before_it_is_done_and_a_reader_waits_for_it() {
        let (mut file, allow) = slow();
        file.write_later(block(1, 10), 0).unwrap();
        file.write_later(block(2, 10), 5).unwrap();
        let mut bytes = [0; 20];
        assert_eq!(file.read_at_once(&mut bytes, 0).unwrap(), None);
        allow.send(()).unwrap();
        allow.send(()).unwrap();
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 15);
        assert_eq!(bytes[..15], [[1; 5], [2; 5], [2; 5]].concat());
    }

    #[test]
    fn only_so_much_is_on_its_way() {
        let (mut file, allow) = slow();
        assert!(file.takes_at_once(WRITE_BEHIND_BYTES_MAX));
        assert!(!file.takes_at_once(WRITE_BEHIND_BYTES_MAX + 1));
        file.write_later(block(1, WRITE_BEHIND_BYTES_MAX - 1), 0)
            .unwrap();
        assert!(file.takes_at_once(1));
        assert!(!file.takes_at_once(2));
        drop(allow);
        // It waits for the first.
        file.write_later(block(2, 100), 0).unwrap();
        file.sync().unwrap();
        assert!(file.takes_at_once(WRITE_BEHIND_BYTES_MAX));
    }

    #[test]
    fn after_a_failed_write_nothing_is_written_and_every_sync_fails() {
        let mut store = LyingStore::new();
        let inner = store.create_segment(NAME).unwrap();
        let mut file = WriteBehindFile::new(inner).unwrap();
        store.inject(store.operations(), Fault::FailOnce);
        file.write_later(block(1, 10), 0).unwrap();
        assert_eq!(file.length().unwrap(), 0, "it has failed");
        file.write_later(block(2, 10), 10).unwrap_err();
        file.sync().unwrap_err();
        file.sync().unwrap_err();
        assert_eq!(file.length().unwrap(), 0);
    }

    #[test]
    fn dropping_drops_what_waits() {
        let store = MemoryStore::new();
        let inner = store.clone().create_segment(NAME).unwrap();
        let (allow, allowed) = channel();
        let mut file = WriteBehindFile::new(Box::new(Slow { inner, allowed })).unwrap();
        for offset in 0..3 {
            file.write_later(block(1, 10), offset * 10).unwrap();
        }
        let shared = Arc::clone(&file.shared);
        let dropped = thread::spawn(move || drop(file));
        drop(shared.wait_while(|queue| !queue.closed));
        drop(allow);
        dropped.join().unwrap();
        store.clone().publish_segment(NAME).unwrap();
        let written = store.open_segment(NAME).unwrap().length().unwrap();
        assert!(written <= 10, "{written} bytes: only the write under way");
    }
}
