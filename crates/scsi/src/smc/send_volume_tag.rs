//! SEND VOLUME TAG (SMC-3): looking for cartridges by their barcodes.
//!
//! ```text
//! parameter list  40
//!   template            32   padded with blanks; `?` and `*` match
//!   reserved             2
//!   minimum sequence     2
//!   reserved             2
//!   maximum sequence     2
//! ```
//!
//! The barcodes of our cartridges are printed on them, as in any library with a barcode reader: they can be
//! looked for, but neither asserted, nor replaced, nor undefined. They are primary volume tags with
//! sequence number 0; there are no alternate ones.

use super::ElementType;
use crate::address::ElementAddress;
use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;

/// A parsed CDB of SEND VOLUME TAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendVolumeTag {
    /// ELEMENT TYPE CODE, `None` for all types.
    pub element_type: Option<ElementType>,
    /// Elements with smaller addresses are left out.
    pub start: ElementAddress,
    /// What to look for.
    pub action: SendAction,
    /// The length of the parameter list; 0 changes nothing and is no error.
    pub parameter_list_length: u16,
}

/// A SEND ACTION CODE that translates: one that looks for tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendAction {
    /// The code on the wire.
    pub code: u8,
    /// Whether primary volume tags are looked at.
    pub primary: bool,
    /// Whether the limits of the sequence number count.
    pub sequence_numbers: bool,
}

impl SendAction {
    /// Returns the action with this code; `None` for those that define tags, and for reserved ones.
    fn from_code(code: u8) -> Option<Self> {
        let (primary, sequence_numbers) = match code {
            0x00 | 0x01 => (true, true),  // all defined tags, primary tags
            0x02 => (false, true),        // alternate tags
            0x04 | 0x05 => (true, false), // as 00h and 01h, sequence numbers ignored
            0x06 => (false, false),       // as 02h, sequence numbers ignored
            _ => return None,
        };
        Some(Self {
            code,
            primary,
            sequence_numbers,
        })
    }
}

impl SendVolumeTag {
    /// The length of a parameter list.
    pub const PARAMETER_LIST_LENGTH: u16 = 40;

    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        const TYPE_OFFSET: u16 = 1;
        const ACTION_OFFSET: u16 = 5;
        const LENGTH_OFFSET: u16 = 8;
        let element_type = match cdb.byte(1) & 0x0f {
            0 => None,
            code => {
                let refusal = Sense::invalid_field_in_cdb(TYPE_OFFSET).at_bit(3);
                Some(ElementType::from_code(code).ok_or(refusal)?)
            }
        };
        let action = SendAction::from_code(cdb.byte(5) & 0x1f)
            .ok_or(Sense::invalid_field_in_cdb(ACTION_OFFSET).at_bit(4))?;
        let parameter_list_length = cdb.u16(8);
        if !matches!(parameter_list_length, 0 | Self::PARAMETER_LIST_LENGTH) {
            return Err(Sense::invalid_field_in_cdb(LENGTH_OFFSET));
        }
        Ok(Self {
            element_type,
            start: ElementAddress(cdb.u16(2)),
            action,
            parameter_list_length,
        })
    }
}

/// A parameter list of SEND VOLUME TAG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeTagTemplate {
    identifier: [u8; 32],
    sequence_min: u16,
    sequence_max: u16,
}

impl VolumeTagTemplate {
    /// The sequence number of every volume tag of ours.
    const SEQUENCE: u16 = 0;

    /// Parses a parameter list. Limits of the sequence number that no number fits are refused.
    pub fn parse(list: &[u8], action: SendAction) -> Result<Self, Sense> {
        const MINIMUM_OFFSET: u16 = 34;
        let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        let list: &[u8; 40] = list.first_chunk().ok_or(too_short)?;
        let mut identifier = [0; 32];
        identifier.copy_from_slice(&list[..32]);
        let template = Self {
            identifier,
            sequence_min: u16::from_be_bytes([list[34], list[35]]),
            sequence_max: u16::from_be_bytes([list[38], list[39]]),
        };
        if action.sequence_numbers && template.sequence_min > template.sequence_max {
            return Err(Sense::invalid_field_in_parameter_list(MINIMUM_OFFSET));
        }
        Ok(template)
    }

