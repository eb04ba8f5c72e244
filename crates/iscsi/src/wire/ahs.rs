//! Additional header segments (RFC 7143 §11.2.2).

use super::header::Malformed;

/// One additional header segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditionalHeader<'a> {
    /// What it is.
    pub kind: u8,
    /// Everything after the type byte, padding cut off.
    pub specific: &'a [u8],
}

/// AHSType of an extended CDB (RFC 7143 §11.2.2.3).
pub const EXTENDED_CDB: u8 = 1;

/// AHSType of the expected bidirectional read data length (RFC 7143 §11.2.2.4).
pub const BIDIRECTIONAL_READ_LENGTH: u8 = 2;

/// Returns the segments in `bytes`, which is as long as TotalAHSLength says.
///
/// The iterator ends after the first error.
pub fn segments(mut bytes: &[u8]) -> impl Iterator<Item = Result<AdditionalHeader<'_>, Malformed>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let segment = split(&mut bytes);
        if segment.is_err() {
            bytes = &[];
        }
        Some(segment)
    })
}

/// Takes one segment off the front of `bytes`.
fn split<'a>(bytes: &mut &'a [u8]) -> Result<AdditionalHeader<'a>, Malformed> {
    // AHSLength counts the bytes after the type byte, without padding.
    let [high, low, kind, ..] = **bytes else {
        return Err(Malformed("additional header segment cut short"));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let total = (3 + length).next_multiple_of(4);
    if total > bytes.len() {
        return Err(Malformed("AHSLength goes beyond TotalAHSLength"));
    }
    let specific = &bytes[3..3 + length];
    *bytes = &bytes[total..];
    Ok(AdditionalHeader { kind, specific })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_segments_with_padding() {
        let bytes = [
            0,
            5,
            EXTENDED_CDB,
            0,
            0xaa,
            0xbb,
            0xcc,
            0xdd, // reserved byte and four CDB bytes
            0,
            5,
            BIDIRECTIONAL_READ_LENGTH,
            0,
            0,
            0,
            2,
            0,
        ];
        let found: Vec<_> = segments(&bytes).map(Result::unwrap).collect();
        assert_eq!(found[0].kind, EXTENDED_CDB);
        assert_eq!(found[0].specific, [0, 0xaa, 0xbb, 0xcc, 0xdd]);
        assert_eq!(found[1].specific, [0, 0, 0, 2, 0]);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error_and_the_last_item() {
        let mut found = segments(&[0xff, 0xff, 1, 0]);
        assert!(found.next().unwrap().is_err());
        assert!(found.next().is_none());
    }
}
