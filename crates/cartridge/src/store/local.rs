//! A cartridge as a directory of a local file system.
//!
//! # Crash
//! The label is written to `label.tmp`, synced, renamed over `label`, and the directory is synced.
//! A `label.tmp` left behind by a crash means nothing and is written over. The same with `memory`
//! and `key`; what the latter held before is overwritten afterwards.
//! A segment is `….seg.new` until it is published, by a rename.

mod write_out;

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate, fstatfs};
use rustix::io::{Errno, ReadWriteFlags, preadv2, pwritev};

use self::write_out::WriteOut;
use super::{Listing, SegmentFile, SegmentName, SegmentStore};
use crate::format::in_memory;
use crate::limits::{KEY_FILE_BYTES_MAX, LABEL_BYTES_MAX, MEMORY_BYTES_MAX};

const LABEL: &str = "label";
const MEMORY: &str = "memory";
const CHAIN: &str = "chain";
const KEY: &str = "key";
const KEY_TEMPORARY: &str = "key.tmp";
/// What follows the name of a segment that is being created.
const UNPUBLISHED: &str = ".new";

/// A cartridge in a directory.
#[derive(Debug)]
pub struct LocalStore {
    directory: PathBuf,
}

impl LocalStore {
    /// Returns the store in `directory`, which exists or is created with [`LocalStore::create`].
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Creates `directory` unless it exists, and returns the store in it. Durable when it returns.
    pub fn create(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let store = Self::new(directory);
        match fs::create_dir(&store.directory) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let parent = store
            .directory
            .parent()
            .filter(|p| !p.as_os_str().is_empty());
        sync_directory(parent.unwrap_or(Path::new(".")))?;
        Ok(store)
    }

    fn path(&self, name: SegmentName) -> PathBuf {
        self.directory.join(name.to_string())
    }

    fn unpublished_path(&self, name: SegmentName) -> PathBuf {
        self.directory.join(format!("{name}{UNPUBLISHED}"))
    }

    fn read(&self, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.directory.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(bytes_max).read_to_end(&mut text)?;
        Ok(Some(text))
    }

    fn open_to_wipe(&self, name: &str) -> io::Result<Option<File>> {
        let opened = OpenOptions::new()
            .write(true)
            .open(self.directory.join(name));
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn replace(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        let new = self.directory.join(format!("{name}.tmp"));
        let file = File::create(&new)?;
        file.write_all_at(text, 0)?;
        file.sync_all()?;
        fs::rename(&new, self.directory.join(name))?;
        sync_directory(&self.directory)
    }
}

impl SegmentStore for LocalStore {
    fn read_label(&self) -> io::Result<Option<Vec<u8>>> {
        self.read(LABEL, LABEL_BYTES_MAX)
    }

    fn replace_label(&mut self, text: &[u8]) -> io::Result<()> {
        self.replace(LABEL, text)
    }

    fn read_memory(&self) -> io::Result<Option<Vec<u8>>> {
        self.read(MEMORY, MEMORY_BYTES_MAX)
    }

    fn replace_memory(&mut self, text: &[u8]) -> io::Result<()> {
        self.replace(MEMORY, text)
    }

    fn read_key(&self) -> io::Result<Option<Vec<u8>>> {
        self.read(KEY, KEY_FILE_BYTES_MAX)
    }

    fn replace_key(&mut self, text: &[u8]) -> io::Result<()> {
        let old = self.open_to_wipe(KEY)?;
        self.replace(KEY, text)?;
        match old {
            // Somebody has a copy under another name and will want it whole.
            Some(old) if old.metadata()?.nlink() > 0 => Ok(()),
            Some(old) => wipe(&old),
            None => Ok(()),
        }
    }

    fn destroy_key(&mut self) -> io::Result<()> {
        for name in [KEY_TEMPORARY, KEY] {
            if let Some(file) = self.open_to_wipe(name)? {
                wipe(&file)?;
                fs::remove_file(self.directory.join(name))?;
            }
        }
        sync_directory(&self.directory)
    }

    fn open_chain(&self) -> io::Result<Option<Box<dyn io::Read>>> {
        match File::open(self.directory.join(CHAIN)) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn replace_chain(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.replace(CHAIN, bytes)
    }

    fn second_handle(&self) -> Option<Box<dyn SegmentStore>> {
        Some(Box::new(Self::new(&self.directory)))
    }

    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else {
                continue;
            };
            let (names, name) = match name.strip_suffix(UNPUBLISHED) {
                Some(name) => (&mut listing.unpublished, name),
                None => (&mut listing.published, name),
            };
            names.extend(name.parse::<SegmentName>());
        }
        Ok(listing)
    }

    fn create_segment(&mut self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = options.open(self.unpublished_path(name))?;
        Ok(Box::new(LocalFile::new(file)))
    }

    fn publish_segment(&mut self, name: SegmentName) -> io::Result<()> {
        fs::rename(self.unpublished_path(name), self.path(name))
    }

    fn open_segment(&self, name: SegmentName) -> io::Result<Box<dyn SegmentFile>> {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        // A directory that may only be read can still be listed and inspected.
        let file = match options.read(true).write(true).open(&path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                File::open(&path)?
            }
            opened => opened?,
        };
        Ok(Box::new(LocalFile::new(file)))
    }

    fn remove_segment(&mut self, name: SegmentName) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn remove_unpublished(&mut self, name: SegmentName) -> io::Result<()> {
        fs::remove_file(self.unpublished_path(name))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        sync_directory(&self.directory)
    }
}

