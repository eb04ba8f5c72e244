//! Little-endian fields at fixed offsets.

use uuid::Uuid;

/// Returns `value` rounded up to a multiple of `unit`, a power of two.
pub(crate) const fn round_up(value: u64, unit: u64) -> u64 {
    debug_assert!(unit.is_power_of_two());
    (value + unit - 1) & !(unit - 1)
}

/// Returns a length or an offset of a file as one of memory.
#[allow(clippy::cast_possible_truncation)] // usize has 64 bits, asserted in lib.rs.
pub(crate) const fn in_memory(length: u64) -> usize {
    length as usize
}

/// A structure being read. Offsets are constants of the layout, inside its fixed length.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn bytes<const N: usize>(self, at: usize) -> [u8; N] {
        let mut field = [0; N];
        field.copy_from_slice(&self.0[at..at + N]);
        field
    }

    pub(super) fn u8(self, at: usize) -> u8 {
        self.0[at]
    }

    pub(super) fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes(at))
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }

    pub(super) fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }

    pub(super) fn uuid(self, at: usize) -> Uuid {
        Uuid::from_bytes(self.bytes(at))
    }
}

/// A structure being written. What is not set stays zero.
pub(super) struct Layout<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Layout<N> {
    pub(super) fn new() -> Self {
        Self([0; N])
    }

    pub(super) fn set(&mut self, at: usize, field: &[u8]) -> &mut Self {
        self.0[at..at + field.len()].copy_from_slice(field);
        self
    }

    pub(super) fn u8(&mut self, at: usize, field: u8) -> &mut Self {
        self.set(at, &[field])
    }

    pub(super) fn u16(&mut self, at: usize, field: u16) -> &mut Self {
        self.set(at, &field.to_le_bytes())
    }

    pub(super) fn u32(&mut self, at: usize, field: u32) -> &mut Self {
        self.set(at, &field.to_le_bytes())
    }

    pub(super) fn u64(&mut self, at: usize, field: u64) -> &mut Self {
        self.set(at, &field.to_le_bytes())
    }

    pub(super) fn uuid(&mut self, at: usize, field: Uuid) -> &mut Self {
        self.set(at, field.as_bytes())
    }
}
