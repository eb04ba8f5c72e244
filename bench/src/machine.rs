//! What the figures were taken on; without it they mean nothing.

use serde::Serialize;

/// The machine.
#[derive(Serialize)]
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

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
