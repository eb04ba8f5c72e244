//! Page 0Ah, sub-page F0h: control data protection (SSC-5 §8.5.9).

use crate::sense::Sense;
use crate::spc::mode::{ModePage, PageId, PageView};
use crate::ssc::protection_information::{INFORMATION_LENGTH, Method};

/// How logical blocks are protected on their way between an initiator and the drive.
///
/// Each `I_T` nexus has its own: an initiator that knows nothing of protection information is not
/// given any because another one asked for it. RBDP cannot be set, since RECOVER BUFFERED DATA is not
/// there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlDataProtection {
    /// Which methods the drive has.
    pub methods: Methods,
    /// LOGICAL BLOCK PROTECTION METHOD; `None` for none.
    pub method: Option<Method>,
    /// `LBP_W`: blocks that are written carry protection information, which has to be right.
    pub writing: bool,
    /// `LBP_R`: blocks that are read or verified carry protection information.
    pub reading: bool,
}

/// The methods that a drive has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Methods {
    /// [`Method::ReedSolomon`]: LTO-5 and later.
    pub reed_solomon: bool,
    /// [`Method::Crc32c`]: LTO-7 and later.
    pub crc32c: bool,
}

impl Methods {
    /// Returns whether there is any.
    pub const fn any(self) -> bool {
        self.reed_solomon || self.crc32c
    }

    const fn has(self, method: Method) -> bool {
        match method {
            Method::ReedSolomon => self.reed_solomon,
            Method::Crc32c => self.crc32c,
        }
    }
}

impl FromIterator<Method> for Methods {
    fn from_iter<T: IntoIterator<Item = Method>>(methods: T) -> Self {
        let mut all = Self::default();
        for method in methods {
            match method {
                Method::ReedSolomon => all.reed_solomon = true,
                Method::Crc32c => all.crc32c = true,
            }
        }
        all
    }
}

impl ControlDataProtection {
    /// Returns how written blocks are protected, if they are.
    pub fn for_writing(&self) -> Option<Method> {
        self.method.filter(|_| self.writing)
    }

    /// Returns how blocks that are read are protected, if they are.
    pub fn for_reading(&self) -> Option<Method> {
        self.method.filter(|_| self.reading)
    }
}

/// LOGICAL BLOCK PROTECTION METHOD.
const METHOD: usize = 4;
/// LOGICAL BLOCK PROTECTION INFORMATION LENGTH, bits 5 to 0.
const LENGTH: usize = 5;
/// `LBP_W` and `LBP_R`.
const FLAGS: usize = 6;
/// `LBP_W`.
const WRITING: u8 = 0x80;
/// `LBP_R`.
const READING: u8 = 0x40;

impl ModePage for ControlDataProtection {
    fn id(&self) -> PageId {
        PageId::subpage(0x0a, 0xf0)
    }

    fn is_present(&self) -> bool {
        self.methods.any()
    }

    fn length(&self) -> usize {
        32
    }

    fn write(&self, page: &mut [u8]) {
        let Some(method) = self.method else {
            return;
        };
        page[METHOD] = method.code();
        #[allow(clippy::cast_possible_truncation)] // four
        {
            page[LENGTH] = INFORMATION_LENGTH as u8;
        }
        page[FLAGS] =
            if self.writing { WRITING } else { 0 } | if self.reading { READING } else { 0 };
    }

    fn changeable(&self, mask: &mut [u8]) {
        mask[METHOD] = 0xff;
        mask[LENGTH] = 0x3f;
        mask[FLAGS] = WRITING | READING;
    }

    /// Without a method the other fields are zero whatever is sent, as with LTO drives.
    fn apply(&mut self, page: &PageView<'_>) -> Result<(), Sense> {
        let (code, flags) = (page.byte(METHOD), page.byte(FLAGS));
        if code == 0 {
            (self.method, self.writing, self.reading) = (None, false, false);
            return Ok(());
        }
        let method = Method::of_code(code).filter(|method| self.methods.has(*method));
        self.method = Some(method.ok_or(page.fault(METHOD))?);
        if u32::from(page.byte(LENGTH)) != INFORMATION_LENGTH {
            return Err(page.fault(LENGTH));
        }
        self.writing = flags & WRITING != 0;
        self.reading = flags & READING != 0;
        Ok(())
    }
}
