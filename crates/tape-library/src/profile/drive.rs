//! Drive profiles.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::inquiry::{InquiryData, STANDARD_PAGES, VitalProductData};
use super::template::{Template, Word};
use super::text::{product, revision, vendor};
use super::{Form, Media, Profiles};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "File", into = "File")]
pub struct DriveProfile {
    /// The profile's name: `ibm-ult3580-td5`.
    pub name: String,
    /// What a person should know: where the figures come from and which are chosen.
    pub notes: String,
    /// Its generation: 5 for LTO-5.
    pub generation: u8,
    /// T10 vendor identification.
    pub vendor: String,
    /// Product identification.
    pub product: String,
    /// Product revision level.
    pub revision: String,
    /// The unit serial number.
    pub serial: Template,
    /// The standard INQUIRY data.
    pub inquiry: InquiryData,
    /// Vital product data.
    pub vpd: VitalProductData,
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

/// A profile as a file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    notes: String,
    generation: u8,
    #[serde(deserialize_with = "vendor")]
    vendor: String,
    #[serde(deserialize_with = "product")]
    product: String,
    #[serde(deserialize_with = "revision")]
    revision: String,
    serial: Template,
    tells_density: bool,
    medium_types: MediumTypes,
    block_length_default: u32,
    block_length_min: u32,
    block_length_max: u32,
    reads: Vec<MediaName>,
    writes: Vec<MediaName>,
    inquiry: InquiryData,
    vpd: VitalProductData,
    capabilities: Capabilities,
}

/// The name of a kind of cartridge that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct MediaName(String);

impl TryFrom<String> for MediaName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = || {
            let known: Vec<_> = Media::all().iter().map(|media| &*media.name).collect();
            let known = known.join(", ");
            format!("{name:?}: no kind of cartridge; there are {known}")
        };
        let media = Media::find(&name).ok_or_else(known)?;
        Ok(Self(media.name.clone()))
    }
}

impl From<MediaName> for String {
    fn from(name: MediaName) -> Self {
        name.0
    }
}

impl DriveProfile {
    /// Returns the built-in profile called `name`.
    pub fn builtin(name: &str) -> Option<Arc<Self>> {
        Profiles::builtin().drive(name).ok()
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

    /// Returns what is wrong: the key and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        self.inquiry.check()?;
        self.vpd.check(&STANDARD_PAGES)?;
        if !self.serial.is_printable() {
            return Err(("serial", "write printable ASCII characters".into()));
        }
        if !self.serial.has(Word::Number) {
            let why = "write {number} into it, or all drives of a library have the same";
            return Err(("serial", why.into()));
        }
        if self.block_length_max > BLOCK_LENGTH_LIMIT {
            let why = format!("write at most {BLOCK_LENGTH_LIMIT}, which 24 bits can say");
            return Err(("block_length_max", why));
        }
        if !(1..=u32::from(u16::MAX)).contains(&self.block_length_min)
            || self.block_length_min > self.block_length_max
        {
            let why = "write 1 to 65535, and no more than block_length_max";
            return Err(("block_length_min", why.into()));
        }
        let fixed = self.block_length_min..=self.block_length_max;
        if self.block_length_default != 0 && !fixed.contains(&self.block_length_default) {
            let why = "write 0 for variable blocks, or a length that the drive takes";
            return Err(("block_length_default", why.into()));
        }
        let writes_data = |medium: &DriveMedium| {
            medium.access == MediaAccess::ReadWrite && medium.media.form == Form::Data
        };
        if !self.media.iter().any(writes_data) {
            return Err(("writes", "a drive writes at least one kind for data".into()));
        }
        if !(1..=4).contains(&self.capabilities.partitions_max) {
            return Err(("capabilities.partitions_max", "write 1 to 4".into()));
        }
        Ok(())
    }
}

/// The largest block that READ BLOCK LIMITS can tell.
const BLOCK_LENGTH_LIMIT: u32 = (1 << 24) - 1;

impl From<File> for DriveProfile {
    fn from(file: File) -> Self {
        let has = |list: &[MediaName], media: &Media| list.iter().any(|it| it.0 == media.name);
        let media = Media::all().iter().filter_map(|media| {
            let access = if has(&file.writes, media) {
                MediaAccess::ReadWrite
            } else if has(&file.reads, media) {
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
            notes: file.notes,
            generation: file.generation,
            vendor: file.vendor,
            product: file.product,
            revision: file.revision,
            serial: file.serial,
            inquiry: file.inquiry,
            vpd: file.vpd,
            tells_density: file.tells_density,
            medium_types: file.medium_types,
            block_length_default: file.block_length_default,
            block_length_min: file.block_length_min,
            block_length_max: file.block_length_max,
            capabilities: file.capabilities,
        }
    }
}

impl From<DriveProfile> for File {
    fn from(profile: DriveProfile) -> Self {
        let with = |access: MediaAccess| {
            let media = profile.media.iter().filter(|it| it.access == access);
            media.map(|it| MediaName(it.media.name.clone())).collect()
        };
        Self {
            reads: with(MediaAccess::ReadOnly),
            writes: with(MediaAccess::ReadWrite),
            name: profile.name,
            notes: profile.notes,
            generation: profile.generation,
            vendor: profile.vendor,
            product: profile.product,
            revision: profile.revision,
            serial: profile.serial,
            inquiry: profile.inquiry,
            vpd: profile.vpd,
            tells_density: profile.tells_density,
            medium_types: profile.medium_types,
            block_length_default: profile.block_length_default,
            block_length_min: profile.block_length_min,
            block_length_max: profile.block_length_max,
            capabilities: profile.capabilities,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
