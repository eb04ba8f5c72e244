//! Partitions: which one everything is about, and the format that makes them.
//!
//! # Crash
//! A format is one commit: the label that replaces the old one. Its epoch is the next, and segments
//! of an older one are dead. So a crash leaves the old cartridge whole or the new one empty.

use super::{Cartridge, Condition, Cursor, Usage};
use crate::chain::{Chain, Dead};
use crate::error::Error;
use crate::label::{Form, Label, Layout};
use crate::limits::DEAD_REMOVED_PER_CALL;
use crate::writer::SegmentWriter;

/// What a partition keeps while another one is the current one. All of it is on stable storage.
#[derive(Default)]
pub(super) struct Parked {
    pub(super) chain: Chain,
    pub(super) writer: Option<SegmentWriter>,
    pub(super) condition: Condition,
}

impl Cartridge {
    /// Returns how many partitions there are: 1 to 4.
    pub fn partitions(&self) -> u8 {
        u8::try_from(self.parked.len()).expect("a label has at most four partitions")
    }

    /// Returns what the partition `partition` holds; `None` when there is none.
    pub fn usage_of(&self, partition: u8) -> Option<Usage> {
        if partition == self.partition {
            return Some(self.usage());
        }
        let parked = self.parked.get(usize::from(partition))?;
        Some(Usage::of(&parked.chain, 0, self.capacity_of(partition)))
    }

    /// Moves to the beginning of the partition `partition`, which may be the current one.
    /// Synchronizes first, and stays where it is when that fails.
    pub fn change_partition(&mut self, partition: u8) -> Result<(), Error> {
        if partition >= self.partitions() {
            return Err(Error::NoSuchPartition { partition });
        }
        self.settle()?;
        self.switch_to(partition);
        self.cursor = Cursor::default();
        Ok(())
    }

    /// Gives the cartridge new partitions of these capacities, all of them empty, and moves to the
    /// beginning of the first. Everything that was on it is gone when it returns, and durably so; when
    /// it fails everything is as it was. Synchronizes first.
    pub fn format(&mut self, partition_bytes: &[u64]) -> Result<(), Error> {
        if self.label.write_protected {
            return Err(Error::WriteProtected);
        }
        self.check_form(Change::Destroys)?;
        let layout = Layout {
            epoch: self.label.epoch() + 1,
            partition_bytes: partition_bytes.to_vec(),
        };
        let label = Label {
            layout: Some(layout),
            ..self.label.clone()
        };
        label.check()?;
        self.settle()?;
        self.undo_doubtful()?;
        self.replace_label(label)?;
        self.forget_everything();
        self.destroy_own_key();
        Ok(())
    }

    /// Limits what can be written to `capacity_bytes`, in one partition. Everything that was on the
    /// cartridge is gone, as with [`Cartridge::format`].
    pub fn set_capacity(&mut self, capacity_bytes: u64) -> Result<(), Error> {
        self.format(&[capacity_bytes])
    }

    /// The label has a new layout: there are only empty partitions.
    fn forget_everything(&mut self) {
        let count = self.label.partition_bytes().len();
        let mut old = std::mem::take(&mut self.parked);
        old.push(Parked {
            chain: std::mem::take(&mut self.chain),
            writer: self.writer.take(),
            condition: Condition::Good,
        });
        let epoch = self.label.epoch() - 1; // the label is the new one
        let dead = old.iter().flat_map(|old| old.files(epoch)).collect();
        // Segments in progress are let go without a footer: they are dead.
        drop(old);
        self.parked.resize_with(count, Parked::default);
        self.partition = 0;
        self.cursor = Cursor::default();
        self.condition = Condition::Good;
        self.frame = None;
        self.ahead.stop();
        self.segments.forget_all();
        self.unrecorded += 1;
        self.bury(dead, DEAD_REMOVED_PER_CALL);
    }

    /// Makes `partition` the current one. Everything is synchronized; where in the partition is the
    /// caller's to say.
    pub(super) fn switch_to(&mut self, partition: u8) {
        debug_assert_eq!(self.builder.block_count(), 0);
        if partition == self.partition {
            return;
        }
        for at in [self.partition, partition] {
            // The current one goes into its place, then the next one comes out of its own.
            let parked = &mut self.parked[usize::from(at)];
            std::mem::swap(&mut self.chain, &mut parked.chain);
            std::mem::swap(&mut self.writer, &mut parked.writer);
            std::mem::swap(&mut self.condition, &mut parked.condition);
        }
        self.partition = partition;
        self.cursor = Cursor::default();
        self.frame = None;
        self.ahead.stop();
    }

    /// Returns the capacity of a partition that there is.
    pub(super) fn capacity_of(&self, partition: u8) -> u64 {
        self.label.partition_bytes()[usize::from(partition)]
    }

    /// Refuses what the cartridge's form does not allow at the position. Whoever appends, cuts or
    /// formats asks here, so that no mistake elsewhere can cost what was to be written once.
    pub(super) fn check_form(&self, change: Change) -> Result<(), Error> {
        let end = &self.chain.end;
        // Between the position and the end of data there is nothing, or there are filemarks alone.
        let only_marks = end.marks - self.cursor.marks == end.objects - self.cursor.object;
        match (self.label.form, change) {
            (Form::Data, _) => Ok(()),
            (Form::Worm, Change::Appends) if only_marks => Ok(()),
            (Form::Worm, _) => Err(Error::WriteOnce),
            (Form::Cleaning, _) => Err(Error::WriteProtected),
        }
    }

    /// Puts `label` into the place of the old one. Durable when it returns; when it fails the old one
    /// is there, or nothing can be appended until it is.
    pub(super) fn replace_label(&mut self, label: Label) -> Result<(), Error> {
        let text = label.emit()?;
        if let Err(source) = self.store.replace_label(&text) {
            self.label_doubtful = true;
            let error = Error::io("label: write", source);
            return Err(self.undo_doubtful_label().err().unwrap_or(error));
        }
        self.label = label;
        self.label_doubtful = false;
        Ok(())
    }

    pub(super) fn undo_doubtful_label(&mut self) -> Result<(), Error> {
        if self.label_doubtful {
            let text = self.label.emit()?;
            let restored = self.store.replace_label(&text);
            restored.map_err(|source| Error::LabelDoubtful { source })?;
            self.label_doubtful = false;
        }
        Ok(())
    }
}

/// What is about to happen to what is on the cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Objects are written at the position.
    Appends,
    /// Something goes and nothing comes.
    Destroys,
}

impl Parked {
    fn files(&self, epoch: u64) -> impl Iterator<Item = Dead> {
        let rows = self.chain.rows().iter();
        rows.filter(|row| row.present)
            .map(move |row| row.dead(epoch))
    }
}
