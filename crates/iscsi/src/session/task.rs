//! Tasks: commands from their arrival to their last response PDU.

use bytes::Bytes;
use scsi::{Cdb, Lun, Sense, TaskTag};

use crate::buffer::Buffer;
use crate::event::{ManagementTag, TaskAttribute};
use crate::wire::{Residual, SerialNumber};

/// One command.
#[derive(Debug)]
pub(super) struct Task {
    /// Our name for it, towards the environment.
    pub(super) tag: TaskTag,
    /// The initiator's name for it.
    pub(super) itt: u32,
    /// The LUN field as it came; R2Ts repeat it.
    pub(super) lun_field: [u8; 8],
    pub(super) lun: Option<Lun>,
    pub(super) cmd_sn: SerialNumber,
    /// Not ordered by CmdSN, and outside the window.
    pub(super) immediate: bool,
    pub(super) attribute: TaskAttribute,
    pub(super) cdb: Cdb,
    /// Expected data transfer length.
    pub(super) expected: u32,
    pub(super) direction: Direction,
    pub(super) stage: Stage,
    /// Its CmdSN is the next or an earlier one: the command may act.
    pub(super) reached: bool,
    /// What to answer instead of executing the command, once its data has gone by.
    pub(super) failure: Option<Sense>,
    /// Data-Out as it arrives.
    pub(super) data: Buffer,
    /// Where the segment begins that is being received.
    pub(super) segment_start: usize,
    /// How much unsolicited data it is promised room for.
    pub(super) allotted: u64,
    /// All the memory that it needs besides is reserved: data may be asked for, and the device
    /// server may answer.
    pub(super) granted: bool,
    /// How much that is.
    pub(super) held: u64,
    pub(super) unsolicited: Option<Unsolicited>,
    /// Bursts that were asked for and have not ended, oldest first.
    pub(super) bursts: Vec<Burst>,
    /// Up to where data is asked for or was sent unasked.
    pub(super) solicited_to: u32,
    pub(super) r2t_sn: SerialNumber,
    /// The task management requests that end this task when the environment agrees: the first that
    /// it agrees to ends it, and while there is one the task stands still.
    pub(super) aborted_by: Vec<ManagementTag>,
}

/// Which way the initiator expects data to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    None,
    Read,
    Write,
}

/// How far a task has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Data is to come, or earlier commands have to go first.
    Receiving,
    /// All data is there.
    Ready,
    /// At the device server.
    Executing,
    /// Data-In is being sent.
    Responding(Outgoing),
}

/// Data-Out that comes without being asked for (RFC 7143 §4.2.5.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsolicited {
    /// Up to where it goes: an initiator that sends unsolicited PDUs has to send exactly this much.
    pub(super) end: u32,
    pub(super) data_sn: SerialNumber,
}

/// One R2T and its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    pub(super) transfer_tag: u32,
    pub(super) offset: u32,
    pub(super) length: u32,
    pub(super) received: u32,
    pub(super) data_sn: SerialNumber,
}

/// The rest of a response.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) data: Bytes,
    pub(super) offset: u32,
    pub(super) data_sn: SerialNumber,
    pub(super) status: scsi::Status,
    pub(super) sense: Option<Sense>,
    pub(super) residual: Residual,
}

impl Task {
    /// Returns whether the device server or the initiator has got something from it already.
    pub(super) fn is_delivered(&self) -> bool {
        matches!(self.stage, Stage::Executing | Stage::Responding(_))
    }

    /// Returns whether it is still taking in data.
    pub(super) fn is_receiving(&self) -> bool {
        matches!(self.stage, Stage::Receiving)
    }

    /// Takes note that all the memory that it needs is reserved.
    pub(super) fn grant(&mut self, bytes: u64) {
        self.granted = true;
        self.held = bytes;
        if self.direction == Direction::Write && self.failure.is_none() {
            // Address space for all of it, so that nothing moves later; pages come with the data.
            let missing = (self.expected as usize).saturating_sub(self.data.len());
            self.data.reserve_exact(missing);
        }
    }

    /// Returns whether the initiator has to send data before it can go on.
    pub(super) fn lacks_data(&self) -> bool {
        self.is_receiving() && (self.unsolicited.is_some() || !self.bursts.is_empty())
    }

    /// Returns whether some of its Data-In waits to be sent.
    pub(super) fn has_data_on_its_way(&self) -> bool {
        matches!(&self.stage, Stage::Responding(outgoing) if outgoing.offset > 0)
    }

    /// Remembers the first failure; later ones are consequences.
    pub(super) fn fail(&mut self, sense: Sense) {
        if self.failure.is_none() {
            self.failure = Some(sense);
            self.data = Buffer::default();
        }
    }
}

/// All tasks of a connection: few, so that a walk over them is fast.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    slots: Vec<Option<Task>>,
    serial: u64,
    live: usize,
}

/// How many tasks a connection can have; a slot number is a byte.
pub(super) const SLOTS_MAX: usize = 256;

impl Tasks {
    /// Adds a task and returns its tag; `None` when there is no slot left.
    pub(super) fn insert(&mut self, make: impl FnOnce(TaskTag) -> Task) -> Option<TaskTag> {
        let free = self.slots.iter().position(Option::is_none);
        let slot = match free {
            Some(slot) => slot,
            None if self.slots.len() < SLOTS_MAX => {
                self.slots.push(None);
                self.slots.len() - 1
            }
            None => return None,
        };
        self.serial += 1;
        let tag = TaskTag(self.serial << 8 | slot as u64);
        self.slots[slot] = Some(make(tag));
        self.live += 1;
        Some(tag)
    }

    pub(super) fn get(&mut self, tag: TaskTag) -> Option<&mut Task> {
        let slot = (tag.0 & 0xff) as usize;
        let task = self.slots.get_mut(slot)?.as_mut()?;
        (task.tag == tag).then_some(task)
    }

    /// Returns the task that the initiator calls `itt`.
    pub(super) fn find(&mut self, itt: u32) -> Option<&mut Task> {
        self.slots.iter_mut().flatten().find(|task| task.itt == itt)
    }

    pub(super) fn remove(&mut self, tag: TaskTag) -> Option<Task> {
        self.get(tag)?;
        self.live -= 1;
        self.slots[(tag.0 & 0xff) as usize].take()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.slots.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Task> {
        self.slots.iter_mut().flatten()
    }

    pub(super) fn len(&self) -> usize {
        self.live
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live == 0
    }
}
