//! The binary: parses the command line and runs the verb.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = capstan::cli::Cli::parse();
    match capstan::cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("capstan: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Returns the error with its causes, each once: some errors tell their cause themselves, because in
/// the log they stand alone.
fn with_causes(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let disk = std::io::Error::other("disk on fire");
        let error = anyhow::Error::new(disk).context("cannot open x");
        assert_eq!(with_causes(&error), "cannot open x: disk on fire");
        let again = error.context("label: cannot open x: disk on fire");
        assert_eq!(with_causes(&again), "label: cannot open x: disk on fire");
    }
}
