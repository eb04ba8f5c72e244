//! The memory of formats 2 to 4: a structure of C, in the way its compiler has laid it out.
//!
//! ```text
//!                          packed:     aligned: 0.16,  early: 0.15-13
//!                          0.18-2      0.16-11, 0.18-1
//!                          to 1.7      64     32       64     32      bits
//! u32 tape format             0          0      0        0      0
//! u64 capacity               16         16     16       16     16
//! u64 loads                  32         32     32       32     32
//! u8  density               319        325    321      312    308
//! u8  kind                  320        326    322      336    332
//!     attributes of hosts   332        338    334      340    336
//! u16 flags                 826        832    828
//! 32  description           842        850    846      850    846
//! in all                   1024       1024   1016     1144   1136
//! ```
//!
//! The attributes of hosts follow each other: 8 bytes application vendor, 32 name, 8 version, 160 user medium text
//! label, 12 date last written, 1 localization, 32 barcode, 80 owning host, 160 media pool. Numbers are
//! big-endian but the format and the flags. Which of them a file has, its format and its length tell; packed and
//! aligned ones of 1024 bytes the manufacturer, which in the aligned ones was always the same.

use super::memory::{Memory, text};
use crate::Error;
use crate::input::u32_le;

/// The length of a memory in a file of its own, or before a map of filemarks.
pub(super) const PACKED_BYTES: usize = 1024;

/// Where the fields are that not all have at the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The first and the last format that has had it.
    formats: (u32, u32),
    density_at: usize,
    kind_at: usize,
    attributes_at: usize,
    flags_at: Option<usize>,
    description_at: usize,
}

const PACKED: Shape = Shape {
    formats: (3, 4),
    density_at: 319,
    kind_at: 320,
    attributes_at: 332,
    flags_at: Some(826),
    description_at: 842,
};
const ALIGNED_64: Shape = Shape {
    formats: (2, 3),
    density_at: 325,
    kind_at: 326,
    attributes_at: 338,
    flags_at: Some(832),
    description_at: 850,
};
const ALIGNED_32: Shape = Shape {
    formats: (2, 3),
    density_at: 321,
    kind_at: 322,
    attributes_at: 334,
    flags_at: Some(828),
    description_at: 846,
};
const EARLY_64: Shape = Shape {
    formats: (2, 2),
    density_at: 312,
    kind_at: 336,
    attributes_at: 340,
    flags_at: None,
    description_at: 850,
};
const EARLY_32: Shape = Shape {
    formats: (2, 2),
    density_at: 308,
    kind_at: 332,
    attributes_at: 336,
    flags_at: None,
    description_at: 846,
};

/// Attributes of hosts: identifier and length, in order.
const ATTRIBUTES: &[(u16, usize)] = &[
    (0x0800, 8),
    (0x0801, 32),
    (0x0802, 8),
    (0x0803, 160),
    (0x0804, 12),
    (0x0805, 1),
    (0x0806, 32),
    (0x0807, 80),
    (0x0808, 160),
];
const DESCRIPTION_BYTES: usize = 32;
/// What every memory that was aligned has at [`ALIGNED_MANUFACTURER_AT`]; in a packed one that is in the middle of the
/// serial number.
const ALIGNED_MANUFACTURER: &[u8] = b"VERITAS ";
const ALIGNED_MANUFACTURER_AT: usize = 256;

impl Shape {
    /// Returns that of a memory of so many bytes in a single file of 0.16.
    pub(super) fn aligned(bytes: usize) -> Option<Self> {
        match bytes {
            1024 => Some(ALIGNED_64),
            1016 => Some(ALIGNED_32),
            _ => None,
        }
    }

    /// Returns that of a memory of so many bytes in a single file of 0.15.
    pub(super) fn early(bytes: usize) -> Option<Self> {
        match bytes {
            1144 => Some(EARLY_64),
            1136 => Some(EARLY_32),
            _ => None,
        }
    }
}

impl Memory {
    /// Reads the memory of formats 3 and 4: `mam`, or the beginning of `meta`.
    pub fn parse_packed(bytes: &[u8]) -> Result<Self, Error> {
        let format = bytes.get(..4).map_or(0, |_| u32_le(bytes, 0));
        if !(3..=4).contains(&format) {
            return Err(Error::damaged(0, unknown(format)));
        }
        let Some(packed) = bytes.get(..PACKED_BYTES) else {
            return Err(Error::Truncated {
                file: String::new(),
                offset: 0,
                what: "the memory",
            });
        };
        let is_aligned = packed[ALIGNED_MANUFACTURER_AT..].starts_with(ALIGNED_MANUFACTURER);
        let shape = if is_aligned && format == 3 {
            ALIGNED_64
        } else {
            PACKED
        };
        parse_as(packed, shape).ok_or_else(|| Error::damaged(0, unknown(format)))
    }
}

/// Returns what to say of a format that a directory cannot have.
pub(super) fn unknown(format: u32) -> String {
    match format {
        1 | 2 => format!(
            "tape format {format}, which was never one of directories: mhvtl kept it in a single file"
        ),
        _ => format!("tape format {format} is unknown"),
    }
}

/// Reads a memory of a known shape; `None` when it is of a format that has never had it.
pub(super) fn parse_as(bytes: &[u8], shape: Shape) -> Option<Memory> {
    let tape_format = u32_le(bytes, 0);
    let (first, last) = shape.formats;
    if !(first..=last).contains(&tape_format) {
        return None;
    }
    let mut memory = Memory {
        tape_format,
        ..Memory::default()
    };
    let fields = [
        (0x0001, 16, 8),
        (0x0003, 32, 8),
        (0x0405, shape.density_at, 1),
        (0x0408, shape.kind_at, 1),
    ];
    for (id, at, length) in fields {
        memory.take(0, id, bytes.get(at..at + length)?);
    }
    let mut at = shape.attributes_at;
    for (id, length) in ATTRIBUTES {
        memory.take(0, *id, bytes.get(at..at + length)?);
        at += length;
    }
    let description_at = shape.description_at;
    memory.description = text(bytes.get(description_at..description_at + DESCRIPTION_BYTES)?);
    if let Some(at) = shape.flags_at {
        memory.take_flags(*bytes.get(at)?);
    }
    memory.forget_mhvtl();
    Some(memory)
}
