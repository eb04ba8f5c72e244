//! The error history: the last commands that ended in CHECK CONDITION, for READ BUFFER mode 1Ch.
//!
//! It is text, one line for each: when, the CDB, the sense data. A nexus that reads the directory gets
//! a snapshot, so that the pieces that it fetches afterwards fit together; nobody waits for anybody.
//! The same text is the dump of LTFS, which asks for one with SEND DIAGNOSTIC and reads a data buffer.
//!
//! # Limits
//! [`ENTRIES_MAX`] commands, the oldest forgotten first. A snapshot lives until its nexus takes
//! another one or is lost.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use scsi::spc::buffer::{ReadBuffer, error_history_directory};
use scsi::{AdditionalSense, Cdb, NexusId, Sense};

/// The most commands that are remembered.
const ENTRIES_MAX: usize = 64;
/// Who says what is in the buffer: we, and not the vendor whose drive we are like.
const VENDOR: &[u8; 8] = b"CAPSTAN ";
/// BUFFER ID of the directory; 01h to 03h ask for it and something more (SPC-5 §6.18.8.1).
const DIRECTORY: u8 = 0x00;
const DIRECTORY_LAST: u8 = 0x03;
/// BUFFER ID of the text.
const TEXT: u8 = 0x10;
/// BUFFER ID with which an initiator says that it has read enough; FFh means the snapshot, too.
const CLEAR: u8 = 0xfe;
const CLEAR_ALL: u8 = 0xff;

#[derive(Debug, Default)]
pub(super) struct ErrorHistory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    snapshots: HashMap<NexusId, Bytes>,
}

#[derive(Debug)]
struct Entry {
    at: SystemTime,
    cdb: Cdb,
    sense: Sense,
}

impl ErrorHistory {
    pub(super) fn nexus_lost(&self, nexus: NexusId) {
        self.lock().snapshots.remove(&nexus);
    }

    fn record(&self, cdb: Cdb, sense: Sense, at: SystemTime) {
        let mut state = self.lock();
        if state.entries.len() == ENTRIES_MAX {
            state.entries.pop_front();
        }
        state.entries.push_back(Entry { at, cdb, sense });
    }

    /// Returns what mode 1Ch asks for.
    pub(super) fn read(&self, nexus: NexusId, command: &ReadBuffer) -> Result<Vec<u8>, Sense> {
        let mut state = self.lock();
        match command.buffer_id {
            DIRECTORY..=DIRECTORY_LAST => {
                if command.offset != 0 {
                    return Err(Sense::invalid_field_in_cdb(3));
                }
                let text = Bytes::from(text(&state.entries));
                let directory = error_history_directory(VENDOR, TEXT, length(&text));
                state.snapshots.insert(nexus, text);
                Ok(directory)
            }
            TEXT => {
                let no_snapshot = AdditionalSense::COMMAND_SEQUENCE_ERROR;
                let text = state.snapshots.get(&nexus);
                let text = text.ok_or(Sense::illegal_request(no_snapshot))?;
                let rest = text.get(command.offset as usize..);
                Ok(rest.ok_or(Sense::invalid_field_in_cdb(3))?.to_vec())
            }
            CLEAR | CLEAR_ALL => {
                state.snapshots.remove(&nexus);
                Ok(Vec::new())
            }
            _ => Err(Sense::invalid_field_in_cdb(2)),
        }
    }

    /// Takes a snapshot for `nexus`.
    pub(super) fn take_snapshot(&self, nexus: NexusId) {
        let mut state = self.lock();
        let text = Bytes::from(text(&state.entries));
        state.snapshots.insert(nexus, text);
    }

    /// Returns how long the snapshot of `nexus` is, 0 without one.
    pub(super) fn snapshot_length(&self, nexus: NexusId) -> u32 {
        self.lock().snapshots.get(&nexus).map_or(0, length)
    }

    /// Returns the snapshot of `nexus` from byte `offset` on.
    pub(super) fn snapshot(&self, nexus: NexusId, offset: u32) -> Result<Vec<u8>, Sense> {
        let state = self.lock();
        let text = state.snapshots.get(&nexus).map_or(&[][..], |text| text);
        let rest = text.get(offset as usize..);
        Ok(rest.ok_or(Sense::invalid_field_in_cdb(3))?.to_vec())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl super::Primary {
    /// Remembers a command that ended in CHECK CONDITION.
    pub(in super::super) fn failed(&self, cdb: &Cdb, sense: Sense) {
        self.history.record(*cdb, sense, SystemTime::now());
    }
}

/// Some thousand bytes.
fn length(text: &Bytes) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

fn text(entries: &VecDeque<Entry>) -> String {
    let mut text = String::new();
    for entry in entries {
        let since = entry.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}.{:03} {:?}: {}",
            since.as_secs(),
            since.subsec_millis(),
            entry.cdb,
            entry.sense
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scsi::spc::buffer::ReadMode;

    use super::*;

    fn read(history: &ErrorHistory, buffer_id: u8, offset: u32) -> Result<Vec<u8>, Sense> {
        let command = ReadBuffer {
            mode: ReadMode::ErrorHistory,
            buffer_id,
            offset,
            allocation_length: 1 << 20,
        };
        history.read(NexusId(1), &command)
    }

    #[test]
    fn the_last_failures_are_told_as_text() {
        let history = ErrorHistory::default();
        let out_of_order = Sense::illegal_request(AdditionalSense::COMMAND_SEQUENCE_ERROR);
        assert_eq!(read(&history, TEXT, 0), Err(out_of_order));
        let at = UNIX_EPOCH + Duration::from_millis(1_800_000_000_007);
        for code in 0..=u8::try_from(ENTRIES_MAX).unwrap() {
            let sense = Sense::invalid_field_in_cdb(1);
            history.record(Cdb::new(&[0x10, code]), sense, at);
        }
        let directory = read(&history, DIRECTORY, 0).unwrap();
        let text = String::from_utf8(read(&history, TEXT, 0).unwrap()).unwrap();
        let told = u32::from_be_bytes(directory[36..40].try_into().unwrap());
        assert_eq!(told as usize, text.len());
        assert_eq!(text.lines().count(), ENTRIES_MAX, "the oldest is gone");
        assert_eq!(
            text.lines().next().unwrap(),
            "1800000000.007 10 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00: \
             IllegalRequest 24/00 INVALID FIELD IN CDB"
        );
        assert_eq!(read(&history, TEXT, 11).unwrap(), &text.as_bytes()[11..]);
        let beyond = u32::try_from(text.len()).unwrap() + 1;
        assert_eq!(
            read(&history, TEXT, beyond),
            Err(Sense::invalid_field_in_cdb(3))
        );
        assert_eq!(read(&history, CLEAR_ALL, 0), Ok(Vec::new()));
        assert_eq!(read(&history, TEXT, 0), Err(out_of_order));
    }
}
