//! What a tape drive says in the header and the block descriptor of mode parameters (SSC-5 §8.5.1).

use crate::sense::Sense;

/// DEVICE-SPECIFIC PARAMETER of the mode parameter header (SSC-5 §8.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceSpecific {
    /// WP: writing is not permitted.
    pub write_protected: bool,
    /// BUFFERED MODE.
    pub buffered_mode: BufferedMode,
}

/// When WRITE answers (SSC-5 §8.5.1, table 109).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BufferedMode {
    /// When its data are on the medium.
    Unbuffered = 0,
    /// When its data are in the object buffer.
    Buffered = 1,
    /// The same, but what another initiator has in the buffer goes to the medium first.
    BufferedAlone = 2,
}

impl DeviceSpecific {
    /// Returns the byte. SPEED is 0, the drive's own.
    pub fn to_byte(self) -> u8 {
        u8::from(self.write_protected) << 7 | (self.buffered_mode as u8) << 4
    }

    /// Reads the byte of a MODE SELECT header, which stands at `offset`. WP is not looked at
    /// (SSC-5 §8.5.1).
    pub fn parse(byte: u8, offset: u16) -> Result<Self, Sense> {
        let buffered_mode = match byte >> 4 & 0x07 {
            0 => BufferedMode::Unbuffered,
            1 => BufferedMode::Buffered,
            2 => BufferedMode::BufferedAlone,
            _ => return Err(Sense::invalid_field_in_parameter_list(offset)),
        };
        if byte & 0x0f != 0 {
            return Err(Sense::invalid_field_in_parameter_list(offset));
        }
        Ok(Self {
            write_protected: byte & 0x80 != 0,
            buffered_mode,
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
            buffered_mode: BufferedMode::Buffered,
        }
        .to_byte();
        assert_eq!(byte, 0x90);
        for mode in [0x00, 0x10, 0x20] {
            assert_eq!(DeviceSpecific::parse(mode, 2).unwrap().to_byte(), mode);
        }
        let refused = Sense::invalid_field_in_parameter_list(2);
        assert_eq!(
            DeviceSpecific::parse(0x30, 2),
            Err(refused),
            "reserved mode"
        );
        assert_eq!(DeviceSpecific::parse(0x11, 2), Err(refused), "speed 1");
    }
}
