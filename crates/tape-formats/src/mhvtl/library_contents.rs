//! `library_contents.N`: the elements of library N and what is in them.
//!
//! ```text
//! VERSION: 2
//!
//! Drive 1:
//! Picker 1:
//! MAP 1:
//! Slot 1: E01001L8
//! ```
//!
//! Numbers count from 1; those that are missing are empty elements.

use std::collections::BTreeMap;

use crate::Error;

/// Where a cartridge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A drive's bay.
    Drive(u16),
    /// An import/export element.
    Map(u16),
    /// A slot.
    Slot(u16),
}

/// The elements of a library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LibraryContents {
    /// How many bays for drives.
    pub drives: u16,
    /// How many import/export elements.
    pub maps: u16,
    /// How many slots.
    pub slots: u16,
    /// Which cartridge is where.
    pub cartridges: BTreeMap<Place, String>,
}

impl LibraryContents {
    /// Reads the text of the file. The error names the line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut contents = Self::default();
        for (number, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or("");
            let Some((element, barcode)) = content.split_once(':') else {
                continue;
            };
            contents
                .take(element, barcode)
                .map_err(|reason| Error::Text {
                    line: number + 1,
                    reason,
                })?;
        }
        Ok(contents)
    }

    fn take(&mut self, element: &str, barcode: &str) -> Result<(), String> {
        let mut words = element.split_whitespace();
        let (Some(kind), Some(number), None) = (words.next(), words.next(), words.next()) else {
            return Ok(()); // VERSION, and what mhvtl passes over
        };
        let place: fn(u16) -> Place = match kind {
            "Drive" => Place::Drive,
            "MAP" => Place::Map,
            "Slot" => Place::Slot,
            _ => return Ok(()),
        };
        let number = number.parse().ok().filter(|number| *number > 0);
        let number: u16 = number
            .ok_or_else(|| format!("{kind} {:?}: 1 to 65535 are possible", element.trim()))?;
        let count = match place(number) {
            Place::Drive(_) => &mut self.drives,
            Place::Map(_) => &mut self.maps,
            Place::Slot(_) => &mut self.slots,
        };
        *count = (*count).max(number);
        let Some(barcode) = barcode.split_whitespace().next() else {
            return Ok(());
        };
        if barcode.len() > BARCODE_BYTES_MAX || !barcode.bytes().all(|it| it.is_ascii_graphic()) {
            return Err(format!("{barcode:?} is no barcode"));
        }
        if barcode.contains('/') || barcode.starts_with('.') {
            return Err(format!("{barcode:?} cannot be the name of a directory"));
        }
        let place = place(number);
        if self.cartridges.values().any(|other| other == barcode) {
            return Err(format!("{barcode} is in two elements"));
        }
        match self.cartridges.insert(place, barcode.to_owned()) {
            None => Ok(()),
            Some(other) => Err(format!("{kind} {number} has {other} already")),
        }
    }
}

/// What a volume tag has room for.
const BARCODE_BYTES_MAX: usize = 32;
