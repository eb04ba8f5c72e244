//! VERIFY(6) and VERIFY(16) (SSC-5 §5.7, §6.7).
//!
//! Verifying is reading: each frame's checksum is compared. With BYTCMP=1 each byte is compared with
//! what the initiator sends, too. Protection information (`LBP_R`) belongs to a block's length, and to
//! what is compared, as though the block were read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use cartridge::Read as Object;
use scsi::ssc::read_write::{Direction, Transfer};
use scsi::ssc::verify::{Extent, Verify};
use scsi::{AdditionalSense, Command, Response, Sense, SenseKey};

use super::Machine;
use super::mounted::Mounted;
use super::protection::added_length;
use super::read::{End, Manner, end_of_data, incorrect_length, next_transferred, residue_of};
use super::transfer::Run;

impl Machine {
    /// VERIFY: synchronises, then reads without returning anything. Afterwards the position is behind
    /// what was verified, or behind the block that differs.
    pub(super) fn verify(&mut self, command: &Command) -> Response {
        let verify = match Verify::parse(&command.cdb) {
            Ok(verify) => verify,
            Err(sense) => return sense.into(),
        };
        let demanded = match verify.extent {
            Extent::Transfer(transfer) if verify.compare => self.run(&command.cdb, transfer),
            _ => Ok(NOTHING),
        };
        let demanded = match demanded {
            Ok(run) => run.bytes(),
            Err(sense) => return sense.into(),
        };
        let response = match self.verify_extent(verify, command, demanded) {
            Ok(()) => Response::good(),
            Err(sense) => sense.into(),
        };
        response.with_data_out_length(demanded)
    }

    fn verify_extent(
        &mut self,
        verify: Verify,
        command: &Command,
        demanded: u32,
    ) -> Result<(), Sense> {
        let fixed_length = if verify.fixed {
            Some(self.fixed_length()? as usize)
        } else {
            None
        };
        self.loaded()?;
        if command.data_out.len() < demanded as usize {
            return Err(Transfer::invalid_length(&command.cdb));
        }
        let expected = verify.compare.then_some(&command.data_out);
        let run = match verify.extent {
            Extent::Transfer(transfer) => self.resolve(transfer)?,
            Extent::EndOfData | Extent::Filemarks(_) => NOTHING,
        };
        let nothing = match verify.extent {
            Extent::Transfer(_) => run.is_empty(),
            Extent::Filemarks(count) => count == 0,
            Extent::EndOfData => false,
        };
        if nothing {
            return Ok(());
        }
        self.go_to(verify.address)?;
        self.synchronize()?;
        let protection = self.protection().for_reading();
        let added = added_length(protection) as usize;
        // A block too short for protection information has a length that no block of ours has.
        let fixed_length = fixed_length.map(|length| length.saturating_sub(added));
        let manner = Manner {
            direction: Direction::Forward,
            protection,
        };
        let unwanted = Arc::clone(&self.unwanted);
        let is_wanted = || !unwanted.load(Ordering::Relaxed);
        let mounted = self.loaded()?;
        let end = match verify.extent {
            Extent::EndOfData => to_end_of_data(mounted, fixed_length, is_wanted),
            Extent::Filemarks(count) => filemarks(mounted, count, fixed_length, is_wanted),
            Extent::Transfer(_) if run.fixed => blocks(mounted, run, manner, expected, is_wanted),
            Extent::Transfer(_) => block(mounted, run, manner, expected),
        };
        self.end(end)
    }
}

/// VTE: over everything. No INFORMATION: "the VALID bit shall be set to zero".
fn to_end_of_data(
    mounted: &mut Mounted,
    fixed_length: Option<usize>,
    is_wanted: impl Fn() -> bool,
) -> End {
    while is_wanted() {
        match mounted.read_block() {
            Ok(Object::Block(block)) if fixed_length.is_some_and(|it| it != block.len()) => {
                return End::Told(incorrect_length());
            }
            Ok(Object::Block(_) | Object::Filemark) => {}
            Ok(Object::EndOfData) => {
                mounted.trust_position();
                return End::Complete;
            }
            Err(error) => return End::Fault(error, None),
        }
    }
    given_up()
}

/// VBF: over blocks and `count` filemarks. INFORMATION counts filemarks.
fn filemarks(
    mounted: &mut Mounted,
    count: u32,
    fixed_length: Option<usize>,
    is_wanted: impl Fn() -> bool,
) -> End {
    let mut left = count;
    while left > 0 {
        if !is_wanted() {
            return given_up();
        }
        let told = |sense: Sense| End::Told(sense.with_information(left.into()));
        match mounted.read_block() {
            Ok(Object::Block(block)) if fixed_length.is_some_and(|it| it != block.len()) => {
                return told(incorrect_length());
            }
            Ok(Object::Block(_)) => {}
            Ok(Object::Filemark) => left -= 1,
            Ok(Object::EndOfData) => {
                mounted.trust_position();
                return told(end_of_data(mounted));
            }
            Err(error) => return End::Fault(error, Some(left.into())),
        }
    }
    End::Complete
}

/// Fixed blocks. A block that differs counts as not verified.
fn blocks(
    mounted: &mut Mounted,
    run: Run,
    manner: Manner,
    expected: Option<&Bytes>,
    is_wanted: impl Fn() -> bool,
) -> End {
    let length = run.block_length as usize;
    for done in 0..run.blocks {
        if !is_wanted() {
            return given_up();
        }
        let residue = run.residue(done);
        let block = match next_transferred(mounted, manner, residue) {
            Ok(block) => block,
            Err(end) => return end,
        };
        if block.len() != length {
            return End::Told(incorrect_length().with_information(residue));
        }
        let start = done as usize * length;
        if expected.is_some_and(|bytes| bytes[start..start + length] != block) {
            return End::Told(miscompare().with_information(residue));
        }
    }
    End::Complete
}

/// One block of a length that the command names. INFORMATION counts bytes.
fn block(mounted: &mut Mounted, run: Run, manner: Manner, expected: Option<&Bytes>) -> End {
    let block = match next_transferred(mounted, manner, run.residue(0)) {
        Ok(block) => block,
        Err(end) => return end,
    };
    let residue = residue_of(run, block.len());
    if residue != 0 {
        return End::Told(incorrect_length().with_information(residue));
    }
    let different = expected.and_then(|bytes| {
        let mut pairs = bytes.iter().zip(&block);
        pairs.position(|(expected, found)| expected != found)
    });
    match different {
        Some(equal) => End::Told(miscompare().with_information(residue_of(run, equal))),
        None => End::Complete,
    }
}

/// The command was aborted: nobody sees this. The position is where it was interrupted.
const fn given_up() -> End {
    End::Told(Sense::new(SenseKey::AbortedCommand, AdditionalSense::NONE))
}

/// What is on the medium is not what the initiator sent (SSC-5 §6.7).
const fn miscompare() -> Sense {
    Sense::new(
        SenseKey::Miscompare,
        AdditionalSense::MISCOMPARE_DURING_VERIFY,
    )
}

/// No bytes come with a VERIFY without BYTCMP.
const NOTHING: Run = Run {
    blocks: 0,
    block_length: 0,
    fixed: false,
};
