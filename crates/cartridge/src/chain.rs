//! The chain of segments: which file holds which objects.
//!
//! The headers are the manifest. Sorted by number they are replayed: a segment whose first object is
//! N cuts off everything from N on that came before it. There is no other record, so an overwrite,
//! an erase and a rewrite are each one commit: the durable creation of one file.

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

/// One segment of the chain. It ends where the next begins.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: SegmentName,
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
    /// Segments that were cut off; their files can go.
    pub(crate) dead: Vec<SegmentName>,
    /// Segments that are named by another and are not there.
    pub(crate) missing: Vec<Uuid>,
}

impl Chain {
    /// Replays `headers`. The end is where the last segment begins; its content is not known here.
    pub(crate) fn replay(mut headers: Vec<SegmentHeader>) -> Result<(Self, Replay), Error> {
        headers.sort_by_key(|header| header.name.number);
        for pair in headers.windows(2) {
            if pair[0].name.number == pair[1].name.number {
                return Err(foreign(&pair[1], "another segment has the same number"));
            }
        }
        let mut replay = Replay::default();
        // From the last to the first: what begins where a later one begins, or after it, is dead.
        // Dead files go in any order, so nothing else that they say counts.
        let mut lowest = u64::MAX;
        let mut live = Vec::with_capacity(headers.len());
        for header in headers.into_iter().rev() {
            if header.first_object < lowest || live.is_empty() {
                lowest = header.first_object;
                live.push(header);
            } else {
                replay.dead.push(header.name);
            }
        }
        let mut chain = Self::default();
        for header in live.iter().rev() {
            chain.bridge_gap_before(header, &mut replay)?;
            chain.push(header);
        }
        Ok((chain, replay))
    }

    /// Makes the chain fit `header` when the segment before it is missing.
    fn bridge_gap_before(
        &mut self,
        header: &SegmentHeader,
        replay: &mut Replay,
    ) -> Result<(), Error> {
        let last = self.rows.last();
        if let Some(last) = last {
            // Live segments rise in objects; of those, some are filemarks.
            let marks = header.first_mark.checked_sub(last.first.marks);
            if marks.is_none_or(|marks| marks > header.first_object - last.first.objects) {
                return Err(foreign(header, "counts fewer than the segments before it"));
            }
        }
        if header.previous == last.map_or(Uuid::nil(), |row| row.name.uuid) {
            let starts = last.is_some() || header.first_object == 0;
            return if starts {
                Ok(())
            } else {
                Err(foreign(header, "does not begin at 0"))
            };
        }
        if header.previous.is_nil() || header.generation < self.generation {
            return Err(foreign(header, "does not follow the segments before it"));
        }
        replay.missing.push(header.previous);
        if header.generation > self.generation + 1 && last.is_some() {
            // More than one cut in between: nobody knows the lowest of them.
            let uuid = header.previous;
            return Err(Error::SegmentMissing { uuid });
        }
        if header.generation > self.generation {
            let limit = header.generation_first_object;
            while self
                .rows
                .last()
                .is_some_and(|row| row.first.objects >= limit)
            {
                replay.dead.extend(self.rows.pop().map(|row| row.name));
            }
            if let Some(row) = self.rows.last_mut() {
                row.valid_until = row.valid_until.min(limit);
            }
        }
        if self.rows.is_empty() && header.first_object > 0 {
            self.rows.push(Row {
                name: SegmentName {
                    partition: header.name.partition,
                    number: 0,
                    uuid: header.previous,
                },
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

    /// Fills in what identifies and places the next segment, which begins at `at`.
    pub(crate) fn place_next(
        &mut self,
        header: &mut SegmentHeader,
        at: Totals,
        new_generation: bool,
    ) {
        // A number is used up even when the creation fails.
        self.last_number += 1;
        header.name.number = self.last_number;
        let before = self
            .rows
            .partition_point(|row| row.first.objects < at.objects);
        header.previous = before
            .checked_sub(1)
            .map_or(Uuid::nil(), |row| self.rows[row].name.uuid);
        (header.generation, header.generation_first_object) = if new_generation {
            (self.generation + 1, at.objects)
        } else {
            (self.generation, self.generation_first_object)
        };
        header.first_object = at.objects;
        header.first_mark = at.marks;
        header.first_host_byte = at.host_bytes;
        header.first_charged_byte = at.charged_bytes;
    }

    /// Adds the segment with `header`, whose file is durable, and returns the segments that it
    /// cuts off.
    pub(crate) fn append(&mut self, header: &SegmentHeader) -> Vec<SegmentName> {
        let dead = self.cut(header.first());
        self.push(header);
        dead
    }

    fn cut(&mut self, at: Totals) -> Vec<SegmentName> {
        let live = self
            .rows
            .partition_point(|row| row.first.objects < at.objects);
        let dead = self.rows.split_off(live);
        dead.into_iter()
            .filter(|row| row.present)
            .map(|row| row.name)
            .collect()
    }

    fn push(&mut self, header: &SegmentHeader) {
        self.end = header.first();
        self.generation = header.generation;
        self.generation_first_object = header.generation_first_object;
        self.last_number = header.name.number;
        self.rows.push(Row {
            name: header.name,
            first: header.first(),
            valid_until: u64::MAX,
            present: true,
            salt: header.salt,
            at_rest: header.at_rest,
        });
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

fn foreign(header: &SegmentHeader, reason: &str) -> Error {
    Error::ForeignSegment {
        segment: header.name,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
