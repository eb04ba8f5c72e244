//! What a host does with tapes and changers: CDBs with names.

use bytes::Bytes;
use iscsi::initiator::{DataTransfer, Finished};

use super::host::{Host, Sense};

/// What READ(6) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Block(Vec<u8>),
    Filemark,
    EndOfData,
}

#[allow(clippy::cast_possible_truncation)] // lengths of tests fit their fields
impl Host {
    /// WRITE(6), one variable block (SSC-5 §5.4).
    pub(crate) fn write_block(&mut self, block: &[u8]) {
        let finished = self.try_write_block(block);
        assert_eq!(finished.status, 0, "WRITE(6): {}", Sense::of(&finished));
    }

    /// WRITE(6), whatever comes of it.
    pub(crate) fn try_write_block(&mut self, block: &[u8]) -> Finished {
        let [_, high, middle, low] = (block.len() as u32).to_be_bytes();
        let data = DataTransfer::Out(Bytes::copy_from_slice(block));
        self.run(&[0x0a, 0, high, middle, low, 0], data)
    }

    /// READ(6), one variable block of at most `length` bytes, shorter ones welcome (SILI).
    pub(crate) fn read_block(&mut self, length: u32) -> Found {
        let [_, high, middle, low] = length.to_be_bytes();
        let finished = self.run(
            &[0x08, 0x02, high, middle, low, 0],
            DataTransfer::In(length),
        );
        let sense = Sense::of(&finished);
        match (finished.status, sense.key) {
            (0, _) => Found::Block(finished.data),
            (2, 0x0) if sense.filemark => Found::Filemark,
            (2, 0x8) => Found::EndOfData,
            _ => panic!("READ(6): status {}, {sense}", finished.status),
        }
    }

    /// WRITE FILEMARKS(6) without IMMED: everything before is durable when it returns.
    pub(crate) fn write_filemarks(&mut self, count: u8) {
        self.good(&[0x10, 0, 0, 0, count, 0], DataTransfer::None);
    }

    /// REWIND.
    pub(crate) fn rewind(&mut self) {
        self.good(&[0x01, 0, 0, 0, 0, 0], DataTransfer::None);
    }

    /// SPACE(6): code 0 for blocks, 1 for filemarks, 3 for end of data.
    pub(crate) fn space(&mut self, code: u8, count: i32) {
        let [_, high, middle, low] = count.to_be_bytes();
        self.good(&[0x11, code, high, middle, low, 0], DataTransfer::None);
    }

    /// LOCATE(10) to a block.
    pub(crate) fn locate(&mut self, block: u32) {
        let [a, b, c, d] = block.to_be_bytes();
        self.good(&[0x2b, 0, 0, a, b, c, d, 0, 0, 0], DataTransfer::None);
    }

    /// READ POSITION, short form: the number of the next block.
    pub(crate) fn position(&mut self) -> u32 {
        let data = self.good(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], DataTransfer::In(20));
        u32::from_be_bytes(data[4..8].try_into().unwrap())
    }

    /// LOAD UNLOAD with LOAD=0.
    pub(crate) fn unload(&mut self) {
        self.good(&[0x1b, 0, 0, 0, 0, 0], DataTransfer::None);
    }

    /// MOVE MEDIUM.
    pub(crate) fn move_medium(&mut self, from: u16, to: u16) -> Finished {
        let [from_high, from_low] = from.to_be_bytes();
        let [to_high, to_low] = to.to_be_bytes();
        let cdb = [
            0xa5, 0, 0, 0, from_high, from_low, to_high, to_low, 0, 0, 0, 0,
        ];
        self.run(&cdb, DataTransfer::None)
    }

    /// Reads everything from here to the end of data.
    pub(crate) fn read_to_end(&mut self) -> Vec<Found> {
        let mut found = Vec::new();
        loop {
            match self.read_block(BLOCK_MAX) {
                Found::EndOfData => return found,
                other => found.push(other),
            }
        }
    }
}

/// Longer than any block of the stories but the largest.
const BLOCK_MAX: u32 = 2 << 20;
