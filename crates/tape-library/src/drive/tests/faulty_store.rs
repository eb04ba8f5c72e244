//! A cartridge on a disk that fails when told to.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use cartridge::{Listing, MemoryStore, SegmentFile, SegmentName, SegmentStore};

/// A store whose disk can be made full or broken.
#[derive(Clone, Default)]
pub(super) struct FaultyStore {
    inner: MemoryStore,
    fault: Arc<AtomicU8>,
    on_read: OnRead,
}

/// What happens before each read.
type OnRead = Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>;

pub(super) const HEALTHY: u8 = 0;
pub(super) const FULL: u8 = 1;
pub(super) const SYNC_FAILS: u8 = 2;
/// Nothing about names becomes durable: syncs of the directory, removals and truncations fail.
pub(super) const STUCK: u8 = 3;

impl FaultyStore {
    pub(super) fn set(&self, fault: u8) {
        self.fault.store(fault, Ordering::Relaxed);
    }

    /// Lets `event` happen before each read.
    pub(super) fn on_read(&self, event: impl Fn() + Send + Sync + 'static) {
        assert!(self.on_read.set(Box::new(event)).is_ok(), "set once");
    }

    fn wrap(&self, file: io::Result<Box<dyn SegmentFile>>) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FaultyFile {
            inner: file?,
            fault: Arc::clone(&self.fault),
            on_read: Arc::clone(&self.on_read),
        }))
    }
}

fn full(fault: &AtomicU8) -> io::Result<()> {
    if fault.load(Ordering::Relaxed) == FULL {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

fn stuck(fault: &AtomicU8) -> io::Result<()> {
    if fault.load(Ordering::Relaxed) == STUCK {
        return Err(io::Error::other("the disk is stuck"));
    }
    Ok(())
}

impl SegmentStore for FaultyStore {
    fn read_label(&self) -> io::Result<Option<Vec<u8>>> {
        self.inner.read_label()
    }

    fn replace_label(&mut self, text: &[u8]) -> io::Result<()> {
        self.inner.replace_label(text)
    }

    fn read_memory(&self) -> io::Result<Option<Vec<u8>>> {
        self.inner.read_memory()
    }

    fn replace_memory(&mut self, text: &[u8]) -> io::Result<()> {
        full(&self.fault)?;
        stuck(&self.fault)?;
        self.inner.replace_memory(text)
    }

    fn read_key(&self) -> io::Result<Option<Vec<u8>>> {
        self.inner.read_key()
    }

    fn replace_key(&mut self, text: &[u8]) -> io::Result<()> {
        full(&self.fault)?;
        self.inner.replace_key(text)
    }

    fn destroy_key(&mut self) -> io::Result<()> {
        stuck(&self.fault)?;
        self.inner.destroy_key()
    }

    fn list(&self) -> io::Result<Listing> {
        self.inner.list()
    }

    fn create_segment(&mut self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        full(&self.fault)?;
        let file = self.inner.create_segment(name);
        self.wrap(file)
    }

    fn publish_segment(&mut self, name: SegmentName) -> io::Result<()> {
        self.inner.publish_segment(name)
    }

    fn open_segment(&self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        self.wrap(self.inner.open_segment(name))
    }

    fn remove_segment(&mut self, name: SegmentName) -> io::Result<()> {
        stuck(&self.fault)?;
        self.inner.remove_segment(name)
    }

    fn remove_unpublished(&mut self, name: SegmentName) -> io::Result<()> {
        self.inner.remove_unpublished(name)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        stuck(&self.fault)?;
        self.inner.sync_directory()
    }
}

struct FaultyFile {
    inner: Box<dyn SegmentFile>,
    fault: Arc<AtomicU8>,
    on_read: OnRead,
}

impl SegmentFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(event) = self.on_read.get() {
            event();
        }
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        self.inner.write_at(parts, offset)
    }

    fn reserve(&self, from: u64, to: u64) -> io::Result<()> {
        full(&self.fault)?;
        self.inner.reserve(from, to)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        stuck(&self.fault)?;
        self.inner.truncate(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.fault.load(Ordering::Relaxed) == SYNC_FAILS {
            return Err(io::Error::other("the disk is gone"));
        }
        self.inner.sync()
    }
}
