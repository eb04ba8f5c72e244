//! A cartridge in memory. Clones share the files, as two processes share a directory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Listing, SegmentFile, SegmentName, SegmentStore};

/// A cartridge in memory, for tests and trials.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    files: Arc<Mutex<Files>>,
}

#[derive(Debug, Default)]
struct Files {
    label: Option<Vec<u8>>,
    memory: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    chain: Option<Vec<u8>>,
    segments: BTreeMap<SegmentName, Contents>,
    unpublished: BTreeMap<SegmentName, Contents>,
    opened: u64,
}

type Contents = Arc<Mutex<Vec<u8>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No operation leaves the files half changed, so a panic elsewhere does not spoil them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how often a segment was opened.
    pub fn opened(&self) -> u64 {
        lock(&self.files).opened
    }
}

impl SegmentStore for MemoryStore {
    fn read_label(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(lock(&self.files).label.clone())
    }

    fn replace_label(&mut self, text: &[u8]) -> io::Result<()> {
        lock(&self.files).label = Some(text.to_vec());
        Ok(())
    }

    fn read_memory(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(lock(&self.files).memory.clone())
    }

    fn replace_memory(&mut self, text: &[u8]) -> io::Result<()> {
        lock(&self.files).memory = Some(text.to_vec());
        Ok(())
    }

    fn read_key(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(lock(&self.files).key.clone())
    }

    fn replace_key(&mut self, text: &[u8]) -> io::Result<()> {
        lock(&self.files).key = Some(text.to_vec());
        Ok(())
    }

    fn destroy_key(&mut self) -> io::Result<()> {
        lock(&self.files).key = None;
        Ok(())
    }

    fn open_chain(&self) -> io::Result<Option<Box<dyn io::Read>>> {
        let chain = lock(&self.files).chain.clone();
        Ok(chain.map(|bytes| Box::new(io::Cursor::new(bytes)) as Box<dyn io::Read>))
    }

    fn replace_chain(&mut self, bytes: &[u8]) -> io::Result<()> {
        lock(&self.files).chain = Some(bytes.to_vec());
        Ok(())
    }

    fn list(&self) -> io::Result<Listing> {
        let files = lock(&self.files);
        Ok(Listing {
            published: files.segments.keys().copied().collect(),
            unpublished: files.unpublished.keys().copied().collect(),
        })
    }

    fn create_segment(&mut self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        let mut files = lock(&self.files);
        if files.segments.contains_key(&name) || files.unpublished.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let contents = Contents::default();
        files.unpublished.insert(name, contents.clone());
        Ok(Box::new(MemoryFile { contents }))
    }

    fn publish_segment(&mut self, name: SegmentName) -> io::Result<()> {
        let mut files = lock(&self.files);
        let contents = files.unpublished.remove(&name);
        files
            .segments
            .insert(name, contents.ok_or(io::ErrorKind::NotFound)?);
        Ok(())
    }

    fn open_segment(&self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        let mut files = lock(&self.files);
        files.opened += 1;
        let contents = files.segments.get(&name).cloned();
        let contents = contents.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(MemoryFile { contents }))
    }

    fn remove_segment(&mut self, name: SegmentName) -> io::Result<()> {
        let removed = lock(&self.files).segments.remove(&name);
        removed.map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn remove_unpublished(&mut self, name: SegmentName) -> io::Result<()> {
        let removed = lock(&self.files).unpublished.remove(&name);
        removed.map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct MemoryFile {
    contents: Contents,
}

fn index(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl SegmentFile for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.contents).len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let contents = lock(&self.contents);
        let from = contents.get(index(offset)?..).unwrap_or_default();
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }

    fn read_at_once(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        self.read_at(buffer, offset).map(Some)
    }

    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let mut contents = lock(&self.contents);
        let mut at = index(offset)?;
        for part in parts {
            let end = at + part.len();
            if contents.len() < end {
                contents.resize(end, 0);
            }
            contents[at..end].copy_from_slice(part);
            at = end;
        }
        Ok(())
    }

    fn reserve(&self, _from: u64, to: u64) -> io::Result<()> {
        let mut contents = lock(&self.contents);
        let length = contents.len().max(index(to)?);
        contents.resize(length, 0);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        lock(&self.contents).truncate(index(length)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
