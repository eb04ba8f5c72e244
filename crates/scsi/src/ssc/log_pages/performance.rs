//! Page 37h of LTO drives, vendor specific: performance characteristics. LTFS reads parameter 0001h.

use crate::spc::log::Parameter;

/// Performance characteristics of LTO drives.
pub const PERFORMANCE: u8 = 0x37;

/// How good something is: 01h is the best, FEh the worst, 00h says that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality(pub u8);

impl Quality {
    /// Returns the quality of what has failed so many times: each failure costs an eighth.
    pub fn after_failures(failures: u64) -> Self {
        let cost = u8::try_from(failures.saturating_mul(32)).unwrap_or(u8::MAX);
        Self(cost.saturating_add(1).min(0xfe))
    }
}

/// What stands in the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// The drive.
    pub drive: Quality,
    /// The cartridge in it.
    pub medium: Quality,
}

impl Performance {
    /// Returns the parameters: drive efficiency, media efficiency.
    pub fn parameters(self) -> Vec<Parameter> {
        vec![
            Parameter::number(0x0000, self.drive.0.into(), 1),
            Parameter::number(0x0001, self.medium.0.into(), 1),
        ]
    }
}
