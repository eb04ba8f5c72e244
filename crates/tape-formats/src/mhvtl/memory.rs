//! The memory of a cartridge: attributes, and what mhvtl itself keeps.
//!
//! ```text
//! mam, formats 5 and 6           u32 tape format, u32 memory format, then attributes
//! mhvtl_data                     attributes from the beginning
//! an attribute                   u16 identifier, u16 length, value
//! ```
//!
//! What formats 2 to 4 have is in `packed`.
//!
//! Of `mhvtl_data` we want 2, flags; 9, the description; 0Ah to 0Ch, volume coherency information of partitions 1 to 3; and
//! 0Dh to 10h, the capacities of the partitions.

use super::packed;
use crate::Error;
use crate::input::{u32_le, u64_be};

/// The largest file with a memory that is read.
pub const MEMORY_BYTES_MAX: u64 = 64 * 1024;

/// What a cartridge is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Data.
    #[default]
    Data,
    /// Data that are written once.
    Worm,
    /// Cleaning.
    Cleaning,
}

/// How a value is to be understood (SPC-5 §7.4.1, FORMAT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeFormat {
    /// Bytes.
    Binary,
    /// ASCII, padded with spaces.
    Ascii,
    /// Text, padded with zeros.
    Text,
}

/// An attribute that an application has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The partition that it is of.
    pub partition: u8,
    /// Its identifier (SPC-5 §7.4).
    pub id: u16,
    /// How it is to be understood.
    pub format: AttributeFormat,
    /// Its value.
    pub value: Vec<u8>,
}

/// What mhvtl knows of a cartridge besides what is on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The format of the files: 2 to 6.
    pub tape_format: u32,
    /// The capacity that it was made with; 0 when that is not told.
    pub capacity_bytes: u64,
    /// How often it was loaded.
    pub loads: u64,
    /// The density code.
    pub density: u8,
    /// What mhvtl calls its kind: `Ultrium 5/16T`. Density codes alone are not enough: 42h is an Ultrium 2 and a
    /// 9840 at once.
    pub description: String,
    /// What it is for.
    pub kind: Kind,
    /// Whether it is write protected.
    pub is_write_protected: bool,
    /// The capacities of partitions that were formatted, 0 for those that are not told.
    pub partition_bytes: [u64; 4],
    /// What applications have written.
    pub attributes: Vec<Attribute>,
}

impl Memory {
    /// Returns the format at the beginning of a memory: of `mam`, or of `meta` where there is no `mam`.
    /// `None` for one that no directory has had.
    pub fn tape_format(bytes: &[u8]) -> Option<u32> {
        let format = u32_le(bytes.get(..4)?, 0);
        (3..=6).contains(&format).then_some(format)
    }

    /// Reads `mam` and `mhvtl_data` of formats 5 and 6.
    pub fn parse(mam: &[u8], mhvtl_data: &[u8]) -> Result<Self, Error> {
        let format = Self::tape_format(mam).filter(|format| *format >= 5);
        let tape_format =
            format.ok_or_else(|| Error::damaged(0, packed::unknown(u32_le(mam, 0))).of("mam"))?;
        let mut memory = Self {
            tape_format,
            ..Self::default()
        };
        let attributes = Attributes::new(mam, 8);
        for attribute in attributes {
            let (id, value) = attribute.map_err(|error| error.of("mam"))?;
            memory.take(0, id, value);
        }
        for attribute in Attributes::new(mhvtl_data, 0) {
            let (id, value) = attribute.map_err(|error| error.of("mhvtl_data"))?;
            memory.take_own(id, value);
        }
        memory.forget_mhvtl();
        Ok(memory)
    }

    pub(super) fn take(&mut self, partition: u8, id: u16, value: &[u8]) {
        match id {
            0x0001 => self.capacity_bytes = number(value),
            0x0003 => self.loads = number(value),
            0x0405 => self.density = value.first().copied().unwrap_or(0),
            0x0408 => {
                self.kind = match value.first() {
                    // 80h is WORM as applications write it and as standards tell it.
                    Some(1 | 0x80) => Kind::Worm,
                    Some(6) => Kind::Cleaning,
                    _ => Kind::Data,
                }
            }
            _ => self.take_of_host(partition, id, value),
        }
    }

