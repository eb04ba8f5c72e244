//! The label: what is written on a cartridge (docs/cartridge-format.md, "Label").
//!
//! Two lines of text that a person can read: a JSON object, and the CRC32C of that line. The file
//! is replaced as a whole, so that there is always one good label.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::limits::BARCODE_BYTES_MAX;
use crate::store::SegmentStore;

/// What is written on a cartridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The cartridge's identity, for ever.
    pub uuid: Uuid,
    /// The barcode: 1 to 32 printable ASCII characters without spaces.
    pub barcode: String,
    /// The kind of medium, e.g. `LTO-5`; opaque here.
    pub media: String,
    /// The density code that drives report for it.
    pub density: u8,
    /// The native capacity, compared with what is stored after compression.
    pub capacity_bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// Whether the write protect tab is set.
    pub write_protected: bool,
}

/// What a new cartridge shall be: its first label.
pub type CartridgeSpec = Label;

/// Reads the label of the cartridge in `store` without loading the cartridge.
pub fn read_label(store: &dyn SegmentStore) -> Result<Label, Error> {
    let text = store
        .read_label()
        .map_err(|source| Error::io("label: read", source))?;
    Label::parse(&text.ok_or(Error::LabelMissing)?)
}

/// The label line as it is stored: the version first, then the fields.
#[derive(Serialize, Deserialize)]
struct Line {
    capstan_cartridge: u32,
    #[serde(flatten)]
    label: Label,
}

impl Label {
    /// The version of the format that is written.
    const VERSION: u32 = 1;
    /// What the second line begins with.
    const CHECKSUM_PREFIX: &'static str = "crc32c ";

    /// Reads the text of a label file.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Error> {
        let damaged = |reason: &str| Error::LabelDamaged {
            reason: reason.to_owned(),
        };
        let text = std::str::from_utf8(text).map_err(|_| damaged("is not text"))?;
        let (line, rest) = text
            .split_once('\n')
            .ok_or_else(|| damaged("has no second line"))?;
        let checksum = rest
            .strip_prefix(Self::CHECKSUM_PREFIX)
            .and_then(|rest| rest.strip_suffix('\n'))
            .ok_or_else(|| damaged("has no checksum"))?;
        if checksum != format!("{:08x}", crc_fast::crc32_iscsi(line.as_bytes())) {
            return Err(damaged("checksum mismatch"));
        }
        let value: serde_json::Value =
            serde_json::from_str(line).map_err(|error| damaged(&error.to_string()))?;
        let version = &value["capstan_cartridge"];
        if version.as_u64() != Some(Self::VERSION.into()) {
            return Err(Error::UnsupportedFormat {
                what: "label".to_owned(),
                found: format!("version {version}"),
            });
        }
        let line: Line =
            serde_json::from_value(value).map_err(|error| damaged(&error.to_string()))?;
        line.label.check()?;
        Ok(line.label)
    }

    /// Returns the text of the label file.
    pub(crate) fn emit(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let line = Line {
            capstan_cartridge: Self::VERSION,
            label: self.clone(),
        };
        let line = serde_json::to_string(&line).map_err(|error| Error::LabelDamaged {
            reason: error.to_string(),
        })?;
        let checksum = crc_fast::crc32_iscsi(line.as_bytes());
        Ok(format!("{line}\n{}{checksum:08x}\n", Self::CHECKSUM_PREFIX).into_bytes())
    }

    fn check(&self) -> Result<(), Error> {
        let invalid = |field, reason: &str| {
            Err(Error::InvalidLabel {
                field,
                reason: reason.to_owned(),
            })
        };
        if self.barcode.is_empty()
            || self.barcode.len() > BARCODE_BYTES_MAX
            || !self.barcode.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return invalid(
                "barcode",
                "must be 1 to 32 printable ASCII characters without spaces",
            );
        }
        if self.media.len() > 64 || self.media.chars().any(char::is_control) {
            return invalid(
                "media",
                "must be at most 64 bytes without control characters",
            );
        }
        if self.capacity_bytes == 0 {
            return invalid("capacity_bytes", "must not be 0");
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A label for tests.
    pub(crate) fn label(capacity_bytes: u64) -> Label {
        Label {
            uuid: Uuid::from_u128(0x1234),
            barcode: "CAP001L5".to_owned(),
            media: "LTO-5".to_owned(),
            density: 0x58,
            capacity_bytes,
            created_unix_ms: 1_800_000_000_000,
            write_protected: false,
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let label = label(1_500_000_000_000);
        let text = label.emit().unwrap();
        assert_eq!(Label::parse(&text).unwrap(), label);
        assert!(text.starts_with(b"{\"capstan_cartridge\":1,\"uuid\":"));
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let text = label(1000).emit().unwrap();
        for bit in 0..text.len() * 8 {
            let mut damaged = text.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            Label::parse(&damaged).unwrap_err();
        }
        for length in 0..text.len() {
            Label::parse(&text[..length]).unwrap_err();
        }
    }

    #[test]
    fn newer_versions_are_refused_by_name() {
        let line = "{\"capstan_cartridge\":2}";
        let text = format!(
            "{line}\ncrc32c {:08x}\n",
            crc_fast::crc32_iscsi(line.as_bytes())
        );
        let error = Label::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "label: version 2 is not supported");
    }

    #[test]
    fn barcodes_that_do_not_fit_a_header_are_refused() {
        for barcode in ["", "A B", "Ä", &"X".repeat(33)] {
            let mut label = label(1000);
            barcode.clone_into(&mut label.barcode);
            label.emit().unwrap_err();
        }
    }
}
