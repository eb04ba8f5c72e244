//! A cartridge that keeps nothing but the lengths of its blocks.
//!
//! Written data are dropped; reading gives blocks of the written lengths whose content is always the
//! same pattern. What remains of a command is the way to the medium and back.

use bytes::Bytes;
use cartridge::{
    Appended, Codec, Decryption, Encryption, Error, Label, Located, Memory, MemoryState, NextBlock,
    Position, Read, Spaced, Stop, Usage, Work,
};
use tape_library::drive::Volume;
use uuid::Uuid;

/// Nobody takes this for the barcode of a cartridge with data.
const BARCODE: &str = "NULL-KEEPS-NOTHING";

/// The longest block of our drives.
const BLOCK_BYTES_MAX: usize = 16 << 20;

/// Returns what every block of `length` bytes reads as.
pub(crate) fn pattern(length: usize) -> Bytes {
    let period: Vec<u8> = (0..=250).collect(); // a prime: no power of two finds it aligned
    period.into_iter().cycle().take(length).collect()
}

/// The cartridge.
pub(crate) struct NullCartridge {
    label: Label,
    memory: Memory,
    pattern: Bytes,
    objects: Vec<Object>,
    cursor: usize,
}

/// A block or a filemark, and what lies before it.
#[derive(Clone, Copy, Default)]
struct Object {
    /// 0 for a filemark.
    length: u32,
    filemarks_before: u64,
    bytes_before: u64,
}

impl Object {
    fn is_filemark(self) -> bool {
        self.length == 0
    }
}

impl NullCartridge {
    /// Returns an empty cartridge.
    pub(crate) fn new() -> Self {
        Self {
            label: Label {
                uuid: Uuid::nil(),
                barcode: BARCODE.to_owned(),
                media: "null".to_owned(),
                density: 0,
                capacity_bytes: 1 << 50,
                created_unix_ms: 0,
                write_protected: false,
                form: cartridge::Form::Data,
                layout: None,
            },
            memory: Memory::default(),
            pattern: pattern(BLOCK_BYTES_MAX),
            objects: Vec::new(),
            cursor: 0,
        }
    }

    /// Returns an object at `index` that has no length yet.
    fn at(&self, index: usize) -> Object {
        let Some(last) = index.checked_sub(1).map(|last| self.objects[last]) else {
            return Object::default();
        };
        Object {
            length: 0,
            filemarks_before: last.filemarks_before + u64::from(last.is_filemark()),
            bytes_before: last.bytes_before + u64::from(last.length),
        }
    }

    fn place(&self, cursor: usize) -> Position {
        Position {
            partition: 0,
            object: cursor as u64,
            filemarks: self.at(cursor).filemarks_before,
        }
    }

    /// Appends an object, behind which nothing is left.
    fn append(&mut self, length: u32) {
        self.objects.truncate(self.cursor);
        let object = self.at(self.cursor);
        self.objects.push(Object { length, ..object });
        self.cursor = self.objects.len();
    }

    /// Moves over objects until `count` of the kind that `counts` tells are passed; `stops` tells
    /// which end the motion.
    fn space(&mut self, count: i64, counts: fn(Object) -> bool) -> Spaced {
        let mut moved = 0;
        while moved < count.unsigned_abs() {
            let object = if count > 0 {
                self.objects.get(self.cursor).copied()
            } else {
                self.cursor.checked_sub(1).map(|index| self.objects[index])
            };
            let Some(object) = object else {
                let end = if count > 0 {
                    Stop::EndOfData
                } else {
                    Stop::BeginningOfPartition
                };
                let stopped_by = Some(end);
                return Spaced { moved, stopped_by };
            };
            if count > 0 {
                self.cursor += 1;
            } else {
                self.cursor -= 1;
            }
            if counts(object) {
                moved += 1;
            } else if object.is_filemark() {
                let stopped_by = Some(Stop::Filemark);
                return Spaced { moved, stopped_by };
            }
        }
        Spaced {
            moved,
            stopped_by: None,
        }
    }
}

impl Volume for NullCartridge {
    fn label(&self) -> &Label {
        &self.label
    }

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn memory_state(&self) -> &MemoryState {
        &MemoryState::New
    }

    fn set_memory(&mut self, memory: Memory) -> Result<(), Error> {
        self.memory = memory;
        Ok(())
    }

    fn work(&self) -> Work {
        Work::default()
    }

    fn position(&self) -> Position {
        self.place(self.cursor)
    }

    fn end_of_data(&self) -> Position {
        self.place(self.objects.len())
    }

    fn usage(&self) -> Usage {
        let Object {
            filemarks_before: filemarks,
            bytes_before: host_bytes,
            ..
        } = self.at(self.objects.len());
        Usage {
            host_bytes,
            stored_bytes: 0,
            capacity_bytes: self.label.capacity_bytes,
            blocks: self.objects.len() as u64 - filemarks,
            filemarks,
        }
    }

    fn settle_usage(&mut self, _stored_bytes: u64) {}

    fn partitions(&self) -> u8 {
        1
    }

    fn usage_of(&self, partition: u8) -> Option<Usage> {
        (partition == 0).then(|| self.usage())
    }

    fn set_codec(&mut self, _: Codec) {}

    fn set_encryption(&mut self, _: Option<Encryption>) -> Result<(), Error> {
        Ok(())
    }

