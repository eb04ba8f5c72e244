//! What a target's process uses, as the kernel accounts for it, and what it has on the disk.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Server;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// User and system time of all its threads, in steps of the kernel's clock of 10 ms.
    pub(crate) cpu_seconds: f64,
    /// What it caused to be sent to the disk; nothing on a file system in memory.
    pub(crate) written_bytes: u64,
}

/// What lies in a target's directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    /// The lengths of all files.
    pub(crate) length_bytes: u64,
    /// What they occupy.
    pub(crate) allocated_bytes: u64,
}

/// The kernel's clock ticks per second in /proc/PID/stat; 100 on every architecture of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What `du` counts in, too.
const SECTOR_BYTES: u64 = 512;

/// How long files that nobody needs any more may take to go.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long nothing may change before files count as settled.
const SETTLED: Duration = Duration::from_millis(30);

impl Server {
    /// Returns what it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        // proc(5): fields 14 and 15 of what stands behind the command's name, which may hold anything.
        let stat = self.proc("stat")?;
        let (_, fields) = stat.rsplit_once(')').context("stat: no command")?;
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        Ok(Usage {
            cpu_seconds: ticks / TICKS_PER_SECOND,
            written_bytes: field(&self.proc("io")?, "write_bytes:")?,
        })
    }

    /// Forgets the peak of its memory: what is resident now is the peak.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        fs::write(&path, "5").context(path) // proc(5): resets VmHWM
    }

    /// Returns the most memory that was resident since the peak was forgotten, in MiB.
    pub(crate) fn peak_mebibytes(&self) -> Result<f64> {
        let kibibytes = field(&self.proc("status")?, "VmHWM:")?;
        Ok(crate::statistics::as_float(kibibytes) / 1024.0)
    }

    /// Returns what lies in its directory.
    pub(crate) fn files(&self) -> Result<Files> {
        let mut files = Files::default();
        files.add(&self.path(""))?;
        Ok(files)
    }

    /// Waits until its files do not change any more: targets remove old ones when they have time.
    pub(crate) fn settle(&self) -> Result<()> {
        let start = Instant::now();
        let mut before = self.files()?;
        while start.elapsed() < SETTLE_TIMEOUT {
            thread::sleep(SETTLED);
            let now = self.files()?;
            if now == before {
                break;
            }
            before = now;
        }
        Ok(())
    }

    fn proc(&self, name: &str) -> Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        fs::read_to_string(&path).context(path)
    }
}

impl Files {
    fn add(&mut self, directory: &Path) -> Result<()> {
        for entry in fs::read_dir(directory)? {
            // What goes while we look is not there.
            let Ok(entry) = entry else { continue };
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                self.add(&entry.path())?;
            } else {
                self.length_bytes += metadata.len();
                self.allocated_bytes += metadata.blocks() * SECTOR_BYTES;
            }
        }
        Ok(())
    }
}

/// Returns the number behind `name` in one of the kernel's tables.
fn field(table: &str, name: &str) -> Result<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.with_context(|| format!("no {name}"))?;
    Ok(number.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_kernels_tables() {
        let table = "rchar: 7\nwrite_bytes: 4096\nVmHWM:\t  123 kB\n";
        assert_eq!(field(table, "write_bytes:").unwrap(), 4096);
        assert_eq!(field(table, "VmHWM:").unwrap(), 123);
        assert!(field(table, "read_bytes:").is_err());
    }

    #[test]
    fn files_count_in_all_depths() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("deep")).unwrap();
        fs::write(directory.path().join("deep/file"), [1; 5000]).unwrap();
        let mut files = Files::default();
        files.add(directory.path()).unwrap();
        assert_eq!(files.length_bytes, 5000);
    }
}
