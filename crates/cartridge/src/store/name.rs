//! The name of a segment file: `<partition>-<number>-<uuid>.seg`.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The name of a segment file. It says where in the chain the segment belongs even when its header
/// cannot be read; the header decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    /// The partition, 0 for now.
    pub partition: u8,
    /// The number of the segment; rises with every segment of the partition, never used twice.
    pub number: u32,
    /// The identity of this file.
    pub uuid: Uuid,
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{:08x}-{}.seg",
            self.partition,
            self.number,
            self.uuid.hyphenated()
        )
    }
}

/// Not the name of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a segment file")]
pub struct NotASegmentName;

impl FromStr for SegmentName {
    type Err = NotASegmentName;

    fn from_str(text: &str) -> Result<Self, NotASegmentName> {
        let parse = || {
            let mut parts = text.strip_suffix(".seg")?.splitn(3, '-');
            Some(Self {
                partition: parts.next()?.parse().ok()?,
                number: u32::from_str_radix(parts.next()?, 16).ok()?,
                uuid: Uuid::parse_str(parts.next()?).ok()?,
            })
        };
        // Only the one spelling that we write: a file has one name.
        parse()
            .filter(|name| name.to_string() == text)
            .ok_or(NotASegmentName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_text_and_other_files_are_not_segments() {
        let name = SegmentName {
            partition: 0,
            number: 0x1a,
            uuid: Uuid::from_u128(77),
        };
        let text = "0-0000001a-00000000-0000-0000-0000-00000000004d.seg";
        assert_eq!(name.to_string(), text);
        assert_eq!(text.parse(), Ok(name));
        for other in [
            "label",
            "",
            ".seg",
            "0-1a-00000000-0000-0000-0000-00000000004d.seg",
            "0-0000001A-00000000-0000-0000-0000-00000000004d.seg",
            "0-0000001a-0000000000000000000000000000004d.seg",
        ] {
            assert_eq!(other.parse::<SegmentName>(), Err(NotASegmentName));
        }
    }
}
