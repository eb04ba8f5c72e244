//! Keys for encryption at rest on the command line: the same for every verb that writes or reads tapes itself.

use std::path::PathBuf;

use clap::Args;

use super::Global;
use crate::config::load::Loaded;
use crate::config::{ConfigError, Overrides};

/// The keys; without, those of the configuration, which may come from files, from the environment or from
/// credentials.
#[derive(Clone, Debug, Default, Args)]
pub struct AtRest {
    /// File with a key that new tapes are encrypted under; further ones open old tapes [default: the
    /// keys of the configuration]
    #[arg(long, value_name = "FILE")]
    pub encryption_key: Vec<PathBuf>,
}

impl AtRest {
    /// Returns the configuration with these keys.
    pub fn load(&self, global: &Global) -> Result<Loaded, ConfigError> {
        global.load(Overrides {
            encryption_keys: self.encryption_key.clone(),
            ..Overrides::default()
        })
    }
}
