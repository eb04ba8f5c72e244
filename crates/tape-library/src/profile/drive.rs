//! Drive profiles.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::DeValue;

use super::{Form, Media, layers};

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

/// A method of logical block protection (SSC-5, control data protection mode page).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectionMethod {
    /// Reed-Solomon CRC (ECMA-319).
    ReedSolomon,
    /// CRC32C (RFC 3720).
    Crc32c,
}

impl ProtectionMethod {
    /// Returns the code in LOGICAL BLOCK PROTECTION METHOD.
    pub const fn code(self) -> u8 {
        match self {
            Self::ReedSolomon => 0x01,
            Self::Crc32c => 0x02,
        }
    }
}

/// What a drive can do beyond reading and writing.
#[allow(clippy::struct_excessive_bools)] // each stands for itself, as in the file
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// It takes WORM cartridges.
    pub worm: bool,
    /// It encrypts what it is told to (SECURITY PROTOCOL IN and OUT, AES-256-GCM).
    pub encryption: bool,
    /// The most partitions on a cartridge of its own generation.
    pub partitions_max: u8,
    /// How it protects logical blocks on their way; empty for not at all.
    pub logical_block_protection: Vec<ProtectionMethod>,
    /// Append-only mode (WRITE MODE 01h in mode page 10h/01h, ALLOW OVERWRITE).
    pub append_only: bool,
    /// Programmable early warning (PEWS in mode page 10h/01h).
    pub programmable_early_warning: bool,
}

/// A model of tape drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveProfile {
    /// The profile's name: `ibm-ult3580-td5`.
    pub name: String,
    /// Its generation: 5 for LTO-5.
    pub generation: u8,
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
    /// How the header of mode parameters names the kind of cartridge.
    pub medium_types: MediumTypes,
    /// Block length after power on; 0 for variable blocks.
    pub block_length_default: u32,
    /// Smallest block, in bytes (READ BLOCK LIMITS).
    pub block_length_min: u32,
    /// Largest block, in bytes (READ BLOCK LIMITS).
    pub block_length_max: u32,
    /// What it can do beyond reading and writing.
    pub capabilities: Capabilities,
    /// The kinds of cartridge that it takes, the oldest first.
    pub media: Vec<DriveMedium>,
}

/// The codes in MEDIUM TYPE of the header of mode parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediumTypes {
    /// A digit for the generation, then 8, or C for WORM.
    #[default]
    Generation,
    /// 00h for data, 01h for WORM, 80h for cleaning, as HP's drives have it.
    Hp,
}

/// A profile as its file has it, on top of its generation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    generation: u8,
    vendor: String,
    product: String,
    revision: String,
    inquiry_version: u8,
    version_descriptors: Vec<u16>,
    tells_density: bool,
    #[serde(default)]
    medium_types: MediumTypes,
    block_length_default: u32,
    block_length_min: u32,
    block_length_max: u32,
    capabilities: Capabilities,
    reads: Vec<String>,
    writes: Vec<String>,
}

static ALL: LazyLock<Vec<Arc<DriveProfile>>> = LazyLock::new(|| {
    [
        include_str!("data/ibm-ult3580-td5.toml"),
        include_str!("data/ibm-ult3580-td6.toml"),
        include_str!("data/gateway-ult3580-td5.toml"),
    ]
    .into_iter()
    .map(|text| {
        let file = read(text).expect("embedded profiles are valid: a test reads each of them");
        Arc::new(DriveProfile::from(file))
    })
    .collect()
});

/// Reads a profile on top of what its generation has.
fn read(text: &str) -> Result<File, toml::de::Error> {
    let own = layers::parse(text)?;
    let generation = own.get_ref().get("generation");
    let generation = generation.and_then(|it| it.get_ref().as_integer());
    let common = generation.and_then(|generation| {
        let all = layers::parse(GENERATIONS).ok()?;
        match all.into_inner().remove(generation.as_str())?.into_inner() {
            DeValue::Table(table) => Some(table),
            _ => None,
        }
    });
    let mut table = Spanned::new(own.span(), common.unwrap_or_default());
    layers::lay(table.get_mut(), own.into_inner());
    layers::read(table)
}

const GENERATIONS: &str = include_str!("data/generations.toml");

impl DriveProfile {
    /// Returns all built-in profiles.
    pub fn all() -> &'static [Arc<Self>] {
        &ALL
    }

    /// Returns the built-in profile called `name`.
    pub fn builtin(name: &str) -> Option<Arc<Self>> {
        ALL.iter().find(|profile| profile.name == name).cloned()
    }

    /// Returns what the drive does with cartridges of kind `media`, `None` when it refuses them. A
    /// cleaning cartridge counts as one that can only be read.
    pub fn access(&self, media: &str) -> Option<MediaAccess> {
        self.media
            .iter()
            .find(|medium| medium.media.name == media)
            .map(|medium| medium.access)
    }

    /// Returns the drive's own kind of cartridge: the newest for data that it takes.
    pub fn native(&self) -> &Media {
        let mut newest = self.media.iter().rev().map(|medium| &medium.media);
        newest
            .find(|media| media.form == Form::Data)
            .expect("a profile has media for data: a test checks it")
    }

    /// Returns MEDIUM TYPE in the header of mode parameters for a cartridge of kind `media`.
    pub fn medium_type(&self, media: &Media) -> u8 {
        match (self.medium_types, media.form) {
            (MediumTypes::Generation, _) => media.medium_type,
            (MediumTypes::Hp, Form::Data) => 0x00,
            (MediumTypes::Hp, Form::Worm) => 0x01,
            (MediumTypes::Hp, Form::Cleaning) => 0x80,
        }
    }
}

impl From<File> for DriveProfile {
    fn from(file: File) -> Self {
        let media = Media::all().iter().filter_map(|media| {
            let access = if file.writes.contains(&media.name) {
                MediaAccess::ReadWrite
            } else if file.reads.contains(&media.name) {
                MediaAccess::ReadOnly
            } else {
                return None;
            };
            Some(DriveMedium {
                media: Arc::clone(media),
                access,
            })
        });
        Self {
            media: media.collect(),
            name: file.name,
            generation: file.generation,
            vendor: file.vendor,
            product: file.product,
            revision: file.revision,
            inquiry_version: file.inquiry_version,
            version_descriptors: file.version_descriptors,
            tells_density: file.tells_density,
            medium_types: file.medium_types,
            block_length_default: file.block_length_default,
            block_length_min: file.block_length_min,
            block_length_max: file.block_length_max,
            capabilities: file.capabilities,
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
        assert_eq!(td5.access("LTO-5W"), Some(MediaAccess::ReadWrite));
        assert_eq!(td5.access("Cleaning"), Some(MediaAccess::ReadOnly));
        assert_eq!(td5.generation, 5);
    }

    #[test]
    fn medium_type_tells_generation_and_worm() {
        let mut drive = DriveProfile::clone(&DriveProfile::builtin("ibm-ult3580-td6").unwrap());
        let types = |drive: &DriveProfile| {
            ["LTO-6", "LTO-6W", "Cleaning"]
                .map(|name| drive.medium_type(Media::find(name).unwrap()))
        };
        assert_eq!(types(&drive)[..2], [0x68, 0x6c]);
        drive.medium_types = MediumTypes::Hp;
        assert_eq!(types(&drive), [0x00, 0x01, 0x80]);
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
