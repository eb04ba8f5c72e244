//! Changer profiles.

use serde::{Deserialize, Serialize};

use super::inquiry::{CHANGER_PAGES, InquiryData, STANDARD_PAGES, VitalProductData};
use super::template::Template;
use super::text::{product, revision, vendor};

/// The first element address of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementBases {
    /// The medium transport element.
    pub picker: u16,
    /// The first import/export element.
    pub import_export: u16,
    /// The first data transfer element.
    pub drives: u16,
    /// The first storage element.
    pub storage: u16,
}

/// How READ ELEMENT STATUS names drives (SMC-3, DVCID).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceIds {
    /// What the identifier is.
    pub form: DeviceIdForm,
    /// The length to which it is padded with spaces; a longer one is not cut.
    pub length: u8,
    /// It is told to initiators that did not ask for it, too.
    pub unasked: bool,
}

/// What names a drive in READ ELEMENT STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceIdForm {
    /// The T10 vendor identification of its page 83h.
    T10,
    /// The serial number of its page 80h alone.
    Serial,
    /// Nothing.
    None,
}

/// A model of media changer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangerProfile {
    /// The profile's name: `stk-l700`.
    pub name: String,
    /// What a person should know: where the figures come from and which are chosen.
    pub notes: String,
    /// T10 vendor identification.
    #[serde(deserialize_with = "vendor")]
    pub vendor: String,
    /// Product identification.
    #[serde(deserialize_with = "product")]
    pub product: String,
    /// Product revision level.
    #[serde(deserialize_with = "revision")]
    pub revision: String,
    /// The unit serial number.
    pub serial: Template,
    /// The standard INQUIRY data.
    pub inquiry: InquiryData,
    /// Vital product data.
    pub vpd: VitalProductData,
    /// How READ ELEMENT STATUS names drives.
    pub device_id: DeviceIds,
    /// Element base addresses.
    pub elements: ElementBases,
}

impl ChangerProfile {
    /// Returns what is wrong: the key and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        self.inquiry.check()?;
        self.vpd.check(&STANDARD_PAGES[..CHANGER_PAGES])?;
        if !self.serial.is_printable() {
            return Err(("serial", "write printable ASCII characters".into()));
        }
        let bases = self.elements;
        let mut all = [
            bases.picker,
            bases.import_export,
            bases.drives,
            bases.storage,
        ];
        all.sort_unstable();
        if all.windows(2).any(|pair| pair[0] == pair[1]) {
            let why = "two kinds begin at the same address; write four different ones";
            return Err(("elements", why.into()));
        }
        Ok(())
    }
}
