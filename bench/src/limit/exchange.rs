//! What loopback allows, in the sizes of a tape command.
//!
//! A write is a request of 48 bytes and the block, answered with 48 bytes; a read is the reverse; a
//! command without data is 48 bytes both ways. One is under way at a time, as with a tape. Nothing is
//! compressed or checksummed, so no iSCSI target can be faster. With a file behind it, what arrives goes
//! to a thread that writes it; the last answer comes when all of it is durable.

use std::io::{IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use super::behind::Behind;
use crate::cell::Placement;
use crate::cpus::Cpus;

/// The length of an iSCSI basic header segment.
const HEADER: usize = 48;

/// Which way the block goes.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// To the other side.
    Out,
    /// To the other side and on to a new file at this path.
    OutToFile(PathBuf),
    /// From the other side.
    In,
}

/// A connection over loopback with somebody who answers.
pub(crate) struct Exchange {
    stream: TcpStream,
    inward: Vec<u8>,
    server: Option<JoinHandle<Result<()>>>,
}

impl Exchange {
    /// Returns an exchange of blocks of `block_bytes`, 0 for commands without data, between this thread
    /// and one that is where targets are.
    pub(crate) fn start(
        way: Way,
        block_bytes: usize,
        cpus: &Cpus,
        placement: Placement,
    ) -> Result<Self> {
        let answer = match way {
            Way::Out | Way::OutToFile(_) => HEADER,
            Way::In => HEADER + block_bytes,
        };
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let (other, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        other.set_nodelay(true)?;
        let server = cpus.spawn_apart(placement, move || match way {
            Way::Out => answer_all(&other, HEADER + block_bytes, HEADER),
            Way::In => answer_all(&other, HEADER, answer),
            Way::OutToFile(path) => receive_all(&other, block_bytes, Behind::start(&path)?),
        })?;
        Ok(Self {
            stream,
            inward: vec![0; answer],
            server: Some(server),
        })
    }

    /// Sends a header with `block`, which may be empty, and waits for the answer.
    pub(crate) fn turn(&mut self, block: &[u8]) -> Result<()> {
        let header = [0x5a; HEADER];
        let mut slices = [IoSlice::new(&header), IoSlice::new(block)];
        let mut slices = &mut slices[..];
        while slices.iter().any(|slice| !slice.is_empty()) {
            let count = self.stream.write_vectored(slices)?;
            IoSlice::advance_slices(&mut slices, count);
        }
        self.stream.read_exact(&mut self.inward)?;
        Ok(())
    }

    /// Ends it: with a file behind, everything is durable when this returns.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let Some(server) = self.server.take() else {
            return Ok(());
        };
        server.join().map_err(|_| anyhow!("a thread panicked"))?
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// Answers until the other side is gone.
fn answer_all(mut stream: &TcpStream, request: usize, answer: usize) -> Result<()> {
    let mut inward = vec![0; request];
    let outward = vec![0x5a; answer];
    while stream.read_exact(&mut inward).is_ok() {
        stream.write_all(&outward)?;
    }
    Ok(())
}

/// Receives blocks into the buffers of `behind` and answers each until the other side is gone.
fn receive_all(mut stream: &TcpStream, block_bytes: usize, mut behind: Behind) -> Result<()> {
    let mut header = [0; HEADER];
    while stream.read_exact(&mut header).is_ok() {
        let mut left = block_bytes;
        while left > 0 {
            let space = behind.space()?;
            let length = space.len().min(left);
            stream.read_exact(&mut space[..length])?;
            behind.filled(length)?;
            left -= length;
        }
        stream.write_all(&header)?;
    }
    behind.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let cpus = Cpus::new().unwrap();
        let way = Way::OutToFile(path.clone());
        let mut exchange = Exchange::start(way, 10_000, &cpus, Placement::Free).unwrap();
        for byte in 0..=250 {
            exchange.turn(&[byte; 10_000]).unwrap();
        }
        exchange.finish().unwrap();
        let bytes = std::fs::read(path).unwrap();
        assert!(bytes.len() >= 2_510_000, "the last piece is filled up");
        assert!((0..251).all(|byte| bytes[10_000 * byte + 9_999] as usize == byte));
    }

    #[test]
    fn blocks_come_and_empty_commands_go() {
        let cpus = Cpus::new().unwrap();
        for (way, length) in [(Way::In, 4096), (Way::Out, 0)] {
            let mut exchange = Exchange::start(way, length, &cpus, Placement::Apart).unwrap();
            exchange.turn(&[]).unwrap();
            exchange.finish().unwrap();
        }
        cpus.free_this_thread().unwrap();
    }
}
