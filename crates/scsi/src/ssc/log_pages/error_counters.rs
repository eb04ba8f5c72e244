//! Pages 02h and 03h: what was written or read, and what failed (SPC-5 §7.3.4, error counters).

use crate::spc::log::Parameter;

/// Write error counters.
pub const WRITE_ERRORS: u8 = 0x02;
/// Read error counters.
pub const READ_ERRORS: u8 = 0x03;

/// The counters of a page. They begin anew with each cartridge, and an initiator may set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorCounters {
    /// Corrected without substantial delay, corrected with possible delays, rewrites or rereads,
    /// corrected in all, and how often a correction was tried. A file has no errors that could be
    /// corrected: these count only what an initiator has set.
    pub corrected: [u64; 5],
    /// Bytes processed: as they were stored, as on real tape.
    pub bytes_processed: u64,
    /// Errors that were final.
    pub uncorrected: u64,
}

impl ErrorCounters {
    /// Returns the parameters, codes 0000h to 0006h.
    pub fn parameters(&self) -> Vec<Parameter> {
        let all = self.corrected.into_iter();
        let all = all.chain([self.bytes_processed, self.uncorrected]);
        (0..)
            .zip(all)
            .map(|(code, count)| {
                let width = if code == 5 { 8 } else { 4 };
                Parameter::counter(code, count, width).changeable()
            })
            .collect()
    }

    /// Returns counter `code`, 0000h to 0006h, to be set.
    pub fn counter_mut(&mut self, code: u16) -> Option<&mut u64> {
        match code {
            5 => Some(&mut self.bytes_processed),
            6 => Some(&mut self.uncorrected),
            _ => self.corrected.get_mut(usize::from(code)),
        }
    }
}
