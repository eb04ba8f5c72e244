//! The binary: parses the command line and runs the verb.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = capstan::cli::Cli::parse();
    match capstan::cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("capstan: {error:#}");
            ExitCode::FAILURE
        }
    }
}
