//! READ BUFFER and WRITE BUFFER: a data buffer for all, an echo buffer for each nexus.
//!
//! # Limits
//! [`DATA_CAPACITY`] for a unit, as soon as somebody has written to it; [`ECHO_CAPACITY`] for each
//! nexus that has asked for an echo.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use scsi::spc::buffer::{
    ReadBuffer, ReadMode, WriteBuffer, WriteMode, descriptor, echo_descriptor,
};
use scsi::{AdditionalSense, Cdb, Command, NexusId, Response, Sense};

use super::Primary;

/// The data buffer's size in bytes.
const DATA_CAPACITY: u32 = 64 << 10;
/// The echo buffer's size in bytes; SPC-5 §6.18.6 allows no more.
const ECHO_CAPACITY: u16 = 4096;
/// The data buffer that initiators may write.
const DATA_BUFFER: u8 = 0;
/// The data buffer in which IBM's LTO drives have a dump.
const DUMP_BUFFER: u8 = 1;

#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Empty as long as nobody has written: then it reads as zeros.
    data: Vec<u8>,
    echo: HashMap<NexusId, Bytes>,
}

impl Buffers {
    pub(super) fn clear(&self) {
        *self.lock() = State::default();
    }

    pub(super) fn nexus_lost(&self, nexus: NexusId) {
        self.lock().echo.remove(&nexus);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_data(&self, offset: u32, length: u32) -> Vec<u8> {
        let end = offset.saturating_add(length).min(DATA_CAPACITY);
        let range = offset as usize..end as usize;
        let state = self.lock();
        match state.data.get(range.clone()) {
            Some(data) => data.to_vec(),
            None => vec![0; range.len()],
        }
    }

    fn write_data(&self, offset: u32, data: &[u8]) {
        let mut state = self.lock();
        state.data.resize(DATA_CAPACITY as usize, 0);
        let offset = offset as usize;
        state.data[offset..offset + data.len()].copy_from_slice(data);
    }
}

impl Primary {
    pub(in super::super) fn read_buffer(&self, nexus: NexusId, cdb: &Cdb) -> Response {
        ReadBuffer::parse(cdb)
            .and_then(|command| self.read(nexus, &command))
            .unwrap_or_else(Response::from)
    }

    fn read(&self, nexus: NexusId, command: &ReadBuffer) -> Result<Response, Sense> {
        let data = match command.mode {
            ReadMode::Data if command.buffer_id == DUMP_BUFFER => {
                self.history.snapshot(nexus, command.offset)?
            }
            ReadMode::Descriptor if command.buffer_id == DUMP_BUFFER => {
                descriptor(self.history.snapshot_length(nexus)).to_vec()
            }
            ReadMode::Data => {
                check_data_buffer(command.buffer_id, command.offset, 0)?;
                self.buffers
                    .read_data(command.offset, command.allocation_length)
            }
            // "If there is no buffer with the BUFFER ID, … all zeros" (SPC-5 §6.18.4).
            ReadMode::Descriptor if command.buffer_id != DATA_BUFFER => vec![0; 4],
            ReadMode::Descriptor => descriptor(DATA_CAPACITY).to_vec(),
            ReadMode::Echo => {
                let echo = self.buffers.lock().echo.get(&nexus).cloned();
                let nothing_written = AdditionalSense::COMMAND_SEQUENCE_ERROR;
                let echo = echo.ok_or(Sense::illegal_request(nothing_written))?;
                let length = echo.len().min(command.allocation_length as usize);
                return Ok(Response::data(echo.slice(..length)));
            }
            ReadMode::EchoDescriptor => echo_descriptor(ECHO_CAPACITY).to_vec(),
            ReadMode::ErrorHistory => self.history.read(nexus, command)?,
        };
        let allocation_length = command.allocation_length as usize;
        Ok(Response::allocated(data, allocation_length))
    }

    pub(in super::super) fn write_buffer(&self, nexus: NexusId, command: &Command) -> Response {
        let response = WriteBuffer::parse(&command.cdb)
            .and_then(|parsed| self.write(nexus, &parsed, &command.data_out))
            .map_or_else(Response::from, |()| Response::good());
        response.with_data_out_length(command.cdb.u24(6))
    }

    fn write(&self, nexus: NexusId, command: &WriteBuffer, data_out: &Bytes) -> Result<(), Sense> {
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let length = command.length as usize;
        match command.mode {
            WriteMode::Data => {
                check_data_buffer(command.buffer_id, command.offset, command.length)?;
                let data = data_out.get(..length).ok_or(too_short)?;
                if !data.is_empty() {
                    self.buffers.write_data(command.offset, data);
                }
            }
            WriteMode::Echo => {
                if command.length > u32::from(ECHO_CAPACITY) {
                    return Err(Sense::invalid_field_in_cdb(6));
                }
                let data = data_out.get(..length).ok_or(too_short)?;
                // A copy: what came over the wire may keep a much larger piece of memory.
                let echo = Bytes::copy_from_slice(data);
                self.buffers.lock().echo.insert(nexus, echo);
            }
        }
        Ok(())
    }
}

/// SPC-5 §6.18.3 and §6.49.3: what goes beyond the buffer is refused.
fn check_data_buffer(buffer_id: u8, offset: u32, length: u32) -> Result<(), Sense> {
    if buffer_id != DATA_BUFFER {
        return Err(Sense::invalid_field_in_cdb(2));
    }
    if offset > DATA_CAPACITY {
        return Err(Sense::invalid_field_in_cdb(3));
    }
    if length > DATA_CAPACITY - offset {
        return Err(Sense::invalid_field_in_cdb(6));
    }
    Ok(())
}
