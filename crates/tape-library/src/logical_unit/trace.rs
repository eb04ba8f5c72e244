//! The last commands of a unit, for people who want to see what backup software does.
//!
//! # Purpose
//! A ring that is always on. What a command asked and how it ended is kept as it was on the wire;
//! putting it into words is left to whoever reads it ([`scsi::describe`]).
//!
//! # Guarantees
//! - A command stands in the ring before its initiator can know that it has ended.
//! - Blocks of the medium are counted and never kept, and neither is what goes out with SECURITY
//!   PROTOCOL OUT: keys. Of other parameter data the first [`PREFIX_BYTES_MAX`] bytes are kept.
//! - Numbers of commands never repeat while the process lives, so a reader that asks for what came
//!   after the last number it has seen misses nothing without noticing.
//!
//! # Limits
//! [`COMMANDS_MAX`] commands and [`PREFIXES_BYTES_MAX`] bytes of parameter data; older ones go.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use scsi::{Cdb, Command, InitiatorPort, NexusId, Response, Sense, Status, TaskTag};

use super::DeviceServer;
use super::task_set::Task;

/// The most commands that a unit remembers.
pub const COMMANDS_MAX: usize = 2048;
/// The most parameter data that a unit remembers, all commands together.
pub const PREFIXES_BYTES_MAX: usize = 256 << 10;
/// The most parameter data of one command and one direction.
pub const PREFIX_BYTES_MAX: usize = 256;

/// Where a tape stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapePosition {
    /// The partition.
    pub partition: u8,
    /// Blocks and filemarks before the position, as READ POSITION tells.
    pub block: u64,
    /// Filemarks before the position.
    pub file: u64,
}

/// Data of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracedData {
    /// How many bytes there were.
    pub length: u64,
    /// The first of them; none for blocks and for what may be a key.
    pub prefix: Box<[u8]>,
}

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedCommand {
    /// Its number in the unit, from 1.
    pub number: u64,
    /// When it began to run.
    pub began: SystemTime,
    /// How long it ran.
    pub took: Duration,
    /// The nexus.
    pub nexus: NexusId,
    /// The initiator's port.
    pub initiator: InitiatorPort,
    /// What the transport calls the command.
    pub tag: TaskTag,
    /// The command descriptor block.
    pub cdb: Cdb,
    /// The command's name; `None` for one that the device does not have.
    pub name: Option<&'static str>,
    /// Where the tape stood before; `None` for a changer and without a tape.
    pub before: Option<TapePosition>,
    /// Where it stood afterwards.
    pub after: Option<TapePosition>,
    /// From the initiator.
    pub data_out: TracedData,
    /// To the initiator.
    pub data_in: TracedData,
    /// How it ended.
    pub status: Status,
    /// Why.
    pub sense: Option<Sense>,
    /// Whether the initiator was told; not when the command was aborted while it ran.
    pub answered: bool,
}

/// A part of a unit's trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceExcerpt {
    /// The commands, oldest first.
    pub commands: Vec<TracedCommand>,
    /// The number of the last command of the unit, whether it is in here or not.
    pub last: u64,
}

/// The ring. Its lock is short and never held over calls.
#[derive(Debug, Default)]
pub(super) struct Trace {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    commands: VecDeque<TracedCommand>,
    last: u64,
    prefixes_bytes: usize,
}

/// A command that runs: what has to be looked at before it does.
pub(super) struct Began {
    at: SystemTime,
    clock: Instant,
    before: Option<TapePosition>,
}

impl Began {
    pub(super) fn now(device: &dyn DeviceServer) -> Self {
        Self {
            at: SystemTime::now(),
            clock: Instant::now(),
            before: device.position(),
        }
    }
}

impl Trace {
    /// Remembers a command that has ended.
    pub(super) fn note(
        &self,
        task: &Task,
        began: &Began,
        response: &Response,
        after: Option<TapePosition>,
        answered: bool,
    ) {
        let keeps = keeps_parameter_data(task);
        let traced = |data: &[u8], keeps: bool| TracedData {
            length: data.len() as u64,
            prefix: if keeps {
                data[..data.len().min(PREFIX_BYTES_MAX)].into()
            } else {
                Box::default()
            },
        };
        let Command { cdb, data_out } = &task.command;
        let secret = cdb.operation_code() == SECURITY_PROTOCOL_OUT;
        let command = TracedCommand {
            number: 0,
            began: began.at,
            took: began.clock.elapsed(),
            nexus: task.attachment.nexus.id,
            initiator: task.attachment.nexus.initiator.clone(),
            tag: task.tag,
            cdb: *cdb,
            name: task.spec.map(|spec| spec.name),
            before: began.before,
            after,
            data_out: traced(data_out, keeps && !secret),
            data_in: traced(&response.data_in, keeps),
            status: response.status,
            sense: response.sense,
            answered,
        };
        self.lock().push(command);
    }

    /// Returns the commands after number `after`: at most `count`, the newest ones.
    pub(super) fn excerpt(&self, after: u64, count: usize) -> TraceExcerpt {
        let ring = self.lock();
        let newer = ring.commands.iter().rev();
        let mut commands: Vec<_> = newer
            .take_while(|command| command.number > after)
            .take(count)
            .cloned()
            .collect();
        commands.reverse();
        TraceExcerpt {
            commands,
            last: ring.last,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // The ring is whole between any two statements that could panic.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, mut command: TracedCommand) {
        self.last += 1;
        command.number = self.last;
        self.prefixes_bytes += command.prefixes_bytes();
        self.commands.push_back(command);
        while self.commands.len() > COMMANDS_MAX || self.prefixes_bytes > PREFIXES_BYTES_MAX {
            let Some(oldest) = self.commands.pop_front() else {
                break;
            };
            self.prefixes_bytes -= oldest.prefixes_bytes();
        }
    }
}

impl TracedCommand {
    fn prefixes_bytes(&self) -> usize {
        self.data_out.prefix.len() + self.data_in.prefix.len()
    }
}

/// Returns whether a command's data are parameters and no blocks. What a command that we do not know
/// brings might be anything.
fn keeps_parameter_data(task: &Task) -> bool {
    task.spec.is_some() && !BLOCKS.contains(&task.command.cdb.operation_code())
}

/// The commands that move blocks of the medium or their like: READ, WRITE, READ REVERSE, VERIFY and
/// RECOVER BUFFERED DATA in all lengths, WRITE BUFFER and READ BUFFER (SSC-5 §5, SPC-5 §6).
const BLOCKS: [u8; 11] = [
    0x08, 0x0a, 0x0f, 0x13, 0x14, 0x3b, 0x3c, 0x81, 0x88, 0x8a, 0x8f,
];
/// Carries keys (SPC-5 §6.49, SSC-5 §8.6).
const SECURITY_PROTOCOL_OUT: u8 = 0xb5;