    /// Keeps what an application wrote. What was never written is zeros or spaces here.
    fn take_of_host(&mut self, partition: u8, id: u16, value: &[u8]) {
        let known = HOST.iter().find(|(known, _)| *known == id);
        let is_blank = value.iter().all(|byte| matches!(byte, 0 | b' '));
        let Some((_, format)) = known else {
            return;
        };
        if is_blank {
            return;
        }
        let mut value = value.to_vec();
        if *format == AttributeFormat::Ascii {
            for byte in &mut value {
                if !(0x20..=0x7e).contains(byte) {
                    *byte = b' ';
                }
            }
        }
        if id == COHERENCY {
            // The room for it is longer than what was written: its lengths say how much counts.
            value.truncate(coherency_length(&value));
        }
        self.attributes.push(Attribute {
            partition,
            id,
            format: *format,
            value,
        });
    }

    /// Leaves out what mhvtl itself had written as if it were an application: its name, and its format.
    pub(super) fn forget_mhvtl(&mut self) {
        let is_own = |it: &Attribute| {
            it.id == VENDOR && (it.value.starts_with(b"vtl-") || it.value == b"Harvey  ")
        };
        if self.attributes.iter().any(is_own) {
            self.attributes
                .retain(|it| !matches!(it.id, VENDOR | VENDOR_VERSION));
        }
    }

    pub(super) fn take_flags(&mut self, flags: u8) {
        self.is_write_protected = flags & FLAG_WRITE_PROTECTED != 0;
    }

    fn take_own(&mut self, id: u16, value: &[u8]) {
        match id {
            0x02 => {
                self.take_flags(value.first().copied().unwrap_or(0));
            }
            0x09 => self.description = text(value),
            0x0a => self.take_of_host(1, COHERENCY, value),
            0x0b => self.take_of_host(2, COHERENCY, value),
            0x0c => self.take_of_host(3, COHERENCY, value),
            0x0d..=0x10 => self.partition_bytes[usize::from(id - 0x0d)] = number(value),
            _ => {}
        }
    }
}

const VENDOR: u16 = 0x0800;
const VENDOR_VERSION: u16 = 0x0802;
const COHERENCY: u16 = 0x080c;
const FLAG_WRITE_PROTECTED: u8 = 2;

/// What applications write: identifier and format (SPC-5 §7.4.2.4).
const HOST: &[(u16, AttributeFormat)] = &[
    (VENDOR, AttributeFormat::Ascii),
    (0x0801, AttributeFormat::Ascii),
    (VENDOR_VERSION, AttributeFormat::Ascii),
    (0x0803, AttributeFormat::Text),
    (0x0804, AttributeFormat::Ascii),
    (0x0805, AttributeFormat::Binary),
    (0x0806, AttributeFormat::Ascii),
    (0x0807, AttributeFormat::Text),
    (0x0808, AttributeFormat::Text),
    (0x080b, AttributeFormat::Ascii),
    (COHERENCY, AttributeFormat::Binary),
];

/// Returns a text up to its first zero.
pub(super) fn text(value: &[u8]) -> String {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).trim_end().to_owned()
}

/// Returns the big-endian number that fills `value`; 0 for one that has not eight bytes.
fn number(value: &[u8]) -> u64 {
    if value.len() == 8 {
        u64_be(value, 0)
    } else {
        0
    }
}

/// Returns the length of volume coherency information: a length and the volume change reference, a count
/// and a set identifier (8 bytes each), then a length of two bytes and what the application says.
fn coherency_length(value: &[u8]) -> usize {
    let Some(reference) = value.first().map(|length| usize::from(*length)) else {
        return value.len();
    };
    let at = 1 + reference + 16;
    match value.get(at..at + 2) {
        Some(length) => {
            let length = u16::from_be_bytes([length[0], length[1]]);
            (at + 2 + usize::from(length)).min(value.len())
        }
        None => value.len(),
    }
}

/// The attributes in a file.
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.bytes.get(at..)?;
        if rest.is_empty() {
            return None;
        }
        self.at = self.bytes.len(); // nothing follows an error
        let [id, id_high, length, length_high, rest @ ..] = rest else {
            return Some(Err(truncated(at)));
        };
        let length = usize::from(u16::from_le_bytes([*length, *length_high]));
        let Some(value) = rest.get(..length) else {
            return Some(Err(truncated(at)));
        };
        self.at = at + 4 + length;
        Some(Ok((u16::from_le_bytes([*id, *id_high]), value)))
    }
}

fn truncated(at: usize) -> Error {
    Error::Truncated {
        file: String::new(),
        offset: at as u64,
        what: "an attribute",
    }
}
