//! READ and READ REVERSE (SSC-5 §5.4, §5.5, §6.4, §6.5).

use bytes::{Bytes, BytesMut};
use cartridge::{Error, Read as Object, Spaced, Stop};
use scsi::ssc::protection_information::Method;
use scsi::ssc::read_write::{ByteOrder, Direction, Read};
use scsi::{AdditionalSense, Cdb, Response, Sense, SenseKey, Status};

use super::Machine;
use super::mounted::Mounted;
use super::protection::protected;
use super::space::beginning_of_partition;
use super::transfer::Run;

impl Machine {
    /// READ, READ REVERSE. Data come together with CHECK CONDITION when a block is short or long, or
    /// when something stopped a fixed transfer.
    pub(super) fn read(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let read = Read::parse(cdb)?;
        let run = self.run(cdb, read.transfer)?;
        self.loaded()?;
        if run.is_empty() {
            return Ok(Response::good());
        }
        self.go_to(read.address)?;
        self.synchronize()?;
        // SSC-5 §6.4: with SILI a block that is too long is still told while the mode parameters
        // name a block length.
        let long_is_told = !read.suppress_incorrect_length || self.mode.block_length != 0;
        let short_is_told = !read.suppress_incorrect_length;
        let manner = Manner {
            direction: read.direction,
            protection: self.protection().for_reading(),
        };
        let mounted = self.loaded()?;
        let outcome = if run.fixed {
            read_blocks(mounted, run, manner)
        } else {
            read_block(mounted, run, manner, short_is_told, long_is_told)
        };
        mounted.bytes_read += outcome.data.len() as u64;
        Ok(match self.end(outcome.end) {
            Ok(()) => Response::data(outcome.data),
            Err(sense) => Response {
                status: Status::CheckCondition,
                sense: Some(sense),
                data_in: outcome.data,
                data_out_length: 0,
            },
        })
    }

    /// Returns the sense for how a command ended that read.
    pub(super) fn end(&mut self, end: End) -> Result<(), Sense> {
        match end {
            End::Complete => Ok(()),
            End::Told(sense) => Err(sense),
            End::Fault(error, None) => Err(self.read_fault(&error)),
            End::Fault(error, Some(residue)) => Err(with_residue(self.read_fault(&error), residue)),
        }
    }
}

/// In which way blocks are read.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) direction: Direction,
    /// Whether protection information comes behind each.
    pub(super) protection: Option<Method>,
}

/// What a READ came to.
struct Outcome {
    data: Bytes,
    end: End,
}

/// How a command that reads ended.
pub(super) enum End {
    /// With all that was asked for.
    Complete,
    /// With something that the standard tells.
    Told(Sense),
    /// With a fault, and with INFORMATION if the standard defines it.
    Fault(Error, Option<i64>),
}

/// A variable transfer: one block, whatever its length. Afterwards the position is behind it, also
/// when it was cut.
fn read_block(
    mounted: &mut Mounted,
    run: Run,
    manner: Manner,
    short_is_told: bool,
    long_is_told: bool,
) -> Outcome {
    let mut block = match next_transferred(mounted, manner, run.residue(0)) {
        Ok(block) => block,
        Err(end) => {
            let data = Bytes::new();
            return Outcome { data, end };
        }
    };
    let requested = run.block_length as usize;
    let told = match block.len().cmp(&requested) {
        std::cmp::Ordering::Less => short_is_told,
        std::cmp::Ordering::Equal => false,
        std::cmp::Ordering::Greater => long_is_told,
    };
    let end = if told {
        // "The requested transfer length minus the actual logical block length": negative for a
        // block that is too long.
        End::Told(incorrect_length().with_information(residue_of(run, block.len())))
    } else {
        End::Complete
    };
    if block.len() > requested {
        // A slice would keep the whole block in memory until the initiator has taken its part.
        block = Bytes::copy_from_slice(&block[..requested]);
    }
    Outcome { data: block, end }
}

/// The requested length minus the actual one. A block has at most 24 bits of length.
pub(super) fn residue_of(run: Run, actual: usize) -> i64 {
    let actual = i64::try_from(actual).unwrap_or(i64::MAX);
    i64::from(run.block_length) - actual
}

/// A fixed transfer. A block of another length ends it: the position is behind that block, its data
/// are not returned, and it counts as not read.
fn read_blocks(mounted: &mut Mounted, run: Run, manner: Manner) -> Outcome {
    let length = run.block_length as usize;
    let mut data = Bytes::new();
    let mut gathered = BytesMut::new();
    if run.blocks > 1 {
        gathered.reserve(run.bytes().min(GATHER_BYTES_FIRST) as usize);
    }
    let mut end = End::Complete;
    for done in 0..run.blocks {
        match next_transferred(mounted, manner, run.residue(done)) {
            Ok(block) if block.len() != length => {
                end = End::Told(incorrect_length().with_information(run.residue(done)));
                break;
            }
            // One block alone goes out as it came, without a copy.
            Ok(block) if run.blocks == 1 => data = block,
            Ok(block) => gathered.extend_from_slice(&block),
            Err(other) => {
                end = other;
                break;
            }
        }
    }
    if !gathered.is_empty() {
        data = gathered.freeze();
    }
    Outcome { data, end }
}

