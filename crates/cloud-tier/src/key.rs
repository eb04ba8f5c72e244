//! Names of objects in the bucket, under `shelf/v1/`.
//!
//! ```text
//! tape/<barcode>/own/<generation>             who owns the tape; create-if-absent, highest wins
//! tape/<barcode>/idx/<generation>-<sequence>  index of the tape; create-if-absent
//! tape/<barcode>/seg/<generation>-<n>-<uuid>  a sealed segment, never overwritten
//! barcode/<barcode>                           claims the barcode for ever
//! ```
//!
//! Every name that is written to carries its writer's generation: a gateway that lost a tape without
//! noticing can never overwrite what the next owner wrote. Numbers are padded, so that a listing in
//! the order of names is in the order of numbers.

use std::fmt;

use uuid::Uuid;

/// A cartridge's barcode as part of a name: whatever is not a capital letter or a digit is escaped
/// (`_2F`), so that no barcode reaches into another cartridge's folder or needs URL encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Barcode(String);

/// Text that is not a barcode.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("barcode `{0}`: 1 to 32 printable ASCII characters without spaces are allowed")]
pub struct BarcodeError(String);

impl Barcode {
    /// Returns the barcode `text`.
    pub fn parse(text: &str) -> Result<Self, BarcodeError> {
        let length_is_good = (1..=BARCODE_LENGTH_MAX).contains(&text.len());
        if !length_is_good || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BarcodeError(text.to_owned()));
        }
        let escaped = text.bytes().map(|byte| match byte {
            b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("_{byte:02X}"),
        });
        Ok(Self(escaped.collect()))
    }

    /// Returns the name that claims the barcode, so that it is never used twice.
    pub fn claim(&self) -> String {
        format!("{PREFIX}/barcode/{}", self.0)
    }

    /// Returns the name of the record that makes a gateway the owner.
    pub fn ownership(&self, generation: Generation) -> String {
        format!("{PREFIX}/tape/{}/own/{generation}", self.0)
    }

    /// Returns the name of index `sequence` of `generation`.
    pub fn index(&self, generation: Generation, sequence: u32) -> String {
        format!("{PREFIX}/tape/{}/idx/{generation}-{sequence:010}", self.0)
    }

    /// Returns the name of a segment.
    pub fn segment(&self, segment: SegmentObject) -> String {
        let SegmentObject {
            generation,
            number,
            uuid,
        } = segment;
        format!(
            "{PREFIX}/tape/{}/seg/{generation}-{number:010}-{}",
            self.0,
            uuid.simple()
        )
    }

    /// Reads a segment's name, as a listing returns it; `None` for any other name.
    pub fn parse_segment(&self, name: &str) -> Option<SegmentObject> {
        let parts = name.strip_prefix(&format!("{PREFIX}/tape/{}/seg/", self.0))?;
        let mut parts = parts.split('-');
        let segment = SegmentObject {
            generation: Generation(parts.next()?.parse().ok()?),
            number: parts.next()?.parse().ok()?,
            uuid: Uuid::try_parse(parts.next()?).ok()?,
        };
        // One spelling each: `parse` takes `+7` and `{uuid}` too.
        (self.segment(segment) == name).then_some(segment)
    }
}

/// Counts a tape's owners; the highest that was claimed owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

/// One attempt to put a segment into the bucket. Another attempt has another `uuid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentObject {
    /// The writer's generation.
    pub generation: Generation,
    /// The segment's number in its cartridge.
    pub number: u32,
    /// Never used twice.
    pub uuid: Uuid,
}

const PREFIX: &str = "shelf/v1";
/// What a volume tag has room for (SMC-3 §6.14).
const BARCODE_LENGTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: SegmentObject = SegmentObject {
        generation: Generation(7),
        number: 41,
        uuid: Uuid::from_u128(0x1234),
    };

    fn barcode() -> Barcode {
        Barcode::parse("CAP001L5").unwrap()
    }

    #[test]
    fn segment_names_read_back() {
        let name = barcode().segment(SEGMENT);
        assert_eq!(
            name,
            "shelf/v1/tape/CAP001L5/seg/0000000007-0000000041-00000000000000000000000000001234"
        );
        assert_eq!(barcode().parse_segment(&name), Some(SEGMENT));
        for other in [
            &name[1..],
            &name.replace("-0000000041", "-+41"),
            &format!("{name}-x"),
        ] {
            assert_eq!(barcode().parse_segment(other), None, "{other}");
        }
    }

    #[test]
    fn names_sort_as_their_numbers() {
        let names = [0, 9, 10, u32::MAX].map(|n| barcode().index(Generation(n), n));
        assert!(names.is_sorted());
        let names = [0, 9, 10, u32::MAX].map(|n| barcode().ownership(Generation(n)));
        assert!(names.is_sorted());
    }

    #[test]
    fn no_barcode_reaches_into_another_folder() {
        assert_eq!(barcode().claim(), "shelf/v1/barcode/CAP001L5");
        assert_eq!(
            Barcode::parse("../_x").unwrap().claim(),
            "shelf/v1/barcode/_2E_2E_2F_5F_78"
        );
        for text in ["", "A B", "Ä", &"X".repeat(33)] {
            assert!(Barcode::parse(text).is_err(), "{text}");
        }
    }
}
