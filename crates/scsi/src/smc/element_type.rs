//! Element types (SMC-3, READ ELEMENT STATUS, ELEMENT TYPE CODE).

use std::fmt;

/// What kind of place an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ElementType {
    /// A picker: moves cartridges.
    MediumTransport = 1,
    /// A slot.
    Storage = 2,
    /// A slot through which cartridges come and go.
    ImportExport = 3,
    /// A drive's bay.
    DataTransfer = 4,
}

impl ElementType {
    /// All types, in the order of their codes.
    pub const ALL: [Self; 4] = [
        Self::MediumTransport,
        Self::Storage,
        Self::ImportExport,
        Self::DataTransfer,
    ];

    /// Returns the type with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Returns the code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MediumTransport => "medium transport",
            Self::Storage => "storage",
            Self::ImportExport => "import/export",
            Self::DataTransfer => "data transfer",
        })
    }
}
