//! Where a tape can be, as text on the wire: `slot:3`, `drive:0`, `ie:1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tape_library::ElementName;

/// A place in the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub ElementName);

impl Place {
    /// Returns whether this is the robot's hand, which never keeps a tape.
    pub fn is_picker(self) -> bool {
        matches!(self.0, ElementName::Picker(_))
    }

    /// Returns what puts places into the order in which people look for them: drives, slots,
    /// import/export slots.
    pub fn order(self) -> (u8, u16) {
        match self.0 {
            ElementName::Picker(number) => (0, number),
            ElementName::Drive(number) => (1, number),
            ElementName::Slot(number) => (2, number),
            ElementName::ImportExport(number) => (3, number),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name: Result<ElementName, _> = text.parse();
        name.map(Self).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_text_on_the_wire() {
        let place = Place(ElementName::Slot(3));
        assert_eq!(serde_json::to_string(&place).unwrap(), "\"slot:3\"");
        assert_eq!(serde_json::from_str::<Place>("\"slot:3\"").unwrap(), place);
        let error = serde_json::from_str::<Place>("\"shelf:3\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("slot:N"), "{error}");
    }
}
