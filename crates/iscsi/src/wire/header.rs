//! The basic header segment as bytes: a view that can print anything (RFC 7143 §11.2).

use std::fmt;

use super::opcode::Opcode;
use super::serial::SerialNumber;

/// The length of a basic header segment.
pub const HEADER_LENGTH: usize = 48;

/// The longest additional header segments: TotalAHSLength is a byte that counts words.
pub const AHS_LENGTH_MAX: usize = 255 * 4;

/// The tag that stands for "none" (RFC 7143 §11.2.1.8, §11.7.4).
pub const RESERVED_TAG: u32 = 0xffff_ffff;

/// The 48 bytes that begin every PDU. Any 48 bytes are one; a typed value is parsed from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header(pub [u8; HEADER_LENGTH]);

impl Header {
    /// Returns a header with this first byte and all else zero.
    pub(super) const fn of(opcode: Opcode) -> Self {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0] = opcode as u8;
        Self(bytes)
    }

    /// Returns byte 0 without the immediate bit, or `None` for an opcode that nobody defined.
    pub const fn opcode(&self) -> Option<Opcode> {
        Opcode::parse(self.0[0] & 0x3f)
    }

    /// Returns the I bit (RFC 7143 §11.2.1.1).
    pub const fn is_immediate(&self) -> bool {
        self.0[0] & 0x40 != 0
    }

    /// Returns the F bit (RFC 7143 §11.2.1.3); for Login it is the T bit.
    pub const fn is_final(&self) -> bool {
        self.0[1] & 0x80 != 0
    }

    /// Returns the length of the additional header segments in bytes.
    pub const fn ahs_length(&self) -> usize {
        self.0[4] as usize * 4
    }

    /// Returns the length of the data segment in bytes, without padding.
    pub const fn data_length(&self) -> usize {
        (self.0[5] as usize) << 16 | (self.0[6] as usize) << 8 | self.0[7] as usize
    }

    /// Returns the eight bytes of the LUN field.
    pub fn lun(&self) -> [u8; 8] {
        self.array(8)
    }

    /// Returns the initiator task tag.
    pub fn task_tag(&self) -> u32 {
        self.u32(16)
    }

    /// Returns four bytes from `offset` as a number.
    pub(super) fn u32(&self, offset: usize) -> u32 {
        u32::from_be_bytes(self.array(offset))
    }

    pub(super) fn u16(&self, offset: usize) -> u16 {
        u16::from_be_bytes(self.array(offset))
    }

    pub(super) fn serial(&self, offset: usize) -> SerialNumber {
        SerialNumber(self.u32(offset))
    }

    pub(super) fn array<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[offset..offset + N]);
        bytes
    }

    pub(super) fn put<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) {
        self.0[offset..offset + N].copy_from_slice(&bytes);
    }

    pub(super) fn put_u32(&mut self, offset: usize, value: u32) {
        self.put(offset, value.to_be_bytes());
    }

    pub(super) fn put_u16(&mut self, offset: usize, value: u16) {
        self.put(offset, value.to_be_bytes());
    }

    pub(super) fn put_serial(&mut self, offset: usize, value: SerialNumber) {
        self.put_u32(offset, value.0);
    }

    /// Sets the bits of `mask` in byte `offset` when `set` says so.
    pub(super) fn put_bits(&mut self, offset: usize, mask: u8, set: bool) {
        if set {
            self.0[offset] |= mask;
        }
    }

    /// Writes the length of the data segment.
    ///
    /// # Panics
    /// When `length` needs more than 24 bits: segments are cut long before.
    pub fn set_data_length(&mut self, length: usize) {
        assert!(length < 1 << 24, "a data segment of {length} bytes");
        #[allow(clippy::cast_possible_truncation)] // asserted above
        let bytes = (length as u32).to_be_bytes();
        self.put(5, [bytes[1], bytes[2], bytes[3]]);
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opcode() {
            Some(opcode) => write!(f, "{opcode:?}")?,
            None => write!(f, "opcode {:#04x}", self.0[0] & 0x3f)?,
        }
        write!(
            f,
            "{}{} itt {:#x} dsl {} ",
            if self.is_immediate() { " I" } else { "" },
            if self.is_final() { " F" } else { "" },
            self.task_tag(),
            self.data_length(),
        )?;
        for word in self.0.chunks_exact(4) {
            write!(
                f,
                " {:02x}{:02x}{:02x}{:02x}",
                word[0], word[1], word[2], word[3]
            )?;
        }
        Ok(())
    }
}

/// Returns how many bytes pad a segment of `length` bytes to whole words (RFC 7143 §11.1).
pub const fn padding(length: usize) -> usize {
    length.wrapping_neg() & 3
}

/// Why a header is not the value that its opcode promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_header_can_be_printed() {
        let mut bytes = [0xff; HEADER_LENGTH];
        bytes[0] = 0x7e;
        let text = format!("{:?}", Header(bytes));
        assert!(text.starts_with("opcode 0x3e I F itt 0xffffffff dsl 16777215"));
    }

    #[test]
    fn padding_fills_words() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(padding), [0, 3, 2, 1, 0, 3]);
    }
}
