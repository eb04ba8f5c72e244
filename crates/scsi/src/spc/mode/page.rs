//! One mode page: as a value, and as a piece of a parameter list.

use crate::sense::{AdditionalSense, Sense};

/// Which page: its code, and the code of its sub-page, which is 0 in `page_0` format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageId {
    /// PAGE CODE, six bits.
    pub page: u8,
    /// SUBPAGE CODE.
    pub subpage: u8,
}

impl PageId {
    /// Returns the page with this code and no sub-page.
    pub const fn page(page: u8) -> Self {
        Self { page, subpage: 0 }
    }

    /// Returns the sub-page.
    pub const fn subpage(page: u8, subpage: u8) -> Self {
        Self { page, subpage }
    }

    /// The length of the page's own header: two bytes, or four with sub-page.
    pub const fn header_length(self) -> usize {
        if self.subpage == 0 { 2 } else { 4 }
    }
}

/// A mode page as a value with the fields that mean something to the device.
///
/// Bytes are numbered as the standards' tables number them: byte 0 is the page's code. A page that
/// nobody can change has only [`ModePage::id`], [`ModePage::length`] and [`ModePage::write`].
pub trait ModePage {
    /// Which page this is. Never depends on the values.
    fn id(&self) -> PageId;

    /// Returns whether the device has the page at all.
    fn is_present(&self) -> bool {
        true
    }

    /// The length of the page in bytes, its header counted.
    fn length(&self) -> usize;

    /// Writes the values. `page` has [`ModePage::length`] bytes of zeros; the header is written
    /// afterwards and not by this.
    fn write(&self, page: &mut [u8]);

    /// Sets the bits which MODE SELECT may change. `mask` has [`ModePage::length`] bytes of zeros.
    fn changeable(&self, _mask: &mut [u8]) {}

    /// Returns whether MODE SELECT may send the page with this length. Bytes beyond
    /// [`ModePage::length`] are then not compared with anything, and bytes that were not sent count
    /// as they are.
    fn takes_length(&self, length: usize) -> bool {
        length == self.length()
    }

    /// Takes over what `page` asks for. Its length is right, and bits that cannot change are as they
    /// were.
    fn apply(&mut self, _page: &PageView<'_>) -> Result<(), Sense> {
        Ok(())
    }
}

impl dyn ModePage + '_ {
    /// Returns the page with its values.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut page = vec![0; self.length()];
        self.write(&mut page);
        self.with_header(page)
    }

    /// Returns the page with ones where MODE SELECT may change a bit.
    pub fn mask(&self) -> Vec<u8> {
        let mut page = vec![0; self.length()];
        self.changeable(&mut page);
        self.with_header(page)
    }

    /// PS is always zero: nothing is saved.
    fn with_header(&self, mut page: Vec<u8>) -> Vec<u8> {
        const SUBPAGE_FORMAT: u8 = 0x40;
        let id = self.id();
        let length = page.len() - id.header_length();
        #[allow(clippy::cast_possible_truncation)]
        // pages of ours have at most some dozens of bytes
        if id.subpage == 0 {
            page[0] = id.page;
            page[1] = length as u8;
        } else {
            page[0] = id.page | SUBPAGE_FORMAT;
            page[1] = id.subpage;
            page[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        }
        page
    }

    /// Takes over `page`, which a MODE SELECT list has for this one. A wrong length and a change to a
    /// bit that cannot change are refused with a pointer at the first of them (SPC-5 §6.11).
    pub(super) fn take(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        if !self.takes_length(page.bytes.len()) {
            let at = if page.subpage_code == 0 { 1 } else { 2 };
            return Err(page.fault(at));
        }
        let (current, mask) = (self.to_bytes(), self.mask());
        let compared = page.bytes.iter().zip(&current).zip(&mask).enumerate();
        for (at, ((new, old), mask)) in compared.skip(self.id().header_length()) {
            let wrong = (new ^ old) & !mask;
            if wrong != 0 {
                #[allow(clippy::cast_possible_truncation)] // a byte has eight bits
                return Err(page.fault_at_bit(at, wrong.ilog2() as u8));
            }
        }
        self.apply(page)
    }
}

/// One page of a MODE SELECT list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageView<'a> {
    /// Code without PS and SPF.
    pub page_code: u8,
    /// Sub-page, 0 in `page_0` format.
    pub subpage_code: u8,
    /// The page, its header included.
    pub bytes: &'a [u8],
    /// What follows the page's header.
    pub body: &'a [u8],
    /// Offset of the page in the parameter list, for field pointers.
    pub offset: u16,
}

impl PageView<'_> {
    /// Which page this is.
    pub const fn id(&self) -> PageId {
        PageId::subpage(self.page_code, self.subpage_code)
    }

    /// Returns byte `at`, 0 behind the page's end.
    pub fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Returns whether bit `bit` of byte `at` is set.
    pub fn bit(&self, at: usize, bit: u8) -> bool {
        self.byte(at) >> bit & 1 == 1
    }

    /// Returns the two bytes from `at` as a number.
    pub fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.byte(at), self.byte(at + 1)])
    }

    /// Returns the four bytes from `at` as a number.
    pub fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at)) << 16 | u32::from(self.u16(at + 2))
    }

    /// Returns INVALID FIELD IN PARAMETER LIST, pointing at byte `at` of this page.
    pub fn fault(&self, at: usize) -> Sense {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        Sense::invalid_field_in_parameter_list(self.offset.saturating_add(at))
    }

    /// The same, pointing at a bit.
    pub fn fault_at_bit(&self, at: usize, bit: u8) -> Sense {
        self.fault(at).at_bit(bit)
    }
}

/// Returns a mode page: code, length, body (`page_0` format, SPC-5 §7.5.8).
pub fn page(page_code: u8, body: &[u8]) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation)] // pages of ours are short
    let mut page = vec![page_code, body.len() as u8];
    page.extend_from_slice(body);
    page
}

/// Walks over the pages in `pages`, which start at `offset` in the parameter list. A page that
/// reaches over the end of the list is a PARAMETER LIST LENGTH ERROR.
pub fn pages(mut pages: &[u8], mut offset: u16) -> Result<Vec<PageView<'_>>, Sense> {
    let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
    let mut found = Vec::new();
    while let [code, second, ..] = *pages {
        let (subpage_code, header_length, length) = if code & 0x40 == 0 {
            (0, 2, usize::from(second))
        } else {
            let [_, _, high, low, ..] = *pages else {
                return Err(too_short);
            };
            (second, 4, usize::from(u16::from_be_bytes([high, low])))
        };
        let (bytes, rest) = pages
            .split_at_checked(header_length + length)
            .ok_or(too_short)?;
        found.push(PageView {
            page_code: code & 0x3f,
            subpage_code,
            bytes,
            body: &bytes[header_length..],
            offset,
        });
        pages = rest;
        // A parameter list has at most 65535 bytes.
        offset = offset.saturating_add(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    }
    if pages.is_empty() {
        Ok(found)
    } else {
        Err(too_short)
    }
}
