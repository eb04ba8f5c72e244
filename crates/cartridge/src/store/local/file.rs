//! A segment's file.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate, fstatfs};
use rustix::io::{Errno, ReadWriteFlags, preadv2, pwritev};

use super::super::SegmentFile;
use super::write_out::WriteOut;

pub(super) struct LocalFile {
    file: File,
    /// Once it was asked whether it lies in a file system without a disk.
    in_memory: OnceLock<bool>,
    write_out: WriteOut,
}

impl LocalFile {
    pub(super) fn new(file: File) -> Self {
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

    #[test]
    fn zeros_reserve_exactly_the_range() {
        let file = LocalFile::new(tempfile::tempfile().unwrap());
        file.file.write_all_at(&[1; 100], 0).unwrap();
        file.write_zeros(50, 300_000).unwrap();
        let mut bytes = vec![7; 300_001];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 300_000);
        assert_eq!(bytes[..50], [1; 50]);
        assert!(bytes[50..300_000].iter().all(|byte| *byte == 0));
    }
}
