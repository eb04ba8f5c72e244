//! What a tape drive says in the header and the block descriptor of mode parameters (SSC-5 §8.5.1).

use crate::sense::Sense;

/// DEVICE-SPECIFIC PARAMETER of the mode parameter header (SSC-5 §8.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceSpecific {
    /// WP: writing is not permitted.
    pub write_protected: bool,
    /// BUFFERED MODE 001b: WRITE answers when the data are in the buffer; 000b: when they are on the
    /// medium.
    pub buffered: bool,
}

impl DeviceSpecific {
    /// Returns the byte. SPEED is 0, the drive's own.
    pub fn to_byte(self) -> u8 {
        u8::from(self.write_protected) << 7 | u8::from(self.buffered) << 4
    }

    /// Reads the byte of a MODE SELECT header, which stands at `offset`. WP is not looked at
    /// (SSC-5 §8.5.1); buffered mode 2, which writes other initiators' data first, is what mode 1
    /// does with us.
    pub fn parse(byte: u8, offset: u16) -> Result<Self, Sense> {
        let buffered = match byte >> 4 & 0x07 {
            0 => false,
            1 | 2 => true,
            _ => return Err(Sense::invalid_field_in_parameter_list(offset)),
        };
        if byte & 0x0f != 0 {
            return Err(Sense::invalid_field_in_parameter_list(offset));
        }
        Ok(Self {
            write_protected: byte & 0x80 != 0,
            buffered,
        })
    }
}

/// Density code for "the drive's own" in MODE SELECT (SSC-5 §8.5.1, table 110).
pub const DENSITY_DEFAULT: u8 = 0x00;
/// Density code for "as it is" in MODE SELECT.
pub const DENSITY_NO_CHANGE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_specific_byte() {
        let byte = DeviceSpecific {
            write_protected: true,
            buffered: true,
        }
        .to_byte();
        assert_eq!(byte, 0x90);
        assert!(!DeviceSpecific::parse(0x00, 2).unwrap().buffered);
        assert!(DeviceSpecific::parse(0x20, 2).unwrap().buffered);
        let refused = Sense::invalid_field_in_parameter_list(2);
        assert_eq!(
            DeviceSpecific::parse(0x30, 2),
            Err(refused),
            "reserved mode"
        );
        assert_eq!(DeviceSpecific::parse(0x11, 2), Err(refused), "speed 1");
    }
}
