//! A cartridge as the catalogue knows it.

use cartridge::Form;
use rusqlite::Row;
use scsi::ElementAddress;
use uuid::Uuid;

use crate::error::Error;
use crate::profile::Media;

/// A cartridge as the catalogue knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartridgeRecord {
    /// Its identity, for ever; also the name of its directory.
    pub uuid: Uuid,
    /// Its barcode.
    pub barcode: String,
    /// The kind of medium: `LTO-5`.
    pub media: String,
    /// Its native capacity.
    pub capacity_bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// Where it is; `None` when it is in no element, because a rebuild found no room.
    pub element: Option<ElementAddress>,
    /// The storage element that it was last moved out of.
    pub source: Option<ElementAddress>,
    /// Whether its files are there.
    pub state: CartridgeState,
    /// Whether its write protect tab is set.
    pub write_protected: bool,
    /// Present while it waits in an import/export element to be archived.
    pub archive_intent: Option<ArchiveIntent>,
}

impl CartridgeRecord {
    /// Returns what it is for, which its kind of medium says; its label says the same.
    pub fn form(&self) -> Form {
        Media::find(&self.media).map_or(Form::Data, |media| media.form)
    }
}

/// Whether a cartridge's files are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CartridgeState {
    /// They are.
    Present,
    /// Its label is gone: it can be moved, but not be loaded into a drive.
    Missing,
}

/// The wish that a cartridge be archived, expressed by moving it into an import/export element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveIntent {
    /// The element that it was moved into.
    pub element: ElementAddress,
    /// When, in milliseconds since 1970.
    pub since_unix_ms: u64,
}

impl CartridgeState {
    /// Returns the word for it, in the catalogue and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
        }
    }
}

/// A row as SQLite gives it, not yet believed.
pub(super) struct RawRecord {
    uuid: String,
    barcode: String,
    media: String,
    capacity_bytes: i64,
    created_unix_ms: i64,
    element: Option<u16>,
    source: Option<u16>,
    state: String,
    write_protected: bool,
    intent_element: Option<u16>,
    intent_since_unix_ms: Option<i64>,
}

impl RawRecord {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            uuid: row.get(0)?,
            barcode: row.get(1)?,
            media: row.get(2)?,
            capacity_bytes: row.get(3)?,
            created_unix_ms: row.get(4)?,
            element: row.get(5)?,
            source: row.get(6)?,
            state: row.get(7)?,
            write_protected: row.get(8)?,
            intent_element: row.get(9)?,
            intent_since_unix_ms: row.get(10)?,
        })
    }

    pub(super) fn check(self) -> Result<CartridgeRecord, Error> {
        let state = match self.state.as_str() {
            "present" => CartridgeState::Present,
            "missing" => CartridgeState::Missing,
            other => {
                return Err(Error::CatalogueDamaged {
                    reason: format!("cartridge {}: state {other:?}", self.barcode),
                });
            }
        };
        let archive_intent = match (self.intent_element, self.intent_since_unix_ms) {
            (Some(element), Some(since)) => Some(ArchiveIntent {
                element: ElementAddress(element),
                since_unix_ms: since.cast_unsigned(),
            }),
            _ => None,
        };
        Ok(CartridgeRecord {
            uuid: parse_uuid(&self.uuid)?,
            barcode: self.barcode,
            media: self.media,
            capacity_bytes: self.capacity_bytes.cast_unsigned(),
            created_unix_ms: self.created_unix_ms.cast_unsigned(),
            element: self.element.map(ElementAddress),
            source: self.source.map(ElementAddress),
            state,
            write_protected: self.write_protected,
            archive_intent,
        })
    }
}

pub(super) fn parse_uuid(text: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(text).map_err(|error| Error::CatalogueDamaged {
        reason: format!("cartridge {text:?}: {error}"),
    })
}

/// SQLite knows only signed numbers; the bits are kept.
pub(super) const fn to_i64(value: u64) -> i64 {
    value.cast_signed()
}
