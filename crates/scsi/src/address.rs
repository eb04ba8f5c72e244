//! Addresses: of a logical unit inside a target, of an element inside a media changer.

use std::fmt;

/// A logical unit number (SAM-5 §4.7), single level: 0 to 16383.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lun(u16);

impl Lun {
    /// The largest number that flat space addressing can express (SAM-5 §4.7.7.3).
    pub const MAX: u16 = 0x3fff;

    /// Returns the logical unit number `number`.
    ///
    /// # Panics
    /// When `number` is over [`Lun::MAX`]: only our own configuration makes numbers.
    pub const fn new(number: u16) -> Self {
        assert!(number <= Self::MAX);
        Self(number)
    }

    /// Returns the number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Reads the eight-byte LUN field. Peripheral device addressing with bus 0 and flat space
    /// addressing are understood; `None` stands for every other form, which names no unit of ours.
    pub fn parse(field: [u8; 8]) -> Option<Self> {
        if field[2..] != [0; 6] {
            return None;
        }
        match field[0] >> 6 {
            // SAM-5 §4.7.7.2: peripheral device addressing, bus identifier 0.
            0b00 if field[0] == 0 => Some(Self(u16::from(field[1]))),
            // SAM-5 §4.7.7.3: flat space addressing.
            0b01 => Some(Self(u16::from_be_bytes([field[0] & 0x3f, field[1]]))),
            _ => None,
        }
    }

    /// Returns the eight-byte LUN field: peripheral device addressing up to 255, as initiators
    /// expect it, and flat space addressing above.
    pub fn to_bytes(self) -> [u8; 8] {
        let mut field = [0; 8];
        let [high, low] = self.0.to_be_bytes();
        field[0] = if self.0 > 0xff { 0x40 | high } else { 0 };
        field[1] = low;
        field
    }
}

impl fmt::Display for Lun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LUN {}", self.0)
    }
}

/// The address of an element of a media changer (SMC-3 §4.2): a place that can hold one cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementAddress(pub u16);

impl fmt::Display for ElementAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "element {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lun_survives_the_wire() {
        for number in 0..=Lun::MAX {
            let lun = Lun::new(number);
            assert_eq!(Lun::parse(lun.to_bytes()), Some(lun));
        }
    }

    #[test]
    fn second_level_and_foreign_forms_name_no_unit() {
        assert_eq!(Lun::parse([0, 1, 0, 2, 0, 0, 0, 0]), None);
        assert_eq!(Lun::parse([0xc1, 1, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Lun::parse([0x01, 1, 0, 0, 0, 0, 0, 0]), None);
    }
}
