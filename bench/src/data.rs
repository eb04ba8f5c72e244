//! The blocks that are written, and whether what comes back is the same.
//!
//! Blocks are pieces of a pool that is larger than the processor's caches, each from a place of its
//! own: nobody gets by with having seen the last one, and a block in another's place shows.

use std::io::Read as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use crate::cell::Data;

/// What there is to write.
#[derive(Clone)]
pub(crate) struct Pool {
    bytes: Bytes,
}

/// Successive blocks lie so much further apart than they are long.
const GAP_BYTES: u64 = 4096;

/// Where blocks begin in the pool.
const ALIGNMENT_BYTES: u64 = 512;

impl Pool {
    /// Returns a pool of `length` bytes.
    pub(crate) fn new(data: Data, length: usize) -> Result<Self> {
        let mut bytes = vec![0; length];
        match data {
            Data::Incompressible => {
                for chunk in bytes.chunks_mut(1 << 20) {
                    getrandom::fill(chunk)?;
                }
            }
            Data::Text => {
                let archive = archive(length)?;
                for chunk in bytes.chunks_mut(archive.len()) {
                    chunk.copy_from_slice(&archive[..chunk.len()]);
                }
            }
            Data::Zeros => {}
        }
        Ok(Self {
            bytes: bytes.into(),
        })
    }

    /// Returns all of it.
    pub(crate) fn all(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns block `number` of blocks that are `length` bytes long, at most as long as the pool.
    pub(crate) fn block(&self, number: u64, length: usize) -> Bytes {
        let places = (self.bytes.len() - length) as u64 / ALIGNMENT_BYTES + 1;
        let step = (length as u64 + GAP_BYTES) / ALIGNMENT_BYTES;
        let place = (number * step) % places * ALIGNMENT_BYTES;
        let start = usize::try_from(place).expect("a place in a buffer");
        self.bytes.slice(start..start + length)
    }
}

/// Returns what a tar of /usr/share begins with, at most `length` bytes of it.
fn archive(length: usize) -> Result<Vec<u8>> {
    let mut tar = Command::new("tar")
        .args(["--sort=name", "-cf", "-", "-C", "/usr", "share"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("tar: cannot start")?;
    let mut bytes = Vec::new();
    let output = tar.stdout.take().context("tar: no output")?;
    output.take(length as u64).read_to_end(&mut bytes)?;
    // It has more to say than we want to hear.
    let _ = tar.kill();
    tar.wait()?;
    ensure!(!bytes.is_empty(), "tar: /usr/share is empty");
    Ok(bytes)
}

/// Looks at what is read back: at both ends of each block at once, and at all of every
/// [`KEPT_EVERY`]th when the clock has stopped.
pub(crate) struct Verifier<E> {
    expected: E,
    next: u64,
    kept: Vec<(u64, Vec<u8>)>,
}

/// How many blocks there are for each that is compared as a whole.
const KEPT_EVERY: u64 = 16;

/// How much of each end is compared at once.
const END_BYTES: usize = 64;

impl<E: Fn(u64) -> Bytes> Verifier<E> {
    /// Returns one for blocks of which `expected` tells what they are, from number 0 on.
    pub(crate) fn new(expected: E) -> Self {
        Self {
            expected,
            next: 0,
            kept: Vec::new(),
        }
    }

    /// Takes the next block, and returns its buffer unless it is kept.
    pub(crate) fn take(&mut self, data: Vec<u8>) -> Result<Option<Vec<u8>>> {
        let number = self.next;
        self.next += 1;
        let expected = (self.expected)(number);
        let end = expected.len().saturating_sub(END_BYTES);
        let begin = expected.len().min(END_BYTES);
        let same = data.len() == expected.len()
            && data[..begin] == expected[..begin]
            && data[end..] == expected[end..];
        ensure!(same, "block {number} is not the one that was written");
        if number.is_multiple_of(KEPT_EVERY) {
            self.kept.push((number, data));
            return Ok(None);
        }
        Ok(Some(data))
    }

    /// Compares what was kept.
    pub(crate) fn finish(self) -> Result<()> {
        for (number, data) in &self.kept {
            ensure!(
                *data == (self.expected)(*number),
                "block {number} is not the one that was written"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_differ_and_pools_are_what_they_are_called() {
        let pool = Pool::new(Data::Incompressible, 1 << 20).unwrap();
        assert_eq!(pool.block(3, 10_240), pool.block(3, 10_240));
        let mut seen = std::collections::BTreeSet::new();
        assert!((0..64).all(|number| seen.insert(pool.block(number, 10_240))));
        assert_eq!(pool.block(7, 1 << 20).len(), 1 << 20, "all of it");
        let text = Pool::new(Data::Text, 300_000).unwrap();
        let zeros = Pool::new(Data::Zeros, 4096).unwrap();
        assert!(text.all().iter().any(|&byte| byte != 0));
        assert!(zeros.all().iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_block_that_changed_is_found() {
        let pool = Pool::new(Data::Incompressible, 1 << 20).unwrap();
        let expected = |number| pool.block(number, 4096);
        for at in [0, 2000, 4095] {
            let mut verifier = Verifier::new(&expected);
            let mut data = expected(0).to_vec();
            data[at] ^= 1;
            let found = verifier.take(data).is_err();
            assert_eq!(found, at != 2000, "in the middle the clock stops first");
            assert_eq!(verifier.finish().is_err(), at == 2000);
        }
        let mut verifier = Verifier::new(&expected);
        assert!(verifier.take(expected(0).to_vec()).unwrap().is_none());
        assert!(verifier.take(expected(1).to_vec()).unwrap().is_some());
        assert!(verifier.take(expected(1).to_vec()).is_err(), "out of turn");
        verifier.finish().unwrap();
    }
}
