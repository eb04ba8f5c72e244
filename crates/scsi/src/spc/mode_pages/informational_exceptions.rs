//! Page 1Ch: informational exceptions control (SPC-5 §7.5.14; SSC-5 §8.5.6 and SMC-3
//! say what it means to TapeAlert).

use crate::sense::Sense;
use crate::spc::mode::{ModePage, PageId, PageView};
use crate::spc::tape_alert::Flag;

/// What becomes of a TapeAlert flag that is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InformationalExceptions {
    /// Whether MODE SELECT can change anything: drives let it, libraries do not.
    pub adjustable: bool,
    /// DEXCPT=0: the command that raises a flag, or the next one, ends with RECOVERED ERROR, FAILURE
    /// PREDICTION THRESHOLD EXCEEDED. Else flags wait in the TapeAlert log page.
    pub reported: bool,
    /// What a MODE SELECT with TEST=1 wants done, once. MODE SENSE tells TEST=0.
    pub test: Option<AlertTest>,
}

impl InformationalExceptions {
    /// What nobody changes.
    pub const FIXED: Self = Self {
        adjustable: false,
        reported: false,
        test: None,
    };
    /// What MODE SELECT changes.
    pub const ADJUSTABLE: Self = Self {
        adjustable: true,
        ..Self::FIXED
    };
}

/// What TEST=1 does, by TEST FLAG NUMBER (SSC-5 table 131).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertTest {
    /// 0: reports an exception that is none.
    Report,
    /// 1 to 64: raises a flag.
    Raise(Flag),
    /// −1 to −64: lowers a flag.
    Lower(Flag),
    /// 32767: raises all flags.
    RaiseAll,
}

/// DEXCPT, byte 2.
const DEXCPT: u8 = 0x08;
/// TEST, byte 2.
const TEST: u8 = 0x04;
/// MRIE 3h, byte 3: "conditionally generate recovered error".
const MRIE: u8 = 0x03;
/// TEST FLAG NUMBER, four bytes in two's complement.
const TEST_FLAG_NUMBER: usize = 8;

impl ModePage for InformationalExceptions {
    fn id(&self) -> PageId {
        PageId::page(0x1c)
    }

    fn length(&self) -> usize {
        12
    }

    fn write(&self, page: &mut [u8]) {
        if !self.reported {
            page[2] = DEXCPT;
        }
        page[3] = MRIE;
    }

    fn changeable(&self, mask: &mut [u8]) {
        if self.adjustable {
            mask[2] = DEXCPT | TEST;
            mask[TEST_FLAG_NUMBER..].fill(0xff);
        }
    }

    fn apply(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        const RAISE_ALL: i32 = 32767;
        let number = page.u32(TEST_FLAG_NUMBER).cast_signed();
        let flag = |number: i32| {
            u8::try_from(number)
                .ok()
                .and_then(Flag::new)
                .ok_or_else(|| page.fault(TEST_FLAG_NUMBER))
        };
        self.test = match (page.byte(2) & TEST != 0, number) {
            (false, 0) => None,
            // A flag without TEST=1 means nothing (SSC-5 §8.5.6).
            (false, _) => return Err(page.fault(TEST_FLAG_NUMBER)),
            (true, 0) => Some(AlertTest::Report),
            (true, RAISE_ALL) => Some(AlertTest::RaiseAll),
            (true, 1..) => Some(AlertTest::Raise(flag(number)?)),
            (true, _) => Some(AlertTest::Lower(flag(number.saturating_neg())?)),
        };
        self.reported = page.byte(2) & DEXCPT == 0;
        Ok(())
    }
}
