//! Elements: the places of a library that can hold a cartridge, their addresses and their names.
//!
//! Initiators know elements by address. People know them by kind and number, in the way that `mtx`
//! counts: drives from 0, slots from 1. Import/export elements are counted from 1 as `ie:1`; `mtx`
//! counts them on after the slots, so with 24 slots `slot:25` means the same as `ie:1`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use scsi::ElementAddress;
use scsi::smc::ElementType;

use crate::profile::ElementBases;

/// The name of an element for people: `slot:3`, `ie:1`, `drive:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementName {
    /// A storage element, counted from 1.
    Slot(u16),
    /// An import/export element, counted from 1.
    ImportExport(u16),
    /// A data transfer element, counted from 0.
    Drive(u16),
    /// The medium transport element, counted from 0. It never holds a cartridge.
    Picker(u16),
}

/// A text that names no element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("element {0:?}: write slot:N (from 1), ie:N (from 1) or drive:N (from 0)")]
pub struct ElementNameError(String);

impl FromStr for ElementName {
    type Err = ElementNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ElementNameError(text.to_owned());
        let (kind, number) = text.split_once(':').ok_or_else(error)?;
        let number: u16 = number.parse().map_err(|_| error())?;
        match (kind, number) {
            ("drive", number) => Ok(Self::Drive(number)),
            ("picker", number) => Ok(Self::Picker(number)),
            ("slot", 1..) => Ok(Self::Slot(number)),
            ("ie", 1..) => Ok(Self::ImportExport(number)),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for ElementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(number) => write!(f, "slot:{number}"),
            Self::ImportExport(number) => write!(f, "ie:{number}"),
            Self::Drive(number) => write!(f, "drive:{number}"),
            Self::Picker(number) => write!(f, "picker:{number}"),
        }
    }
}

/// Which addresses a library has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Ordered by address.
    ranges: [(ElementType, Range<u16>); 4],
}

impl Layout {
    /// Lays out elements from `bases` on. The error says which kinds overlap or do not fit.
    pub(crate) fn new(
        bases: ElementBases,
        drives: u16,
        storage: u16,
        import_export: u16,
    ) -> Result<Self, String> {
        let range = |kind: ElementType, base: u16, count: u16| {
            base.checked_add(count)
                .map(|end| (kind, base..end))
                .ok_or_else(|| format!("{kind}: {count} elements from address {base} do not fit"))
        };
        let mut ranges = [
            range(ElementType::MediumTransport, bases.picker, 1)?,
            range(ElementType::Storage, bases.storage, storage)?,
            range(
                ElementType::ImportExport,
                bases.import_export,
                import_export,
            )?,
            range(ElementType::DataTransfer, bases.drives, drives)?,
        ];
        ranges.sort_by_key(|(_, range)| range.start);
        for pair in ranges.windows(2) {
            let [(lower, first), (upper, second)] = pair else {
                continue;
            };
            if first.end > second.start {
                let room = second.start - first.start;
                return Err(format!(
                    "{} {lower} elements: there is room for {room} before the {upper} elements",
                    first.len()
                ));
            }
        }
        Ok(Self { ranges })
    }

    /// Returns the kinds with their addresses, in the order of the addresses.
    pub fn ranges(&self) -> &[(ElementType, Range<u16>)] {
        &self.ranges
    }

    /// Returns the addresses of `kind`.
    pub fn range(&self, kind: ElementType) -> Range<u16> {
        let found = self.ranges.iter().find(|(other, _)| *other == kind);
        found.map_or(0..0, |(_, range)| range.clone())
    }

    /// Returns the kind of the element at `address`.
    pub fn kind(&self, address: ElementAddress) -> Option<ElementType> {
        self.ranges
            .iter()
            .find(|(_, range)| range.contains(&address.0))
            .map(|(kind, _)| *kind)
    }

    /// Returns all addresses, ascending.
    pub fn addresses(&self) -> impl Iterator<Item = (ElementType, ElementAddress)> {
        self.ranges.iter().flat_map(|(kind, range)| {
            range
                .clone()
                .map(|address| (*kind, ElementAddress(address)))
        })
    }

    /// Returns the name of the element at `address`.
    pub fn name(&self, address: ElementAddress) -> Option<ElementName> {
        let kind = self.kind(address)?;
        let offset = address.0 - self.range(kind).start;
        Some(match kind {
            ElementType::MediumTransport => ElementName::Picker(offset),
            ElementType::Storage => ElementName::Slot(offset + 1),
            ElementType::ImportExport => ElementName::ImportExport(offset + 1),
            ElementType::DataTransfer => ElementName::Drive(offset),
        })
    }

    /// Returns the address of the element called `name`.
    pub fn address(&self, name: ElementName) -> Option<ElementAddress> {
        let slots = self.range(ElementType::Storage).len();
        let (kind, offset) = match name {
            ElementName::Picker(number) => (ElementType::MediumTransport, number),
            ElementName::Drive(number) => (ElementType::DataTransfer, number),
            ElementName::ImportExport(number) => {
                (ElementType::ImportExport, number.checked_sub(1)?)
            }
            ElementName::Slot(number) => {
                let offset = number.checked_sub(1)?;
                match usize::from(offset).checked_sub(slots) {
                    // As `mtx` counts: import/export elements come after the slots.
                    Some(beyond) => (ElementType::ImportExport, u16::try_from(beyond).ok()?),
                    None => (ElementType::Storage, offset),
                }
            }
        };
        let range = self.range(kind);
        let address = range.start.checked_add(offset)?;
        range.contains(&address).then_some(ElementAddress(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Preset;

    #[test]
    fn every_name_comes_back_and_finds_its_address() {
        for preset in Preset::ALL {
            let layout = preset.machine().layout().unwrap();
            for (_, address) in layout.addresses() {
                let name = layout.name(address).unwrap();
                assert_eq!(name.to_string().parse(), Ok(name));
                assert_eq!(layout.address(name), Some(address));
            }
        }
    }

    #[test]
    fn addresses_of_the_l700() {
        let layout = Preset::Default.machine().layout().unwrap();
        let address = |name: &str| layout.address(name.parse().unwrap());
        assert_eq!(address("slot:1"), Some(ElementAddress(1000)));
        assert_eq!(address("slot:24"), Some(ElementAddress(1023)));
        assert_eq!(address("ie:1"), Some(ElementAddress(10)));
        assert_eq!(address("slot:25"), address("ie:1"), "as mtx counts");
        assert_eq!(address("slot:29"), None);
        assert_eq!(address("drive:3"), Some(ElementAddress(503)));
        assert_eq!(address("drive:4"), None);
        assert_eq!(layout.kind(ElementAddress(499)), None);
    }

    #[test]
    fn names_that_are_none() {
        for text in [
            "", "slot", "slot:", "slot:0", "ie:0", "slot:-1", "drive:x", "bay:1",
        ] {
            assert!(text.parse::<ElementName>().is_err(), "{text}");
        }
    }

    #[test]
    fn overlapping_kinds_are_refused() {
        let bases = ElementBases {
            picker: 1,
            import_export: 10,
            drives: 500,
            storage: 1000,
        };
        let error = Layout::new(bases, 4, 24, 491).unwrap_err();
        assert!(error.contains("room for 490"), "{error}");
        assert!(Layout::new(bases, 4, 24, 490).is_ok());
        assert!(Layout::new(bases, 4, u16::MAX, 4).is_err());
    }
}
