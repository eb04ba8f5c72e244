//! MODE SENSE and MODE SELECT (SPC-5 §6.13 to §6.16, §7.5): CDBs, headers, block descriptor, pages.

use crate::sense::Sense;
use crate::task::Cdb;

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
/// Page 0Ah: control (SPC-5 §7.5.9).
pub const CONTROL: u8 = 0x0a;

impl ModeSense {
    /// Parses MODE SENSE(6) or (10).
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
}

/// The general mode parameter block descriptor (SPC-5 §7.5.7.1, SSC-5 §8.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDescriptor {
    /// Density code.
    pub density: u8,
    /// Number of blocks, 24 bits; 0 for the rest of the medium.
    pub blocks: u32,
    /// Block length in bytes, 24 bits; 0 for variable.
    pub block_length: u32,
}

impl BlockDescriptor {
    /// The length on the wire.
    pub const LENGTH: usize = 8;

    /// Returns the eight bytes.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let [_, b1, b2, b3] = self.blocks.to_be_bytes();
        let [_, l1, l2, l3] = self.block_length.to_be_bytes();
        [self.density, b1, b2, b3, 0, l1, l2, l3]
    }

    /// Reads the eight bytes.
    pub fn parse(bytes: [u8; Self::LENGTH]) -> Self {
        let [density, b1, b2, b3, _, l1, l2, l3] = bytes;
        Self {
            density,
            blocks: u32::from_be_bytes([0, b1, b2, b3]),
            block_length: u32::from_be_bytes([0, l1, l2, l3]),
        }
    }
}

/// A mode parameter list under construction, or taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterList {
    /// MEDIUM TYPE, byte 1 or 2 of the header.
    pub medium_type: u8,
    /// DEVICE-SPECIFIC PARAMETER: for tapes WP, BUFFERED MODE and SPEED (SSC-5 §8.5.1).
    pub device_specific: u8,
    /// The block descriptor, if there is one.
    pub block_descriptor: Option<BlockDescriptor>,
    /// The pages, one after another, each with its own header.
    pub pages: Vec<u8>,
}

impl ParameterList {
    /// Returns the list with the header of `form`. MODE DATA LENGTH tells the whole, however much
    /// the allocation length lets through (SPC-5 §6.13).
    pub fn to_bytes(&self, form: Form) -> Vec<u8> {
        let descriptor = self.block_descriptor.map(BlockDescriptor::to_bytes);
        let descriptor: &[u8] = descriptor.as_ref().map_or(&[], |bytes| bytes);
        let body = descriptor.len() + self.pages.len();
        #[allow(clippy::cast_possible_truncation)] // cut to the field, as the standard's lists are
        let mut data = match form {
            Form::Six => vec![
                (body + 3).min(255) as u8,
                self.medium_type,
                self.device_specific,
                descriptor.len() as u8,
            ],
            Form::Ten => {
                let [high, low] = ((body + 6) as u16).to_be_bytes();
                let length = descriptor.len() as u8;
                vec![
                    high,
                    low,
                    self.medium_type,
                    self.device_specific,
                    0,
                    0,
                    0,
                    length,
                ]
            }
        };
        data.extend_from_slice(descriptor);
        data.extend_from_slice(&self.pages);
        data
    }

    /// Takes a MODE SELECT parameter list apart; the pages are not looked into. Returns also the
    /// offset of the first page, for field pointers.
    ///
    /// A list cut inside its header or block descriptor is a PARAMETER LIST LENGTH ERROR (SPC-5
    /// §6.11).
    pub fn parse(form: Form, list: &[u8]) -> Result<(Self, u16), Sense> {
        let too_short = Sense::illegal_request(crate::AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let (medium_type, device_specific, descriptor_length, header) = match (form, list) {
            (Form::Six, [_, medium, specific, length, ..]) => (*medium, *specific, *length, 4),
            (Form::Ten, [_, _, medium, specific, longlba, _, 0, length, ..]) => {
                if longlba & 0x01 != 0 {
                    return Err(Sense::invalid_field_in_parameter_list(4));
                }
                (*medium, *specific, *length, 8)
            }
            _ => return Err(too_short),
        };
        let rest = &list[header..];
        let (block_descriptor, pages) = match descriptor_length {
            0 => (None, rest),
            8 => {
                let (bytes, pages) = rest.split_first_chunk::<8>().ok_or(too_short)?;
                (Some(BlockDescriptor::parse(*bytes)), pages)
            }
            _ => {
                let offset = if form == Form::Six { 3 } else { 6 };
                return Err(Sense::invalid_field_in_parameter_list(offset));
            }
        };
        let first_page = header + usize::from(descriptor_length);
        let parsed = Self {
            medium_type,
            device_specific,
            block_descriptor,
            pages: pages.to_vec(),
        };
        #[allow(clippy::cast_possible_truncation)] // 4 to 16
        Ok((parsed, first_page as u16))
    }
}

/// Returns a mode page: code, length, body (page_0 format, SPC-5 §7.5.8).
pub fn page(page_code: u8, body: &[u8]) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation)] // pages of ours are short
    let mut page = vec![page_code, body.len() as u8];
    page.extend_from_slice(body);
    page
}

