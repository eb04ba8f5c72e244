//! Fields of INQUIRY data that have a fixed width.

use serde::de::{Deserialize, Deserializer, Error};

/// Reads a T10 vendor identification.
pub(super) fn vendor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    ascii(deserializer, 8)
}

/// Reads a product identification.
pub(super) fn product<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    ascii(deserializer, 16)
}

/// Reads a product revision level.
pub(super) fn revision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    ascii(deserializer, 4)
}

fn ascii<'de, D: Deserializer<'de>>(deserializer: D, max: usize) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = (1..=max).contains(&text.len());
    if fits && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(text);
    }
    let length = text.len();
    let message =
        format!("{text:?} has {length} bytes; write 1 to {max} printable ASCII characters");
    Err(D::Error::custom(message))
}
