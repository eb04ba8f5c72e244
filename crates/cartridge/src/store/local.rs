//! A cartridge as a directory of a local file system.
//!
//! # Crash
//! The label is written to `label.tmp`, synced, renamed over `label`, and the directory is synced.
//! A `label.tmp` left behind by a crash means nothing and is written over. The same with `memory`
//! and `key`; what the latter held before is overwritten afterwards.
//! A segment is `….seg.new` until it is published, by a rename.

mod file;
mod write_out;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use self::file::LocalFile;
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
    fn a_segment_has_its_name_when_it_is_published() {
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
        store.open_segment(name).unwrap();
    }
}
