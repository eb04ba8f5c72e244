//! One direction of a TCP connection: bytes arrive in order, late, and in other pieces than they were
//! sent.

use std::collections::VecDeque;
use std::time::Duration;

use super::random::Random;

pub(super) struct Pipe {
    pieces: VecDeque<(Duration, Vec<u8>)>,
    /// How many bytes are on their way.
    length: usize,
    /// How many may be: what socket buffers hold.
    capacity: usize,
    last: Duration,
}

impl Pipe {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            pieces: VecDeque::new(),
            length: 0,
            capacity: random.one_of(&[4096, 65_536, 1 << 20]),
            last: Duration::ZERO,
        }
    }

    /// Returns how many bytes the sender may write.
    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.length)
    }

    /// Takes bytes; returns when their pieces arrive.
    pub(super) fn send(
        &mut self,
        mut bytes: &[u8],
        now: Duration,
        random: &mut Random,
    ) -> Vec<Duration> {
        let mut arrivals = Vec::new();
        while !bytes.is_empty() {
            let most = random.one_of(&[60, 1500, 1500, 65_536]);
            let size = (1 + random.below(most) as usize).min(bytes.len());
            let delay = if random.in_thousand(2) {
                random.micros(500_000, 7_000_000) // a stall
            } else {
                random.micros(10, 3000)
            };
            self.last = self.last.max(now + delay);
            self.pieces.push_back((self.last, bytes[..size].to_vec()));
            self.length += size;
            arrivals.push(self.last);
            bytes = &bytes[size..];
        }
        arrivals
    }

    /// Returns all that has arrived by now.
    pub(super) fn receive(&mut self, now: Duration) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.pieces.front().is_some_and(|(at, _)| *at <= now) {
            let (_, piece) = self.pieces.pop_front().unwrap();
            bytes.extend(piece);
        }
        self.length -= bytes.len();
        bytes
    }

    /// Returns when the last piece arrives.
    pub(super) fn last_arrival(&self) -> Duration {
        self.last
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Loses everything that is on its way.
    pub(super) fn cut(&mut self) {
        self.pieces.clear();
        self.length = 0;
    }
}
