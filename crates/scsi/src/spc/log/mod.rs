//! Log pages (SPC-5 §6.7, §6.8, §7.3): LOG SENSE and LOG SELECT for any device.
//!
//! A page is a list of [`Parameter`]s in ascending order of their codes; a device that has pages
//! implements [`Logs`], and everything that is the same for all of them is done here:
//!
//! - [`sense`]: what LOG SENSE answers: page control, parameter pointer, and the lists of pages and
//!   sub-pages, which follow from [`Logs::pages`].
//! - [`select`]: what LOG SELECT changes: counters that are set or begin anew, and thresholds.
//! - [`parameter`]: a parameter with its control byte.
//! - [`thresholds`]: the thresholds that initiators have set.
//!
//! Nothing is saved on request: SP=1 is refused, and so is PPC, which SPC-4 made obsolete. Thresholds
//! are kept and told, but never compared (ETC=0).

pub mod parameter;
pub mod select;
pub mod sense;
#[cfg(test)]
mod tests;
pub mod thresholds;

pub use parameter::{Format, Parameter};
pub use select::{LogSelect, Selected, log_select};
pub use sense::{LogSense, log_sense};
pub use thresholds::Thresholds;

/// A page and a sub-page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId {
    /// The page code, 00h to 3Fh.
    pub code: u8,
    /// The sub-page code; 00h for the page itself.
    pub subpage: u8,
}

impl PageId {
    /// Returns a page without sub-page.
    pub const fn new(code: u8) -> Self {
        Self { code, subpage: 0 }
    }

    /// Returns the length of the parameters in a page with this header, which is then complete:
    /// code with SPF, sub-page, two bytes of length (SPC-5 §7.3.2.1).
    fn header(self, length: usize) -> [u8; HEADER_BYTES] {
        #[allow(clippy::cast_possible_truncation)] // pages of ours are short
        let [high, low] = (length as u16).to_be_bytes();
        let spf = if self.subpage == 0 { 0 } else { SPF };
        [self.code | spf, self.subpage, high, low]
    }
}

/// The supported log pages page (SPC-5 §7.3.17).
pub const SUPPORTED_PAGES: u8 = 0x00;
/// Sub-page code for a list of sub-pages (SPC-5 §7.3.18).
pub const ALL_SUBPAGES: u8 = 0xff;

/// Bit SPF in byte 0 of a page: it has a sub-page code.
const SPF: u8 = 0x40;
/// The bytes before the first parameter.
const HEADER_BYTES: usize = 4;

/// Which values of a page (SPC-5 §6.8, table 163).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageControl {
    /// The thresholds in force.
    Threshold,
    /// What was counted.
    Cumulative,
    /// The thresholds of a device that nobody has told any.
    DefaultThreshold,
    /// What counters begin with: zero.
    DefaultCumulative,
}

impl PageControl {
    /// Reads bits 7 and 6 of byte 2 of the CDB.
    const fn of(byte_2: u8) -> Self {
        match byte_2 >> 6 {
            0 => Self::Threshold,
            1 => Self::Cumulative,
            2 => Self::DefaultThreshold,
            _ => Self::DefaultCumulative,
        }
    }
}

/// What a device logs.
pub trait Logs {
    /// Returns the pages in ascending order. The lists, page 00h and the sub-pages FFh, are not
    /// among them.
    fn pages(&self) -> Vec<PageId>;

    /// Returns what stands in `page`, one of [`Logs::pages`], in ascending order of the codes.
    fn parameters(&mut self, page: PageId) -> Vec<Parameter>;

    /// An initiator has read the parameters `codes` of `page`, these and no others: it may have asked
    /// for less than all, and programs ask for a page's length first.
    fn were_told(&mut self, _page: PageId, _codes: &[u16]) {}

    /// Lets everything in `page` begin anew that can.
    fn reset(&mut self, page: PageId);

    /// Sets a counter that [`Parameter::changeable`] is true for.
    fn set(&mut self, _page: PageId, _code: u16, _value: u64) {}
}
