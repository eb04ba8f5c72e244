//! `capstan config`: show, check.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;

use super::Global;
use super::show::say;
use crate::config::show::Secrets;
use crate::config::{Overrides, load, show};

/// `capstan config`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the effective configuration as commented TOML; a good start for a file of your own
    #[command(after_help = "Example:\n  capstan config show > capstan.toml")]
    Show {
        /// Print the CHAP secrets too, as comments; who may not read their files cannot
        #[arg(long)]
        secrets: bool,
    },
    /// Check a configuration file and everything that it names; starts nothing
    Check {
        /// The file
        file: PathBuf,
    },
}

impl Config {
    /// Loads and prints.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        match self {
            Self::Show { secrets } => {
                let loaded = global.load(Overrides::default())?;
                let secrets = if secrets {
                    eprintln!("warning: the CHAP secrets follow; keep them to yourself");
                    Secrets::Shown
                } else {
                    Secrets::Hidden
                };
                say(show::to_toml(&loaded.config, secrets))
            }
            Self::Check { file } => {
                let loaded = load(Some(&file), Overrides::default())?;
                let profiles = loaded.config.load_profiles()?;
                let libraries = loaded.config.libraries.iter();
                let machines = libraries.map(|library| &library.machine);
                let main = std::iter::once(&loaded.config.machine);
                for machine in main.chain(machines).flatten() {
                    machine.spec(&profiles).context("[machine]")?;
                }
                for warning in loaded.warnings {
                    say(format!("warning: {warning}"))?;
                }
                say(format!("{} is good", file.display()))
            }
        }
    }
}
