//! How fast data moves, mebibyte by mebibyte.
//!
//! Neighbours on the machine stop everybody for milliseconds now and then, and a mean tells more of
//! them than of us. The median mebibyte does not, and it still contains whatever happens once in a few
//! commands, which the median command would hide.

use std::time::{Duration, Instant};

use anyhow::Result;

/// What was measured of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timing {
    /// How long all of it took.
    pub(crate) elapsed: Duration,
    /// The MB/s of each lap.
    pub(crate) laps: Vec<f64>,
}

/// A clock that runs now and then.
pub(crate) struct Clock {
    lap_bytes: usize,
    timing: Timing,
}

/// One run of a clock.
pub(crate) struct Laps<'a> {
    last: Instant,
    bytes: usize,
    lap_bytes: usize,
    timing: &'a mut Timing,
}

/// A lap is a mebibyte, or a block that is larger.
const LAP_BYTES: usize = 1 << 20;

/// The same with several commands at a time: their answers come in clusters, and shorter laps would
/// measure those.
const LAP_BYTES_OF_SEVERAL: usize = 16 << 20;

impl Clock {
    /// Returns a clock for so many commands at a time.
    pub(crate) fn new(depth: u64) -> Self {
        Self {
            lap_bytes: if depth > 1 {
                LAP_BYTES_OF_SEVERAL
            } else {
                LAP_BYTES
            },
            timing: Timing::default(),
        }
    }

    /// Runs while `work` does.
    pub(crate) fn time<T>(&mut self, work: impl FnOnce(&mut Laps<'_>) -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let mut laps = Laps {
            last: start,
            bytes: 0,
            lap_bytes: self.lap_bytes,
            timing: &mut self.timing,
        };
        let result = work(&mut laps)?;
        self.timing.elapsed += start.elapsed();
        Ok(result)
    }

    /// Returns what was measured.
    pub(crate) fn stop(self) -> Timing {
        self.timing
    }
}

impl Laps<'_> {
    /// Takes note that `bytes` more have moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes < self.lap_bytes {
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
}

/// Returns the median; of an even number the lower of the two in the middle. `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 1, 2)
}

/// Returns the value that `part` of `whole` of the values do not exceed. `None` of nothing.
pub(crate) fn quantile(values: &[f64], part: usize, whole: usize) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * part / whole).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_is_a_mebibyte_or_a_larger_block() {
        let mut clock = Clock::new(1);
        let blocks = |laps: &mut Laps<'_>| {
            for _ in 0..33 {
                laps.moved(64 << 10);
            }
            Ok(())
        };
        clock.time(blocks).unwrap();
        clock.time(blocks).unwrap();
        let one = |laps: &mut Laps<'_>| {
            laps.moved(4 << 20);
            Ok(())
        };
        clock.time(one).unwrap();
        assert_eq!(clock.stop().laps.len(), 5, "what is over does not count");
    }

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
        let hundred: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(quantile(&hundred, 99, 100), Some(99.0));
    }
}
