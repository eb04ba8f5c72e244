//! Plain files as a tape.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tape_formats::manifest::{MANIFEST_BYTES_MAX, MANIFEST_NAME, Manifest};
use tape_formats::{Block, Error, Item, TapeReader};

use super::read_small;

/// Reads plain files, one after another.
#[derive(Debug)]
pub struct FilesReader {
    files: VecDeque<Pending>,
    current: Option<Current>,
    bytes_read: u64,
    has_ended: bool,
}

#[derive(Debug)]
struct Pending {
    path: PathBuf,
    cut: Cut,
    has_filemark: bool,
}

/// How a file is cut into blocks.
#[derive(Debug)]
enum Cut {
    /// Into blocks of this length; the last one may be shorter.
    Equal(u32),
    /// Runs of blocks, as a manifest has them.
    Runs(VecDeque<(u32, u64)>),
}

#[derive(Debug)]
struct Current {
    file: BufReader<File>,
    offset: u64,
    of: Pending,
}

impl FilesReader {
    /// Returns a reader that cuts files into blocks of `block_bytes`, with a filemark after each file.
    pub fn cut(paths: &[PathBuf], block_bytes: u32) -> Self {
        let files = paths.iter().map(|path| Pending {
            path: path.clone(),
            cut: Cut::Equal(block_bytes.max(1)),
            has_filemark: true,
        });
        Self::new(files.collect())
    }

    /// Opens files with a manifest.
    pub fn open(directory: &Path) -> anyhow::Result<(Self, Manifest)> {
        let path = directory.join(MANIFEST_NAME);
        let text = read_small(&path, MANIFEST_BYTES_MAX)?;
        let manifest = Manifest::parse(&text).with_context(|| path.display().to_string())?;
        let files = manifest.files.iter().map(|file| Pending {
            path: directory.join(&file.name),
            cut: Cut::Runs(file.blocks.iter().copied().collect()),
            has_filemark: file.filemark,
        });
        Ok((Self::new(files.collect()), manifest))
    }

    fn new(files: VecDeque<Pending>) -> Self {
        Self {
            files,
            current: None,
            bytes_read: 0,
            has_ended: false,
        }
    }
}

impl Current {
    fn open(of: Pending) -> Result<Self, Error> {
        let file = File::open(&of.path).map_err(|source| Error::Io {
            file: of.path.display().to_string(),
            offset: 0,
            source,
        })?;
        Ok(Self {
            file: BufReader::with_capacity(super::BUFFER_BYTES, file),
            offset: 0,
            of,
        })
    }

    fn next_block(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let (wanted, may_be_short) = match &mut self.of.cut {
            Cut::Equal(length) => (*length, true),
            Cut::Runs(runs) => match runs.front_mut() {
                Some((length, count)) => {
                    let length = *length;
                    *count -= 1; // a manifest has no runs of none
                    if *count == 0 {
                        runs.pop_front();
                    }
                    (length, false)
                }
                None => return self.check_end(),
            },
        };
        let mut bytes = Vec::new();
        let read = self
            .file
            .by_ref()
            .take(wanted.into())
            .read_to_end(&mut bytes);
        read.map_err(|source| self.io(source))?;
        if bytes.len() < wanted as usize && !may_be_short {
            return Err(Error::Truncated {
                file: self.of.path.display().to_string(),
                offset: self.offset,
                what: "a block",
            });
        }
        self.offset += bytes.len() as u64;
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// After the last block of the manifest the file must end.
    fn check_end(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut byte = [0];
        match self.file.read(&mut byte) {
            Ok(0) => Ok(None),
            Ok(_) => Err(Error::Damaged {
                file: self.of.path.display().to_string(),
                offset: self.offset,
                reason: "the file goes on, and the manifest has no more blocks".to_owned(),
            }),
            Err(source) => Err(self.io(source)),
        }
    }

    fn io(&self, source: std::io::Error) -> Error {
        Error::Io {
            file: self.of.path.display().to_string(),
            offset: self.offset,
            source,
        }
    }
}

impl TapeReader for FilesReader {
    fn read_item(&mut self) -> Result<Option<Item>, Error> {
        loop {
            if self.current.is_none() {
                let Some(pending) = self.files.pop_front() else {
                    return Ok(None);
                };
                self.current = Some(Current::open(pending)?);
            }
            let Some(current) = &mut self.current else {
                continue;
            };
            if let Some(bytes) = current.next_block()? {
                self.bytes_read += bytes.len() as u64;
                return Ok(Some(Item::Block(Block::plain(bytes))));
            }
            let has_filemark = current.of.has_filemark;
            self.current = None;
            if has_filemark {
                return Ok(Some(Item::Filemark));
            }
        }
    }

    fn has_ended(&mut self) -> &mut bool {
        &mut self.has_ended
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}
