//! The binary: parses the command line and runs the verb.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    capstan::cli::run(capstan::cli::Cli::parse())
}
