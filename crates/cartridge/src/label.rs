//! The label: what is written on a cartridge (docs/cartridge-format.md, "Label").
//!
//! Two lines of text that a person can read: a JSON object, and the CRC32C of that line. The file
//! is replaced as a whole, so that there is always one good label.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::limits::{BARCODE_BYTES_MAX, COUNT_MAX, PARTITIONS_MAX};
use crate::sealed_line;
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
    /// What it is for.
    #[serde(default, skip_serializing_if = "Form::is_data")]
    pub form: Form,
    /// Its partitions, once it was formatted; until then there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
}

/// The partitions of a cartridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How many times the cartridge was formatted; segments of fewer are dead.
    pub epoch: u64,
    /// The capacity of each partition.
    pub partition_bytes: Vec<u64>,
}

/// What a cartridge is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Data that may be overwritten and erased.
    #[default]
    Data,
    /// Data that are written once: what was written is neither overwritten nor erased.
    Worm,
    /// Cleaning the drive: holds no data.
    Cleaning,
}

impl Form {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde wants it so
    fn is_data(&self) -> bool {
        *self == Self::Data
    }
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
    /// The version that is written where it says everything.
    const VERSION_PLAIN: u32 = 1;
    /// The version that is written when whoever knows only the first must not touch the cartridge.
    const VERSION_EXTENDED: u32 = 2;

    /// Reads the text of a label file.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Error> {
        let damaged = |reason: &str| Error::LabelDamaged {
            reason: reason.to_owned(),
        };
        let line = sealed_line::open(text).map_err(|reason| damaged(&reason))?;
        let value: serde_json::Value =
            serde_json::from_str(line).map_err(|error| damaged(&error.to_string()))?;
        let version = &value["capstan_cartridge"];
        let known = [Self::VERSION_PLAIN, Self::VERSION_EXTENDED].map(u64::from);
        if version.as_u64().is_none_or(|it| !known.contains(&it)) {
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
            capstan_cartridge: self.version(),
            label: self.clone(),
        };
        let line = serde_json::to_string(&line).map_err(|error| Error::LabelDamaged {
            reason: error.to_string(),
        })?;
        Ok(sealed_line::seal(&line))
    }

    /// Returns the capacity of each partition.
    pub fn partition_bytes(&self) -> &[u64] {
        match &self.layout {
            Some(layout) => &layout.partition_bytes,
            None => std::slice::from_ref(&self.capacity_bytes),
        }
    }

    /// How many times the cartridge was formatted.
    pub(crate) fn epoch(&self) -> u64 {
        self.layout.as_ref().map_or(0, |layout| layout.epoch)
    }

    fn version(&self) -> u32 {
        if self.form.is_data() && self.layout.is_none() {
            Self::VERSION_PLAIN
        } else {
            Self::VERSION_EXTENDED
        }
    }

    /// Returns an error that names the first field that is not in order.
    pub(crate) fn check(&self) -> Result<(), Error> {
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
        let epoch = self.layout.as_ref().map(|layout| layout.epoch);
        if epoch.is_some_and(|epoch| !(1..=COUNT_MAX).contains(&epoch)) {
            return invalid("epoch", "must be 1 to 2^62");
        }
        let sizes = self.partition_bytes();
        let sum = sizes
            .iter()
            .try_fold(0_u64, |sum, size| sum.checked_add(*size));
        if sizes.is_empty()
            || sizes.len() > PARTITIONS_MAX
            || sizes.contains(&0)
            || sum.is_none_or(|sum| sum > self.capacity_bytes)
        {
            return invalid(
                "partition_bytes",
                "must be 1 to 4 capacities, none of them 0, within that of the cartridge",
            );
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
            form: Form::Data,
            layout: None,
        }
    }

    #[test]
    fn partitions_fit_the_cartridge() {
        let with = |epoch, partition_bytes: &[u64]| Label {
            layout: Some(Layout {
                epoch,
                partition_bytes: partition_bytes.to_vec(),
            }),
            ..label(1000)
        };
        let good = with(3, &[1, 999]);
        let text = good.emit().unwrap();
        assert!(text.starts_with(b"{\"capstan_cartridge\":2,"));
        assert_eq!(Label::parse(&text).unwrap(), good);
        assert_eq!(good.partition_bytes(), [1, 999]);
        assert_eq!(label(1000).partition_bytes(), [1000]);
        for bad in [&[][..], &[0], &[1; 5], &[1, 1000], &[u64::MAX, 2], &[0, 5]] {
            with(1, bad).emit().unwrap_err();
        }
        with(0, &[1000]).emit().unwrap_err();
    }

    #[test]
    fn what_was_written_is_read() {
        let label = label(1_500_000_000_000);
        let text = label.emit().unwrap();
        assert_eq!(Label::parse(&text).unwrap(), label);
        assert!(text.starts_with(b"{\"capstan_cartridge\":1,\"uuid\":"));
    }

    #[test]
    fn what_an_older_version_would_overwrite_it_refuses() {
        for (form, word) in [(Form::Worm, "worm"), (Form::Cleaning, "cleaning")] {
            let label = Label {
                form,
                ..label(1000)
            };
            let text = label.emit().unwrap();
            assert_eq!(Label::parse(&text).unwrap(), label);
            let text = String::from_utf8(text).unwrap();
            assert!(text.starts_with("{\"capstan_cartridge\":2,"), "{text}");
            assert!(text.contains(&format!("\"form\":\"{word}\"")), "{text}");
        }
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
        let line = "{\"capstan_cartridge\":3}";
        let text = format!(
            "{line}\ncrc32c {:08x}\n",
            crc_fast::crc32_iscsi(line.as_bytes())
        );
        let error = Label::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "label: version 3 is not supported");
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
