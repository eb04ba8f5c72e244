//! Mode parameter lists: header and block descriptor (SPC-5 §7.5.5 to §7.5.7).

use super::{Form, ModeSense};
use crate::sense::{AdditionalSense, Sense};
use crate::task::Response;

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
    /// Returns what MODE SENSE answers with this list. More than MODE DATA LENGTH of the six-byte
    /// command can tell is refused to it: "INVALID FIELD IN CDB" (SPC-5 §6.13.1, pages 3Fh).
    pub fn response(&self, command: &ModeSense) -> Result<Response, Sense> {
        const SIX_BYTES_MAX: usize = 256;
        let data = self.to_bytes(command.form);
        if command.form == Form::Six && data.len() > SIX_BYTES_MAX {
            return Err(Sense::invalid_field_in_cdb(2).at_bit(5));
        }
        let allocation_length = usize::from(command.allocation_length);
        Ok(Response::allocated(data, allocation_length))
    }

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
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let (medium_type, device_specific, descriptor_length, header) = match (form, list) {
            (Form::Six, [_, medium, specific, length, ..]) => (*medium, *specific, *length, 4),
            (Form::Ten, [_, _, medium, specific, longlba, _, high, length, ..]) => {
                if longlba & 0x01 != 0 {
                    return Err(Sense::invalid_field_in_parameter_list(4).at_bit(0));
                }
                if *high != 0 {
                    return Err(Sense::invalid_field_in_parameter_list(6));
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

#[cfg(test)]
mod tests {
    use super::super::{page, pages};
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
            AdditionalSense::PARAMETER_LIST_LENGTH_ERROR
        );
    }

    #[test]
    fn a_descriptor_longer_than_the_short_one_is_pointed_at() {
        let parse = |list: &[u8]| ParameterList::parse(Form::Ten, list).unwrap_err();
        let refused = Sense::invalid_field_in_parameter_list(6);
        assert_eq!(parse(&[0, 0, 0, 0, 0, 0, 1, 0]), refused, "256 bytes");
        assert_eq!(parse(&[0, 0, 0, 0, 0, 0, 0, 16]), refused);
        let long_lba = Sense::invalid_field_in_parameter_list(4).at_bit(0);
        assert_eq!(parse(&[0, 0, 0, 0, 1, 0, 0, 16]), long_lba);
    }
}