/// Reads the next block, as it goes to the initiator; anything else ends the transfer with `residue`
/// left.
pub(super) fn next_transferred(
    mounted: &mut Mounted,
    manner: Manner,
    residue: i64,
) -> Result<Bytes, End> {
    let block = match manner.direction {
        Direction::Forward => next_object(mounted, residue)?,
        Direction::Reverse(_) => previous_object(mounted, residue)?,
    };
    let transferred = protected(block, manner.protection);
    Ok(match manner.direction {
        Direction::Forward | Direction::Reverse(ByteOrder::AsWritten) => transferred,
        // All of it, so that who turns it round has a protected block.
        Direction::Reverse(ByteOrder::Reversed) => transferred.iter().rev().copied().collect(),
    })
}

/// Reads the block before the position and moves before it. A filemark, too, is passed. After a fault
/// the position has not changed.
fn previous_object(mounted: &mut Mounted, residue: i64) -> Result<Bytes, End> {
    let told = |sense: Sense| Err(End::Told(sense.with_information(residue)));
    let fault = |error| End::Fault(error, Some(residue));
    let step_back = |mounted: &mut Mounted| mounted.cartridge.space_blocks(-1).map_err(fault);
    match step_back(mounted)? {
        Spaced {
            stopped_by: None, ..
        } => {}
        Spaced {
            stopped_by: Some(Stop::Filemark),
            ..
        } => return told(filemark()),
        Spaced {
            stopped_by: Some(_),
            ..
        } => {
            mounted.trust_position(); // the sense tells where it is
            return told(beginning_of_partition());
        }
    }
    match mounted.read_block() {
        Ok(Object::Block(block)) => {
            step_back(mounted)?;
            Ok(block)
        }
        Ok(Object::Filemark | Object::EndOfData) => unreachable!("a block was spaced over"),
        Err(error) => {
            mounted.cartridge.space_blocks(1).map_err(fault)?;
            Err(fault(error))
        }
    }
}

/// Reads the next block; anything else ends the transfer with `residue` left.
fn next_object(mounted: &mut Mounted, residue: i64) -> Result<Bytes, End> {
    let told = |sense: Sense| Err(End::Told(sense.with_information(residue)));
    match mounted.read_block() {
        Ok(Object::Block(block)) => Ok(block),
        Ok(Object::Filemark) => told(filemark()),
        Ok(Object::EndOfData) => {
            mounted.trust_position(); // BLANK CHECK tells where it is
            told(end_of_data(mounted))
        }
        Err(error) => Err(End::Fault(error, Some(residue))),
    }
}

/// A filemark was met: NO SENSE, FILEMARK (SSC-5 §6.4, §6.6).
pub(super) const fn filemark() -> Sense {
    let mut sense = Sense::new(SenseKey::NoSense, AdditionalSense::FILEMARK_DETECTED);
    sense.filemark = true;
    sense
}

/// The end of data was met: BLANK CHECK, with EOM "if end-of-data is encountered at or after
/// early-warning" (SSC-5 §6.4, §6.6).
pub(super) fn end_of_data(mounted: &Mounted) -> Sense {
    let mut sense = Sense::new(SenseKey::BlankCheck, AdditionalSense::END_OF_DATA_DETECTED);
    sense.end_of_medium = mounted.is_beyond_early_warning();
    sense
}

/// A block of another length than asked for: NO SENSE, ILI (SSC-5 §6.4).
pub(super) const fn incorrect_length() -> Sense {
    let mut sense = Sense::new(SenseKey::NoSense, AdditionalSense::NONE);
    sense.incorrect_length = true;
    sense
}

/// INFORMATION tells about this command, so not with an error of an earlier one, and only where the
/// standard defines it.
pub(super) const fn with_residue(sense: Sense, residue: i64) -> Sense {
    match sense.key {
        SenseKey::MediumError | SenseKey::VolumeOverflow if !sense.deferred => {
            sense.with_information(residue)
        }
        // A block that cannot be decrypted ends a READ like one that cannot be read.
        SenseKey::DataProtect if sense.additional.0 == SECURITY_ERROR => {
            sense.with_information(residue)
        }
        _ => sense,
    }
}

/// Room that a fixed transfer takes before it knows how much there is to read.
const GATHER_BYTES_FIRST: u32 = 1 << 20;

/// The additional sense code of SECURITY ERROR and its kin.
const SECURITY_ERROR: u8 = 0x74;
