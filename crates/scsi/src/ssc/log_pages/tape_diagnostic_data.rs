//! Page 16h: the last errors, with what was being done (SSC-5 §8.2, tape diagnostic data).

use crate::sense::Sense;
use crate::spc::log::Parameter;

/// Tape diagnostic data.
pub const TAPE_DIAGNOSTIC_DATA: u8 = 0x16;
/// How many errors a drive remembers.
pub const ENTRIES_MAX: usize = 16;

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnosticEntry {
    /// The cartridge's density.
    pub density: u8,
    /// MEDIUM TYPE of the mode parameter header.
    pub medium_type: u8,
    /// Whether the same had happened right before.
    pub repeat: bool,
    /// What was answered.
    pub sense: Sense,
    /// The drive's revision.
    pub revision: [u8; 4],
    /// The command's operation code.
    pub operation_code: u8,
    /// Its service action.
    pub service_action: u8,
    /// The cartridge's serial number, 32 characters.
    pub medium_serial: String,
    /// When, in milliseconds since 1970; 0 when nobody knows.
    pub unix_ms: u64,
}

/// Returns the parameters, the last error first.
pub fn parameters<'a>(entries: impl IntoIterator<Item = &'a DiagnosticEntry>) -> Vec<Parameter> {
    let numbered = (0..).zip(entries);
    numbered
        .map(|(code, entry)| Parameter::binary(code, entry.to_bytes()))
        .collect()
}

impl DiagnosticEntry {
    fn to_bytes(&self) -> [u8; 68] {
        /// TIMESTAMP ORIGIN 010b: set by SET TIMESTAMP, or by the host that we run on.
        const KNOWN: u8 = 0x02;
        let mut value = [0; 68];
        value[2] = self.density;
        value[3] = self.medium_type;
        value[9] = u8::from(self.repeat) << 7 | self.sense.key as u8;
        value[10] = self.sense.additional.0;
        value[11] = self.sense.additional.1;
        value[16..20].copy_from_slice(&self.revision);
        value[24] = self.operation_code;
        value[25] = self.service_action & 0x1f;
        for (to, from) in value[28..60].iter_mut().zip(self.medium_serial.bytes()) {
            *to = from;
        }
        if self.unix_ms != 0 {
            value[60] = KNOWN;
            value[62..68].copy_from_slice(&self.unix_ms.to_be_bytes()[2..]);
        }
        value
    }
}
