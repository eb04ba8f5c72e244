//! Frames the bytes that arrive: header, additional headers, header digest, data, padding, data
//! digest (RFC 7143 §11.1).
//!
//! The receiver owns the bytes of headers and trailers. The data segment goes wherever the
//! connection says; the receiver only counts it and keeps its digest.

use crate::wire::{AHS_LENGTH_MAX, DIGEST_LENGTH, HEADER_LENGTH, Header, RunningDigest};
use crate::wire::{digest, padding};

/// Which bytes come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The header with what belongs to it.
    Header,
    /// The data segment: `filled` of `length` bytes are there.
    Data {
        /// Bytes received.
        filled: usize,
        /// Bytes announced.
        length: usize,
    },
    /// Padding and data digest.
    Trailer,
}

/// What the last bytes completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing; more bytes are needed.
    Partial,
    /// A header: decide where its data goes, then call [`Receiver::begin_data`].
    Header,
    /// A header whose digest does not match.
    BadHeaderDigest,
}

/// The framing of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Receiver {
    part: Part,
    header: [u8; HEADER_SPACE],
    header_filled: usize,
    trailer: [u8; TRAILER_SPACE],
    trailer_filled: usize,
    trailer_length: usize,
    header_digest: bool,
    data_digest: bool,
    running: RunningDigest,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self {
            part: Part::Header,
            header: [0; HEADER_SPACE],
            header_filled: 0,
            trailer: [0; TRAILER_SPACE],
            trailer_filled: 0,
            trailer_length: 0,
            header_digest: false,
            data_digest: false,
            running: RunningDigest::new(),
        }
    }

    /// Turns digests on or off from the next PDU on.
    pub(crate) fn set_digests(&mut self, header: bool, data: bool) {
        self.header_digest = header;
        self.data_digest = data;
    }

    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// Returns the header that came last.
    pub(crate) fn header(&self) -> Header {
        let mut bytes = [0; HEADER_LENGTH];
        bytes.copy_from_slice(&self.header[..HEADER_LENGTH]);
        Header(bytes)
    }

    /// Returns the additional header segments that came with it.
    pub(crate) fn additional(&self) -> &[u8] {
        &self.header[HEADER_LENGTH..HEADER_LENGTH + self.header().ahs_length()]
    }

    /// Returns whether the next bytes are a header's first, and data may follow those 48 at once.
    pub(crate) fn expects_header(&self) -> bool {
        self.part == Part::Header && self.header_filled == 0 && !self.header_digest
    }

    /// Returns where the next bytes of a header or trailer go.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        match self.part {
            Part::Header => {
                let end = self.header_length();
                &mut self.header[self.header_filled..end]
            }
            Part::Trailer => &mut self.trailer[self.trailer_filled..self.trailer_length],
            Part::Data { .. } => &mut [],
        }
    }

    /// How long the header is, as far as its bytes have told.
    fn header_length(&self) -> usize {
        if self.header_filled < HEADER_LENGTH {
            return HEADER_LENGTH;
        }
        let digest = if self.header_digest { DIGEST_LENGTH } else { 0 };
        HEADER_LENGTH + self.header().ahs_length() + digest
    }

    /// Takes note of `count` bytes that were put into [`Receiver::space`] of a header.
    pub(crate) fn header_received(&mut self, count: usize) -> Progress {
        self.header_filled += count;
        let end = self.header_length();
        if self.header_filled < end {
            return Progress::Partial;
        }
        if self.header_digest {
            let covered = end - DIGEST_LENGTH;
            if digest(&self.header[..covered]) != self.header[covered..end] {
                return Progress::BadHeaderDigest;
            }
        }
        Progress::Header
    }

    /// Goes from a header to its data.
    pub(crate) fn begin_data(&mut self) {
        let length = self.header().data_length();
        let digest = if self.data_digest && length > 0 {
            DIGEST_LENGTH
        } else {
            0
        };
        self.trailer_filled = 0;
        self.trailer_length = padding(length) + digest;
        self.part = Part::Data { filled: 0, length };
    }

    /// Takes note of the next `count` bytes of the data segment, which are `bytes` if anybody cares.
    pub(crate) fn data_received(&mut self, bytes: &[u8], count: usize) {
        if self.data_digest {
            self.running.update(bytes);
        }
        if let Part::Data { filled, .. } = &mut self.part {
            *filled += count;
        }
    }

    /// Takes note of `count` bytes that were put into [`Receiver::space`] of a trailer.
    pub(crate) fn trailer_received(&mut self, count: usize) {
        self.trailer_filled += count;
    }

    /// Returns, when the PDU is complete, whether its data is good, and goes on to the next.
    pub(crate) fn finish(&mut self) -> Option<DataDigest> {
        if let Part::Data { filled, length } = self.part {
            if filled < length {
                return None;
            }
            self.part = Part::Trailer;
        }
        if self.part != Part::Trailer || self.trailer_filled < self.trailer_length {
            return None;
        }
        let verdict = self.check_data_digest();
        self.part = Part::Header;
        self.header_filled = 0;
        Some(verdict)
    }

    fn check_data_digest(&mut self) -> DataDigest {
        if !self.data_digest || self.header().data_length() == 0 {
            return DataDigest::Good;
        }
        let padding = padding(self.header().data_length());
        // The padding is covered whatever its value (RFC 7143 §13.1).
        self.running.update(&self.trailer[..padding]);
        if self.running.finish() == self.trailer[padding..self.trailer_length] {
            DataDigest::Good
        } else {
            DataDigest::Bad
        }
    }
}

