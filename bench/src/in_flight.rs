//! What a session does while commands of its own are in flight.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use iscsi::initiator::{DataTransfer, InitiatorEvent};
use iscsi::wire::SerialNumber;

use crate::session::Session;

/// ABORT TASK (RFC 7143 §11.5.1).
const ABORT_TASK: u8 = 1;

/// A task tag that no command of ours ever has.
const NO_TASK: u32 = 0xfffe_0000;

impl Session {
    /// Sends a command without data and does not wait for its end.
    pub(crate) fn begin_command(&mut self, cdb: &[u8]) {
        self.initiator.command(self.lun, cdb, DataTransfer::None);
    }

    /// Sends a WRITE(6) of one block and does not wait for its end.
    pub(crate) fn begin_write(&mut self, block: &Bytes) -> Result<()> {
        let [_, b1, b2, b3] = u32::try_from(block.len())?.to_be_bytes();
        let data = DataTransfer::Out(block.clone());
        self.initiator
            .command(self.lun, &[0x0a, 0, b1, b2, b3, 0], data);
        Ok(())
    }

    /// Returns how many of those commands have ended.
    pub(crate) fn finished(&self) -> usize {
        self.finished
    }

    /// Waits until one more of them ends.
    pub(crate) fn wait_for_an_end(&mut self) -> Result<()> {
        let before = self.finished;
        while self.finished == before {
            let event = self.next()?;
            self.count(&event)?;
        }
        Ok(())
    }

    /// Sends a NOP-Out and returns how long its answer took.
    pub(crate) fn ping(&mut self) -> Result<Duration> {
        let start = Instant::now();
        let tag = self.initiator.nop(b"ping");
        self.wait_for(
            |event| matches!(event, InitiatorEvent::NopIn { task_tag, .. } if *task_tag == tag),
        )?;
        Ok(start.elapsed())
    }

    /// Asks for the abort of a task that is not there, and returns how long the answer took.
    pub(crate) fn abort_nothing(&mut self) -> Result<Duration> {
        let start = Instant::now();
        let referenced = Some((NO_TASK, SerialNumber(0)));
        let tag = self.initiator.manage(ABORT_TASK, self.lun, referenced);
        self.wait_for(|event| {
            matches!(event, InitiatorEvent::ManagementDone { task_tag, .. } if *task_tag == tag)
        })?;
        Ok(start.elapsed())
    }

    /// Counts commands that end until `awaited` comes.
    fn wait_for(&mut self, awaited: impl Fn(&InitiatorEvent) -> bool) -> Result<()> {
        loop {
            let event = self.next()?;
            if awaited(&event) {
                return Ok(());
            }
            self.count(&event)?;
        }
    }

    fn count(&mut self, event: &InitiatorEvent) -> Result<()> {
        if let InitiatorEvent::Finished(finished) = event {
            ensure!(finished.status == 0, "status {:02x}", finished.status);
            self.finished += 1;
        }
        Ok(())
    }
}
