//! WRITE ATTRIBUTE (SPC-5 §6.48).

use super::definition::TEXT_LOCALIZATION_IDENTIFIER;
use super::read::check_logical_volume;
use super::{ATTRIBUTE_HEADER_BYTES, Access, Definition, Format, Scope};
use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;

/// A parsed WRITE ATTRIBUTE. WTC asks that the memory itself is written, not only a copy; we always do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteAttribute {
    /// The partition.
    pub partition: u8,
    /// The length of the list, in bytes.
    pub parameter_list_length: u32,
}

/// What an initiator wants of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Which one; applications may write it.
    pub definition: Definition,
    /// How the value is to be understood.
    pub format: Format,
    /// The value; `None` takes the attribute away (SPC-5 §7.4.1: a length of zero).
    pub value: Option<Vec<u8>>,
}

impl WriteAttribute {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        check_logical_volume(cdb)?;
        Ok(Self {
            partition: cdb.byte(7),
            parameter_list_length: cdb.u32(10),
        })
    }

    /// Takes the list in `data` apart, and checks every attribute in it: all are written, or none.
    ///
    /// PARAMETER DATA LENGTH counts what follows it, but LTFS (2.4) counts itself in: what it says
    /// beyond the end of the list is not looked at.
    pub fn parse_list(&self, data: &[u8]) -> Result<Vec<Written>, Sense> {
        let length = self.parameter_list_length as usize;
        let list = data.get(..length).ok_or(LIST_LENGTH_ERROR)?;
        if list.is_empty() {
            return Ok(Vec::new()); // "… shall not be considered as an error"
        }
        let (said, rest) = list.split_first_chunk::<4>().ok_or(LIST_LENGTH_ERROR)?;
        let said = u32::from_be_bytes(*said) as usize;
        let mut rest = &rest[..said.min(rest.len())];
        let mut at = 4;
        let mut written: Vec<Written> = Vec::new();
        while !rest.is_empty() {
            let (attribute, length) = parse_attribute(rest, at)?;
            let last = written.last().map(|last| last.definition.id);
            if last.is_some_and(|last| last >= attribute.definition.id) {
                return Err(pointing_at(at)); // "in ascending numerical order"
            }
            written.push(attribute);
            rest = &rest[length..];
            at += length;
        }
        Ok(written)
    }
}

/// Returns the attribute at the beginning of `list`, which is at `at`, and its length.
fn parse_attribute(list: &[u8], at: usize) -> Result<(Written, usize), Sense> {
    let [id_high, id_low, format, high, low, rest @ ..] = list else {
        return Err(LIST_LENGTH_ERROR);
    };
    let id = u16::from_be_bytes([*id_high, *id_low]);
    let length = u16::from_be_bytes([*high, *low]);
    let value = rest.get(..usize::from(length)).ok_or(LIST_LENGTH_ERROR)?;
    let definition = Definition::find(id);
    let definition = definition.filter(|own| own.access == Access::Host);
    let definition = definition.ok_or_else(|| pointing_at(at))?;
    // Bit 7, READ ONLY, has a meaning only when attributes are read.
    let format = Format::of(format & 0x7f).filter(|format| definition.takes(*format));
    let format = format.ok_or_else(|| pointing_at(at + 2))?;
    if length > 0 && !definition.length.allows(length) {
        return Err(pointing_at(at + 3));
    }
    if id == TEXT_LOCALIZATION_IDENTIFIER && !value.iter().all(|code| is_character_set(*code)) {
        return Err(pointing_at(at + ATTRIBUTE_HEADER_BYTES));
    }
    let written = Written {
        definition,
        format,
        value: (length > 0).then(|| value.to_vec()),
    };
    Ok((written, ATTRIBUTE_HEADER_BYTES + usize::from(length)))
}

/// The values of attribute 0805h: ASCII, ISO 8859-1 to -10, UCS-2 and UTF-8 (SPC-5 table 318).
const fn is_character_set(code: u8) -> bool {
    matches!(code, 0x00..=0x0a | 0x80 | 0x81)
}

impl Written {
    /// Returns the partition whose attribute it is when partition `partition` was named: what is about
    /// the cartridge is kept once, with partition 0.
    pub const fn home(&self, partition: u8) -> u8 {
        match self.definition.scope {
            Scope::Volume => 0,
            Scope::Partition => partition,
        }
    }
}

/// Returns how much of a memory an attribute takes.
pub const fn space(value_length: usize) -> u64 {
    (ATTRIBUTE_HEADER_BYTES + value_length) as u64
}

fn pointing_at(byte: usize) -> Sense {
    Sense::invalid_field_in_parameter_list(u16::try_from(byte).unwrap_or(u16::MAX))
}

const LIST_LENGTH_ERROR: Sense =
    Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
