//! Page 11h: medium partition (SSC-5 §8.5.4): how FORMAT MEDIUM divides the cartridge.
//!
//! POFM=1: a MODE SELECT only says what is wanted; FORMAT MEDIUM 1h does it. Sizes are kept to the
//! byte, without the rounding to a number of wraps that a real drive does. What nobody asked for
//! goes to the largest partition, so that nothing of the cartridge is lost by a division.

use crate::sense::Sense;
use crate::spc::mode::{ModePage, PageId, PageView};

/// The most partitions that the page has sizes for with our drives.
pub const PARTITIONS_MAX: usize = 4;

/// How the cartridge is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediumPartition {
    /// How many partitions the drive can make: as many sizes the page has.
    pub partitions_max: u8,
    /// MAXIMUM ADDITIONAL PARTITIONS: how many the cartridge takes besides the first.
    pub additional_max: u8,
    /// ADDITIONAL PARTITIONS DEFINED.
    pub additional: u8,
    /// Who decides on the sizes.
    pub scheme: Scheme,
    /// What the sizes are counted in.
    pub unit: SizeUnit,
    /// PARTITION SIZE of each; [`REST`] for what the others leave.
    pub sizes: [u16; PARTITIONS_MAX],
    /// What can be divided.
    pub capacity_bytes: u64,
}

/// PARTITION SIZE for all that the others leave.
pub const REST: u16 = 0xffff;

/// FDP, SDP and IDP: who decides on the number of partitions and their sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// None of them: nobody asks for partitions.
    Undivided,
    /// FDP: the drive does, both.
    Fixed,
    /// SDP: the initiator names the number, the drive the sizes.
    Selected,
    /// IDP: the initiator does, both.
    Initiator,
}

/// PSUM and PARTITION UNITS: sizes count 10^`exponent` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeUnit {
    psum: u8,
    units: u8,
}

impl SizeUnit {
    const EXPONENT_OF_GIGABYTES: u8 = 9;

    const fn power_of_ten(exponent: u8) -> Self {
        Self {
            psum: PSUM_UNITS,
            units: exponent,
        }
    }

    /// Bytes, kilobytes and megabytes are decimal too.
    fn bytes(self) -> u64 {
        let exponent = match self.psum {
            0 => 0,
            1 => 3,
            2 => 6,
            _ => self.units,
        };
        10_u64.pow(exponent.into()) // at most 10^15
    }
}

/// Where a division cannot be made: the byte of the page that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indivisible(usize);

impl MediumPartition {
    /// Returns the page of a drive without a cartridge.
    pub fn of_drive(partitions_max: u8) -> Self {
        debug_assert!((1..=4).contains(&partitions_max));
        Self {
            partitions_max,
            additional_max: partitions_max - 1,
            additional: 0,
            scheme: Scheme::Undivided,
            unit: SizeUnit::power_of_ten(SizeUnit::EXPONENT_OF_GIGABYTES),
            sizes: [0; PARTITIONS_MAX],
            capacity_bytes: u64::MAX,
        }
    }

    /// Returns the page with a cartridge in the drive that takes `partitions_max` partitions and has
    /// those of `partition_bytes`.
    #[must_use]
    pub fn with_cartridge(self, partitions_max: u8, partition_bytes: &[u64]) -> Self {
        let unit = unit_for(partition_bytes);
        let mut sizes = [0; PARTITIONS_MAX];
        for (size, bytes) in sizes.iter_mut().zip(partition_bytes) {
            *size = u16::try_from(bytes / unit.bytes()).unwrap_or(REST);
        }
        let count = u8::try_from(partition_bytes.len()).unwrap_or(u8::MAX);
        Self {
            additional_max: partitions_max.min(self.partitions_max).saturating_sub(1),
            additional: count.saturating_sub(1),
            scheme: Scheme::Initiator,
            unit,
            sizes,
            capacity_bytes: partition_bytes.iter().sum(),
            ..self
        }
    }

    /// Returns the partitions that FORMAT MEDIUM 1h makes.
    pub fn partition_bytes(&self) -> Result<Vec<u64>, Indivisible> {
        let whole = self.capacity_bytes;
        if self.additional > self.additional_max && self.scheme != Scheme::Fixed {
            return Err(Indivisible(ADDITIONAL));
        }
        match self.scheme {
            Scheme::Undivided => Ok(vec![whole]),
            // As LTO drives do: a small second one, if there can be one.
            Scheme::Fixed if self.additional_max == 0 => Ok(vec![whole]),
            Scheme::Fixed => {
                let small = (whole / FIXED_SHARE).max(1);
                Ok(vec![whole - small, small])
            }
            Scheme::Selected => {
                let count = u64::from(self.additional) + 1;
                let mut bytes = vec![whole / count; usize::from(self.additional) + 1];
                bytes[0] += whole % count;
                Ok(bytes)
            }
            Scheme::Initiator => self.as_the_initiator_wants(),
        }
    }

