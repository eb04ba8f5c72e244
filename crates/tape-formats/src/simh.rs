//! SIMH tape images, `.tap`: read and written.
//!
//! From "SIMH Magtape Representation and Handling" (Supnik, Bryan). All numbers are little-endian.
//!
//! ```text
//! block      u32 C|length   length bytes   0 or 1 byte of padding   u32 C|length again
//! filemark   u32 0
//! others     u32, nothing else
//!
//! C is the class, the highest four bits:
//!   0         a good block                           8         a block that was read with an error
//!   1 to 6    private records: have the same shape   9 to D    reserved records: the same shape
//!   E         describes the tape: the same shape     7, F      private and reserved markers: no data
//! FFFFFFFE  erase gap           FFFEFFFF  half of one: the next marker begins two bytes further on
//! FFFFFFFF  end of medium: nothing after it counts; the end of the file means the same
//! ```
//!
//! A block of odd length has one byte of padding. Images of the E11 emulator have none; both are told
//! apart by where the second length stands, block by block. We write padding, no gaps and no end of
//! medium: the shortest image that every reader takes.

use std::io::{Read, Write};

use crate::input::{Input, u32_le};
use crate::{BLOCK_BYTES_MAX, Block, Error, Item, TapeReader};

const FILEMARK: u32 = 0;
const END_OF_MEDIUM: u32 = 0xffff_ffff;
const ERASE_GAP: u32 = 0xffff_fffe;
const HALF_GAP: u32 = 0xfffe_ffff;
const LENGTH_MASK: u32 = 0x0fff_ffff;

/// Reads an image.
#[derive(Debug)]
pub struct Reader<R> {
    input: Input<R>,
    has_ended: bool,
    bad_blocks: u64,
    lost_blocks: u64,
    skipped_records: u64,
    gaps: u64,
}

impl<R: Read> Reader<R> {
    /// Returns a reader that stands at the beginning of the tape. Reads in small pieces: give it a
    /// buffered reader.
    pub fn new(reader: R) -> Self {
        Self {
            input: Input::new(reader),
            has_ended: false,
            bad_blocks: 0,
            lost_blocks: 0,
            skipped_records: 0,
            gaps: 0,
        }
    }

    /// `FFFEFFFF` is the second half of one gap marker and the first half of the next.
    fn finish_half_gap(&mut self, offset: u64) -> Result<(), Error> {
        let mut rest = [0; 2];
        self.input.fill_all(&mut rest, "an erase gap")?;
        if rest == [0xff, 0xff] {
            Ok(())
        } else {
            Err(Error::damaged(offset, "half an erase gap stands alone"))
        }
    }

    /// Reads what follows the first length of a record.
    fn block(&mut self, marker: u32, offset: u64, is_bad: bool) -> Result<Item, Error> {
        let length = marker & LENGTH_MASK;
        if length > BLOCK_BYTES_MAX {
            let reason = format!("a block of {length} bytes; {BLOCK_BYTES_MAX} are possible");
            return Err(Error::damaged(offset, reason));
        }
        let bytes = self.input.take(length as usize, "a block")?;
        let mut end = [0; 5];
        self.input
            .fill_all(&mut end[..4], "the second length of a block")?;
        let is_odd = length % 2 == 1;
        if u32_le(&end, 0) == marker {
            // No padding: an even length, or the way of E11.
        } else if is_odd {
            self.input
                .fill_all(&mut end[4..], "the second length of a block")?;
            if u32_le(&end, 1) != marker {
                return Err(mismatch(offset, marker, u32_le(&end, 1)));
            }
        } else {
            return Err(mismatch(offset, marker, u32_le(&end, 0)));
        }
        Ok(Item::Block(Block {
            bytes,
            is_bad,
            key: None,
        }))
    }
}

fn mismatch(offset: u64, first: u32, second: u32) -> Error {
    let reason = format!("the lengths before and after a block differ: {first:#x} and {second:#x}");
    Error::damaged(offset, reason)
}

impl<R: Read> TapeReader for Reader<R> {
    fn read_item(&mut self) -> Result<Option<Item>, Error> {
        loop {
            let offset = self.input.offset();
            let mut marker = [0; 4];
            if !self.input.fill(&mut marker, "a length")? {
                return Ok(None);
            }
            let marker = u32::from_le_bytes(marker);
            match (marker, marker >> 28) {
                (FILEMARK, _) => return Ok(Some(Item::Filemark)),
                (END_OF_MEDIUM, _) => return Ok(None),
                (ERASE_GAP, _) => self.gaps += 1,
                (HALF_GAP, _) => {
                    // Two of its bytes belong to the gap; the other two begin the next marker.
                    self.gaps += 1;
                    self.finish_half_gap(offset)?;
                }
                (_, 0) => return self.block(marker, offset, false).map(Some),
                (_, 8) if marker & LENGTH_MASK == 0 => {
                    // The error is all there is: no second length, as with every empty record.
                    self.lost_blocks += 1;
                }
                (_, 8) => {
                    self.bad_blocks += 1;
                    return self.block(marker, offset, true).map(Some);
                }
                (_, 1..=6 | 14) => {
                    self.skipped_records += 1;
                    self.block(marker, offset, false)?;
                }
                (_, 7 | 15) => self.skipped_records += 1,
                _ => {
                    let reason = format!("record class {:X} is reserved", marker >> 28);
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
        let counted = [
            (self.bad_blocks, "blocks were read with an error once"),
            (
                self.lost_blocks,
                "blocks are known only to have been lost, and left out",
            ),
            (
                self.skipped_records,
                "private records and markers were left out",
            ),
            (self.gaps, "erase gaps were left out"),
        ];
        let told = counted.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

/// Writes an image.
#[derive(Debug)]
pub struct Writer<W> {
    writer: W,
    offset: u64,
}

impl<W: Write> Writer<W> {
    /// Returns a writer for an empty image.
    pub fn new(writer: W) -> Self {
        Self { writer, offset: 0 }
    }

    /// Writes a block of 1 to [`BLOCK_BYTES_MAX`] bytes.
    pub fn block(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if !(1..=BLOCK_BYTES_MAX).contains(&length) {
            let reason = format!("a block of {} bytes cannot be written", bytes.len());
            return Err(Error::damaged(self.offset, reason));
        }
        let length = length.to_le_bytes();
        self.put(&length)?;
        self.put(bytes)?;
        if bytes.len() % 2 == 1 {
            self.put(&[0])?;
        }
        self.put(&length)
    }

    /// Writes a filemark.
    pub fn filemark(&mut self) -> Result<(), Error> {
        self.put(&FILEMARK.to_le_bytes())
    }

    /// Returns the writer below, to bring out what it has gathered.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Returns the writer below. Nothing is written any more: the end of the file is the end of the tape.
    pub fn into_inner(self) -> W {
        self.writer
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writer.write_all(bytes).map_err(|source| Error::Io {
            file: String::new(),
            offset: self.offset,
            source,
        })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
