//! The day of a moment, as attribute 0406h tells it.

/// Returns `YYYYMMDD` in UTC.
pub(super) fn date(unix_ms: u64) -> String {
    const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;
    let mut left = unix_ms / MS_PER_DAY;
    let mut year = 1970;
    while left >= days_of_year(year) {
        left -= days_of_year(year);
        year += 1;
        if year > 9999 {
            return "99991231".to_owned(); // four digits are all there is
        }
    }
    let mut month = 1;
    for days in days_of_months(year) {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    format!("{year:04}{month:02}{:02}", left + 1)
}

const fn is_leap_year(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of_year(year: u64) -> u64 {
    if is_leap_year(year) { 366 } else { 365 }
}

const fn days_of_months(year: u64) -> [u64; 12] {
    let february = if is_leap_year(year) { 29 } else { 28 };
    [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_easily_wrong() {
        const DAY: u64 = 86_400_000;
        assert_eq!(date(0), "19700101");
        assert_eq!(date(DAY - 1), "19700101");
        assert_eq!(date(951_782_400_000), "20000229");
        assert_eq!(date(951_782_400_000 + DAY), "20000301");
        assert_eq!(date(4_107_542_400_000), "21000301", "2100 is no leap year");
        assert_eq!(date(4_107_542_400_000 - DAY), "21000228");
        assert_eq!(date(1_800_000_000_000), "20270115");
        assert_eq!(date(u64::MAX), "99991231");
    }
}
