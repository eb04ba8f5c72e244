//! Moving: a few comparisons per segment and frame, and no data is read.

use super::{Cartridge, Condition, Cursor};
use crate::error::Error;
use crate::index;

/// Where a locate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located {
    /// At the place asked for.
    Reached,
    /// At the end of data, which comes before that place.
    EndOfData,
}

/// How far a space went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spaced {
    /// Blocks or filemarks passed, in the direction asked for.
    pub moved: u64,
    /// What stopped it before all were passed.
    pub stopped_by: Option<Stop>,
}

/// What stops a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A filemark, while spacing over blocks. It was passed: going forward the position is after
    /// it, going backward before it.
    Filemark,
    /// The end of data.
    EndOfData,
    /// The beginning of the partition.
    BeginningOfPartition,
}

impl Spaced {
    fn all(moved: u64) -> Self {
        Self {
            moved,
            stopped_by: None,
        }
    }

    fn stopped(moved: u64, by: Stop) -> Self {
        Self {
            moved,
            stopped_by: Some(by),
        }
    }
}

impl Cartridge {
    /// Moves to the beginning. Synchronizes first; moves even when that fails.
    pub fn rewind(&mut self) -> Result<(), Error> {
        let synchronized = self.settle();
        self.cursor = Cursor::default();
        synchronized
    }

    /// Moves to the object `object` (LOCATE by logical object, SSC-5 §7.3). Synchronizes first.
    pub fn locate_block(&mut self, object: u64) -> Result<Located, Error> {
        self.settle()?;
        if object > self.chain.end.objects {
            self.cursor = self.end_cursor();
            return Ok(Located::EndOfData);
        }
        self.move_to_object(object)?;
        Ok(Located::Reached)
    }

    /// Moves to the first object of the logical file `file`: after that many filemarks (LOCATE by
    /// logical file, SSC-5 §7.4). Synchronizes first.
    pub fn locate_filemark(&mut self, file: u64) -> Result<Located, Error> {
        self.settle()?;
        if file > self.chain.end.marks {
            self.cursor = self.end_cursor();
            return Ok(Located::EndOfData);
        }
        let object = match file.checked_sub(1) {
            None => 0,
            Some(mark) => self.object_of_mark(mark)? + 1,
        };
        self.cursor = Cursor {
            object,
            marks: file,
        };
        Ok(Located::Reached)
    }

    /// Spaces over `count` blocks, backward when negative (SSC-5 §7.9). Synchronizes first.
    pub fn space_blocks(&mut self, count: i64) -> Result<Spaced, Error> {
        self.settle()?;
        let distance = count.unsigned_abs();
        let Cursor { object, marks } = self.cursor;
        if count >= 0 {
            let next_mark = (marks < self.chain.end.marks).then(|| self.object_of_mark(marks));
            let limit = next_mark.transpose()?.unwrap_or(self.chain.end.objects);
            let room = limit.saturating_sub(object);
            if distance <= room {
                self.cursor.object += distance;
                return Ok(Spaced::all(distance));
            }
            if limit == self.chain.end.objects {
                self.cursor.object = limit;
                return Ok(Spaced::stopped(room, Stop::EndOfData));
            }
            self.cursor = Cursor {
                object: limit + 1,
                marks: marks + 1,
            };
            return Ok(Spaced::stopped(room, Stop::Filemark));
        }
        let Some(last_mark) = marks.checked_sub(1) else {
            let moved = distance.min(object);
            self.cursor.object -= moved;
            return Ok(if moved == distance {
                Spaced::all(moved)
            } else {
                Spaced::stopped(moved, Stop::BeginningOfPartition)
            });
        };
        let mark_object = self.object_of_mark(last_mark)?;
        let room = object.saturating_sub(mark_object + 1);
        if distance <= room {
            self.cursor.object -= distance;
            return Ok(Spaced::all(distance));
        }
        self.cursor = Cursor {
            object: mark_object,
            marks: last_mark,
        };
        Ok(Spaced::stopped(room, Stop::Filemark))
    }

    /// Spaces over `count` filemarks, backward when negative: the position is then after, or before,
    /// the last one passed. Synchronizes first.
    pub fn space_filemarks(&mut self, count: i64) -> Result<Spaced, Error> {
        self.settle()?;
        let distance = count.unsigned_abs();
        let marks = self.cursor.marks;
        if count == 0 {
            return Ok(Spaced::all(0));
        }
        if count > 0 {
            let room = self.chain.end.marks - marks;
            if distance > room {
                self.cursor = self.end_cursor();
                return Ok(Spaced::stopped(room, Stop::EndOfData));
            }
            let object = self.object_of_mark(marks + distance - 1)? + 1;
            self.cursor = Cursor {
                object,
                marks: marks + distance,
            };
        } else {
            if distance > marks {
                self.cursor = Cursor::default();
                return Ok(Spaced::stopped(marks, Stop::BeginningOfPartition));
            }
            let object = self.object_of_mark(marks - distance)?;
            self.cursor = Cursor {
                object,
                marks: marks - distance,
            };
        }
        Ok(Spaced::all(distance))
    }

    /// Moves to the end of data. Synchronizes first.
    pub fn space_end_of_data(&mut self) -> Result<(), Error> {
        self.settle()?;
        self.cursor = self.end_cursor();
        Ok(())
    }

    /// Synchronizes before a move, and remembers that the host now knows where it is.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        self.ahead.stop();
        self.synchronize()?;
        self.moved();
        Ok(())
    }

    pub(super) fn moved(&mut self) {
        if self.condition == Condition::PositionLost {
            self.condition = Condition::RemainsBehindEnd;
        }
    }

    fn move_to_object(&mut self, object: u64) -> Result<(), Error> {
        let marks = match self.chain.row_of_object(object) {
            None => self.chain.end.marks,
            Some(row) => {
                let before = self.chain.rows()[row].first.marks;
                before + index::marks_before_object(self.entries(row)?, object)
            }
        };
        self.cursor = Cursor { object, marks };
        Ok(())
    }

    /// Returns which object is the filemark `mark`, counted from 0, which exists.
    fn object_of_mark(&mut self, mark: u64) -> Result<u64, Error> {
        let row = self
            .chain
            .row_of_mark(mark)
            .expect("the mark is before the end of data");
        let before = self.chain.rows()[row].first.marks;
        let object = index::object_of_mark(self.entries(row)?, mark - before);
        // Damage may have fewer objects than the marks that it is known to have held.
        Ok(object.unwrap_or(self.chain.end_of(row).objects - 1))
    }
}
