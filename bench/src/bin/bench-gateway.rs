//! The gateway, built with the benchmark: what its smoke test measures. `make bench` measures
//! `capstan` itself.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    capstan::cli::run(capstan::cli::Cli::parse())
}
