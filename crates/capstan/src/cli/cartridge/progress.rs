//! How far it is, on a terminal; nothing elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::cli::show::size;

/// A line on standard error that is written over as bytes are done.
pub(super) struct Progress {
    total_bytes: u64,
    done_bytes: AtomicU64,
    begun: Instant,
    /// When the line was written last; `None` when nobody looks.
    written: Option<Mutex<Instant>>,
}

impl Progress {
    /// How often the line changes.
    const INTERVAL: Duration = Duration::from_millis(200);
    const WIDTH: usize = 30;

    pub(super) fn new(total_bytes: u64) -> Self {
        let begun = Instant::now();
        let looks = std::io::stderr().is_terminal();
        Self {
            total_bytes,
            done_bytes: AtomicU64::new(0),
            begun,
            written: looks.then(|| Mutex::new(begun)),
        }
    }

    /// So many bytes more are done.
    pub(super) fn add(&self, bytes: u64) {
        let done = self.done_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let Some(written) = &self.written else {
            return;
        };
        // Who finds it locked leaves it to the other.
        if let Ok(mut written) = written.try_lock()
            && written.elapsed() >= Self::INTERVAL
        {
            *written = Instant::now();
            let line = self.line(done, self.begun.elapsed());
            let _ = write!(std::io::stderr(), "\r{line}"); // nobody is harmed without it
        }
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        if self.written.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&self, done: u64, elapsed: Duration) -> String {
        let total = self.total_bytes.max(1);
        let done = done.min(total);
        let share = |of: u64| u64::try_from(u128::from(done) * u128::from(of) / u128::from(total));
        let bars = share(Self::WIDTH as u64).map_or(0, |it| usize::try_from(it).unwrap_or(0));
        let rate = done.checked_div(elapsed.as_secs()).unwrap_or(done);
        let left = (total - done).checked_div(rate).unwrap_or(0);
        format!(
            "[{:-<width$}] {:>3} %  {} of {}, {} left \x1b[K",
            "#".repeat(bars),
            share(100).unwrap_or(100),
            size(done),
            size(total),
            format_args!("{} min {:02} s", left / 60, left % 60),
            width = Self::WIDTH,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_much_is_left() {
        let progress = Progress::new(1000 << 20);
        let line = progress.line(250 << 20, Duration::from_secs(5));
        assert!(
            line.starts_with("[#######-----------------------]  25 %"),
            "{line}"
        );
        assert!(
            line.contains("250 MiB of 1000 MiB, 0 min 15 s left"),
            "{line}"
        );
        let line = Progress::new(0).line(5, Duration::ZERO);
        assert!(line.contains("100 %"), "{line}");
    }
}
