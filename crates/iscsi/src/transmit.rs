//! The queue of PDUs on their way out.
//!
//! A PDU is a header in place, a slice of somebody's data, and padding with digest in place. The
//! caller writes the pieces with one vectored write; payloads are never copied.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::wire::{DIGEST_LENGTH, HEADER_LENGTH, Header, RunningDigest, digest, padding};

/// How many slices [`Transmitter::slices`] gives at most: well under every system's IOV_MAX.
pub(crate) const SLICES_MAX: usize = 96;

/// One PDU.
#[derive(Debug)]
struct Segment {
    header: [u8; HEADER_LENGTH + DIGEST_LENGTH],
    header_length: usize,
    payload: Bytes,
    trailer: [u8; 3 + DIGEST_LENGTH],
    trailer_length: usize,
    /// What it keeps in memory, unless that is somebody else's.
    own: usize,
    /// What is free when it has gone, see [`Transmitter::release_with_last`].
    release: u64,
}

impl Segment {
    fn parts(&self) -> [&[u8]; 3] {
        [
            &self.header[..self.header_length],
            &self.payload,
            &self.trailer[..self.trailer_length],
        ]
    }

    fn length(&self) -> usize {
        self.header_length + self.payload.len() + self.trailer_length
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Transmitter {
    queue: VecDeque<Segment>,
    /// How many bytes of the first segment are sent.
    sent: usize,
    /// How many bytes wait, those of the first segment included.
    queued: usize,
    /// The sum of [`Segment::own`].
    own: usize,
    /// The sum of [`Segment::release`].
    releasing: u64,
    /// What was promised to be free by now.
    released: u64,
    header_digest: bool,
    data_digest: bool,
    running: RunningDigest,
}

impl Transmitter {
    pub(crate) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            sent: 0,
            queued: 0,
            own: 0,
            releasing: 0,
            released: 0,
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

    /// Queues a PDU whose payload is its own.
    pub(crate) fn push(&mut self, header: Header, payload: Bytes) {
        let own = payload.len();
        self.enqueue(header, payload, own);
    }

    /// Queues a PDU whose payload is a part of something that is accounted for already.
    pub(crate) fn push_slice(&mut self, header: Header, payload: Bytes) {
        self.enqueue(header, payload, 0);
    }

    /// Lets `bytes` of memory count as free when everything that is queued now has gone.
    pub(crate) fn release_with_last(&mut self, bytes: u64) {
        match self.queue.back_mut() {
            Some(last) => {
                last.release += bytes;
                self.releasing += bytes;
            }
            None => self.released += bytes,
        }
    }

    /// Returns, once, how much memory is free because of what has gone.
    pub(crate) fn take_released(&mut self) -> u64 {
        std::mem::take(&mut self.released)
    }

    /// Returns whether memory will be free when something of the queue has gone.
    pub(crate) fn releases(&self) -> bool {
        self.releasing > 0
    }

    /// Returns how much memory the queue keeps that is its own.
    pub(crate) fn own_bytes(&self) -> usize {
        self.own
    }

    fn enqueue(&mut self, mut header: Header, payload: Bytes, own: usize) {
        header.set_data_length(payload.len());
        let mut segment = Segment {
            header: [0; HEADER_LENGTH + DIGEST_LENGTH],
            header_length: 0,
            payload,
            trailer: [0; 3 + DIGEST_LENGTH],
            trailer_length: 0,
            own: size_of::<Segment>() + own,
            release: 0,
        };
        segment.header[..HEADER_LENGTH].copy_from_slice(&header.0);
        let mut header_length = HEADER_LENGTH;
        if self.header_digest {
            segment.header[HEADER_LENGTH..].copy_from_slice(&digest(&header.0));
            header_length += DIGEST_LENGTH;
        }
        let mut trailer_length = padding(segment.payload.len());
        if self.data_digest && !segment.payload.is_empty() {
            self.running.update(&segment.payload);
            self.running.update(&segment.trailer[..trailer_length]);
            segment.trailer[trailer_length..][..DIGEST_LENGTH]
                .copy_from_slice(&self.running.finish());
            trailer_length += DIGEST_LENGTH;
        }
        segment.header_length = header_length;
        segment.trailer_length = trailer_length;
        self.queued += segment.length();
        self.own += segment.own;
        self.queue.push_back(segment);
    }

    /// Returns what to send next, at most [`SLICES_MAX`] slices, none empty.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut skip = self.sent;
        self.queue
            .iter()
            .flat_map(Segment::parts)
            .map(move |part| {
                let skipped = skip.min(part.len());
                skip -= skipped;
                &part[skipped..]
            })
            .filter(|part| !part.is_empty())
            .take(SLICES_MAX)
    }

    /// Takes note that `count` bytes are sent.
    ///
    /// # Panics
    /// When that is more than there was.
    pub(crate) fn sent(&mut self, count: usize) {
        assert!(count <= self.queued - self.sent, "sent more than there was");
        self.sent += count;
        while let Some(first) = self.queue.front() {
            let length = first.length();
            if self.sent < length {
                break;
            }
            self.sent -= length;
            self.queued -= length;
            self.own -= first.own;
            self.releasing -= first.release;
            self.released += first.release;
            self.queue.pop_front();
        }
    }

    /// Returns how many PDUs wait.
    pub(crate) fn pdus(&self) -> usize {
        self.queue.len()
    }

    /// Returns how many bytes wait.
    pub(crate) fn bytes(&self) -> usize {
        self.queued - self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Opcode;

    fn text_response() -> Header {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[0] = Opcode::TextResponse as u8;
        Header(bytes)
    }

    fn rest(transmitter: &Transmitter) -> Vec<u8> {
        transmitter.slices().flatten().copied().collect()
    }

    #[test]
    fn header_payload_padding_and_digests_in_order() {
        let mut transmitter = Transmitter::new();
        transmitter.push(text_response(), Bytes::from_static(b"hello"));
        let plain = rest(&transmitter);
        assert_eq!(plain.len(), 48 + 8);
        assert_eq!(plain[5..8], [0, 0, 5], "DataSegmentLength without padding");
        assert_eq!(&plain[48..], b"hello\0\0\0");
        transmitter.sent(plain.len());
        assert_eq!((transmitter.pdus(), transmitter.bytes()), (0, 0));

        transmitter.set_digests(true, true);
        transmitter.push(text_response(), Bytes::from_static(b"hello"));
        let with = rest(&transmitter);
        assert_eq!(with[..48], plain[..48]);
        assert_eq!(with[48..52], digest(&plain[..48]));
        assert_eq!(&with[52..60], b"hello\0\0\0");
        assert_eq!(with[60..], digest(b"hello\0\0\0"));
    }

    #[test]
    fn any_partial_sends_give_the_same_stream() {
        let mut transmitter = Transmitter::new();
        for length in [0, 1, 4, 9] {
            transmitter.push(text_response(), Bytes::from(vec![7; length]));
        }
        let whole = rest(&transmitter);
        let mut got = Vec::new();
        for step in (1..).take_while(|_| true) {
            let now: Vec<u8> = rest(&transmitter).into_iter().take(step % 7 + 1).collect();
            if now.is_empty() {
                break;
            }
            transmitter.sent(now.len());
            got.extend(now);
        }
        assert_eq!(got, whole);
        assert_eq!(transmitter.bytes(), 0);
    }

    #[test]
    fn the_number_of_slices_is_bounded() {
        let mut transmitter = Transmitter::new();
        for _ in 0..1000 {
            transmitter.push(text_response(), Bytes::from_static(b"abc"));
        }
        assert_eq!(transmitter.slices().count(), SLICES_MAX);
    }
}
