//! Answers on standard output, for people or as JSON.

use std::fmt::Display;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;

use crate::config::ByteSize;

/// How to print.
#[derive(Clone, Copy, Debug, Args)]
pub struct Format {
    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

impl Format {
    /// Prints `value`: as JSON when that is wanted, else what `text` makes of it.
    pub fn print<T: Serialize, D: Display>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> D,
    ) -> anyhow::Result<()> {
        if self.json {
            say(serde_json::to_string_pretty(value)?)
        } else {
            say(text(value))
        }
    }
}

/// Prints text with a line end. A reader that went away (`capstan status | head -1`) is no error.
pub fn say(text: impl Display) -> anyhow::Result<()> {
    let text = text.to_string();
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Returns a size that a person can take in.
pub fn size(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

/// Returns how long ago `unix_ms` was: `3 h 12 min`.
pub fn age(unix_ms: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    duration(now.saturating_sub(unix_ms / 1000))
}

/// Returns how many of a thing there are: `1 tape`, `3 tapes`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match () {
        () if days > 0 => format!("{days} d {} h", hours % 24),
        () if hours > 0 => format!("{hours} h {} min", minutes % 60),
        () if minutes > 0 => format!("{minutes} min {} s", seconds % 60),
        () => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3 * 3600 + 12 * 60, "3 h 12 min"),
            (90000, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!(count(1, "tape"), "1 tape");
        assert_eq!(count(0, "tape"), "0 tapes");
    }
}
