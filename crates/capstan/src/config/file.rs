//! The TOML file, exactly as written: every key optional, no key unknown.
//!
//! Values that can be judged alone are judged while they are read, so that the parser names line
//! and column; the others keep their place in the file (`Spanned`) for [`super::load()`].

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use super::names::{AdvertisedAddress, GatewayName, IqnPrefix, LibraryName, ListenAddress};
use super::{ByteSize, Compression, Machine, Pattern, Permanence, Preset, TargetLayout};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigFile {
    /// The data directory.
    pub data: Option<PathBuf>,
    /// The gateway's name.
    pub name: Option<GatewayName>,
    /// What the first start creates.
    pub preset: Option<Preset>,
    /// `[machine]`
    pub machine: Option<Spanned<Machine>>,
    /// `[profiles]`
    pub profiles: ProfilesSection,
    /// What is logged.
    pub log: Option<Spanned<String>>,
    /// `[iscsi]`
    pub iscsi: IscsiSection,
    /// `[cartridge]`
    pub cartridge: CartridgeSection,
    /// `[storage]`
    pub storage: StorageSection,
    /// `[encryption]`
    pub encryption: EncryptionSection,
    /// `[[library]]`
    pub library: Vec<LibrarySection>,
    /// `[delays]`
    pub delays: DelaysSection,
}

/// `[iscsi]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IscsiSection {
    /// Where to listen.
    pub listen: Option<Spanned<Vec<ListenAddress>>>,
    /// How devices are spread over targets.
    pub targets: Option<TargetLayout>,
    /// What target names begin with.
    pub iqn_prefix: Option<IqnPrefix>,
    /// Addresses to tell in discovery.
    pub advertise: Option<Vec<AdvertisedAddress>>,
    /// Connections at one time.
    pub connections_max: Option<Spanned<u32>>,
    /// How long a login may take.
    pub login_timeout_seconds: Option<Spanned<u32>>,
    /// The memory of all sessions together.
    pub memory_max: Option<Spanned<ByteSize>>,
    /// `[iscsi.discovery]`
    pub discovery: DiscoverySection,
    /// `[[iscsi.access]]`
    pub access: Vec<AccessSection>,
    /// `[[iscsi.redirect]]`
    pub redirect: Vec<RedirectSection>,
}

/// `[iscsi.discovery]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscoverySection {
    /// What a discovery session must prove.
    pub chap: Option<Spanned<ChapSection>>,
    /// What we prove in return.
    pub mutual_chap: Option<Spanned<ChapSection>>,
}

/// `[[iscsi.access]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessSection {
    /// Initiator names.
    pub initiators: Option<Spanned<Vec<Pattern>>>,
    /// Networks that connections come from.
    pub networks: Option<Spanned<Vec<Network>>>,
    /// Target names.
    pub targets: Option<Spanned<Vec<Pattern>>>,
    /// What the initiator must prove.
    pub chap: Option<Spanned<ChapSection>>,
    /// What we prove in return.
    pub mutual_chap: Option<Spanned<ChapSection>>,
}

/// `[[iscsi.redirect]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedirectSection {
    /// Initiator names.
    pub initiators: Option<Spanned<Vec<Pattern>>>,
    /// Networks that connections come from.
    pub networks: Option<Spanned<Vec<Network>>>,
    /// Target names.
    pub targets: Option<Spanned<Vec<Pattern>>>,
    /// Where the target is.
    pub address: Spanned<AdvertisedAddress>,
    /// Whether it will stay there.
    pub permanence: Option<Permanence>,
}

/// `{ user = "…", secret_file = "…" }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChapSection {
    /// The name that goes with the secret.
    pub user: Spanned<String>,
    /// The file whose first line is the secret.
    pub secret_file: Spanned<PathBuf>,
    /// Known only in order to be refused with a reason.
    pub secret: Option<InlineSecret>,
}

/// `[cartridge]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CartridgeSection {
    /// How blocks are compressed.
    pub compression: Option<Compression>,
    /// When a segment file is full.
    pub segment_size: Option<Spanned<ByteSize>>,
}

/// `[storage]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSection {
    /// Free space below which drives that write are slowed.
    pub slow_below: Option<ByteSize>,
    /// Free space below which they refuse blocks.
    pub stop_below: Option<Spanned<ByteSize>>,
}

/// `[encryption]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptionSection {
    /// `[[encryption.key]]`
    pub key: Vec<Spanned<KeySection>>,
}

/// `[[encryption.key]]`: exactly one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySection {
    /// A file with the key.
    pub file: Option<PathBuf>,
    /// An environment variable with the key.
    pub environment: Option<String>,
    /// A credential of systemd with the key.
    pub credential: Option<String>,
    /// A file with a passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// An environment variable with a passphrase.
    pub passphrase_environment: Option<String>,
    /// A credential of systemd with a passphrase.
    pub passphrase_credential: Option<String>,
}

/// `[[library]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibrarySection {
    /// Its name.
    pub name: Spanned<LibraryName>,
    /// What its first start creates.
    pub preset: Option<Preset>,
    /// How its devices are spread over targets.
    pub targets: Option<TargetLayout>,
    /// `[library.machine]`
    pub machine: Option<Spanned<Machine>>,
}

/// `[profiles]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfilesSection {
    /// Where the user's own profiles are.
    pub directory: Option<PathBuf>,
}

/// `[delays]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DelaysSection {
    /// Until a loaded tape is ready.
    pub load_seconds: Option<Spanned<u32>>,
    /// To take a tape out of the path.
    pub unload_seconds: Option<Spanned<u32>>,
    /// REWIND.
    pub rewind_seconds: Option<Spanned<u32>>,
    /// LOCATE and SPACE.
    pub locate_seconds: Option<Spanned<u32>>,
    /// The robot's way.
    pub transport_seconds: Option<Spanned<u32>>,
    /// To clean a drive.
    pub clean_seconds: Option<Spanned<u32>>,
}

/// A network: `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(pub IpNet);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
            .or_else(|_| {
                text.parse()
                    .map(|address: std::net::IpAddr| IpNet::from(address))
            })
            .map(Self)
            .map_err(|_| {
                format!(
                    "`{text}` is not a network; write for example 10.0.0.0/8, 192.0.2.7 or fd00::/8"
                )
            })
    }
}

/// A secret in the file: there is no such value.
#[derive(Debug)]
pub enum InlineSecret {}

impl<'de> Deserialize<'de> for InlineSecret {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(
            "a secret does not belong into the configuration, which gets copied, mailed and backed \
             up; put it alone into a file of mode 0600 and name that file with `secret_file`",
        ))
    }
}
