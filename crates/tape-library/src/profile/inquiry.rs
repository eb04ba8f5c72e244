//! What a profile says of INQUIRY: the standard data, and the pages of vital product data.

use serde::{Deserialize, Serialize};

use super::template::{Template, Words};

/// The standard INQUIRY data (SPC-5 §6.7.2), besides vendor, product and revision.
#[allow(clippy::struct_excessive_bools)] // the bits, as the standard draws them
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InquiryData {
    /// VERSION: 2 for SCSI-2, 3 for SPC, 5 for SPC-3, 6 for SPC-4.
    pub version: u8,
    /// How many bytes there are.
    pub length: u8,
    /// HISUP.
    pub hierarchical: bool,
    /// PROTECT.
    pub protect: bool,
    /// BARC.
    pub barcode_reader: bool,
    /// MULTIP.
    pub multi_port: bool,
    /// ADDR16.
    pub address_16: bool,
    /// Version descriptors, at most eight.
    pub version_descriptors: Vec<u16>,
    /// What the vendor has put elsewhere.
    pub bytes: Vec<BytesAt>,
}

/// Bytes at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BytesAt {
    /// The offset of the first.
    pub at: u8,
    /// Text with words to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Template>,
    /// Bytes as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<HexBytes>,
}

/// The pages of vital product data (SPC-5 §7.8, SSC-5 §8.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitalProductData {
    /// The pages of the standards that there are; page 00h is always there.
    pub pages: Vec<u8>,
    /// What page 80h says.
    pub unit_serial_number: Template,
    /// The T10 vendor identification in page 83h.
    pub t10: Template,
    /// The first byte of its descriptor: 02h for ASCII.
    pub t10_code_set: u8,
    /// The descriptors of page 83h in their order.
    pub designators: Vec<DesignatorKind>,
    /// Pages of the vendor's own, and any others.
    pub extra: Vec<ExtraPage>,
}

/// A page as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraPage {
    /// Page code.
    pub page: u8,
    /// Text with words to fill in, without the page's header. `\u0000` is a zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Template>,
    /// Bytes after the text, without the page's header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<HexBytes>,
}

/// A designation descriptor of page 83h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DesignatorKind {
    /// T10 vendor identification.
    T10,
    /// NAA name of the unit.
    Naa,
    /// Relative target port.
    RelativePort,
    /// Target port group.
    PortGroup,
    /// SCSI name string of the target port.
    PortName,
    /// SCSI name string of the target device.
    DeviceName,
}

/// Bytes, written as pairs of hexadecimal digits with or without spaces between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexBytes(pub Vec<u8>);

/// Pages that we can make; all others have to be written out.
pub(crate) const STANDARD_PAGES: [u8; 11] = [
    0x80, 0x83, 0x86, 0x87, 0x88, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5,
];
/// How many of them a changer can have.
pub(crate) const CHANGER_PAGES: usize = 5;

impl BytesAt {
    pub(crate) fn bytes(&self, words: Words<'_>) -> Vec<u8> {
        content(self.text.as_ref(), self.hex.as_ref(), words)
    }
}

impl ExtraPage {
    pub(crate) fn bytes(&self, words: Words<'_>) -> Vec<u8> {
        content(self.text.as_ref(), self.hex.as_ref(), words)
    }
}

fn content(text: Option<&Template>, hex: Option<&HexBytes>, words: Words<'_>) -> Vec<u8> {
    let mut bytes = text.map_or_else(Vec::new, |text| text.bytes(words));
    bytes.extend(hex.iter().flat_map(|hex| &hex.0));
    bytes
}

impl InquiryData {
    /// Returns what is wrong: the key and why.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.length < 36 {
            let why = format!("{} bytes: write 36 or more, 96 is usual", self.length);
            return Err(("inquiry.length", why));
        }
        if self.version_descriptors.len() > 8 {
            return Err((
                "inquiry.version_descriptors",
                "there is room for eight".into(),
            ));
        }
        for bytes in &self.bytes {
            if bytes.at < 5 || bytes.at >= self.length {
                let why = format!("at = {}: write 5 to {}", bytes.at, self.length - 1);
                return Err(("inquiry.bytes", why));
            }
        }
        Ok(())
    }
}

impl VitalProductData {
    /// Returns what is wrong: the key and why. `known` are the standards' pages that the device can
    /// have.
    pub(crate) fn check(&self, known: &[u8]) -> Result<(), (&'static str, String)> {
        let hex = |pages: &[u8]| {
            let pages: Vec<_> = pages.iter().map(|page| format!("0x{page:02x}")).collect();
            pages.join(", ")
        };
        if let Some(page) = self.pages.iter().find(|page| !known.contains(page)) {
            let why = format!(
                "0x{page:02x}: there are {}; write others with their bytes in [[vpd.extra]]",
                hex(known)
            );
            return Err(("vpd.pages", why));
        }
        for (number, extra) in self.extra.iter().enumerate() {
            let twice = self.extra[..number].iter().any(|it| it.page == extra.page);
            if extra.page == 0 || twice || self.pages.contains(&extra.page) {
                let why = format!(
                    "page 0x{:02x} is there already; take it out of vpd.pages to write your own",
                    extra.page
                );
                return Err(("vpd.extra", why));
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for HexBytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let error = || format!("{text:?}: write pairs of hexadecimal digits, such as \"00 1f\"");
        let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        if !digits.len().is_multiple_of(2) {
            return Err(error());
        }
        let byte = |pair: &[char]| {
            let [high, low] = [pair[0].to_digit(16)?, pair[1].to_digit(16)?];
            u8::try_from(high << 4 | low).ok()
        };
        let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(byte).collect();
        bytes.map(Self).ok_or_else(error)
    }
}

impl From<HexBytes> for String {
    fn from(bytes: HexBytes) -> Self {
        let pairs: Vec<_> = bytes.0.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_with_and_without_spaces() {
        let read = |text: &str| HexBytes::try_from(text.to_owned()).map(|bytes| bytes.0);
        assert_eq!(read("00 1fA0"), Ok(vec![0x00, 0x1f, 0xa0]));
        assert_eq!(read(""), Ok(vec![]));
        assert!(read("0").unwrap_err().contains("pairs"));
        assert!(read("0g").is_err());
        assert_eq!(String::from(HexBytes(vec![0, 0x1f])), "00 1f");
    }
}
