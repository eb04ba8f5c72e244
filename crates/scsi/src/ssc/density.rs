//! REPORT DENSITY SUPPORT (SSC-5 §7.9): CDB and parameter data.

use crate::spc::inquiry::put_text;
use crate::task::Cdb;

/// A parsed REPORT DENSITY SUPPORT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportDensitySupport {
    /// MEDIUM TYPE: descriptors of kinds of cartridge instead of densities.
    pub medium_type: bool,
    /// MEDIA: only what the mounted cartridge has, instead of all that the drive takes.
    pub media: bool,
    /// The most bytes that the initiator takes.
    pub allocation_length: u16,
}

impl ReportDensitySupport {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Self {
        Self {
            medium_type: cdb.bit(1, 1),
            media: cdb.bit(1, 0),
            allocation_length: cdb.u16(7),
        }
    }
}

/// A density support data block descriptor (SSC-5 §7.9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DensityDescriptor<'a> {
    /// PRIMARY and SECONDARY DENSITY CODE, the same with us.
    pub density: u8,
    /// WRTOK: the drive can write it.
    pub writable: bool,
    /// DEFLT: what the drive writes when nobody chooses.
    pub default: bool,
    /// Bits per millimetre of track; 24 bits.
    pub bits_per_mm: u32,
    /// Width of the medium in tenths of a millimetre.
    pub width_tenth_mm: u16,
    /// Tracks.
    pub tracks: u16,
    /// Capacity in units of 10⁶ bytes.
    pub capacity_mb: u32,
    /// At most eight characters.
    pub organization: &'a str,
    /// At most eight characters.
    pub name: &'a str,
    /// At most twenty characters.
    pub description: &'a str,
}

impl DensityDescriptor<'_> {
    fn to_bytes(self) -> [u8; DENSITY_DESCRIPTOR_LENGTH] {
        let mut data = [0; DENSITY_DESCRIPTOR_LENGTH];
        data[0] = self.density;
        data[1] = self.density;
        data[2] = u8::from(self.writable) << 7 | u8::from(self.default) << 5;
        data[5..8].copy_from_slice(&self.bits_per_mm.to_be_bytes()[1..]);
        data[8..10].copy_from_slice(&self.width_tenth_mm.to_be_bytes());
        data[10..12].copy_from_slice(&self.tracks.to_be_bytes());
        data[12..16].copy_from_slice(&self.capacity_mb.to_be_bytes());
        put_text(&mut data[16..24], self.organization);
        put_text(&mut data[24..32], self.name);
        put_text(&mut data[32..52], self.description);
        data
    }
}

/// A medium type descriptor (SSC-5 §7.9.4) of a medium with one density.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediumTypeDescriptor<'a> {
    /// The code in the mode parameter header.
    pub medium_type: u8,
    /// The density code that the medium has.
    pub density: u8,
    /// Width of the medium in tenths of a millimetre.
    pub width_tenth_mm: u16,
    /// Length of the medium in metres; 0 when nobody knows.
    pub length_m: u16,
    /// At most eight characters.
    pub organization: &'a str,
    /// At most eight characters.
    pub name: &'a str,
    /// At most twenty characters.
    pub description: &'a str,
}

impl MediumTypeDescriptor<'_> {
    fn to_bytes(self) -> [u8; MEDIUM_TYPE_DESCRIPTOR_LENGTH] {
        let mut data = [0; MEDIUM_TYPE_DESCRIPTOR_LENGTH];
        data[0] = self.medium_type;
        data[3] = 52; // DESCRIPTOR LENGTH: bytes 4 to 55
        data[4] = 1; // NUMBER OF DENSITY CODES
        data[5] = self.density;
        data[14..16].copy_from_slice(&self.width_tenth_mm.to_be_bytes());
        data[16..18].copy_from_slice(&self.length_m.to_be_bytes());
        put_text(&mut data[20..28], self.organization);
        put_text(&mut data[28..36], self.name);
        put_text(&mut data[36..56], self.description);
        data
    }
}

/// Returns the parameter data for densities, which the caller gives in ascending order of their
/// codes (SSC-5 §7.9.2).
pub fn density_data<'a>(descriptors: impl IntoIterator<Item = DensityDescriptor<'a>>) -> Vec<u8> {
    with_header(descriptors.into_iter().map(DensityDescriptor::to_bytes))
}

/// Returns the parameter data for medium types.
pub fn medium_type_data<'a>(
    descriptors: impl IntoIterator<Item = MediumTypeDescriptor<'a>>,
) -> Vec<u8> {
    with_header(descriptors.into_iter().map(MediumTypeDescriptor::to_bytes))
}

/// AVAILABLE DENSITY SUPPORT LENGTH counts what follows it: two reserved bytes and all descriptors.
fn with_header<const N: usize>(descriptors: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    let mut data = vec![0; 4];
    data.extend(descriptors.flatten());
    #[allow(clippy::cast_possible_truncation)] // a few descriptors
    let length = (data.len() - 2) as u16;
    data[..2].copy_from_slice(&length.to_be_bytes());
    data
}

const DENSITY_DESCRIPTOR_LENGTH: usize = 52;
const MEDIUM_TYPE_DESCRIPTOR_LENGTH: usize = 56;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_of_an_ultrium_5() {
        let data = density_data([DensityDescriptor {
            density: 0x58,
            writable: true,
            default: true,
            bits_per_mm: 15142,
            width_tenth_mm: 127,
            tracks: 1280,
            capacity_mb: 1_500_000,
            organization: "LTO-CVE",
            name: "U-516",
            description: "Ultrium 5/16T",
        }]);
        assert_eq!(data.len(), 4 + 52);
        assert_eq!(data[..4], [0, 54, 0, 0]);
        assert_eq!(data[4..9], [0x58, 0x58, 0xa0, 0, 0], "WRTOK, DEFLT");
        assert_eq!(data[9..12], [0, 0x3b, 0x26], "bits per mm");
        assert_eq!(data[12..16], [0, 127, 5, 0], "width, tracks");
        assert_eq!(data[16..20], 1_500_000_u32.to_be_bytes());
        assert_eq!(&data[20..56], b"LTO-CVE U-516   Ultrium 5/16T       ");
    }

    #[test]
    fn the_descriptor_of_a_medium_type() {
        let data = medium_type_data([MediumTypeDescriptor {
            medium_type: 0x58,
            density: 0x58,
            width_tenth_mm: 127,
            length_m: 846,
            organization: "LTO-CVE",
            name: "U-516",
            description: "Ultrium 5/16T",
        }]);
        assert_eq!(data.len(), 4 + 56);
        assert_eq!(data[..10], [0, 58, 0, 0, 0x58, 0, 0, 52, 1, 0x58]);
        assert_eq!(data[18..22], [0, 127, 3, 0x4e], "width, length");
        assert_eq!(&data[24..32], b"LTO-CVE ");
    }

    #[test]
    fn both_bits_of_the_cdb_are_read() {
        let command = ReportDensitySupport::parse(&Cdb::new(&[0x44, 0x03, 0, 0, 0, 0, 0, 1, 0, 0]));
        assert!(command.media && command.medium_type);
        assert_eq!(command.allocation_length, 256);
    }
}
