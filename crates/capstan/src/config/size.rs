//! Sizes in bytes as people write them: `256 MiB`, `1.5TB`, `65536`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let factor = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))
            .map(|(_, factor)| *factor)
            .ok_or_else(|| bad_size(text))?;
        let bytes = scaled(number, factor).ok_or_else(|| bad_size(text))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for ByteSize {
    /// Writes the size so that a person can take it in: one digit after the point, units of 1024.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((unit, factor)) = BINARY.iter().rev().find(|(_, factor)| self.0 >= *factor) else {
            return write!(f, "{} B", self.0);
        };
        if self.0.is_multiple_of(*factor) {
            return write!(f, "{} {unit}", self.0 / factor);
        }
        let tenths = u128::from(self.0) * 10 / u128::from(*factor);
        write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

impl ByteSize {
    /// Returns the size as text that [`FromStr`] reads back without loss.
    pub fn exact(self) -> String {
        match BINARY
            .iter()
            .rev()
            .find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor))
        {
            Some((unit, factor)) => format!("{} {unit}", self.0 / factor),
            None => self.0.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

/// Accepts a number of bytes or text with a unit.
struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as \"256 MiB\" or a number of bytes")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<ByteSize, E> {
        u64::try_from(value)
            .map(ByteSize)
            .map_err(|_| E::custom("a size is not negative"))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }
}

/// Multiplies a decimal number such as `1.5` by `factor` without going through floating point.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().ok()?;
    let mut bytes = u128::from(whole) * u128::from(factor);
    if !fraction.is_empty() {
        if fraction.len() > FRACTION_DIGITS_MAX {
            return None;
        }
        let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        let digits: u64 = fraction.parse().ok()?;
        bytes += u128::from(digits) * u128::from(factor) / scale;
    }
    u64::try_from(bytes).ok()
}

fn bad_size(text: &str) -> String {
    format!(
        "`{text}` is not a size; write for example 65536, 256 MiB, 100G (1024s) or 2.5TB (1000s)"
    )
}

const FRACTION_DIGITS_MAX: usize = 9;

const BINARY: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];

/// One letter counts in 1024s, as in `dd` and `truncate`; `MB` and its like count in 1000s, as on
/// the label of a cartridge.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
    ("P", 1 << 50),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65536),
            ("256 MiB", 256 << 20),
            ("256m", 256 << 20),
            ("2.5TB", 2_500_000_000_000),
            ("1.5 TB", 1_500_000_000_000),
            ("0.5k", 512),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in [
            "",
            "MiB",
            "12 parsecs",
            "-1",
            "1.2.3",
            "1e9",
            "99999999999P",
        ] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert!(error.contains("256 MiB"), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_are_written_short_and_exact_text_reads_back() {
        assert_eq!(ByteSize(512).to_string(), "512 B");
        assert_eq!(ByteSize(256 << 20).to_string(), "256 MiB");
        assert_eq!(ByteSize(1_500_000_000_000).to_string(), "1.3 TiB");
        for bytes in [0, 1, 1023, 1024, 65537, 256 << 20, 1_500_000_000_000] {
            assert_eq!(ByteSize(bytes).exact().parse(), Ok(ByteSize(bytes)));
        }
    }
}
