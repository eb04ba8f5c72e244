//! A reader that knows where it is.

use std::io::{self, Read, Seek, SeekFrom};

use crate::Error;

/// A reader and its offset.
#[derive(Debug)]
pub(crate) struct Input<R> {
    reader: R,
    offset: u64,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, offset: 0 }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Fills `buffer`, or returns false at the end of the file when nothing of it was there.
    pub(crate) fn fill(&mut self, buffer: &mut [u8], what: &'static str) -> Result<bool, Error> {
        let begin = self.offset;
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(truncated(begin, what)),
                Ok(length) => {
                    filled += length;
                    self.offset += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Error::Io {
                        file: String::new(),
                        offset: self.offset,
                        source,
                    });
                }
            }
        }
        Ok(true)
    }

    /// Fills `buffer`; the end of the file before that is an error.
    pub(crate) fn fill_all(&mut self, buffer: &mut [u8], what: &'static str) -> Result<(), Error> {
        let begin = self.offset;
        if buffer.is_empty() || self.fill(buffer, what)? {
            Ok(())
        } else {
            Err(truncated(begin, what))
        }
    }

    /// Returns the next `length` bytes. Memory is taken as they come, so that a length that lies costs
    /// nothing.
    pub(crate) fn take(&mut self, length: usize, what: &'static str) -> Result<Vec<u8>, Error> {
        let begin = self.offset;
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let have = bytes.len();
            bytes.resize(length.min(have + CHUNK_BYTES), 0);
            if !self.fill(&mut bytes[have..], what)? {
                return Err(truncated(begin, what));
            }
        }
        Ok(bytes)
    }
}

impl<R: Read + Seek> Input<R> {
    /// Goes to `offset`. A reader that stands there already is left alone, and so is what it has read
    /// ahead.
    pub(crate) fn seek(&mut self, offset: u64) -> Result<(), Error> {
        if offset == self.offset {
            return Ok(());
        }
        let ahead = i64::try_from(offset)
            .ok()
            .zip(i64::try_from(self.offset).ok());
        let moved = match ahead {
            Some((to, from)) => self.reader.seek_relative(to - from),
            None => self.reader.seek(SeekFrom::Start(offset)).map(drop),
        };
        moved.map_err(|source| Error::Io {
            file: String::new(),
            offset,
            source,
        })?;
        self.offset = offset;
        Ok(())
    }
}

/// Returns `to`, where the next header of a chain is said to be; the one at `from` has `header_bytes`. Offsets only
/// ever grow, so no chain of headers is a circle.
pub(crate) fn forward(from: u64, to: u64, header_bytes: usize) -> Result<u64, Error> {
    if to >= from.saturating_add(header_bytes as u64) {
        Ok(to)
    } else {
        let reason = format!("the next header is said to be at {to}");
        Err(Error::damaged(from, reason))
    }
}

/// How much memory is taken at a time.
const CHUNK_BYTES: usize = 1 << 20;

fn truncated(offset: u64, what: &'static str) -> Error {
    Error::Truncated {
        file: String::new(),
        offset,
        what,
    }
}

/// Returns the little-endian number at `at`.
pub(crate) fn u32_le(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

/// Returns the little-endian number at `at`.
pub(crate) fn u64_le(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

/// Returns the big-endian number at `at`.
pub(crate) fn u32_be(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

/// Returns the big-endian number at `at`.
pub(crate) fn u64_be(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(bytes, at))
}

/// Returns `N` bytes from `at`; what lies behind the end counts as zero.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    if let Some(found) = bytes.get(at..at + N) {
        array.copy_from_slice(found);
    }
    array
}
