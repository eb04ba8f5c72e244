//! How fast data moves, mebibyte by mebibyte.
//!
//! Neighbours on the machine stop everybody for milliseconds now and then, and a mean tells more of
//! them than of us. The median mebibyte does not, and it still contains whatever happens once in a few
//! commands, which the median command would hide.

use std::time::{Duration, Instant};

/// What was measured of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timing {
    /// From the first command to the answer to the last, the filemark included.
    pub(crate) elapsed: Duration,
    /// The MB/s of each mebibyte, or of each block that is larger.
    pub(crate) laps: Vec<f64>,
}

/// A clock that runs.
pub(crate) struct Laps {
    start: Instant,
    last: Instant,
    bytes: usize,
    timing: Timing,
}

/// A lap is at least so long.
const LAP_BYTES: usize = 1 << 20;

impl Laps {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            bytes: 0,
            timing: Timing::default(),
        }
    }

    /// Takes note that `bytes` more have moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes < LAP_BYTES {
            return;
        }
        let now = Instant::now();
        #[allow(clippy::cast_precision_loss)] // far below 2^52 bytes
        let bytes = self.bytes as f64;
        let seconds = (now - self.last).as_secs_f64();
        self.timing.laps.push(bytes / seconds / 1e6);
        self.last = now;
        self.bytes = 0;
    }

    /// Stops the clock.
    pub(crate) fn stop(mut self) -> Timing {
        self.timing.elapsed = self.start.elapsed();
        self.timing
    }
}

/// Returns the median; of an even number the lower of the two in the middle. `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_is_a_mebibyte_or_a_larger_block() {
        let mut laps = Laps::start();
        for _ in 0..33 {
            laps.moved(64 << 10);
        }
        assert_eq!(laps.timing.laps.len(), 2);
        laps.moved(4 << 20);
        assert_eq!(laps.stop().laps.len(), 3);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }
}
