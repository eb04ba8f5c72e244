//! How long a command may take, as REPORT SUPPORTED OPERATION CODES tells it (SPC-5 §6.36.4).
//!
//! The recommended timeouts are of the size that LTO drives and libraries report, so that whoever
//! reads them waits for ours no shorter than for a real one. What takes real hardware minutes takes
//! us mostly milliseconds; what is recommended has to cover a cartridge's data being brought to a
//! slow disk.

/// The timeouts of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// NOMINAL COMMAND PROCESSING TIMEOUT: after so many seconds an initiator may begin to wonder.
    pub nominal_s: u32,
    /// RECOMMENDED COMMAND TIMEOUT: after so many seconds it may begin recovery.
    pub recommended_s: u32,
}

impl Timeouts {
    /// Commands that end at once.
    pub const AT_ONCE: Self = Self::new(1, 60);
    /// Commands that change parameters, after bringing data to the disk.
    pub const PARAMETERS: Self = Self::new(30, 300);
    /// Commands that read or write the medium.
    pub const TRANSFER: Self = Self::new(30, 1500);
    /// Commands that move the medium.
    pub const MOTION: Self = Self::new(60, 2040);
    /// A self-test.
    pub const SELF_TEST: Self = Self::new(60, 1980);
    /// ERASE.
    pub const ERASE: Self = Self::new(60, 16_200);
    /// VERIFY, which may read all of a cartridge.
    pub const VERIFY: Self = Self::new(60, 48_000);
    /// LOAD UNLOAD.
    pub const LOAD: Self = Self::new(60, 780);
    /// Commands that move cartridges.
    pub const ROBOT: Self = Self::new(60, 900);
    /// Commands that look at all elements.
    pub const INVENTORY: Self = Self::new(60, 3600);

    const fn new(nominal_s: u32, recommended_s: u32) -> Self {
        assert!(nominal_s < recommended_s);
        Self {
            nominal_s,
            recommended_s,
        }
    }
}
