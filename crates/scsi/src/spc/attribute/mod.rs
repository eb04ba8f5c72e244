//! Attributes of a cartridge's memory, the medium auxiliary memory: READ ATTRIBUTE and WRITE ATTRIBUTE
//! (SPC-5 §6.17, §6.48, §7.4).
//!
//! - [`definition`]: which attributes there are, who may write them, and how long they are.
//! - [`read`]: READ ATTRIBUTE with its service actions.
//! - [`mod@write`]: WRITE ATTRIBUTE and its list.

pub mod definition;
pub mod read;
#[cfg(test)]
mod tests;
pub mod write;

pub use definition::{Access, Definition, Format, Length, Scope};
pub use read::{ReadAttribute, Service};
pub use write::{WriteAttribute, Written};

/// An attribute with its value, as it stands in the list of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its identifier.
    pub id: u16,
    /// Whether WRITE ATTRIBUTE may not change it.
    pub read_only: bool,
    /// How the value is to be understood.
    pub format: Format,
    /// The value.
    pub value: Vec<u8>,
}

impl Attribute {
    /// Returns what the standard defines as `id`, with this value.
    fn of(id: u16, value: Vec<u8>) -> Self {
        let definition = Definition::find(id);
        Self {
            id,
            read_only: definition.is_none_or(|own| own.access == Access::ReadOnly),
            format: definition.map_or(Format::Binary, |own| own.format),
            value,
        }
    }

    /// Returns attribute `id` with a number in `width` bytes, at most eight.
    pub fn number(id: u16, value: u64, width: usize) -> Self {
        Self::of(id, value.to_be_bytes()[8 - width..].to_vec())
    }

    /// Returns attribute `id` with text, padded with spaces to `width` and cut there.
    pub fn text(id: u16, text: &str, width: usize) -> Self {
        let mut value = text.as_bytes().to_vec();
        value.resize(width, b' ');
        Self::of(id, value)
    }

    /// Returns attribute `id` with these bytes.
    pub fn bytes(id: u16, value: impl Into<Vec<u8>>) -> Self {
        Self::of(id, value.into())
    }

    /// Appends identifier, format, length and value (SPC-5 §7.4.1).
    fn put(&self, list: &mut Vec<u8>) {
        list.extend_from_slice(&self.id.to_be_bytes());
        list.push(u8::from(self.read_only) << 7 | self.format as u8);
        #[allow(clippy::cast_possible_truncation)]
        // values are at most 64 KiB − 1: see `definition`
        list.extend_from_slice(&(self.value.len() as u16).to_be_bytes());
        list.extend_from_slice(&self.value);
    }
}

/// The bytes of an attribute before its value.
const ATTRIBUTE_HEADER_BYTES: usize = 5;
