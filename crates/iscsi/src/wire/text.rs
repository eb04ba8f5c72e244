//! Text segments: `key=value` pairs, each ended by a NUL (RFC 7143 §6.1).

use thiserror::Error;

/// The longest key name in bytes (RFC 7143 §6.1).
pub const KEY_LENGTH_MAX: usize = 63;

/// The longest value in bytes, large binary values excepted (RFC 7143 §6.1).
pub const VALUE_LENGTH_MAX: usize = 255;

/// The longest large binary value: 1024 bytes in hexadecimal with its prefix (RFC 7143 §12.1.3
/// bounds CHAP_C so).
pub const BINARY_VALUE_LENGTH_MAX: usize = 2 + 2 * 1024;

/// The longest joined text of one negotiation step that we accept in bytes (RFC 7143 §6.2 leaves it
/// to us).
pub const TEXT_LENGTH_MAX: usize = 64 * 1024;

/// Why a text segment cannot be read. Nothing is ever cut to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// A pair without `=`.
    #[error("text without '='")]
    NoEqualsSign,
    /// A key with no letters, too many, or letters outside the standard's set.
    #[error("key name is empty, too long, or has characters that are not allowed")]
    BadKey,
    /// A value that is too long.
    #[error("value is too long")]
    ValueTooLong,
    /// Bytes that are not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// The last pair does not end.
    #[error("last pair has no terminating NUL")]
    Unterminated,
}

/// Returns the pairs of a whole text, in order.
///
/// The NUL at the very end is demanded: a text that was cut must not become another text.
pub fn parse(text: &[u8]) -> Result<Vec<(&str, &str)>, TextError> {
    let mut pairs = Vec::new();
    if text.is_empty() {
        return Ok(pairs);
    }
    let text = text.strip_suffix(&[0]).ok_or(TextError::Unterminated)?;
    for pair in text.split(|byte| *byte == 0) {
        // Empty pairs appear when an initiator pads inside the segment; they say nothing.
        if !pair.is_empty() {
            pairs.push(parse_pair(pair)?);
        }
    }
    Ok(pairs)
}

fn parse_pair(pair: &[u8]) -> Result<(&str, &str), TextError> {
    let equals = pair
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or(TextError::NoEqualsSign)?;
    let (key, value) = (&pair[..equals], &pair[equals + 1..]);
    if !is_key(key) {
        return Err(TextError::BadKey);
    }
    let limit = if is_binary(key) {
        BINARY_VALUE_LENGTH_MAX
    } else {
        VALUE_LENGTH_MAX
    };
    if value.len() > limit {
        return Err(TextError::ValueTooLong);
    }
    let key = std::str::from_utf8(key).map_err(|_| TextError::NotUtf8)?;
    let value = std::str::from_utf8(value).map_err(|_| TextError::NotUtf8)?;
    Ok((key, value))
}

/// RFC 7143 §6.1: a label is a letter, then letters, digits, dot, minus, plus, at or underscore;
/// extension keys (`X-…`, `X#…`) may have more. Lower case at the beginning is let through.
fn is_key(key: &[u8]) -> bool {
    (1..=KEY_LENGTH_MAX).contains(&key.len())
        && key[0].is_ascii_alphabetic()
        && key
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-+@_/#".contains(byte))
}

/// The keys whose values are large binary values.
fn is_binary(key: &[u8]) -> bool {
    matches!(key, b"CHAP_C" | b"CHAP_R")
}

/// A text being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextWriter(Vec<u8>);

impl TextWriter {
    /// Returns an empty text.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends a pair.
    pub fn pair(&mut self, key: &str, value: &str) {
        debug_assert!(is_key(key.as_bytes()) && !value.as_bytes().contains(&0));
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b'=');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(0);
    }

    /// Returns the bytes for the data segment.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Returns whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_come_in_order() {
        assert_eq!(
            parse(b"InitiatorName=iqn.2026-11.io.example:a\0SessionType=Normal\0"),
            Ok(vec![
                ("InitiatorName", "iqn.2026-11.io.example:a"),
                ("SessionType", "Normal")
            ])
        );
        assert_eq!(
            parse(b"A==\0"),
            Ok(vec![("A", "=")]),
            "the first '=' splits"
        );
        assert_eq!(parse(b"SendTargets=\0"), Ok(vec![("SendTargets", "")]));
        assert_eq!(parse(b""), Ok(vec![]));
    }

    #[test]
    fn bad_text_is_refused_whole() {
        for (text, error) in [
            (&b"A=b"[..], TextError::Unterminated),
            (b"A=b\0C", TextError::Unterminated),
            (b"Ab\0", TextError::NoEqualsSign),
            (b"=b\0", TextError::BadKey),
            (b"A b=c\0", TextError::BadKey),
            (b"A=\xff\0", TextError::NotUtf8),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_bounded_and_never_cut() {
        let pair = |key: usize, value: usize| {
            let mut text = vec![b'k'; key];
            text.push(b'=');
            text.resize(key + 1 + value, b'v');
            text.push(0);
            text
        };
        assert!(parse(&pair(63, 255)).is_ok());
        assert_eq!(parse(&pair(64, 1)), Err(TextError::BadKey));
        assert_eq!(parse(&pair(1, 256)), Err(TextError::ValueTooLong));
        let mut binary = b"CHAP_C=0x".to_vec();
        binary.resize(binary.len() + 2048, b'f');
        binary.push(0);
        assert!(parse(&binary).is_ok(), "1024 bytes in hexadecimal");
        binary.insert(10, b'f');
        assert_eq!(parse(&binary), Err(TextError::ValueTooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            pairs in prop::collection::vec(("[A-Za-z][A-Za-z0-9.+@_/-]{0,62}", "[^\0]{0,60}"), 0..20)
        ) {
            let mut writer = TextWriter::new();
            for (key, value) in &pairs {
                writer.pair(key, value);
            }
            let bytes = writer.into_bytes();
            let read = parse(&bytes).unwrap();
            let expected: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn any_bytes_are_answered(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
        }
    }
}