    fn as_the_initiator_wants(&self) -> Result<Vec<u64>, Indivisible> {
        let asked = &self.sizes[..=usize::from(self.additional)];
        let mut bytes = Vec::with_capacity(asked.len());
        let (mut left, mut rest) = (self.capacity_bytes, None);
        for (at, size) in asked.iter().enumerate() {
            let fault = Indivisible(SIZES + 2 * at);
            let wanted = match *size {
                // One partition is the whole, whatever its size says.
                _ if asked.len() == 1 => left,
                0 => return Err(fault),
                REST if rest.is_some() => return Err(fault),
                REST => {
                    rest = Some(at);
                    0
                }
                size => u64::from(size).saturating_mul(self.unit.bytes()),
            };
            left = left.checked_sub(wanted).ok_or(fault)?;
            bytes.push(wanted);
        }
        let largest = (0..bytes.len()).max_by_key(|at| bytes[*at]);
        if let Some(at) = rest.or(largest) {
            bytes[at] += left;
        }
        match bytes.iter().position(|bytes| *bytes == 0) {
            Some(at) => Err(Indivisible(SIZES + 2 * at)),
            None => Ok(bytes),
        }
    }
}

/// Gigabytes, as LTO drives count; smaller units where a partition would vanish.
fn unit_for(partition_bytes: &[u64]) -> SizeUnit {
    let gigabyte = SizeUnit::power_of_ten(SizeUnit::EXPONENT_OF_GIGABYTES);
    if partition_bytes
        .iter()
        .all(|bytes| *bytes >= gigabyte.bytes())
    {
        return gigabyte;
    }
    let largest = partition_bytes.iter().copied().max().unwrap_or(0);
    let fits = |unit: &SizeUnit| largest / unit.bytes() < u64::from(REST);
    let units = (0..EXPONENTS).map(SizeUnit::power_of_ten);
    units.into_iter().find(fits).unwrap_or(gigabyte)
}

/// ADDITIONAL PARTITIONS DEFINED, byte 3.
const ADDITIONAL: usize = 3;
/// FDP, byte 4.
const FDP: u8 = 0x80;
/// SDP, byte 4.
const SDP: u8 = 0x40;
/// IDP, byte 4.
const IDP: u8 = 0x20;
/// PSUM 11b: PARTITION UNITS says it.
const PSUM_UNITS: u8 = 3;
/// PSUM, byte 4.
const PSUM: u8 = PSUM_UNITS << 3;
/// POFM, byte 4.
const POFM: u8 = 0x04;
/// MEDIUM FORMAT RECOGNITION 03h, byte 5: "format and partition recognition".
const RECOGNIZES_ALL: u8 = 0x03;
/// PARTITION UNITS, byte 6.
const PARTITION_UNITS: u8 = 0x0f;
/// The exponents that PARTITION UNITS can say.
const EXPONENTS: u8 = 16;
/// Where the sizes begin.
const SIZES: usize = 8;
/// Of a fixed division the second partition has one in so many parts: the two wraps of eighty of an
/// LTO-5 cartridge.
const FIXED_SHARE: u64 = 40;

impl ModePage for MediumPartition {
    fn id(&self) -> PageId {
        PageId::page(0x11)
    }

    fn length(&self) -> usize {
        SIZES + 2 * usize::from(self.partitions_max)
    }

    fn write(&self, page: &mut [u8]) {
        page[2] = self.additional_max;
        page[ADDITIONAL] = self.additional;
        page[4] = match self.scheme {
            Scheme::Undivided => 0,
            Scheme::Fixed => FDP,
            Scheme::Selected => SDP,
            Scheme::Initiator => IDP,
        };
        page[4] |= self.unit.psum << 3 | POFM;
        page[5] = RECOGNIZES_ALL;
        page[6] = self.unit.units;
        let sizes = page[SIZES..].chunks_exact_mut(2);
        for (field, size) in sizes.zip(self.sizes) {
            field.copy_from_slice(&size.to_be_bytes());
        }
    }

    fn changeable(&self, mask: &mut [u8]) {
        mask[ADDITIONAL] = 0xff;
        mask[4] = FDP | SDP | IDP | PSUM;
        mask[6] = PARTITION_UNITS;
        mask[SIZES..].fill(0xff);
    }

    /// Sizes of partitions that nobody defines may be left out.
    fn takes_length(&self, length: usize) -> bool {
        (SIZES..=self.length()).contains(&length) && length.is_multiple_of(2)
    }

