//! Tape images of tgt, the Linux SCSI target framework: read.
//!
//! One file. All numbers are big-endian but the checksum, which is little-endian on the machines that
//! tgt runs on.
//!
//! ```text
//! header, 48 bytes                            image
//!  0  u32  CRC32C of the other 44 bytes           0  header of type BOT; block size: capacity in MB
//!  4  u32  bytes that follow in the file         48  memory: 1104 bytes
//!  8  u32  block size                          1152  header, data, header, data, …
//! 12  u32  type: 10h BOT, 02h block, 40h            the last one is of type EOD, and its `next` is
//!          filemark, 80h setmark, 20h EOD           its own offset
//! 16  u64  number
//! 24  u64  offsets of the header before,
//!     this one (32), and the next (40)
//! ```

use std::io::{Read, Seek};

use crate::input::{Input, forward, u32_be, u32_le, u64_be};
use crate::{BLOCK_BYTES_MAX, Block, Error, Item, TapeReader};

const HEADER_BYTES: usize = 48;
const BOT: u32 = 0x10;
const BLOCK: u32 = 0x02;
const FILEMARK: u32 = 0x40;
const SETMARK: u32 = 0x80;
const END_OF_DATA: u32 = 0x20;

/// Reads an image.
#[derive(Debug)]
pub struct Reader<R> {
    input: Input<R>,
    next: u64,
    capacity_mb: u32,
    setmarks: u64,
    has_ended: bool,
}

#[derive(Debug)]
struct Header {
    stored: u32,
    size: u32,
    kind: u32,
    next: u64,
}

impl<R: Read + Seek> Reader<R> {
    /// Reads the first header.
    pub fn new(reader: R) -> Result<Self, Error> {
        let mut input = Input::new(reader);
        let first = read_header(&mut input, 0)?;
        if first.kind != BOT {
            return Err(Error::damaged(
                0,
                "not a tape image of tgt: no beginning of tape",
            ));
        }
        Ok(Self {
            input,
            next: forward(0, first.next, HEADER_BYTES)?,
            capacity_mb: first.size,
            setmarks: 0,
            has_ended: false,
        })
    }

    /// Returns the capacity that the image was made with, in units of 2^20 bytes.
    pub fn capacity_mb(&self) -> u32 {
        self.capacity_mb
    }

    fn block(&mut self, offset: u64, header: &Header) -> Result<Vec<u8>, Error> {
        if !(1..=BLOCK_BYTES_MAX).contains(&header.size) || header.stored != header.size {
            let (size, stored) = (header.size, header.stored);
            let reason = format!("a block of {size} bytes with {stored} bytes in the file");
            return Err(Error::damaged(offset, reason));
        }
        self.input.take(header.size as usize, "a block")
    }
}

fn read_header<R: Read + Seek>(input: &mut Input<R>, offset: u64) -> Result<Header, Error> {
    input.seek(offset)?;
    let mut bytes = [0; HEADER_BYTES];
    input.fill_all(&mut bytes, "a header")?;
    if u32_le(&bytes, 0) != crc_fast::crc32_iscsi(&bytes[4..]) {
        return Err(Error::damaged(offset, "the checksum of a header is wrong"));
    }
    let here = u64_be(&bytes, 32);
    if here != offset {
        return Err(Error::damaged(
            offset,
            format!("a header that belongs at {here}"),
        ));
    }
    Ok(Header {
        stored: u32_be(&bytes, 4),
        size: u32_be(&bytes, 8),
        kind: u32_be(&bytes, 12),
        next: u64_be(&bytes, 40),
    })
}

impl<R: Read + Seek> TapeReader for Reader<R> {
    fn read_item(&mut self) -> Result<Option<Item>, Error> {
        loop {
            let offset = self.next;
            let header = read_header(&mut self.input, offset)?;
            match header.kind {
                END_OF_DATA => return Ok(None),
                FILEMARK => {
                    self.next = forward(offset, header.next, HEADER_BYTES)?;
                    return Ok(Some(Item::Filemark));
                }
                SETMARK => {
                    self.next = forward(offset, header.next, HEADER_BYTES)?;
                    self.setmarks += 1;
                }
                BLOCK => {
                    let bytes = self.block(offset, &header)?;
                    self.next = forward(offset, header.next, HEADER_BYTES)?;
                    return Ok(Some(Item::Block(Block::plain(bytes))));
                }
                kind => {
                    let reason = format!("a header of unknown type {kind:#x}");
                    return Err(Error::damaged(offset, reason));
                }
            }
        }
    }

    fn has_ended(&mut self) -> &mut bool {
        &mut self.has_ended
    }

    fn bytes_read(&self) -> u64 {
        self.input.offset()
    }

    fn remarks(&self) -> Vec<String> {
        match self.setmarks {
            0 => Vec::new(),
            count => vec![format!("{count} setmarks were left out")],
        }
    }
}