    fn set_decryption(&mut self, _: Decryption) {}

    fn holds_encrypted_blocks(&self) -> bool {
        false
    }

    fn next_block(&mut self) -> Result<NextBlock, Error> {
        Ok(match self.objects.get(self.cursor) {
            None => NextBlock::EndOfData,
            Some(object) if object.is_filemark() => NextBlock::Filemark,
            Some(_) => NextBlock::Plain,
        })
    }

    fn is_ready_for(&self, _: usize) -> bool {
        true
    }

    fn append_block(&mut self, block: Bytes) -> Result<Appended, Error> {
        let length = block.len();
        let recorded = u32::try_from(length).map_err(|_| Error::BlockLength { length })?;
        self.append(recorded);
        Ok(NOT_NEAR_THE_END)
    }

    fn append_filemarks(&mut self, count: u32) -> Result<Appended, Error> {
        for _ in 0..count {
            self.append(0);
        }
        Ok(NOT_NEAR_THE_END)
    }

    fn is_ready_to_read(&mut self) -> bool {
        true
    }

    fn synchronize(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn undo_doubtful(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn erase(&mut self) -> Result<(), Error> {
        self.objects.truncate(self.cursor);
        Ok(())
    }

    fn read_block(&mut self) -> Result<Read, Error> {
        let read = match self.objects.get(self.cursor) {
            None => return Ok(Read::EndOfData),
            Some(object) if object.is_filemark() => Read::Filemark,
            Some(object) => Read::Block(self.pattern.slice(..object.length as usize)),
        };
        self.cursor += 1;
        Ok(read)
    }

    /// Sizes mean nothing to what keeps nothing, and it has no second partition.
    fn format(&mut self, partition_bytes: &[u64]) -> Result<(), Error> {
        if partition_bytes.len() > 1 {
            return Err(Error::NoSuchPartition { partition: 1 });
        }
        self.objects.clear();
        self.rewind()
    }

    fn set_capacity(&mut self, capacity_bytes: u64) -> Result<(), Error> {
        self.format(&[capacity_bytes])
    }

    fn change_partition(&mut self, partition: u8) -> Result<(), Error> {
        if partition > 0 {
            return Err(Error::NoSuchPartition { partition });
        }
        self.rewind()
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.cursor = 0;
        Ok(())
    }

    fn locate_block(&mut self, object: u64) -> Result<Located, Error> {
        let end = self.objects.len();
        let wanted = usize::try_from(object).unwrap_or(usize::MAX);
        self.cursor = wanted.min(end);
        Ok(if wanted > end {
            Located::EndOfData
        } else {
            Located::Reached
        })
    }

    fn locate_filemark(&mut self, file: u64) -> Result<Located, Error> {
        self.cursor = 0;
        let spaced = self.space_filemarks(i64::try_from(file).unwrap_or(i64::MAX))?;
        Ok(match spaced.stopped_by {
            None => Located::Reached,
            Some(_) => Located::EndOfData,
        })
    }

    fn space_blocks(&mut self, count: i64) -> Result<Spaced, Error> {
        Ok(self.space(count, |object| !object.is_filemark()))
    }

    fn space_filemarks(&mut self, count: i64) -> Result<Spaced, Error> {
        Ok(self.space(count, Object::is_filemark))
    }

    fn space_end_of_data(&mut self) -> Result<(), Error> {
        self.cursor = self.objects.len();
        Ok(())
    }

    fn unload(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}

const NOT_NEAR_THE_END: Appended = Appended {
    early_warning: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_length_and_nothing_else() {
        let mut cartridge = NullCartridge::new();
        for length in [3, 700] {
            cartridge
                .append_block(Bytes::from(vec![0xff; length]))
                .unwrap();
        }
        cartridge.append_filemarks(1).unwrap();
        assert_eq!(cartridge.usage().host_bytes, 703);
        cartridge.rewind().unwrap();
        assert_eq!(cartridge.read_block().unwrap(), Read::Block(pattern(3)));
        assert_eq!(cartridge.read_block().unwrap(), Read::Block(pattern(700)));
        assert_eq!(cartridge.read_block().unwrap(), Read::Filemark);
        assert_eq!(cartridge.read_block().unwrap(), Read::EndOfData);
        assert_eq!(cartridge.position().filemarks, 1);
    }

    #[test]
    fn it_is_a_tape_to_motions_and_overwrites() {
        let mut cartridge = NullCartridge::new();
        for _ in 0..2 {
            cartridge
                .append_block(Bytes::from_static(b"block"))
                .unwrap();
            cartridge.append_filemarks(1).unwrap();
        }
        let spaced = cartridge.space_blocks(-1).unwrap();
        assert_eq!((spaced.moved, spaced.stopped_by), (0, Some(Stop::Filemark)));
        assert_eq!(cartridge.locate_filemark(1).unwrap(), Located::Reached);
        assert_eq!(cartridge.position().object, 2);
        cartridge
            .append_block(Bytes::from_static(b"other"))
            .unwrap();
        assert_eq!(cartridge.end_of_data().object, 3, "the rest is cut off");
        assert_eq!(cartridge.locate_block(9).unwrap(), Located::EndOfData);
        let spaced = cartridge.space_blocks(-9).unwrap();
        assert_eq!((spaced.moved, spaced.stopped_by), (1, Some(Stop::Filemark)));
    }
}