/// Whether a data segment is what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataDigest {
    /// It is, or there is no digest.
    Good,
    /// It is not.
    Bad,
}

/// A header with the longest additional segments and its digest.
const HEADER_SPACE: usize = HEADER_LENGTH + AHS_LENGTH_MAX + DIGEST_LENGTH;

/// The longest padding and a digest.
const TRAILER_SPACE: usize = 3 + DIGEST_LENGTH;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Opcode;

    fn feed(receiver: &mut Receiver, bytes: &[u8]) -> Progress {
        let space = receiver.space();
        space[..bytes.len()].copy_from_slice(bytes);
        receiver.header_received(bytes.len())
    }

    #[test]
    fn a_pdu_with_both_digests_and_padding() {
        let mut header = [0; HEADER_LENGTH];
        header[0] = Opcode::NopOut as u8;
        header[7] = 5; // five bytes of data, three of padding
        let mut receiver = Receiver::new();
        receiver.set_digests(true, true);
        assert_eq!(feed(&mut receiver, &header), Progress::Partial);
        assert_eq!(feed(&mut receiver, &digest(&header)), Progress::Header);
        receiver.begin_data();
        receiver.data_received(b"hel", 3);
        assert_eq!(receiver.finish(), None);
        receiver.data_received(b"lo", 2);
        assert_eq!(receiver.finish(), None, "the trailer is missing");
        let mut trailer = vec![0; 3];
        trailer.extend(digest(b"hello\0\0\0"));
        receiver.space().copy_from_slice(&trailer);
        receiver.trailer_received(7);
        assert_eq!(receiver.finish(), Some(DataDigest::Good));
        assert_eq!(receiver.part(), Part::Header);
    }

    #[test]
    fn digests_that_do_not_match_are_seen() {
        let mut header = [0; HEADER_LENGTH];
        header[7] = 4;
        let mut receiver = Receiver::new();
        receiver.set_digests(true, false);
        feed(&mut receiver, &header);
        assert_eq!(
            feed(&mut receiver, &[1, 2, 3, 4]),
            Progress::BadHeaderDigest
        );

        let mut receiver = Receiver::new();
        receiver.set_digests(false, true);
        assert_eq!(feed(&mut receiver, &header), Progress::Header);
        receiver.begin_data();
        receiver.data_received(&[1, 2, 3, 4], 4);
        assert_eq!(receiver.finish(), None);
        receiver.space().fill(0);
        receiver.trailer_received(4);
        assert_eq!(receiver.finish(), Some(DataDigest::Bad));
    }

    #[test]
    fn additional_headers_belong_to_the_header() {
        let mut header = [0; HEADER_LENGTH];
        header[4] = 2;
        let mut receiver = Receiver::new();
        assert_eq!(feed(&mut receiver, &header), Progress::Partial);
        assert_eq!(receiver.space().len(), 8);
        assert_eq!(feed(&mut receiver, &[7; 8]), Progress::Header);
        assert_eq!(receiver.additional(), [7; 8]);
    }
}
