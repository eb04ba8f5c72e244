//! LOG SENSE (SPC-5 §6.8, SSC-5 §8.2).

use scsi::spc::log::{LogPage, LogSense, SUPPORTED_PAGES, TAPE_ALERT, TAPE_CAPACITY};
use scsi::ssc::log_pages::{TapeAlerts, supported_pages, supported_subpages, tape_capacity};
use scsi::{Cdb, Response, Sense};

use super::{Machine, Medium};

impl Machine {
    /// LOG SENSE. Reading page 2Eh lowers the TapeAlert flags (SSC-5 §8.2.3).
    pub(super) fn log_sense(&mut self, cdb: &Cdb) -> Result<Response, Sense> {
        let command = LogSense::parse(cdb);
        if cdb.bit(1, SAVE_PARAMETERS) {
            return Err(Sense::invalid_field_in_cdb(1));
        }
        let pointer = command.parameter_pointer;
        let page = match (command.page_code, command.subpage_code) {
            (SUPPORTED_PAGES, 0x00) => supported_pages(),
            (SUPPORTED_PAGES, 0xff) => supported_subpages(),
            (TAPE_ALERT, 0x00) => {
                let page = parameters(&self.alerts.page(pointer), pointer)?;
                self.alerts = TapeAlerts::default();
                page
            }
            (TAPE_CAPACITY, 0x00) => parameters(&self.tape_capacity(pointer), pointer)?,
            (SUPPORTED_PAGES | TAPE_ALERT | TAPE_CAPACITY, _) => {
                return Err(Sense::invalid_field_in_cdb(3));
            }
            _ => return Err(Sense::invalid_field_in_cdb(2)),
        };
        Ok(Response::allocated(
            page,
            usize::from(command.allocation_length),
        ))
    }

    /// Page 31h, live. Zeros without a cartridge.
    fn tape_capacity(&self, pointer: u16) -> LogPage {
        let (remaining, capacity) = match &self.medium {
            Medium::Loaded(mounted) => {
                let usage = mounted.cartridge.usage();
                let remaining = usage.capacity_bytes.saturating_sub(usage.stored_bytes);
                (mebibytes(remaining), mebibytes(usage.capacity_bytes))
            }
            Medium::Empty | Medium::Unloaded(_) => (0, 0),
        };
        tape_capacity(remaining, capacity, pointer)
    }
}

/// Returns the page. A parameter pointer behind the last parameter is refused (SPC-5 §6.8).
fn parameters(page: &LogPage, pointer: u16) -> Result<Vec<u8>, Sense> {
    let bytes = page.to_bytes();
    if pointer > 0 && bytes.len() == HEADER_LENGTH {
        return Err(Sense::invalid_field_in_cdb(5));
    }
    Ok(bytes)
}

fn mebibytes(bytes: u64) -> u32 {
    u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
}

/// The bit SP in byte 1.
const SAVE_PARAMETERS: u8 = 0;
/// The bytes before the first parameter.
const HEADER_LENGTH: usize = 4;