    fn apply(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        let mut wanted = *self;
        wanted.additional = page.byte(ADDITIONAL);
        wanted.scheme = match page.byte(4) & (FDP | SDP | IDP) {
            0 => Scheme::Undivided,
            FDP => Scheme::Fixed,
            SDP => Scheme::Selected,
            IDP => Scheme::Initiator,
            several => return Err(page.fault_at_bit(4, if several & FDP != 0 { 7 } else { 6 })),
        };
        wanted.unit = SizeUnit {
            psum: (page.byte(4) & PSUM) >> 3,
            units: page.byte(6) & PARTITION_UNITS,
        };
        let sent = page.bytes.len().saturating_sub(SIZES) / 2;
        for (at, size) in wanted.sizes.iter_mut().enumerate().take(sent) {
            *size = page.u16(SIZES + 2 * at);
        }
        if let Err(Indivisible(at)) = wanted.partition_bytes() {
            return Err(page.fault(at));
        }
        *self = wanted;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spc::mode::pages;

    const GB: u64 = 1_000_000_000;

    /// An LTO-5 cartridge in an LTO-6 drive.
    fn page() -> MediumPartition {
        MediumPartition::of_drive(4).with_cartridge(2, &[1500 * GB])
    }

    /// The page that MODE SELECT sends: byte 3, byte 4, byte 6 and the sizes.
    fn select(additional: u8, flags: u8, units: u8, sizes: &[u16]) -> Vec<u8> {
        let mut bytes = vec![0x11, 0, 1, additional, flags | POFM, 3, units, 0];
        bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        bytes[1] = u8::try_from(bytes.len() - 2).unwrap();
        bytes
    }

    fn divided(bytes: &[u8]) -> Result<Vec<u64>, Sense> {
        let mut page = page();
        let view = pages(bytes, 16).unwrap()[0];
        page.apply(&view)?;
        Ok(page.partition_bytes().unwrap())
    }

    #[test]
    fn a_cartridge_tells_its_partitions() {
        let bytes = |page: MediumPartition| (&page as &dyn ModePage).to_bytes();
        assert_eq!(
            bytes(page()),
            [0x11, 14, 1, 0, 0x3c, 3, 9, 0, 0x05, 0xdc, 0, 0, 0, 0, 0, 0]
        );
        let small = MediumPartition::of_drive(2).with_cartridge(2, &[20_000_000, 1_053_741_824]);
        // The smallest unit in which the largest fits: 10^5 bytes.
        assert_eq!(
            bytes(small),
            [0x11, 10, 1, 1, 0x3c, 3, 5, 0, 0x00, 0xc8, 0x29, 0x29]
        );
        assert_eq!(bytes(MediumPartition::of_drive(1))[1..5], [8, 0, 0, 0x1c]);
    }

    #[test]
    fn sizes_come_in_bytes_kilobytes_megabytes_and_powers_of_ten() {
        for (psum, units, unit) in [(0, 0, 1), (1, 0, 1000), (2, 0, 1_000_000), (3, 9, GB)] {
            let sizes = divided(&select(1, IDP | psum << 3, units, &[37, REST])).unwrap();
            assert_eq!(sizes, [37 * unit, 1500 * GB - 37 * unit]);
        }
    }

    #[test]
    fn what_nobody_asks_for_goes_to_the_largest() {
        let sizes = divided(&select(1, IDP | PSUM, 9, &[1000, 100])).unwrap();
        assert_eq!(sizes, [1400 * GB, 100 * GB]);
        let sizes = divided(&select(0, IDP | PSUM, 9, &[REST])).unwrap();
        assert_eq!(sizes, [1500 * GB]);
    }

    #[test]
    fn the_drive_divides_in_its_own_way() {
        assert_eq!(
            divided(&select(1, FDP, 0, &[])).unwrap(),
            [1_462_500_000_000, 37_500_000_000]
        );
        assert_eq!(divided(&select(1, SDP, 0, &[])).unwrap(), [750 * GB; 2]);
        assert_eq!(divided(&select(0, SDP, 0, &[])).unwrap(), [1500 * GB]);
        assert_eq!(divided(&select(0, 0, 0, &[])).unwrap(), [1500 * GB]);
    }

    #[test]
    fn faults_are_pointed_at() {
        let fault = |at: u16| Err(Sense::invalid_field_in_parameter_list(16 + at));
        let three = select(2, IDP | PSUM, 9, &[1, 1, REST]);
        assert_eq!(divided(&three), fault(3), "LTO-5 takes two");
        assert_eq!(divided(&select(1, IDP | PSUM, 9, &[0, REST])), fault(8));
        assert_eq!(divided(&select(1, IDP | PSUM, 9, &[REST, REST])), fault(10));
        assert_eq!(divided(&select(1, IDP | PSUM, 9, &[1000, 501])), fault(10));
        assert_eq!(
            divided(&select(1, IDP | PSUM, 15, &[65534, REST])),
            fault(8)
        );
        assert_eq!(
            divided(&select(1, IDP | PSUM, 9, &[1500, REST])),
            fault(10),
            "nothing is left"
        );
        assert_eq!(
            divided(&select(1, IDP | FDP, 9, &[1, REST])),
            Err(Sense::invalid_field_in_parameter_list(20).at_bit(7))
        );
    }
}