/// Returns the control page of a device with one task set for all, restricted reordering, sense data
/// of fixed format, and no busy timeout: all zero.
pub fn control() -> Vec<u8> {
    page(CONTROL, &[0; 10])
}

/// Returns a mode sub-page: code with SPF, sub-page, two bytes of length, body (sub_page format).
pub fn subpage(page_code: u8, subpage_code: u8, body: &[u8]) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation)] // pages of ours are short
    let [high, low] = (body.len() as u16).to_be_bytes();
    let mut page = vec![page_code | 0x40, subpage_code, high, low];
    page.extend_from_slice(body);
    page
}

/// One page of a MODE SELECT list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageView<'a> {
    /// Code without PS and SPF.
    pub page_code: u8,
    /// Sub-page, 0 in page_0 format.
    pub subpage_code: u8,
    /// What follows the page's header.
    pub body: &'a [u8],
    /// Offset of the page in the parameter list, for field pointers.
    pub offset: u16,
    /// Length of the page's own header: 2, or 4 with sub-page.
    pub header_length: u16,
}

/// Walks over the pages in `pages`, which start at `offset` in the parameter list. A page that
/// reaches over the end of the list is a PARAMETER LIST LENGTH ERROR.
pub fn pages(mut pages: &[u8], mut offset: u16) -> Result<Vec<PageView<'_>>, Sense> {
    let too_short = Sense::illegal_request(crate::AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
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
        let body = pages
            .get(header_length..header_length + length)
            .ok_or(too_short)?;
        #[allow(clippy::cast_possible_truncation)] // 2 or 4
        let header = header_length as u16;
        found.push(PageView {
            page_code: code & 0x3f,
            subpage_code,
            body,
            offset,
            header_length: header,
        });
        pages = &pages[header_length + length..];
        #[allow(clippy::cast_possible_truncation)] // a parameter list has at most 65535 bytes
        {
            offset = offset.saturating_add(header + length as u16);
        }
    }
    if pages.is_empty() {
        Ok(found)
    } else {
        Err(too_short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> ParameterList {
        ParameterList {
            medium_type: 0x58,
            device_specific: 0x10,
            block_descriptor: Some(BlockDescriptor {
                density: 0x58,
                blocks: 0,
                block_length: 512,
            }),
            pages: page(0x0f, &[0xc0; 14]),
        }
    }

    #[test]
    fn both_headers_come_back_as_sent() {
        for form in [Form::Six, Form::Ten] {
            let bytes = list().to_bytes(form);
            let (parsed, first_page) = ParameterList::parse(form, &bytes).unwrap();
            assert_eq!(parsed, list());
            let pages = pages(&parsed.pages, first_page).unwrap();
            assert_eq!((pages[0].page_code, pages[0].body.len()), (0x0f, 14));
        }
    }

    #[test]
    fn length_field_counts_what_follows_it() {
        assert_eq!(list().to_bytes(Form::Six)[0], 3 + 8 + 16);
        assert_eq!(list().to_bytes(Form::Ten)[..2], [0, 6 + 8 + 16]);
    }

    #[test]
    fn truncated_page_is_a_length_error() {
        let sense = pages(&[0x0f, 14, 0, 0], 12).unwrap_err();
        assert_eq!(
            sense.additional,
            crate::AdditionalSense::PARAMETER_LIST_LENGTH_ERROR
        );
    }
}
