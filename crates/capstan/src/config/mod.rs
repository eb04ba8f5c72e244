//! Configuration: what the file says, checked and completed before anything starts.
//!
//! Precedence, highest first: command line, environment (`CAPSTAN_DATA`, `CAPSTAN_CONFIG`), file,
//! defaults. Relative paths in the file are relative to the file's folder. Without any
//! configuration the data lies in `./capstan-data` and everybody who reaches 127.0.0.1:3260 may log
//! in.
//!
//! - [`mod@file`]: the TOML file, exactly as written.
//! - [`mod@load`]: file and command line become a [`Config`].
//! - [`show`]: a [`Config`] as commented TOML.

pub mod access;
pub mod chap;
pub mod file;
pub mod load;
pub mod machine;
pub mod names;
pub mod pattern;
mod reader;
pub mod redirect;
pub mod show;
pub mod size;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tape_library::inject::Delays;
use tape_library::profile::Profiles;

pub use crate::keys::{KeyKind, KeyPlace, KeySource};
pub use access::{AccessRule, Authentication};
pub use load::{ConfigError, Overrides, load};
pub use machine::Machine;
pub use names::{AdvertisedAddress, GatewayName, IqnPrefix, LibraryName, ListenAddress};
pub use pattern::Pattern;
pub use redirect::{Permanence, RedirectRule};
pub use size::ByteSize;

/// Everything that can be configured, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// The gateway's name in target names; without one, a name is made at the first start.
    pub name: Option<GatewayName>,
    /// What the first start creates.
    pub preset: Preset,
    /// What the first start creates instead of the preset.
    pub machine: Option<Machine>,
    /// Where the user's own profiles are; without one, in `profiles` below the data directory.
    pub profiles: Option<PathBuf>,
    /// What is logged: a level, or directives such as `info,capstan::portal=debug`.
    pub log: String,
    /// The iSCSI side.
    pub iscsi: IscsiConfig,
    /// How cartridges are kept.
    pub cartridge: CartridgeConfig,
    /// When the disk is nearly full.
    pub storage: StorageConfig,
    /// Where key-encryption keys come from; without any, cartridges are not encrypted.
    pub encryption: Vec<KeySource>,
    /// Libraries beside the main one, which every gateway has.
    pub libraries: Vec<LibraryConfig>,
    /// How long the mechanics take.
    pub delays: Delays,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from(DATA_DEFAULT),
            name: None,
            preset: Preset::Default,
            machine: None,
            profiles: None,
            log: LOG_DEFAULT.to_owned(),
            iscsi: IscsiConfig::default(),
            cartridge: CartridgeConfig::default(),
            storage: StorageConfig::default(),
            encryption: Vec::new(),
            libraries: Vec::new(),
            delays: Delays::default(),
        }
    }
}

/// A library beside the main one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryConfig {
    /// Its name.
    pub name: LibraryName,
    /// What its first start creates.
    pub preset: Preset,
    /// How its devices are spread over targets.
    pub targets: TargetLayout,
    /// What its first start creates instead of the preset.
    pub machine: Option<Machine>,
}

impl Config {
    /// Returns where the user's own profiles are.
    pub fn profiles_directory(&self) -> PathBuf {
        let own = || self.data.join(PROFILES_DEFAULT);
        self.profiles.clone().unwrap_or_else(own)
    }

    /// Returns the built-in profiles and the user's own.
    pub fn load_profiles(&self) -> Result<Arc<Profiles>, ConfigError> {
        Profiles::load(&self.profiles_directory()).map_err(|errors| {
            let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
            ConfigError::Profiles(lines.join("\n"))
        })
    }
}

