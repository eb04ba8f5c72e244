//! What the machine allows: an exchange over loopback of the same sizes as a tape command.
//!
//! A write is a request of 48 bytes and the block, answered with 48 bytes; a read is the reverse.
//! One is under way at a time, as with a tape. Nothing is stored or compressed, so no iSCSI target
//! can be faster.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// The length of an iSCSI basic header segment.
const HEADER: usize = 48;

/// Which way the block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the initiator.
    Write,
    /// To the initiator.
    Read,
}

/// Exchanges `count` blocks of `block_bytes` and returns how long it took.
pub(crate) fn exchange(way: Way, block_bytes: usize, count: u64) -> Result<Duration> {
    let (request, answer) = match way {
        Way::Write => (HEADER + block_bytes, HEADER),
        Way::Read => (HEADER, HEADER + block_bytes),
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> Result<()> {
        let (stream, _) = listener.accept()?;
        turns(&stream, count, request, answer, Turn::Answers)
    });
    let stream = TcpStream::connect(address)?;
    let start = Instant::now();
    turns(&stream, count, answer, request, Turn::Asks)?;
    let elapsed = start.elapsed();
    server
        .join()
        .map_err(|_| anyhow::anyhow!("the exchange's server panicked"))??;
    Ok(elapsed)
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
) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut inward = vec![0; receive];
    let outward = vec![0x5a; send];
    for _ in 0..count {
        if turn == Turn::Asks {
            stream.write_all(&outward)?;
        }
        stream.read_exact(&mut inward)?;
        if turn == Turn::Answers {
            stream.write_all(&outward)?;
        }
    }
    Ok(())
}
