//! Reading and comparing (SBC-3), and how much there is.

use scsi::{AdditionalSense, Cdb, Command, Response, Sense, SenseKey};

use super::blocks::Blocks;
use super::{BLOCK_LENGTH, BLOCKS, RamDisk};

/// Returns MISCOMPARE DURING VERIFY OPERATION.
pub(super) fn miscompare() -> Sense {
    Sense::new(SenseKey::Miscompare, AdditionalSense(0x1d, 0x00))
}

/// BYTCHK: what VERIFY compares with (SBC-3, VERIFY(10)).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    /// Nothing; the medium only has to be readable.
    Nothing,
    /// Block by block with the data that come along.
    Blocks,
    /// Each block with the one that comes along.
    OneBlock,
}

impl Compare {
    pub(super) fn parse(cdb: &Cdb) -> Result<Self, Sense> {
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
            miscompare().into()
        };
        response.with_data_out_length(length_of(wanted))
    }

    /// SYNCHRONIZE CACHE and PRE-FETCH. There is no cache: nothing has to go out of it, and nothing
    /// comes in, which is GOOD too (SBC-3, PRE-FETCH(10)).
    pub(super) fn look_at_cache(cdb: &Cdb) -> Result<Response, Sense> {
        Blocks::parse(cdb).map(|_| Response::good())
    }
}

fn block_length() -> u32 {
    length_of(BLOCK_LENGTH)
}

pub(super) fn length_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap()
}
