//! Patterns of names in access rules: `iqn.1994-05.com.redhat:*`.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A pattern in which `*` stands for any run of characters, none too. Letter case does not count:
/// iSCSI names are compared after folding to lower case (RFC 7143 §4.2.7.2, RFC 3722).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

impl Pattern {
    /// Returns the pattern that matches everything.
    pub fn any() -> Self {
        Self("*".to_owned())
    }

    /// Returns whether the whole of `name` fits the pattern. Takes at most the product of both
    /// lengths in steps: a hostile name cannot make it slow.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
            return false;
        };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else {
            return rest.is_empty(); // no star
        };
        for part in parts {
            let Some(found) = rest.find(part) else {
                return false;
            };
            rest = &rest[found + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > NAME_LENGTH_MAX {
            return Err(format!(
                "a name pattern has 1 to {NAME_LENGTH_MAX} characters; `*` alone matches every name"
            ));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("`{text}` is not a name pattern: no spaces, please"));
        }
        Ok(Self(text.to_lowercase()))
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 7143 §4.2.7.1: an iSCSI name is at most 223 bytes.
const NAME_LENGTH_MAX: usize = 223;

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(name)
    }

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        assert!(matches("*", ""));
        assert!(matches("*", "iqn.2026-11.io.capstan:x"));
        assert!(matches(
            "iqn.1994-05.com.redhat:*",
            "iqn.1994-05.com.redhat:"
        ));
        assert!(matches(
            "iqn.*:backup-*-lab",
            "iqn.2020-01.org.example:backup-7-lab"
        ));
        assert!(matches(
            "*-tapedrive-0?".replace('?', "*").as_str(),
            "a-tapedrive-04"
        ));
        assert!(!matches(
            "iqn.1994-05.com.redhat:*",
            "iqn.1993-08.org.debian:01"
        ));
        assert!(!matches("ab*ba", "aba"), "parts do not overlap");
        assert!(!matches("exact", "exactly"));
        assert!(!matches("exact", "inexact"));
    }

    #[test]
    fn letter_case_does_not_count() {
        assert!(matches("IQN.2020-01.Org:*", "iqn.2020-01.ORG:Host"));
    }
}