/// Writes zeros over all of `file`. Durable when it returns.
fn wipe(file: &File) -> io::Result<()> {
    let length = file.metadata()?.len().min(KEY_FILE_BYTES_MAX);
    file.write_all_at(&vec![0; in_memory(length)], 0)?;
    file.sync_all()
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

struct LocalFile {
    file: File,
    /// Once it was asked whether it lies in a file system without a disk.
    in_memory: OnceLock<bool>,
    write_out: WriteOut,
}

impl LocalFile {
    fn new(file: File) -> Self {
        Self {
            file,
            in_memory: OnceLock::new(),
            write_out: WriteOut::new(),
        }
    }

    /// How much is written at once where a file system cannot reserve.
    const ZEROS_BYTES: usize = 256 << 10;

    fn is_in_memory(&self) -> bool {
        const TMPFS: i64 = 0x0102_1994; // statfs(2)
        const RAMFS: i64 = 0x8584_58f6;
        *self.in_memory.get_or_init(|| {
            fstatfs(&self.file).is_ok_and(|system| matches!(system.f_type, TMPFS | RAMFS))
        })
    }

    /// Reserves by writing zeros: slower, but a full disk shows here and not later.
    fn write_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let zeros = vec![0; Self::ZEROS_BYTES];
        let mut offset = from;
        while offset < to {
            let left = usize::try_from(to - offset).unwrap_or(usize::MAX);
            let part = &zeros[..left.min(zeros.len())];
            self.file.write_all_at(part, offset)?;
            offset += part.len() as u64;
        }
        Ok(())
    }
}

impl SegmentFile for LocalFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self
                .file
                .read_at(&mut buffer[filled..], offset + filled as u64)
            {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// From the page cache or not at all. A file system that cannot tell (tmpfs) is asked what it is:
    /// one in memory never waits.
    fn read_at_once(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        if self.in_memory.get() == Some(&true) {
            return self.read_at(buffer, offset).map(Some);
        }
        let length = buffer.len();
        let mut slices = [IoSliceMut::new(buffer)];
        match preadv2(&self.file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(count) if count == length => Ok(Some(count)),
            Err(Errno::OPNOTSUPP) if self.is_in_memory() => self.read_at(buffer, offset).map(Some),
            // Less than was asked for: the rest is on the disk, or the file ends.
            Ok(_) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut slices = &mut slices[..];
        let mut end = offset;
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match pwritev(&self.file, slices, end) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    IoSlice::advance_slices(&mut slices, count);
                    end += count as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.write_out.wrote(&self.file, offset, end);
        Ok(())
    }

    fn reserve(&self, from: u64, to: u64) -> io::Result<()> {
        if from >= to {
            return Ok(());
        }
        loop {
            // Mode 0: the file grows, so that later writes change no metadata but the extents.
            match fallocate(&self.file, FallocateFlags::empty(), from, to - from) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => return self.write_zeros(from, to),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn forget_cache(&self) -> io::Result<()> {
        Ok(fadvise(&self.file, 0, None, Advice::DontNeed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_label_is_replaced_and_nothing_else_is_taken_for_a_segment() {
        let parent = tempfile::tempdir().unwrap();
        let mut store = LocalStore::create(parent.path().join("c")).unwrap();
        assert_eq!(store.read_label().unwrap(), None);
        store.replace_label(b"first, and longer").unwrap();
        store.replace_label(b"second").unwrap();
        assert_eq!(store.read_label().unwrap().unwrap(), b"second");
        assert_eq!(store.segments().unwrap(), []);
    }

    #[test]
    fn what_a_crash_left_of_a_new_memory_means_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let mut store = LocalStore::create(parent.path().join("c")).unwrap();
        assert_eq!(store.read_memory().unwrap(), None);
        store.replace_memory(b"first").unwrap();
        fs::write(store.directory.join("memory.tmp"), b"half, and longer").unwrap();
        assert_eq!(store.read_memory().unwrap().unwrap(), b"first");
        store.replace_memory(b"second").unwrap();
        assert_eq!(store.read_memory().unwrap().unwrap(), b"second");
        assert_eq!(store.segments().unwrap(), []);
    }

    #[test]
    fn zeros_reserve_exactly_the_range() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = LocalStore::new(directory.path());
        let name = SegmentName {
            partition: 0,
            number: 1,
            uuid: Uuid::from_u128(1),
        };
        store.create_segment(name).unwrap();
        assert_eq!(store.list().unwrap().unpublished, [name]);
        assert_eq!(store.segments().unwrap(), []);
        assert!(store.open_segment(name).is_err());
        store.publish_segment(name).unwrap();
        assert_eq!(store.segments().unwrap(), [name]);
        let file = LocalFile::new(File::options().write(true).open(store.path(name)).unwrap());
        file.file.write_all_at(&[1; 100], 0).unwrap();
        file.write_zeros(50, 300_000).unwrap();
        let bytes = fs::read(store.path(name)).unwrap();
        assert_eq!(bytes.len(), 300_000);
        assert_eq!(bytes[..50], [1; 50]);
        assert!(bytes[50..].iter().all(|byte| *byte == 0));
    }
}
