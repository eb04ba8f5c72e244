//! Whose figure it is.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How a cartridge compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard, level 1; what Capstan does when it is not told.
    Zstd,
    /// LZO1X.
    Lzo,
}

/// Whether and under whose key a cartridge is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sealing {
    /// In clear.
    Clear,
    /// Under a key that the host sets with SECURITY PROTOCOL OUT.
    HostKey,
    /// Under the cartridge's own key, which the gateway's wraps.
    AtRest,
}

/// Another target with a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// Debian's tgt as it comes.
    Tgt,
    /// Debian's tgt with long bursts and segments, which it has to be asked for.
    TgtTuned,
    /// Debian's istgt, with the lengths of its example configuration.
    Istgt,
}

/// Whose figure it is. The order is that of the tables: limits, us, others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// Two threads that send each other over loopback what commands and their data weigh.
    Exchange,
    /// The same, and what arrives is written behind to a file that is durable at the end.
    ExchangeToFile,
    /// A file without a sync.
    PageCache,
    /// A file past the page cache, durable at the end.
    DirectFile,
    /// A file through the page cache, durable at the end.
    DurableFile,
    /// A codec on one core.
    Codec(Compression),
    /// AES-256-GCM on one core.
    Aes,
    /// CRC32C on one core.
    Crc,
    /// Us with cartridges that keep nothing.
    Null,
    /// Us.
    Capstan {
        /// How it compresses.
        compression: Compression,
        /// How it encrypts.
        sealing: Sealing,
    },
    /// Somebody else.
    Peer(Peer),
}

impl Compression {
    /// Returns the name that the configuration has for it, too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Lzo => "lzo",
        }
    }
}

impl Peer {
    /// Everybody.
    pub(crate) const ALL: [Self; 3] = [Self::Tgt, Self::TgtTuned, Self::Istgt];

    /// Whether what it wrote is durable when a filemark is answered. istgt never asks the kernel for
    /// that (strace sees no fsync, fdatasync or msync): its writes end in the page cache.
    pub(crate) fn is_durable(self) -> bool {
        match self {
            Self::Tgt | Self::TgtTuned => true,
            Self::Istgt => false,
        }
    }

    /// Returns the name for steps and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tgt => "tgt",
            Self::TgtTuned => "tgt-tuned",
            Self::Istgt => "istgt",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange => f.write_str("exchange"),
            Self::ExchangeToFile => f.write_str("exchange, durable file behind"),
            Self::PageCache => f.write_str("page cache"),
            Self::DirectFile => f.write_str("durable file, direct"),
            Self::DurableFile => f.write_str("durable file"),
            Self::Codec(codec) => write!(f, "{} alone", codec.name()),
            Self::Aes => f.write_str("AES-256-GCM alone"),
            Self::Crc => f.write_str("CRC32C alone"),
            Self::Null => f.write_str("capstan, null cartridge"),
            Self::Capstan {
                compression,
                sealing: Sealing::Clear,
            } => write!(f, "capstan, {}", compression.name()),
            Self::Capstan {
                compression,
                sealing: Sealing::HostKey,
            } => write!(f, "capstan, {}, encrypted", compression.name()),
            Self::Capstan {
                compression,
                sealing: Sealing::AtRest,
            } => write!(f, "capstan, {}, encrypted at rest", compression.name()),
            Self::Peer(peer) => f.write_str(peer.name()),
        }
    }
}
