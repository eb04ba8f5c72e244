//! Texts with places to fill in: serial numbers and identifiers as the models lay them out.
//!
//! `{vendor:8}{product:16}{serial}_LL0`: a word in braces, and after a colon the width to which it
//! is padded with spaces or cut. Everything else stands for itself; a character up to U+00FF is one
//! byte, so that `\u0000` is a zero.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// A text with words to fill in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Word { word: Word, width: Option<usize> },
}

/// What can be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// T10 vendor identification.
    Vendor,
    /// Product identification.
    Product,
    /// Product revision level.
    Revision,
    /// Unit serial number.
    Serial,
    /// The gateway's eight digits.
    Gateway,
    /// The device's number, two digits.
    Number,
    /// The address of the first storage element, four hexadecimal digits.
    FirstStorage,
}

/// The values of the words for one device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    pub(crate) vendor: &'a str,
    pub(crate) product: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) serial: &'a str,
    pub(crate) gateway: &'a str,
    pub(crate) number: u16,
    /// Drives have none.
    pub(crate) first_storage: Option<u16>,
}

impl Template {
    /// Returns the text for one device.
    pub(crate) fn fill(&self, words: Words<'_>) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Word { word, width } => {
                    let value = word.value(words);
                    match width {
                        Some(width) => {
                            let _ = write!(filled, "{value:width$.width$}");
                        }
                        None => filled.push_str(&value),
                    }
                }
            }
        }
        filled
    }

    /// Returns the text for one device as bytes.
    pub(crate) fn bytes(&self, words: Words<'_>) -> Vec<u8> {
        let text = self.fill(words);
        text.chars().filter_map(|c| u8::try_from(c).ok()).collect()
    }

    /// Returns whether everything but the words is printable ASCII.
    pub(crate) fn is_printable(&self) -> bool {
        self.text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    }

    /// Returns whether `word` is filled in somewhere.
    pub(crate) fn has(&self, word: Word) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Word { word: other, .. } if *other == word))
    }
}

impl Word {
    const ALL: [(&'static str, Self); 7] = [
        ("vendor", Self::Vendor),
        ("product", Self::Product),
        ("revision", Self::Revision),
        ("serial", Self::Serial),
        ("gateway", Self::Gateway),
        ("number", Self::Number),
        ("first_storage", Self::FirstStorage),
    ];

    fn find(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(known, _)| *known == name).map(|(_, word)| word)
    }

    fn value(self, words: Words<'_>) -> String {
        match self {
            Self::Vendor => words.vendor.to_owned(),
            Self::Product => words.product.to_owned(),
            Self::Revision => words.revision.to_owned(),
            Self::Serial => words.serial.to_owned(),
            Self::Gateway => words.gateway.to_owned(),
            Self::Number => format!("{:02}", words.number),
            Self::FirstStorage => words
                .first_storage
                .map_or_else(String::new, |address| format!("{address:04X}")),
        }
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(other) = text.chars().find(|c| u8::try_from(*c).is_err()) {
            return Err(format!("{text:?}: {other:?} does not fit into one byte"));
        }
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, behind) = after
                .split_once('}')
                .ok_or_else(|| format!("{text:?}: a `{{` without its `}}`"))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(part(inside)?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { text, parts })
    }
}

fn part(inside: &str) -> Result<Part, String> {
    let (name, width) = match inside.split_once(':') {
        Some((name, width)) => {
            let width: usize = width
                .parse()
                .ok()
                .filter(|width| (1..=WIDTH_MAX).contains(width))
                .ok_or_else(|| format!("{{{inside}}}: write a width from 1 to {WIDTH_MAX}"))?;
            (name, Some(width))
        }
        None => (inside, None),
    };
    let word = Word::find(name).ok_or_else(|| {
        let known: Vec<_> = Word::ALL.iter().map(|(name, _)| *name).collect();
        format!(
            "{{{inside}}}: there is no such word; there are {}",
            known.join(", ")
        )
    })?;
    Ok(Part::Word { word, width })
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

/// The widest field that identifiers have.
const WIDTH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words<'_> = Words {
        vendor: "IBM",
        product: "3573-TL",
        revision: "F.00",
        serial: "0012345678",
        gateway: "AB6587C2",
        number: 3,
        first_storage: Some(0x401),
    };

    fn fill(text: &str) -> String {
        Template::try_from(text.to_owned()).unwrap().fill(WORDS)
    }

    #[test]
    fn words_are_padded_and_cut_to_their_width() {
        assert_eq!(
            fill("{vendor:8}{serial:12}_LL0"),
            "IBM     0012345678  _LL0"
        );
        assert_eq!(fill("LL{gateway}{number}"), "LLAB6587C203");
        assert_eq!(fill("{serial:4}{first_storage}"), "00120401");
    }

    #[test]
    fn a_character_is_a_byte() {
        let template = Template::try_from("{number}\0\u{ff}".to_owned()).unwrap();
        assert_eq!(template.bytes(WORDS), b"03\x00\xff");
        assert!(!template.is_printable());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| Template::try_from(text.to_owned()).unwrap_err();
        assert!(error("{serail}").contains("there are vendor, product"));
        assert!(error("{serial:0}").contains("width from 1"));
        assert!(error("{serial").contains("without"));
        assert!(error("€").contains("one byte"));
    }
}
