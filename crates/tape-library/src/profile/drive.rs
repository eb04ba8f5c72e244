//! Drive profiles.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::Media;

/// What a drive can do with a kind of cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaAccess {
    /// Reads it; writing is refused as if the cartridge were write protected.
    ReadOnly,
    /// Reads and writes it.
    ReadWrite,
}

/// A kind of cartridge that a drive takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveMedium {
    /// The kind.
    pub media: Arc<Media>,
    /// What the drive does with it.
    pub access: MediaAccess,
}

/// A model of tape drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveProfile {
    /// The profile's name: `ibm-ult3580-td5`.
    pub name: String,
    /// T10 vendor identification.
    pub vendor: String,
    /// Product identification.
    pub product: String,
    /// Product revision level.
    pub revision: String,
    /// VERSION in INQUIRY data.
    pub inquiry_version: u8,
    /// Version descriptors in INQUIRY data.
    pub version_descriptors: Vec<u16>,
    /// Whether the mode block descriptor tells the density of the cartridge, or 00h, the default.
    pub tells_density: bool,
    /// Block length after power on; 0 for variable blocks.
    pub block_length_default: u32,
    /// Smallest block, in bytes (READ BLOCK LIMITS).
    pub block_length_min: u32,
    /// Largest block, in bytes (READ BLOCK LIMITS).
    pub block_length_max: u32,
    /// The kinds of cartridge that it takes, the oldest first.
    pub media: Vec<DriveMedium>,
}

/// A profile as its file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    vendor: String,
    product: String,
    revision: String,
    inquiry_version: u8,
    version_descriptors: Vec<u16>,
    tells_density: bool,
    block_length_default: u32,
    block_length_min: u32,
    block_length_max: u32,
    media: Vec<FileMedium>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileMedium {
    name: String,
    access: MediaAccess,
}

static ALL: LazyLock<Vec<Arc<DriveProfile>>> = LazyLock::new(|| {
    [
        include_str!("data/ibm-ult3580-td5.toml"),
        include_str!("data/ibm-ult3580-td6.toml"),
        include_str!("data/gateway-ult3580-td5.toml"),
    ]
    .into_iter()
    .map(|text| Arc::new(DriveProfile::from(super::embedded::<File>(text))))
    .collect()
});

impl DriveProfile {
    /// Returns all built-in profiles.
    pub fn all() -> &'static [Arc<Self>] {
        &ALL
    }

    /// Returns the built-in profile called `name`.
    pub fn builtin(name: &str) -> Option<Arc<Self>> {
        ALL.iter().find(|profile| profile.name == name).cloned()
    }

    /// Returns what the drive does with cartridges of kind `media`, `None` when it refuses them.
    pub fn access(&self, media: &str) -> Option<MediaAccess> {
        self.media
            .iter()
            .find(|medium| medium.media.name == media)
            .map(|medium| medium.access)
    }

    /// Returns the drive's own generation: the newest kind that it takes.
    pub fn native(&self) -> &Media {
        let newest = self.media.last();
        &newest.expect("a profile has media: a test checks it").media
    }
}

impl From<File> for DriveProfile {
    fn from(file: File) -> Self {
        let medium = |medium: FileMedium| DriveMedium {
            media: Arc::clone(
                Media::find(&medium.name).expect("profiles name media that exist: tested"),
            ),
            access: medium.access,
        };
        Self {
            name: file.name,
            vendor: file.vendor,
            product: file.product,
            revision: file.revision,
            inquiry_version: file.inquiry_version,
            version_descriptors: file.version_descriptors,
            tells_density: file.tells_density,
            block_length_default: file.block_length_default,
            block_length_min: file.block_length_min,
            block_length_max: file.block_length_max,
            media: file.media.into_iter().map(medium).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_reads_and_is_consistent() {
        for profile in DriveProfile::all() {
            assert!(!profile.media.is_empty());
            assert_eq!(
                profile.access(&profile.native().name),
                Some(MediaAccess::ReadWrite)
            );
            assert!(profile.block_length_min <= profile.block_length_max);
            assert!(profile.block_length_max < 1 << 24, "WRITE(6) has 24 bits");
            let default = profile.block_length_default;
            assert!(default == 0 || default <= profile.block_length_max);
            assert!(profile.version_descriptors.len() <= 8);
        }
    }

    #[test]
    fn lto_writes_one_generation_back_and_reads_two() {
        let td5 = DriveProfile::builtin("ibm-ult3580-td5").unwrap();
        assert_eq!(td5.access("LTO-4"), Some(MediaAccess::ReadWrite));
        assert_eq!(td5.access("LTO-3"), Some(MediaAccess::ReadOnly));
        assert_eq!(td5.access("LTO-6"), None);
    }

    #[test]
    fn the_gateway_drive_is_what_the_walk_throughs_show() {
        let drive = DriveProfile::builtin("gateway-ult3580-td5").unwrap();
        assert_eq!(
            (drive.vendor.as_str(), drive.product.as_str()),
            ("IBM", "ULT3580-TD5")
        );
        assert_eq!(drive.revision, "0103");
        assert_eq!(drive.block_length_default, 65536);
        assert_eq!(drive.block_length_max, 1 << 20);
        assert!(!drive.tells_density, "mt status shows 0x0 (default)");
    }
}
