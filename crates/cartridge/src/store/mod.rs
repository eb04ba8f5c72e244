//! Where the files of one cartridge are.
//!
//! # Guarantees
//! A store promises no more than a file system does: a write may be lost, whole or in part, until
//! [`SegmentFile::sync`] returned; a created, published or removed name may be forgotten until
//! [`SegmentStore::sync_directory`] returned. Only label, memory, key and chain are replaced atomically and durably.
//! A segment is created under a name that means nothing and gets its own only when it is published, so
//! that its name stands for a file whose header was durable.
//! After a failed `sync` nothing is known about the writes before it.

mod local;
mod lying;
mod memory;
mod name;

use std::io;

pub use local::LocalStore;
pub use lying::{Fault, LyingStore};
pub use memory::MemoryStore;
pub use name::SegmentName;

/// The files of one cartridge. One owner at a time; the caller sees to that.
pub trait SegmentStore: Send {
    /// Returns the label file, or `None` when there is none.
    fn read_label(&self) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the label file. Atomic; durable when it returns.
    fn replace_label(&mut self, text: &[u8]) -> io::Result<()>;

    /// Returns the memory file, or `None` when there is none.
    fn read_memory(&self) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the memory file. Atomic; durable when it returns.
    fn replace_memory(&mut self, text: &[u8]) -> io::Result<()>;

    /// Returns the key file, or `None` when there is none.
    fn read_key(&self) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the key file. Atomic; durable when it returns. What it held before is overwritten, as far
    /// as the disk lets that be known.
    fn replace_key(&mut self, text: &[u8]) -> io::Result<()>;

    /// Overwrites and removes the key file, if there is one. Durable when it returns.
    fn destroy_key(&mut self) -> io::Result<()>;

    /// Returns the chain file to be read, or `None` when there is none. A store that keeps none says so.
    fn open_chain(&self) -> io::Result<Option<Box<dyn io::Read>>> {
        Ok(None)
    }

    /// Replaces the chain file. Atomic; durable when it returns.
    fn replace_chain(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Returns a second handle to the same files, for a thread that removes dead segments and replaces the
    /// chain file beside the owner. A store without one is tidied by the owner.
    fn second_handle(&self) -> Option<Box<dyn SegmentStore>> {
        None
    }

    /// Returns the names of all segment files. Other files are left alone.
    fn list(&self) -> io::Result<Listing>;

    /// Returns the names of the published segments, in no order.
    fn segments(&self) -> io::Result<Vec<SegmentName>> {
        Ok(self.list()?.published)
    }

    /// Creates the file of a segment that must not exist, under a name that means nothing. Nobody can
    /// open it before it is published.
    fn create_segment(&mut self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>>;

    /// Gives a segment that was created its name. Atomic, but not durable before `sync_directory`; when
    /// it fails the name may be there or not.
    fn publish_segment(&mut self, name: SegmentName) -> io::Result<()>;

    /// Opens the file of a published segment.
    fn open_segment(&self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>>;

    /// Removes the file of a published segment. Not durable before `sync_directory`.
    fn remove_segment(&mut self, name: SegmentName) -> io::Result<()>;

    /// Removes the file of a segment that was created and not published; it means nothing.
    fn remove_unpublished(&mut self, name: SegmentName) -> io::Result<()>;

    /// Returns when all created and removed names are on stable storage.
    fn sync_directory(&mut self) -> io::Result<()>;
}

/// The segments in a store, in no order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those that have their name.
    pub published: Vec<SegmentName>,
    /// Those that were being created, now or when the machine stopped.
    pub unpublished: Vec<SegmentName>,
}

/// One segment file. Whoever writes is one thread at a time; others may read, reserve and sync meanwhile.
pub trait SegmentFile: Send + Sync {
    /// Returns the length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset`; returns how much there was, less only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The same, but `None` where that would mean to wait for a disk. A file that does not know says
    /// so.
    fn read_at_once(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<Option<usize>> {
        Ok(None)
    }

    /// Writes `parts` one after the other at `offset`. Not durable before `sync`.
    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()>;

    /// Makes sure that writes from `from` up to `to` bytes will find room; the file grows to `to`,
    /// and what was not written reads as zeros. Nothing before `from` changes.
    fn reserve(&self, from: u64, to: u64) -> io::Result<()>;

    /// Cuts the file to `length` bytes. Not durable before `sync`.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Returns when everything written is on stable storage.
    fn sync(&self) -> io::Result<()>;

    /// What is read afterwards is what the disk has, as far as the system can be told: after a `sync` that
    /// failed, perhaps in a process before this one, it may show what it will never write. A file that has no
    /// cache does nothing.
    fn forget_cache(&self) -> io::Result<()> {
        Ok(())
    }
}
