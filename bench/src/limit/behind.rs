//! A file that a thread writes behind its caller, past the page cache where the file system allows it.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use super::aligned::{Aligned, PIECE_BYTES};
use super::file::{Caching, create};

/// How many pieces are on their way at most.
const PIECES: usize = 8;

/// The caller's side.
pub(crate) struct Behind {
    current: Aligned,
    filled: usize,
    full: Option<SyncSender<Aligned>>,
    free: Receiver<Aligned>,
    writer: JoinHandle<Result<()>>,
}

impl Behind {
    /// Starts writing a new file at `path`.
    pub(crate) fn start(path: &Path) -> Result<Self> {
        let file = match create(path, Caching::Direct) {
            Ok(file) => file,
            Err(_) => create(path, Caching::Buffered)?,
        };
        let (full, to_write) = sync_channel::<Aligned>(PIECES);
        let (written, free) = sync_channel(PIECES);
        for _ in 1..PIECES {
            written.send(Aligned::new())?;
        }
        let writer = std::thread::spawn(move || {
            use std::io::Write as _;
            let mut file = file;
            for piece in to_write {
                file.write_all(piece.bytes())?;
                // Nobody takes it back at the end.
                let _ = written.send(piece);
            }
            file.sync_data()?;
            Ok(())
        });
        Ok(Self {
            current: Aligned::new(),
            filled: 0,
            full: Some(full),
            free,
            writer,
        })
    }

    /// Returns where the next bytes go; waits while all pieces are on their way.
    pub(crate) fn space(&mut self) -> Result<&mut [u8]> {
        if self.filled == PIECE_BYTES {
            let empty = self.free.recv()?;
            self.hand_over(empty)?;
        }
        Ok(&mut self.current.bytes_mut()[self.filled..])
    }

    /// Takes note that `count` bytes of the space are filled.
    pub(crate) fn filled(&mut self, count: usize) -> Result<()> {
        self.filled += count;
        // A piece that is full goes at once, unless there is nothing to go on with.
        if self.filled == PIECE_BYTES
            && let Ok(empty) = self.free.try_recv()
        {
            self.hand_over(empty)?;
        }
        Ok(())
    }

    fn hand_over(&mut self, empty: Aligned) -> Result<()> {
        let piece = std::mem::replace(&mut self.current, empty);
        self.filled = 0;
        let full = self.full.as_ref().ok_or_else(|| anyhow!("it has ended"))?;
        full.send(piece)?;
        Ok(())
    }

    /// Writes what is left, the last piece as a whole, and waits until all is durable.
    pub(crate) fn finish(mut self) -> Result<()> {
        if self.filled > 0 {
            self.hand_over(Aligned::new())?;
        }
        drop(self.full.take());
        let written = self.writer.join();
        written.map_err(|_| anyhow!("the writer panicked"))?
    }
}
