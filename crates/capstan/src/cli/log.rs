//! The daemon's log: lines on standard error, written by a thread of their own.
//!
//! # Purpose
//! A terminal that somebody has stopped, or a pipe that nobody reads, takes no more lines. Whoever
//! serves a session must not wait for that: lines wait here, and when too many do, the newest are lost
//! and counted.

use std::io::{self, IsTerminal as _};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// How many lines may wait to be written.
const LINES_WAITING_MAX: usize = 16_384;

/// The log of this process. Its drop writes what waits, if that takes no longer than a second.
pub(super) struct Log {
    lost: ErrorCounter,
    _thread: WorkerGuard,
}

impl Log {
    /// Sends all events from now on to standard error, as far as `filter` lets them.
    pub(super) fn start(filter: &str) -> Self {
        let (writer, thread) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(LINES_WAITING_MAX)
            .thread_name("log")
            .finish(io::stderr());
        let lost = writer.error_counter();
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(writer)
            .with_ansi(io::stderr().is_terminal())
            .init();
        Self {
            lost,
            _thread: thread,
        }
    }

    /// Says how many lines were lost, if any were.
    pub(super) fn tell_lost_lines(&self) {
        let lines = self.lost.dropped_lines();
        if lines > 0 {
            tracing::warn!(
                lines,
                "a part of the log was lost: nobody took it for a while"
            );
        }
    }
}
