//! Page 0Dh: how warm the drive is (SPC-5 §7.3.21, temperature).

use crate::spc::log::Parameter;

/// Temperature.
pub const TEMPERATURE: u8 = 0x0d;

/// What stands in the page, in degrees Celsius.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Temperature {
    /// How warm it is.
    pub current: u8,
    /// Up to where that is well.
    pub reference: u8,
}

impl Temperature {
    /// Of a drive that has no heat: what LTO drives report at rest.
    pub const OF_A_VIRTUAL_DRIVE: Self = Self {
        current: 30,
        reference: 60,
    };

    /// Returns the parameters.
    pub fn parameters(self) -> Vec<Parameter> {
        let degrees = [self.current, self.reference];
        (0..)
            .zip(degrees)
            .map(|(code, degrees)| Parameter::binary(code, [0, degrees]))
            .collect()
    }
}
