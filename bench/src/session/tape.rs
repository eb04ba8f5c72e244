//! What a tape client does.

use anyhow::{Result, ensure};
use bytes::Bytes;
use iscsi::initiator::DataTransfer;

use super::{Session, ended_good};

/// Returns a length or a count as the three bytes of a CDB of 6 bytes.
fn three(number: u64) -> Result<[u8; 3]> {
    let [zero, b1, b2, b3] = u32::try_from(number)?.to_be_bytes();
    ensure!(zero == 0, "{number} is too much for a CDB");
    Ok([b1, b2, b3])
}

impl Session {
    /// Writes `count` blocks of `length` bytes, which `block` gives, `depth` commands at a time.
    pub(crate) fn write_blocks(
        &mut self,
        length: usize,
        count: u64,
        depth: u64,
        block: impl Fn(u64) -> Bytes,
    ) -> Result<()> {
        let [b1, b2, b3] = three(length as u64)?;
        let write = [0x0a, 0, b1, b2, b3, 0];
        let mut sent = 0;
        for done in 0..count {
            while sent < count.min(done + depth) {
                let data = DataTransfer::Out(block(sent));
                self.initiator.command(self.lun, &write, data);
                sent += 1;
            }
            ended_good(&write, &self.next_end()?)?;
        }
        Ok(())
    }

    /// Reads `count` blocks of `length` bytes, `depth` commands at a time. `take` gets each, and
    /// returns its buffer if it has no use for it.
    pub(crate) fn read_blocks(
        &mut self,
        length: usize,
        count: u64,
        depth: u64,
        mut take: impl FnMut(Vec<u8>) -> Result<Option<Vec<u8>>>,
    ) -> Result<()> {
        let [b1, b2, b3] = three(length as u64)?;
        let read = [0x08, 0, b1, b2, b3, 0];
        let expected = u32::try_from(length)?;
        let mut sent = 0;
        for done in 0..count {
            while sent < count.min(done + depth) {
                let data = DataTransfer::In(expected);
                self.initiator.command(self.lun, &read, data);
                sent += 1;
            }
            let finished = self.next_end()?;
            ended_good(&read, &finished)?;
            if let Some(buffer) = take(finished.data)? {
                self.initiator.recycle(buffer);
            }
        }
        Ok(())
    }

    /// Writes a filemark: what was written is durable when it is answered.
    pub(crate) fn write_filemark(&mut self) -> Result<()> {
        self.without_data(&[0x10, 0, 0, 0, 1, 0])
    }

    /// Writes a filemark that is answered at once (IMMED).
    pub(crate) fn write_filemark_immediately(&mut self) -> Result<()> {
        self.without_data(&[0x10, 1, 0, 0, 1, 0])
    }

    /// Rewinds.
    pub(crate) fn rewind(&mut self) -> Result<()> {
        self.without_data(&[0x01, 0, 0, 0, 0, 0])
    }

    /// Leaves a cartridge with nothing but a filemark, at its beginning.
    pub(crate) fn clear(&mut self) -> Result<()> {
        self.rewind()?;
        self.write_filemark()?;
        self.rewind()
    }

    /// Takes the cartridge out of the path of the tape and puts it back (START STOP UNIT with LOAD).
    pub(crate) fn unload_and_load(&mut self) -> Result<()> {
        self.without_data(&[0x1b, 0, 0, 0, 0, 0])?;
        self.without_data(&[0x1b, 0, 0, 0, 1, 0])
    }

    /// Moves over `count` filemarks.
    pub(crate) fn space_filemarks(&mut self, count: u64) -> Result<()> {
        let [b1, b2, b3] = three(count)?;
        self.without_data(&[0x11, 1, b1, b2, b3, 0])
    }

    /// Moves to block `number`.
    pub(crate) fn locate(&mut self, number: u32) -> Result<()> {
        let [b1, b2, b3, b4] = number.to_be_bytes();
        self.without_data(&[0x2b, 0, 0, b1, b2, b3, b4, 0, 0, 0])
    }

    /// Makes blocks of `length` bytes what FIXED means; 0 has only blocks of any length.
    pub(crate) fn set_block_length(&mut self, length: usize) -> Result<()> {
        let [b1, b2, b3] = three(length as u64)?;
        // Buffered mode, and a block descriptor (SPC-5 §7.5.5, §7.5.7.1).
        let parameters = vec![0, 0, 0x10, 8, 0, 0, 0, 0, 0, b1, b2, b3];
        let select = [0x15, 0x10, 0, 0, 12, 0];
        self.good(&select, DataTransfer::Out(parameters.into()))?;
        Ok(())
    }

    /// Writes `count` blocks of the fixed length at once.
    pub(crate) fn write_fixed(&mut self, count: u64, data: Bytes) -> Result<()> {
        let [b1, b2, b3] = three(count)?;
        self.good(&[0x0a, 1, b1, b2, b3, 0], DataTransfer::Out(data))?;
        Ok(())
    }

    /// Reads one block of the fixed `length`.
    pub(crate) fn read_fixed(&mut self, length: u32) -> Result<Vec<u8>> {
        let finished = self.good(&[0x08, 1, 0, 0, 1, 0], DataTransfer::In(length))?;
        Ok(finished.data)
    }

    /// Has the drive encrypt and decrypt, for everybody, with `key`; without one it does neither.
    pub(crate) fn set_key(&mut self, key: Option<[u8; 32]>) -> Result<()> {
        // SSC-5 §8.5.3.2: scope ALL I_T NEXUS, the modes, algorithm 1, a key in clear.
        let mode = if key.is_some() { 2 } else { 0 };
        let mut page = vec![0, 0x10, 0, 0, 0x40, 0, mode, mode, 1];
        page.resize(18, 0);
        match key {
            Some(key) => {
                page.extend_from_slice(&[0, 32]);
                page.extend_from_slice(&key);
            }
            None => page.extend_from_slice(&[0, 0]),
        }
        page[3] = u8::try_from(page.len() - 4)?;
        let length = u8::try_from(page.len())?;
        let cdb = [0xb5, 0x20, 0, 0x10, 0, 0, 0, 0, 0, length, 0, 0];
        self.good(&cdb, DataTransfer::Out(page.into()))?;
        Ok(())
    }

    fn without_data(&mut self, cdb: &[u8]) -> Result<()> {
        self.good(cdb, DataTransfer::None)?;
        Ok(())
    }
}
