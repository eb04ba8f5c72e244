//! What is done to a contestant, each kind in a file of its own.

pub(crate) mod answers;
pub(crate) mod motion;
pub(crate) mod stream;

use std::time::Duration;

use crate::cell::{Cell, Figure, Measure};
use crate::statistics::quantile;

/// Returns the median, the 99th percentile and the longest of `samples`.
pub(crate) fn latencies(cell: Cell, samples: &[Duration]) -> Vec<Figure> {
    let microseconds: Vec<f64> = samples
        .iter()
        .map(|sample| sample.as_secs_f64() * 1e6)
        .collect();
    let at = |measure, part, whole| {
        let value = quantile(&microseconds, part, whole)?;
        Some(Figure {
            cell,
            measure,
            value,
        })
    };
    [
        at(Measure::MedianMicroseconds, 1, 2),
        at(Measure::Percentile99Microseconds, 99, 100),
        at(Measure::LongestMicroseconds, 1, 1),
    ]
    .into_iter()
    .flatten()
    .collect()
}
