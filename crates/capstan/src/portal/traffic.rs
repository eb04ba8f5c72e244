//! What a session has done so far.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counters of one session. Its connection's thread counts, anybody reads. There is one writer, so
/// a count is a load and a store without order, which costs the data path nothing that could be
/// measured.
#[derive(Debug)]
pub struct Traffic {
    began: Instant,
    commands: AtomicU64,
    written_bytes: AtomicU64,
    read_bytes: AtomicU64,
    in_flight: AtomicU64,
    /// Milliseconds from `began` to the last command.
    last_command_ms: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficSnapshot {
    /// SCSI commands that came whole.
    pub commands: u64,
    /// Bytes that came with commands.
    pub written_bytes: u64,
    /// Bytes that went out in answer to commands.
    pub read_bytes: u64,
    /// Commands that are not answered yet.
    pub in_flight: u64,
    /// How long ago the last command came; `None` when none has come yet.
    pub idle: Option<Duration>,
}

impl Traffic {
    /// Returns counters for a session that begins now.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            commands: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            last_command_ms: AtomicU64::new(0),
        }
    }

    /// A command came with this many bytes. For the connection's thread alone.
    pub fn command(&self, written_bytes: usize) {
        let since = self.began.elapsed().as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.last_command_ms.store(since, Ordering::Relaxed);
        add(&self.written_bytes, written_bytes as u64);
        add(&self.commands, 1);
    }

    /// A command is answered with this many bytes. For the connection's thread alone.
    pub fn answer(&self, read_bytes: usize) {
        add(&self.read_bytes, read_bytes as u64);
    }

    /// So many commands are not answered yet. For the connection's thread alone.
    pub fn in_flight(&self, commands: usize) {
        self.in_flight.store(commands as u64, Ordering::Relaxed);
    }

    /// Returns the counters. They may be of slightly different moments.
    pub fn snapshot(&self) -> TrafficSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let commands = read(&self.commands);
        let last = Duration::from_millis(read(&self.last_command_ms));
        TrafficSnapshot {
            commands,
            written_bytes: read(&self.written_bytes),
            read_bytes: read(&self.read_bytes),
            in_flight: read(&self.in_flight),
            idle: (commands > 0).then(|| self.began.elapsed().saturating_sub(last)),
        }
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self::new()
    }
}

fn add(counter: &AtomicU64, more: u64) {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(more);
    counter.store(sum, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_bytes_are_counted_both_ways() {
        let traffic = Traffic::new();
        assert_eq!(traffic.snapshot().idle, None, "no command yet");
        traffic.command(512);
        traffic.command(0);
        traffic.answer(100);
        traffic.in_flight(2);
        let counted = traffic.snapshot();
        assert_eq!((counted.commands, counted.in_flight), (2, 2));
        assert_eq!((counted.written_bytes, counted.read_bytes), (512, 100));
        assert!(counted.idle.is_some());
    }
}
