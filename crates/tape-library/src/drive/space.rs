//! SPACE(6) and SPACE(16) (SSC-5 §6.6, §7.12).

use cartridge::{Error, Spaced, Stop};
use scsi::ssc::space::Space;
use scsi::{AdditionalSense, Cdb, Response, Sense, SenseKey};

use super::Machine;
use super::mounted::Mounted;
use super::read::{end_of_data, filemark};

impl Machine {
    /// SPACE: synchronises, then moves over blocks or filemarks.
    pub(super) fn space(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let space = Space::parse(cdb)?;
        self.synchronize()?;
        let mounted = self.loaded()?;
        let (count, spaced) = match space {
            Space::Blocks(count) => (count, mounted.cartridge.space_blocks(count)),
            Space::Filemarks(count) => (count, mounted.cartridge.space_filemarks(count)),
            Space::SequentialFilemarks(count) => (count, sequential_filemarks(mounted, count)),
            Space::EndOfData => {
                mounted.trust_position();
                return match mounted.cartridge.space_end_of_data() {
                    Ok(()) => Ok(Response::good()),
                    Err(error) => Err(self.read_fault(&error)),
                };
            }
        };
        match spaced {
            Ok(spaced) => self.told_of_stop(count, spaced),
            Err(error) => Err(self.read_fault(&error)),
        }
    }

    /// INFORMATION is "the requested count minus the actual number" of what was spaced over, without
    /// the sign of the direction (SSC-5 §6.6).
    fn told_of_stop(&mut self, count: i64, spaced: Spaced) -> Result<Response, Sense> {
        let sense = match spaced.stopped_by {
            None => return Ok(Response::good()),
            Some(Stop::Filemark) => filemark(),
            // Both tell the initiator where it is. `mt eod` of Linux's st needs no other command.
            Some(Stop::EndOfData) => {
                let mounted = self.loaded()?;
                mounted.trust_position();
                end_of_data(mounted)
            }
            Some(Stop::BeginningOfPartition) => {
                self.loaded()?.trust_position();
                beginning_of_partition()
            }
        };
        let residue = count.unsigned_abs().saturating_sub(spaced.moved);
        Err(sense.with_information(i64::try_from(residue).unwrap_or(i64::MAX)))
    }
}

/// Moves over the next `count` filemarks that have nothing between them, backwards when negative:
/// "to the first occurrence of n or more consecutive filemarks", behind the n-th, or before it
/// (SSC-5 §6.6). [`Spaced::moved`] are those right before what stopped it.
///
/// Takes a step for each filemark on the way.
fn sequential_filemarks(mounted: &mut Mounted, count: i64) -> Result<Spaced, Error> {
    let (step, wanted) = (count.signum(), count.unsigned_abs());
    let cartridge = &mut mounted.cartridge;
    let mut run = 0;
    while run < wanted {
        let from = cartridge.position().object;
        let spaced = cartridge.space_filemarks(step)?;
        let adjacent = |distance| cartridge.position().object.abs_diff(from) == distance;
        if spaced.stopped_by.is_some() {
            let moved = if adjacent(0) { run } else { 0 };
            return Ok(Spaced { moved, ..spaced });
        }
        run = if adjacent(1) { run + 1 } else { 1 };
    }
    Ok(Spaced {
        moved: run,
        stopped_by: None,
    })
}

/// The beginning of the partition stopped a motion backwards: NO SENSE, EOM (SSC-5 §6.4, §6.6).
pub(super) const fn beginning_of_partition() -> Sense {
    let additional = AdditionalSense::BEGINNING_OF_PARTITION_DETECTED;
    let mut sense = Sense::new(SenseKey::NoSense, additional);
    sense.end_of_medium = true;
    sense
}
