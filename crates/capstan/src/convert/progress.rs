//! A line on the terminal that says how far long work is. Where there is no terminal, nothing.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::cli::show::size;

/// The line. It goes away when it is dropped.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
    name: String,
    phase: &'static str,
    total_bytes: u64,
    begin: Instant,
    last: Option<Instant>,
}

/// How often the line changes.
const INTERVAL: Duration = Duration::from_millis(200);
const BAR_WIDTH: u64 = 20;

impl Progress {
    /// Returns the line for `total_bytes` of work on `name`. `phase` is what is done.
    pub fn new(name: &str, phase: &'static str, total_bytes: u64) -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            name: name.to_owned(),
            phase,
            total_bytes,
            begin: Instant::now(),
            last: None,
        }
    }

    /// Says that `bytes` are done.
    pub fn at(&mut self, bytes: u64) {
        let now = Instant::now();
        let is_soon = self.last.is_some_and(|last| now - last < INTERVAL);
        if !self.is_shown || is_soon {
            return;
        }
        self.last = Some(now);
        let text = self.text(bytes, now - self.begin);
        let mut terminal = std::io::stderr().lock();
        let _ = write!(terminal, "\r\x1b[K{text}"); // nobody misses it
        let _ = terminal.flush();
    }

    fn text(&self, bytes: u64, elapsed: Duration) -> String {
        let total = self.total_bytes.max(bytes).max(1);
        let scaled = u128::from(bytes) * u128::from(BAR_WIDTH) / u128::from(total);
        let full = usize::try_from(scaled).unwrap_or(0);
        let bar = "#".repeat(full) + &".".repeat(usize::try_from(BAR_WIDTH).unwrap_or(0) - full);
        let ms = u64::try_from(elapsed.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let rate = u64::try_from(u128::from(bytes) * 1000 / u128::from(ms)).unwrap_or(u64::MAX);
        let left = match rate {
            0 => String::new(),
            rate => format!(", {} left", clock((total - bytes) / rate)),
        };
        format!(
            "{} {} [{bar}] {} of {}, {}/s{left}",
            self.name,
            self.phase,
            size(bytes),
            size(total),
            size(rate)
        )
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.last.is_some() {
            let mut terminal = std::io::stderr().lock();
            let _ = write!(terminal, "\r\x1b[K").and_then(|()| terminal.flush());
        }
    }
}

/// `1:02:03` or `2:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_rate_and_what_is_left_are_told() {
        let progress = Progress::new("CAP001L5", "import", 40 << 20);
        let text = progress.text(10 << 20, Duration::from_secs(5));
        assert_eq!(
            text,
            "CAP001L5 import [#####...............] 10 MiB of 40 MiB, 2 MiB/s, 0:15 left"
        );
        assert!(
            progress
                .text(0, Duration::ZERO)
                .contains("[....................]")
        );
        assert!(
            progress
                .text(80 << 20, Duration::ZERO)
                .contains("[####################]")
        );
        assert_eq!(clock(3723), "1:02:03");
    }
}
