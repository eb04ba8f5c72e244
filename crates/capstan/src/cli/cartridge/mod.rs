//! `capstan cartridge`: look into the files of cartridges, and rescue what is on them. Needs no gateway.

mod dump;
mod progress;
mod recover;
mod verify;
mod which;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use cartridge::{EncryptionKey, inspect};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::Global;
use crate::config::{Overrides, load};
use crate::convert::brake::Brake;
use crate::hex;

/// `capstan cartridge`
#[derive(Debug, Subcommand)]
pub enum Cartridge {
    /// Read everything on cartridges and tell what is damaged, down to file and block
    #[command(
        after_help = "Exit status: 0 all good, 1 damage was found, 2 it could not be done, 130 interrupted (SIGINT).\n\n\
        Examples:\n  \
        capstan cartridge verify CAP001L5\n  \
        capstan cartridge verify --all --json\n  \
        capstan cartridge verify /mnt/copy/67ec8e65-a18d-4bbe-815c-0289ec2d0a91"
    )]
    Verify(verify::Verify),
    /// Show what the files of a cartridge say, or write a tape file or an object
    #[command(
        after_help = "ONE BEFORE is the footer that a segment was sealed behind: fits, differs, absent.\n\n\
        A tape file bears the name FILE.partial until it is whole.\n\n\
        Exit status: 0 all good, 1 damage was found, 2 it could not be done, 130 interrupted (SIGINT).\n\n\
        Examples:\n  \
        capstan cartridge dump CAP001L5 --frames\n  \
        capstan cartridge dump CAP001L5 --object 7\n  \
        capstan cartridge dump CAP001L5 --file 2 -o - | tar tf -"
    )]
    Dump(dump::Dump),
    /// Write a new cartridge with everything that can be read of a damaged one
    #[command(
        after_help = "The old files stay as they are. Blocks that are lost are left out; filemarks stay, so that\n\
        tape files keep their numbers. To put the new cartridge in the place of the old one, stop the\n\
        gateway and exchange their directories. Until it is whole it bears the name DIR.partial.\n\n\
        Exit status: 0 nothing was lost, 1 something was, 2 it could not be done, 130 interrupted (SIGINT);\n\
        with 2 and 130 nothing is left of the new cartridge.\n\n\
        Examples:\n  \
        capstan cartridge recover CAP001L5 --output /srv/rescue/CAP001L5\n  \
        capstan cartridge recover ./lost --output ./found --barcode CAP001L5"
    )]
    Recover(recover::Recover),
}

/// What opens encrypted blocks; none of it is on a cartridge.
#[derive(Debug, Args)]
pub struct Keys {
    /// A file with a key that opens tapes that are encrypted at rest; may be given several times [default:
    /// those of the configuration]
    #[arg(long, value_name = "FILE")]
    encryption_key: Vec<PathBuf>,
    /// A file with a key that backup software has set, as 64 hexadecimal digits; may be given several
    /// times. Without it encrypted blocks are checked as far as that goes, and not read
    #[arg(long, value_name = "FILE")]
    host_key: Vec<PathBuf>,
}

impl Cartridge {
    /// Runs the verb and returns the exit status. What could not be done has one of its own: 2.
    pub fn run(self, global: &Global) -> ExitCode {
        let done = Brake::on_signals().and_then(|brake| match self {
            Self::Verify(verb) => verb.run(global, &brake),
            Self::Dump(verb) => verb.run(global, &brake),
            Self::Recover(verb) => verb.run(global, &brake),
        });
        match done {
            Ok(Outcome::Good) => ExitCode::SUCCESS,
            Ok(Outcome::Damaged) => ExitCode::from(1),
            Err(error) => {
                super::complain(&error);
                super::of_signal(&error).unwrap_or(ExitCode::from(2))
            }
        }
    }
}

/// What a verb found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Good,
    Damaged,
}

/// Returns `path` with `suffix` behind its last name.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Keys {
    fn read(&self, global: &Global) -> anyhow::Result<inspect::Keys> {
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path)
                .map(Zeroizing::new)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let bytes = hex::decode(text.trim()).map(Zeroizing::new);
            let bytes = bytes
                .as_ref()
                .and_then(|bytes| bytes.first_chunk().filter(|it| it.len() == bytes.len()));
            let bytes = bytes
                .with_context(|| format!("{}: a key has 64 hexadecimal digits", path.display()))?;
            Ok(EncryptionKey::new(bytes))
        };
        let host: anyhow::Result<_> = self.host_key.iter().map(read).collect();
        // With a data directory and keys that are named the configuration is not needed.
        let named = !self.encryption_key.is_empty() && global.data.is_some();
        let config = global.config.clone().filter(|_| !named);
        let overrides = Overrides {
            data: global.data.clone(),
            encryption_keys: self.encryption_key.clone(),
            ..Overrides::default()
        };
        let config = load(config.as_deref(), overrides)?.config;
        Ok(inspect::Keys {
            host: host?,
            ring: crate::keys::load(&config.encryption, &config.data)?,
        })
    }
}
