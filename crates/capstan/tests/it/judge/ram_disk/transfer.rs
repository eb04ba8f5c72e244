//! Reading, writing, comparing (SBC-3 §5.8 to §5.43), and how much there is.

use scsi::{AdditionalSense, Cdb, Command, Response, Sense, SenseKey};

use super::blocks::Blocks;
use super::commands::{WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12, WRITE_AND_VERIFY_16};
use super::{Access, BLOCK_LENGTH, BLOCKS, RamDisk, State};

/// MISCOMPARE DURING VERIFY OPERATION.
const MISCOMPARE: AdditionalSense = AdditionalSense(0x1d, 0x00);

/// BYTCHK: what VERIFY compares with (SBC-3 §5.29).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    /// Nothing; the medium only has to be readable.
    Nothing,
    /// Block by block with the data that come along.
    Blocks,
    /// Each block with the one that comes along.
    OneBlock,
}

impl Compare {
    fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        match cdb.byte(1) >> 1 & 0x03 {
            0 => Ok(Self::Nothing),
            1 => Ok(Self::Blocks),
            3 => Ok(Self::OneBlock),
            _ => Err(Sense::invalid_field_in_cdb(1)),
        }
    }
}

impl RamDisk {
    pub(super) fn read_capacity_10() -> Response {
        let last = u32::try_from(BLOCKS - 1).unwrap().to_be_bytes();
        Response::data([last, block_length().to_be_bytes()].concat())
    }

    pub(super) fn read_capacity_16(cdb: &Cdb) -> Response {
        let mut data = vec![0; 32];
        data[..8].copy_from_slice(&(BLOCKS - 1).to_be_bytes());
        data[8..12].copy_from_slice(&block_length().to_be_bytes());
        Response::allocated(data, cdb.u32(10) as usize)
    }

    pub(super) fn read(&self, cdb: &Cdb) -> Result<Response, Sense> {
        let blocks = Blocks::parse(cdb)?;
        Ok(Response::data(self.lock().data[blocks.range()].to_vec()))
    }

    /// WRITE and WRITE AND VERIFY; what is in memory need not be verified.
    pub(super) fn write(&self, command: &Command) -> Response {
        let cdb = &command.cdb;
        let verifies = [
            WRITE_AND_VERIFY_10,
            WRITE_AND_VERIFY_12,
            WRITE_AND_VERIFY_16,
        ]
        .contains(&cdb.operation_code());
        if verifies && let Err(sense) = Compare::parse(cdb) {
            return sense.into();
        }
        let blocks = match Blocks::parse(cdb) {
            Ok(blocks) => blocks,
            Err(sense) => return sense.into(),
        };
        let mut state = self.lock();
        if let Err(sense) = self.check_writable(&state) {
            return sense.into();
        }
        // An initiator may offer less or more than its CDB says. "Shall be truncated" is what
        // RFC 7143 §11.4.5.1 does with either; the residual tells how much.
        let range = blocks.range();
        let length = range.len().min(command.data_out.len());
        state.data[range][..length].copy_from_slice(&command.data_out[..length]);
        Response::good().with_data_out_length(length_of(blocks.length()))
    }

    pub(super) fn verify(&self, command: &Command) -> Response {
        let parsed = Compare::parse(&command.cdb)
            .and_then(|compare| Blocks::parse(&command.cdb).map(|blocks| (compare, blocks)));
        let (compare, blocks) = match parsed {
            Ok(parsed) => parsed,
            Err(sense) => return sense.into(),
        };
        let wanted = match compare {
            Compare::Nothing => return Response::good(),
            Compare::Blocks => blocks.length(),
            Compare::OneBlock => blocks.length().min(BLOCK_LENGTH),
        };
        let state = self.lock();
        let there = &state.data[blocks.range()];
        let given = &command.data_out[..command.data_out.len().min(wanted)];
        let is_same = match compare {
            Compare::OneBlock => there.chunks(BLOCK_LENGTH).all(|block| block == given),
            _ => there == given,
        };
        let response = if is_same {
            Response::good()
        } else {
            Sense::new(SenseKey::Miscompare, MISCOMPARE).into()
        };
        response.with_data_out_length(length_of(wanted))
    }

    /// Nothing is cached that the medium does not have.
    pub(super) fn synchronize_cache(cdb: &Cdb) -> Result<Response, Sense> {
        Blocks::parse(cdb).map(|_| Response::good())
    }

    /// Returns whether the medium is protected.
    pub(super) fn is_protected(&self, state: &State) -> bool {
        self.access == Access::ReadOnly || state.software_write_protect
    }

    fn check_writable(&self, state: &State) -> Result<(), Sense> {
        if self.is_protected(state) {
            let protected = AdditionalSense::WRITE_PROTECTED;
            return Err(Sense::new(SenseKey::DataProtect, protected));
        }
        Ok(())
    }
}

fn block_length() -> u32 {
    length_of(BLOCK_LENGTH)
}

fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap()
}
