//! What the figures were taken on; without it they mean nothing.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// As /proc/cpuinfo names it.
    pub(crate) processor: String,
    /// How many processors we may use.
    pub(crate) processors: usize,
    /// The kernel's release.
    pub(crate) kernel: String,
}

impl Machine {
    /// Returns the machine that this runs on.
    pub(crate) fn this() -> Self {
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or_else(
                || "unknown processor".to_owned(),
                |(_, name)| name.trim().to_owned(),
            );
        Self {
            processor,
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// Returns the load average of the last minute: neighbours show here.
pub(crate) fn load_average() -> f64 {
    let text = read("/proc/loadavg");
    let first = text.split_whitespace().next().unwrap_or_default();
    first.parse().unwrap_or(f64::NAN)
}

/// Returns the type and the source of the file system that `directory` is on, as the kernel has them.
pub(crate) fn file_system(directory: &Path) -> String {
    let mounts = read("/proc/self/mountinfo");
    let directory = directory.canonicalize().unwrap_or_default();
    file_system_of(&mounts, &directory).unwrap_or_else(|| "unknown".to_owned())
}

/// proc(5): the fifth field is the mount point; type and source stand behind a lone hyphen.
fn file_system_of(mounts: &str, directory: &Path) -> Option<String> {
    let lines = mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?;
        let mut right = right.split(' ');
        let (kind, source) = (right.next()?, right.next()?);
        directory
            .starts_with(point)
            .then(|| (point.len(), format!("{kind} on {source}")))
    });
    // Of mounts one over the other the last one counts.
    lines
        .max_by_key(|(length, _)| *length)
        .map(|(_, name)| name)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_that_of_the_longest_mount_point() {
        let mounts = "27 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      30 27 0:25 / /dev/shm rw shared:3 - tmpfs tmpfs rw\n";
        let of = |path| file_system_of(mounts, Path::new(path)).unwrap();
        assert_eq!(of("/var/tmp"), "ext4 on /dev/vda");
        assert_eq!(of("/dev/shm/a"), "tmpfs on tmpfs");
        assert_eq!(file_system_of("", Path::new("/")), None);
    }
}
