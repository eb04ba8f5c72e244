//! What mhvtl knows of a block: the same fields in the index and in single files.
//!
//! ```text
//!  0  u32  type: 11 block, 3 filemark, 5 end of data, 8 nothing, 14 beginning of tape (single files)
//!  4  u32  flags: 1 zlib, 2 written under a key, 4 LZO1X, 8 the checksum is good
//!  8  u32  number
//! 12  u32  size of the block
//! 16  u32  bytes that it takes in the file
//! 20  u32  CRC32C of the block (not in single files)
//! 24  u32  lengths of key, U-KAD, A-KAD (at 24, 28, 32), and 4 bytes of nothing
//! 40       key, U-KAD, A-KAD, 32 bytes each (at 40, 72, 104)
//! ```
//!
//! The key lies there in clear, and the block is not encrypted: mhvtl only asks a host for the key.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::input::u32_le;
use crate::{BLOCK_BYTES_MAX, Key};

/// How many bytes of an entry are looked at.
pub(super) const ENTRY_BYTES: usize = 136;

const FLAG_ZLIB: u32 = 0x01;
const FLAG_KEY: u32 = 0x02;
const FLAG_LZO: u32 = 0x04;
const FLAG_CRC: u32 = 0x08;
const FLAGS: u32 = FLAG_ZLIB | FLAG_KEY | FLAG_LZO | FLAG_CRC;
const KEY_BYTES_MAX: usize = 32;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Block,
    Filemark,
    EndOfData,
    Nothing,
    BeginningOfTape,
}

/// How a block is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compression {
    None,
    Zlib,
    Lzo,
}

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    pub(super) number: u32,
    pub(super) size: u32,
    pub(super) stored: u32,
    compression: Compression,
    crc: Option<u32>,
    pub(super) key: Option<Arc<Key>>,
}

impl Entry {
    /// Reads an entry. The error says what cannot be.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let flags = u32_le(bytes, 4);
        let kind = match u32_le(bytes, 0) {
            11 => EntryKind::Block,
            3 => EntryKind::Filemark,
            5 => EntryKind::EndOfData,
            8 => EntryKind::Nothing,
            14 => EntryKind::BeginningOfTape,
            other => return Err(format!("an entry of unknown type {other}")),
        };
        if flags & !FLAGS != 0 {
            return Err(format!("unknown flags {flags:#x}"));
        }
        let compression = match (flags & FLAG_ZLIB != 0, flags & FLAG_LZO != 0) {
            (false, false) => Compression::None,
            (true, false) => Compression::Zlib,
            (false, true) => Compression::Lzo,
            (true, true) => return Err("a block by zlib and LZO at once".to_owned()),
        };
        let entry = Self {
            kind,
            number: u32_le(bytes, 8),
            size: u32_le(bytes, 12),
            stored: u32_le(bytes, 16),
            compression,
            crc: (flags & FLAG_CRC != 0).then(|| u32_le(bytes, 20)),
            key: if flags & FLAG_KEY == 0 {
                None
            } else {
                Some(Arc::new(key(bytes)?))
            },
        };
        if kind == EntryKind::Block {
            entry.check_lengths()?;
        }
        Ok(entry)
    }

    fn check_lengths(&self) -> Result<(), String> {
        let (size, stored) = (self.size, self.stored);
        if !(1..=BLOCK_BYTES_MAX).contains(&size) {
            return Err(format!(
                "a block of {size} bytes; {BLOCK_BYTES_MAX} are possible"
            ));
        }
        if stored == 0 {
            return Err("null media: what was written to it was never kept".to_owned());
        }
        // Compressors may make a block longer, by little: mhvtl keeps the longer one.
        let stored_max = match self.compression {
            Compression::None => size,
            Compression::Zlib | Compression::Lzo => size + size / 16 + 1024,
        };
        if stored > stored_max || (self.compression == Compression::None && stored != size) {
            return Err(format!("a block of {size} bytes that takes {stored} bytes"));
        }
        Ok(())
    }

    /// Returns the block that is stored as `stored`.
    pub(super) fn unpack(&self, stored: Vec<u8>) -> Result<Vec<u8>, String> {
        let size = self.size as usize;
        let bytes = match self.compression {
            Compression::None => stored,
            Compression::Zlib => {
                miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&stored, size)
                    .map_err(|error| format!("zlib: {error}"))?
            }
            Compression::Lzo => {
                let mut bytes = vec![0; size];
                let length = lzokay::decompress::decompress(&stored, &mut bytes)
                    .map_err(|error| format!("LZO: {error}"))?;
                bytes.truncate(length);
                bytes
            }
        };
        if bytes.len() != size {
            return Err(format!(
                "a block of {size} bytes unpacks to {}",
                bytes.len()
            ));
        }
        match self.crc {
            Some(crc) if crc != crc_fast::crc32_iscsi(&bytes) => {
                Err("the checksum of a block is wrong".to_owned())
            }
            _ => Ok(bytes),
        }
    }
}

fn key(bytes: &[u8]) -> Result<Key, String> {
    let part = |length_at: usize, at: usize| {
        let length = u32_le(bytes, length_at) as usize;
        let part = bytes.get(at..at + length.min(KEY_BYTES_MAX));
        part.filter(|_| length <= KEY_BYTES_MAX)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| format!("a key or its data of {length} bytes; 32 are possible"))
    };
    Ok(Key {
        key: Zeroizing::new(part(24, 40)?),
        unauthenticated: part(28, 72)?,
        authenticated: part(32, 104)?,
    })
}
