//! Medians, quantiles and spreads.

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

/// Returns minimum, median and maximum as the tables show them, and nothing of nothing.
pub(crate) fn spread(values: &[f64], digits: usize) -> String {
    let (Some(least), Some(median), Some(most)) = (
        quantile(values, 0, 1),
        median(values),
        quantile(values, 1, 1),
    ) else {
        return String::new();
    };
    format!("{least:.digits$} / **{median:.digits$}** / {most:.digits$}")
}

/// Returns `count` as a number to calculate with; counts are far below 2^52.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
        let hundred: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(quantile(&hundred, 99, 100), Some(99.0));
    }

    #[test]
    fn spreads() {
        assert_eq!(spread(&[3.0, 1.0, 2.0], 0), "1 / **2** / 3");
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0], 1), "1.0 / **2.0** / 4.0");
        assert_eq!(spread(&[], 0), "");
    }
}
