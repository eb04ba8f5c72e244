//! MODE SENSE and MODE SELECT (SPC-5 §6.11 to §6.14, §7.5), alike for every device.
//!
//! - here: the CDBs;
//! - `list`: header and block descriptor;
//! - `page`: one page, as a value ([`ModePage`]) and in a list ([`PageView`]);
//! - `set`: all pages of a device ([`ModePages`]), which MODE SENSE reads and MODE SELECT changes.
//!
//! No values are saved: LTO drives do not, and what a drive does after a reset then never depends on
//! who used it last year. PS is zero everywhere, SP=1 is refused, and so are saved values.

mod list;
mod page;
mod set;

use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;
pub use list::{BlockDescriptor, ParameterList};
pub use page::{ModePage, PageId, PageView, page, pages};
pub(crate) use set::mode_pages;
pub use set::{ModePages, changed_pages, selected_pages};

/// Whether the six- or the ten-byte command asked; the parameter list's header differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// MODE SENSE(6), MODE SELECT(6): four bytes of header.
    Six,
    /// MODE SENSE(10), MODE SELECT(10): eight bytes of header.
    Ten,
}

/// Which values MODE SENSE wants (SPC-5 §6.14.1, table 173).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageControl {
    /// The values in force.
    Current,
    /// A mask: ones where MODE SELECT may change a bit.
    Changeable,
    /// The values after a reset.
    Default,
    /// The values kept over a reset.
    Saved,
}

/// A parsed MODE SENSE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeSense {
    /// Six or ten.
    pub form: Form,
    /// DBD: leave the block descriptor out.
    pub disable_block_descriptors: bool,
    /// Which values.
    pub page_control: PageControl,
    /// The page; 3Fh for all.
    pub page_code: u8,
    /// The sub-page; FFh for all of a page.
    pub subpage_code: u8,
    /// The most bytes that the initiator takes.
    pub allocation_length: u16,
}

/// Page code for all pages (SPC-5 §6.14.1).
pub const ALL_PAGES: u8 = 0x3f;
/// Sub-page code for all sub-pages.
pub const ALL_SUBPAGES: u8 = 0xff;
/// Page code 00h, which names no page: Linux's st asks so for header and block descriptor alone.
pub const NO_PAGE: u8 = 0x00;

impl ModeSense {
    /// Parses MODE SENSE(6) or (10). LLBAA permits long block descriptors and does not demand them;
    /// ours are always short.
    pub fn parse(cdb: &Cdb) -> Self {
        let (form, allocation_length) = match cdb.operation_code() {
            0x1a => (Form::Six, u16::from(cdb.byte(4))),
            _ => (Form::Ten, cdb.u16(7)),
        };
        let page_control = match cdb.byte(2) >> 6 {
            0 => PageControl::Current,
            1 => PageControl::Changeable,
            2 => PageControl::Default,
            _ => PageControl::Saved,
        };
        Self {
            form,
            disable_block_descriptors: cdb.bit(1, 3),
            page_control,
            page_code: cdb.byte(2) & 0x3f,
            subpage_code: cdb.byte(3),
            allocation_length,
        }
    }

    /// Returns whether a page with this code and sub-page is asked for.
    pub fn wants(&self, page_code: u8, subpage_code: u8) -> bool {
        let page = self.page_code == ALL_PAGES || self.page_code == page_code;
        let subpage = self.subpage_code == ALL_SUBPAGES || self.subpage_code == subpage_code;
        page && subpage
    }
}

/// A parsed MODE SELECT CDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeSelect {
    /// Six or ten.
    pub form: Form,
    /// SP: the initiator wants the values kept over a reset.
    pub save_pages: bool,
    /// The length of the parameter list, in bytes.
    pub parameter_list_length: u16,
}

impl ModeSelect {
    /// Parses MODE SELECT(6) or (10). PF=0 is accepted: SCSI-2 initiators send block descriptors so.
    pub fn parse(cdb: &Cdb) -> Self {
        let (form, parameter_list_length) = match cdb.operation_code() {
            0x15 => (Form::Six, u16::from(cdb.byte(4))),
            _ => (Form::Ten, cdb.u16(7)),
        };
        Self {
            form,
            save_pages: cdb.bit(1, 0),
            parameter_list_length,
        }
    }

    /// Returns the parameter list in `data_out`, `None` for an empty one, which "shall not be
    /// considered an error" (SPC-5 §6.11). Refuses SP=1 and a list of which a part is missing.
    pub fn parameter_list<'a>(&self, data_out: &'a [u8]) -> Result<Option<&'a [u8]>, Sense> {
        const SAVE_PAGES_BIT: u8 = 0;
        if self.save_pages {
            return Err(Sense::invalid_field_in_cdb(1).at_bit(SAVE_PAGES_BIT));
        }
        let length = usize::from(self.parameter_list_length);
        if length == 0 {
            return Ok(None);
        }
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        data_out.get(..length).ok_or(too_short).map(Some)
    }
}
