//! The chain of segments: which file holds which objects.
//!
//! The headers are the manifest. Sorted by number they are replayed: a segment whose first object is
//! N cuts off everything from N on that came before it. No other record decides anything, so an overwrite,
//! an erase and a rewrite are each one commit: the durable creation of one file. A checkpoint of the
//! headers ([`crate::format::ChainHead`]) spares reading them all.

use uuid::Uuid;

use crate::error::Error;
use crate::format::{AtRest, SEGMENT_SALT_BYTES, SegmentHeader, takes_host_blocks};
use crate::index::Bounds;
use crate::store::SegmentName;

/// What lies before a place on the cartridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Blocks and filemarks.
    pub(crate) objects: u64,
    pub(crate) marks: u64,
    /// Bytes as the host wrote them.
    pub(crate) host_bytes: u64,
    /// Bytes as they count against the capacity.
    pub(crate) charged_bytes: u64,
}

/// One segment of the chain: what its header says of its place. It ends where the next begins. A full
/// cartridge has tens of thousands of them in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: SegmentName,
    /// The live segment before this one.
    pub(crate) previous: Uuid,
    pub(crate) generation: u64,
    pub(crate) generation_first_object: u64,
    pub(crate) first: Totals,
    /// What the file holds from here on was cut off by a segment that is missing.
    pub(crate) valid_until: u64,
    /// False for what was lost with its file.
    pub(crate) present: bool,
    /// Where the keys of sealed frames follow from; `None` when there are none.
    pub(crate) salt: Option<[u8; SEGMENT_SALT_BYTES]>,
    /// `Some` when all frames but pads are sealed.
    pub(crate) at_rest: Option<AtRest>,
}

impl Row {
    /// Returns whether there may be frames that are sealed under keys of a host.
    pub(crate) fn takes_host_blocks(&self) -> bool {
        takes_host_blocks(self.salt.as_ref(), self.at_rest)
    }
}

const _: () = assert!(size_of::<Row>() <= 152, "a row is kept for each segment");

/// A segment that was cut off and whose file is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) name: SegmentName,
    pub(crate) epoch: u64,
    pub(crate) first_object: u64,
}

/// The live segments of a partition, in order.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    rows: Vec<Row>,
    pub(crate) end: Totals,
    generation: u64,
    generation_first_object: u64,
    last_number: u32,
}

/// What replaying the headers brought to light.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Segments that were cut off, with their first objects; their files can go.
    pub(crate) dead: Vec<(SegmentName, u64)>,
    /// Segments that are named by another and are not there.
    pub(crate) missing: Vec<Uuid>,
}

impl Chain {
    /// Replays what the headers say. The end is where the last segment begins; its content is not known
    /// here. Works in place: there may be many rows.
    pub(crate) fn replay(mut rows: Vec<Row>) -> Result<(Self, Replay), Error> {
        rows.sort_unstable_by_key(|row| row.name.number);
        for pair in rows.windows(2) {
            if pair[0].name.number == pair[1].name.number {
                return Err(foreign(&pair[1], "another segment has the same number"));
            }
        }
        let mut replay = Replay::default();
        // From the last to the first: what begins where a later one begins, or after it, is dead.
        // Dead files go in any order, so nothing else that they say counts.
        let mut lowest = None;
        rows.reverse();
        rows.retain(|row| {
            let live = lowest.is_none_or(|lowest| row.first.objects < lowest);
            if live {
                lowest = Some(row.first.objects);
            } else if row.present {
                replay.dead.push((row.name, row.first.objects));
            }
            live
        });
        rows.reverse();
        replay.missing.extend(
            rows.iter()
                .filter(|row| !row.present)
                .map(|row| row.name.uuid),
        );
        let mut chain = Self::default();
        if is_linked(&rows) {
            if let Some(last) = rows.last() {
                chain.ends_with(last);
            }
            chain.rows = rows;
            return Ok((chain, replay));
        }
        for row in rows {
            chain.bridge_gap_before(&row, &mut replay)?;
            chain.push(row);
        }
        Ok((chain, replay))
    }

    /// Makes the chain fit `next` when the segment before it is missing.
    fn bridge_gap_before(&mut self, next: &Row, replay: &mut Replay) -> Result<(), Error> {
        let last = self.rows.last();
        if let Some(last) = last {
            // Live segments rise in objects; of those, some are filemarks.
            let marks = next.first.marks.checked_sub(last.first.marks);
            if marks.is_none_or(|marks| marks > next.first.objects - last.first.objects) {
                return Err(foreign(next, "counts fewer than the segments before it"));
            }
        }
        if next.previous == last.map_or(Uuid::nil(), |row| row.name.uuid) {
            let starts = last.is_some() || next.first.objects == 0;
            return if starts {
                Ok(())
            } else {
                Err(foreign(next, "does not begin at 0"))
            };
        }
        if next.previous.is_nil() || next.generation < self.generation {
            return Err(foreign(next, "does not follow the segments before it"));
        }
        replay.missing.push(next.previous);
        if next.generation > self.generation + 1 && last.is_some() {
            // More than one cut in between: nobody knows the lowest of them.
            let uuid = next.previous;
            return Err(Error::SegmentMissing { uuid });
        }
        if next.generation > self.generation {
            let limit = next.generation_first_object;
            while self
                .rows
                .last()
                .is_some_and(|row| row.first.objects >= limit)
            {
                let popped = self.rows.pop().filter(|row| row.present);
                replay
                    .dead
                    .extend(popped.map(|row| (row.name, row.first.objects)));
            }
            if let Some(row) = self.rows.last_mut() {
                row.valid_until = row.valid_until.min(limit);
            }
        }
        if self.rows.is_empty() && next.first.objects > 0 {
            self.rows.push(Row {
                name: SegmentName {
                    partition: next.name.partition,
                    number: LOST_NUMBER,
                    uuid: next.previous,
                },
                previous: Uuid::nil(),
                generation: 0,
                generation_first_object: 0,
                first: Totals::default(),
                valid_until: 0,
                present: false,
                salt: None,
                at_rest: None,
            });
        }
        Ok(())
    }