    /// Returns whether `action` with this template finds a cartridge with `barcode`.
    ///
    /// `?` stands for any one character, `*` for any rest: what follows it is not looked at. Blanks
    /// and zeros at the end stand for nothing.
    pub fn finds(&self, action: SendAction, barcode: &str) -> bool {
        let in_sequence = !action.sequence_numbers
            || (self.sequence_min..=self.sequence_max).contains(&Self::SEQUENCE);
        action.primary && in_sequence && self.matches(barcode.as_bytes())
    }

    fn matches(&self, barcode: &[u8]) -> bool {
        let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
        let padding = self
            .identifier
            .iter()
            .rev()
            .take_while(|byte| is_padding(byte));
        let wanted = &self.identifier[..self.identifier.len() - padding.count()];
        for (index, byte) in wanted.iter().enumerate() {
            match byte {
                b'*' => return true,
                b'?' if index < barcode.len() => {}
                byte if barcode.get(index) == Some(byte) => {}
                _ => return false,
            }
        }
        wanted.len() == barcode.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(code: u8) -> SendAction {
        SendAction::from_code(code).unwrap()
    }

    fn template(text: &str, sequence: (u8, u8)) -> [u8; 40] {
        let mut list = [0; 40];
        list[..32].fill(b' ');
        list[..text.len()].copy_from_slice(text.as_bytes());
        (list[35], list[39]) = sequence;
        list
    }

    fn finds(text: &str, barcode: &str) -> bool {
        let list = template(text, (0, 0));
        let template = VolumeTagTemplate::parse(&list, action(5)).unwrap();
        template.finds(action(5), barcode)
    }

    #[test]
    fn wildcards() {
        for (text, found) in [
            ("CAP001L5", true),
            ("CAP001L", false),
            ("CAP001L5X", false),
            ("CAP???L5", true),
            ("CAP?????", true),
            ("CAP??????", false),
            ("*", true),
            ("CAP*", true),
            ("CAP001L5*", true),
            ("CAP*L6", true), // what follows a `*` is not looked at
            ("cap*", false),
            ("????????????????????????????????", false),
            ("", false),
        ] {
            assert_eq!(finds(text, "CAP001L5"), found, "{text:?}");
        }
    }

    #[test]
    fn sequence_numbers_and_alternate_tags() {
        let list = template("*", (1, 9));
        let found = |code| {
            let template = VolumeTagTemplate::parse(&list, action(code)).unwrap();
            template.finds(action(code), "CAP001L5")
        };
        assert!(!found(0) && !found(1), "every sequence number is 0");
        assert!(found(4) && found(5), "sequence numbers ignored");
        assert!(!found(2) && !found(6), "there are no alternate tags");
        let empty = template("*", (2, 1));
        let refusal = Sense::invalid_field_in_parameter_list(34);
        assert_eq!(VolumeTagTemplate::parse(&empty, action(1)), Err(refusal));
        assert!(VolumeTagTemplate::parse(&empty, action(5)).is_ok());
    }

    #[test]
    fn printed_barcodes_cannot_be_defined() {
        let parse = |code| {
            let cdb = [0xb6, 2, 0x03, 0xe8, 0, code, 0, 0, 0, 40, 0, 0];
            SendVolumeTag::parse(&Cdb::new(&cdb))
        };
        let refusal = Sense::invalid_field_in_cdb(5).at_bit(4);
        // Assert, replace, undefine, and codes that are none.
        for code in [0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x03, 0x07, 0x0e, 0x1f] {
            assert_eq!(parse(code), Err(refusal), "{code}");
        }
        let command = parse(5).unwrap();
        assert_eq!(command.element_type, Some(ElementType::Storage));
        assert_eq!(command.start, ElementAddress(1000));
    }

    #[test]
    fn lists_have_one_length_or_none() {
        let parse = |length| {
            SendVolumeTag::parse(&Cdb::new(&[0xb6, 0, 0, 0, 0, 5, 0, 0, 0, length, 0, 0]))
                .map(|command| command.parameter_list_length)
        };
        assert_eq!((parse(0), parse(40)), (Ok(0), Ok(40)));
        assert_eq!(parse(39), Err(Sense::invalid_field_in_cdb(8)));
        let short = VolumeTagTemplate::parse(&[0; 39], action(5)).unwrap_err();
        assert_eq!(
            short.additional,
            AdditionalSense::PARAMETER_LIST_LENGTH_ERROR
        );
    }
}
