//! A buffer that begins where a page does, as writing past the page cache wants it.

/// How long it is.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// Enough for every disk.
const ALIGNMENT_BYTES: usize = 4096;

/// The buffer.
pub(crate) struct Aligned {
    bytes: Vec<u8>,
    start: usize,
}

impl Aligned {
    /// Returns one of zeros.
    pub(crate) fn new() -> Self {
        let bytes = vec![0; PIECE_BYTES + ALIGNMENT_BYTES];
        // The vector never grows, so it stays where it is.
        let start = bytes.as_ptr().align_offset(ALIGNMENT_BYTES);
        Self { bytes, start }
    }

    /// Returns the bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + PIECE_BYTES]
    }

    /// Returns the bytes to be filled.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + PIECE_BYTES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_where_a_page_does() {
        let mut aligned = Aligned::new();
        assert_eq!(aligned.bytes().as_ptr() as usize % ALIGNMENT_BYTES, 0);
        assert_eq!(aligned.bytes_mut().len(), PIECE_BYTES);
    }
}