    /// Returns the rows.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns what lies before the end of row `row`.
    pub(crate) fn end_of(&self, row: usize) -> Totals {
        self.rows.get(row + 1).map_or(self.end, |next| next.first)
    }

    /// Returns whether there are encrypted blocks: a segment that may hold them begins with one.
    pub(crate) fn holds_encrypted_blocks(&self) -> bool {
        self.rows.iter().enumerate().any(|(number, row)| {
            row.takes_host_blocks() && row.first.objects < self.end_of(number).objects
        })
    }

    /// Returns what row `row` must cover.
    pub(crate) fn bounds(&self, row: usize) -> Bounds {
        let end = self.end_of(row);
        let row = &self.rows[row];
        Bounds {
            first_object: row.first.objects,
            valid_until: row.valid_until,
            end_object: end.objects,
            marks: end.marks.saturating_sub(row.first.marks),
        }
    }

    /// Returns the row that holds `object`, which is before the end.
    pub(crate) fn row_of_object(&self, object: u64) -> Option<usize> {
        if object >= self.end.objects {
            return None;
        }
        self.rows
            .partition_point(|row| row.first.objects <= object)
            .checked_sub(1)
    }

    /// Returns the row that holds the filemark `mark`, counted from 0.
    pub(crate) fn row_of_mark(&self, mark: u64) -> Option<usize> {
        if mark >= self.end.marks {
            return None;
        }
        self.rows
            .partition_point(|row| row.first.marks <= mark)
            .checked_sub(1)
    }

    /// Fills in what identifies and places the next segment, which begins at `at`. Fails when there is no
    /// number left: hosts do not get there, but somebody may have made up a segment with a high one.
    pub(crate) fn place_next(
        &mut self,
        header: &mut SegmentHeader,
        at: Totals,
        new_generation: bool,
    ) -> Result<(), Error> {
        let generation = self.generation + u64::from(new_generation);
        // No header says the highest ones: a reader takes such a header for damage.
        if self.last_number >= u32::MAX - 1 || generation == u64::MAX {
            return Err(Error::VolumeFull);
        }
        // A number is used up even when the creation fails.
        self.last_number += 1;
        header.name.number = self.last_number;
        let before = self
            .rows
            .partition_point(|row| row.first.objects < at.objects);
        header.previous = before
            .checked_sub(1)
            .map_or(Uuid::nil(), |row| self.rows[row].name.uuid);
        header.generation = generation;
        header.generation_first_object = if new_generation {
            at.objects
        } else {
            self.generation_first_object
        };
        header.first_object = at.objects;
        header.first_mark = at.marks;
        header.first_host_byte = at.host_bytes;
        header.first_charged_byte = at.charged_bytes;
        Ok(())
    }

    /// Adds the segment with `header`, whose file is durable, and returns the segments that it
    /// cuts off.
    pub(crate) fn append(&mut self, header: &SegmentHeader) -> Vec<Dead> {
        let live = self
            .rows
            .partition_point(|row| row.first.objects < header.first_object);
        let cut_off = self.rows.split_off(live);
        self.push(Row::of(header));
        cut_off
            .iter()
            .filter(|row| row.present)
            .map(|row| row.dead(header.epoch))
            .collect()
    }

    fn push(&mut self, row: Row) {
        self.ends_with(&row);
        self.rows.push(row);
    }

    fn ends_with(&mut self, last: &Row) {
        self.end = last.first;
        self.generation = last.generation;
        self.generation_first_object = last.generation_first_object;
        self.last_number = last.name.number;
    }
}

/// Returns whether each row names the one before it and counts no fewer, from 0 on.
fn is_linked(rows: &[Row]) -> bool {
    let begins = rows
        .first()
        .is_none_or(|first| first.previous.is_nil() && first.first.objects == 0);
    begins
        && rows.windows(2).all(|pair| {
            let [before, row] = pair else { return true };
            let marks = row.first.marks.checked_sub(before.first.marks);
            row.previous == before.name.uuid
                && marks.is_some_and(|marks| marks <= row.first.objects - before.first.objects)
        })
}

/// The number of a segment of which nothing is known but its id. Those that there are begin with 1.
pub(crate) const LOST_NUMBER: u32 = 0;

impl Row {
    /// Returns the row for the segment with `header`.
    pub(crate) fn of(header: &SegmentHeader) -> Self {
        Self {
            name: header.name,
            previous: header.previous,
            generation: header.generation,
            generation_first_object: header.generation_first_object,
            first: header.first(),
            valid_until: u64::MAX,
            present: true,
            salt: header.salt,
            at_rest: header.at_rest,
        }
    }

    /// Returns the same segment as one of `epoch` that was cut off.
    pub(crate) fn dead(&self, epoch: u64) -> Dead {
        Dead {
            name: self.name,
            epoch,
            first_object: self.first.objects,
        }
    }
}

impl SegmentHeader {
    /// Returns what lies before the segment.
    pub(crate) fn first(&self) -> Totals {
        Totals {
            objects: self.first_object,
            marks: self.first_mark,
            host_bytes: self.first_host_byte,
            charged_bytes: self.first_charged_byte,
        }
    }
}

fn foreign(row: &Row, reason: &str) -> Error {
    Error::ForeignSegment {
        segment: row.name,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
