//! What the machine allows: its network and its page cache, each alone.
//!
//! - The exchange, over loopback, in the sizes of a tape command. A write is a request of 48 bytes and
//!   the block, answered with 48 bytes; a read is the reverse. One is under way at a time, as with a
//!   tape. Nothing is stored or compressed, so no iSCSI target can be faster.
//! - The page cache: a new file is written and read back, one system call for each block, without
//!   any network.

use std::fs::File;
use std::io::{Read, Seek as _, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use anyhow::Result;
use serde::Serialize;

use crate::laps::{Laps, Timing};

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

/// Exchanges `count` blocks of `block_bytes` and returns how long it took.
pub(crate) fn exchange(way: Way, block_bytes: usize, count: u64) -> Result<Timing> {
    let (request, answer) = match way {
        Way::Write => (HEADER + block_bytes, HEADER),
        Way::Read => (HEADER, HEADER + block_bytes),
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> Result<()> {
        let (stream, _) = listener.accept()?;
        turns(&stream, count, request, answer, Turn::Answers)?;
        Ok(())
    });
    let stream = TcpStream::connect(address)?;
    let timing = turns(&stream, count, answer, request, Turn::Asks)?;
    server
        .join()
        .map_err(|_| anyhow::anyhow!("the exchange's server panicked"))??;
    Ok(timing)
}

/// Writes `count` times `block` to a new file in `directory` and reads it back.
pub(crate) fn page_cache(directory: &Path, block: &[u8], count: u64) -> Result<[Timing; 2]> {
    let mut file: File = tempfile::tempfile_in(directory)?;
    let mut laps = Laps::start();
    for _ in 0..count {
        file.write_all(block)?;
        laps.moved(block.len());
    }
    let write = laps.stop();
    file.rewind()?;
    let mut inward = vec![0; block.len()];
    let mut laps = Laps::start();
    for _ in 0..count {
        file.read_exact(&mut inward)?;
        laps.moved(block.len());
    }
    Ok([write, laps.stop()])
}

/// Who begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Asks,
    Answers,
}

fn turns(
    mut stream: &TcpStream,
    count: u64,
    receive: usize,
    send: usize,
    turn: Turn,
) -> Result<Timing> {
    stream.set_nodelay(true)?;
    let mut inward = vec![0; receive];
    let outward = vec![0x5a; send];
    let mut laps = Laps::start();
    for _ in 0..count {
        if turn == Turn::Asks {
            stream.write_all(&outward)?;
        }
        stream.read_exact(&mut inward)?;
        if turn == Turn::Answers {
            stream.write_all(&outward)?;
        }
        laps.moved(receive.max(send) - HEADER);
    }
    Ok(laps.stop())
}