/// The iSCSI side.
#[derive(Clone, Debug, PartialEq)]
pub struct IscsiConfig {
    /// Where to listen.
    pub listen: Vec<ListenAddress>,
    /// How devices are spread over targets.
    pub targets: TargetLayout,
    /// What target names begin with.
    pub iqn_prefix: IqnPrefix,
    /// Addresses to tell in discovery instead of those that we listen on.
    pub advertise: Vec<AdvertisedAddress>,
    /// Sessions at one time, all portals together.
    pub connections_max: usize,
    /// How long a login may take.
    pub login_timeout: Duration,
    /// The memory of all sessions together.
    pub memory_max: ByteSize,
    /// Who may do what; the first rule that fits decides. None at all: everybody may do everything.
    pub access: Vec<AccessRule>,
    /// Which logins are sent elsewhere; the first rule that fits decides.
    pub redirect: Vec<RedirectRule>,
    /// What a discovery session must prove. `None`: nothing.
    pub discovery: Option<Authentication>,
}

impl Default for IscsiConfig {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddress::default()],
            targets: TargetLayout::PerDevice,
            iqn_prefix: IqnPrefix::default(),
            advertise: Vec::new(),
            connections_max: CONNECTIONS_MAX_DEFAULT,
            login_timeout: LOGIN_TIMEOUT_DEFAULT,
            memory_max: MEMORY_MAX_DEFAULT,
            access: Vec::new(),
            redirect: Vec::new(),
            discovery: None,
        }
    }
}

/// How cartridges are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CartridgeConfig {
    /// How blocks are compressed.
    pub compression: Compression,
    /// When a segment file is full.
    pub segment_size: ByteSize,
}

impl Default for CartridgeConfig {
    fn default() -> Self {
        Self {
            compression: Compression::Zstd,
            segment_size: SEGMENT_SIZE_DEFAULT,
        }
    }
}

/// When the disk is nearly full: marks of free space. 0 is never; without a mark, it follows from the size
/// of the file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageConfig {
    /// Below it drives that write are slowed.
    pub slow_below: Option<ByteSize>,
    /// Below it they refuse blocks.
    pub stop_below: Option<ByteSize>,
}

/// What the first start creates in an empty data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// STK L700 with two LTO-5 and two LTO-6 drives, 24 slots, 4 import/export slots, 20 cartridges.
    Default,
    /// AWS Gateway-VTL: ten LTO-5 drives, 1600 slots, 1600 import/export slots, no cartridges.
    TapeGateway,
}

/// How devices are spread over targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetLayout {
    /// One target for the changer and one for each drive.
    PerDevice,
    /// One target with the changer as LUN 0 and the drives after it.
    Single,
}

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4: fastest.
    Lz4,
    /// Zstandard level 1.
    Zstd,
    /// LZO1X.
    Lzo,
}

/// Where data lies when nobody says anything.
pub const DATA_DEFAULT: &str = "./capstan-data";
/// Where profiles lie below the data directory when nobody says anything.
pub const PROFILES_DEFAULT: &str = "profiles";
/// What is logged when nobody says anything.
pub const LOG_DEFAULT: &str = "info";
/// One thread each; eleven connections serve one host with a changer and ten drives.
pub const CONNECTIONS_MAX_DEFAULT: usize = 256;
/// A login takes milliseconds; a person with a packet generator gets this long.
pub const LOGIN_TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
/// About four hundred sessions, or forty that move the longest blocks at once.
pub const MEMORY_MAX_DEFAULT: ByteSize = ByteSize(iscsi::memory::POOL_BYTES_DEFAULT);
/// Less is of no use.
pub const MEMORY_MAX_MIN: ByteSize = ByteSize(iscsi::memory::POOL_BYTES_MIN);
/// More than any machine has, and a number that the books can hold.
pub const MEMORY_MAX_MAX: ByteSize = ByteSize(1 << 40);
/// Each library has a thread for each of its devices.
pub const LIBRARIES_MAX: usize = 16;
/// The slowest mechanics: no initiator waits longer.
pub const DELAY_SECONDS_MAX: u32 = 3600;
/// Small enough to upload in one go, large enough to be few.
pub const SEGMENT_SIZE_DEFAULT: ByteSize = ByteSize(256 << 20);
/// The smallest segment: below, the number of files hurts.
pub const SEGMENT_SIZE_MIN: ByteSize = ByteSize(16 << 20);
/// The largest segment: offsets are 32 bits, and one object must fit a single upload.
pub const SEGMENT_SIZE_MAX: ByteSize = ByteSize(1 << 30);
