//! `capstan cartridge dump`: what the files say.

mod extract;
mod show;

use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Args;

use super::verify::look_into;
use super::which::Chosen;
use super::{Keys, Outcome};
use crate::cli::Global;
use crate::cli::show::Format;
use crate::convert::brake::Brake;

/// `capstan cartridge dump`
#[derive(Debug, Args)]
pub struct Dump {
    /// The cartridge: its barcode, or the directory with its files
    #[arg(value_name = "BARCODE|DIR")]
    cartridge: String,
    /// List the frames of every segment
    #[arg(long)]
    frames: bool,
    /// Show the bytes of one object, by its number
    #[arg(long, value_name = "N", conflicts_with_all = ["frames", "file"])]
    object: Option<u64>,
    /// Write the blocks of a tape file, by the number of filemarks before it
    #[arg(long, value_name = "N", conflicts_with = "frames", requires = "output")]
    file: Option<u64>,
    /// Where the tape file goes; - is standard output
    #[arg(short, long, value_name = "FILE", requires = "file")]
    output: Option<PathBuf>,
    /// The partition of --object and --file
    #[arg(long, value_name = "P", default_value_t = 0)]
    partition: u8,
    /// Keys
    #[command(flatten)]
    keys: Keys,
    /// How to print
    #[command(flatten)]
    format: Format,
}

impl Dump {
    pub(super) fn run(self, global: &Global, brake: &Brake) -> anyhow::Result<Outcome> {
        let to_stdout = self.output.as_ref().is_some_and(|it| it.as_os_str() == "-");
        ensure!(
            !(to_stdout && self.format.json),
            "--json and -o - both want standard output; name a file with -o FILE"
        );
        let keys = self.keys.read(global)?;
        let names = std::slice::from_ref(&self.cartridge);
        let chosen = Chosen::find(global, names, false)?;
        let [directory] = &chosen.directories[..] else {
            bail!("{}: which cartridge?", self.cartridge);
        };
        let inspection = look_into(directory, &keys)?;
        let partitions = inspection.partitions();
        ensure!(
            self.partition < partitions,
            "partition {}: there are {partitions}, counted from 0",
            self.partition
        );
        let partition = (&inspection, self.partition);
        match (self.object, self.file, &self.output) {
            (Some(number), ..) => extract::object(partition, number, self.format, brake),
            (_, Some(number), Some(output)) => {
                extract::file(partition, number, output, self.format, brake)
            }
            _ => show::show(directory, &inspection, self.frames, self.format),
        }
    }
}
