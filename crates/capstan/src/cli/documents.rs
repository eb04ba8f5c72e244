//! `capstan completions` and `capstan man`: made from the same definitions as `--help`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use super::Cli;
use super::show::say;

/// `capstan completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

/// `capstan man`
#[derive(Debug, Args)]
pub struct Man {
    /// Where to write capstan.1, capstan-serve.1 and so on; without it, capstan.1 is printed
    directory: Option<PathBuf>,
}

impl Completions {
    /// Prints.
    pub fn run(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "capstan", &mut script);
        say(String::from_utf8(script)?)
    }
}

impl Man {
    /// Prints or writes.
    pub fn run(self) -> anyhow::Result<()> {
        let Some(directory) = self.directory else {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            return say(String::from_utf8(page)?);
        };
        std::fs::create_dir_all(&directory)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &directory))
            .with_context(|| format!("cannot write manual pages to {}", directory.display()))
    }
}
