//! What the machine allows: its network and its page cache, each alone.
//!
//! - The exchange, over loopback, in the sizes of a tape command. A write is a request of 48 bytes and
//!   the block, answered with 48 bytes; a read is the reverse; a command without data is 48 bytes both
//!   ways. One is under way at a time, as with a tape. Nothing is stored or compressed, so no iSCSI
//!   target can be faster.
//! - The page cache: a new file is written and read back, one system call for each block, without
//!   any network.

use std::fs::File;
use std::io::{Read, Seek as _, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::Result;
use serde::Serialize;

use crate::cpus::Cpus;
use crate::laps::{Clock, Laps, Timing};

/// The length of an iSCSI basic header segment.
const HEADER: usize = 48;

/// Which way the block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// From the initiator.
    Write,
    /// To the initiator.
    Read,
}

impl Way {
    /// In the order of the report.
    pub(crate) const ALL: [Self; 2] = [Self::Write, Self::Read];
}

/// A connection over loopback with somebody who answers.
pub(crate) struct Exchange {
    stream: TcpStream,
    inward: Vec<u8>,
    outward: Vec<u8>,
    block_bytes: usize,
    server: Option<JoinHandle<()>>,
}

impl Exchange {
    /// Returns an exchange of blocks of `block_bytes`, 0 for commands without data, between this thread
    /// and one that is where targets are.
    pub(crate) fn start(way: Way, block_bytes: usize, cpus: &Cpus) -> Result<Self> {
        let (request, answer) = match way {
            Way::Write => (HEADER + block_bytes, HEADER),
            Way::Read => (HEADER, HEADER + block_bytes),
        };
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let (other, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        other.set_nodelay(true)?;
        let server = cpus.spawn_apart(move || answer_all(&other, request, answer))?;
        Ok(Self {
            stream,
            inward: vec![0; answer],
            outward: vec![0x5a; request],
            block_bytes,
            server: Some(server),
        })
    }

    /// Asks once and waits for the answer.
    pub(crate) fn turn(&mut self) -> Result<()> {
        self.stream.write_all(&self.outward)?;
        self.stream.read_exact(&mut self.inward)?;
        Ok(())
    }

    /// Exchanges `count` blocks.
    pub(crate) fn turns(&mut self, count: u64, laps: &mut Laps<'_>) -> Result<()> {
        for _ in 0..count {
            self.turn()?;
            laps.moved(self.block_bytes);
        }
        Ok(())
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
fn answer_all(mut stream: &TcpStream, request: usize, answer: usize) {
    let mut inward = vec![0; request];
    let outward = vec![0x5a; answer];
    loop {
        let turn = stream
            .read_exact(&mut inward)
            .and_then(|()| stream.write_all(&outward));
        if turn.is_err() {
            return; // the other side is gone
        }
    }
}

/// Writes `count` times `block` to a new file in `directory` and reads it back.
pub(crate) fn page_cache(directory: &Path, block: &[u8], count: u64) -> Result<[Timing; 2]> {
    let mut file: File = tempfile::tempfile_in(directory)?;
    let mut write = Clock::new(1);
    write.time(|laps| {
        for _ in 0..count {
            file.write_all(block)?;
            laps.moved(block.len());
        }
        Ok(())
    })?;
    file.rewind()?;
    let mut inward = vec![0; block.len()];
    let mut read = Clock::new(1);
    read.time(|laps| {
        for _ in 0..count {
            file.read_exact(&mut inward)?;
            laps.moved(block.len());
        }
        Ok(())
    })?;
    Ok([write.stop(), read.stop()])
}
