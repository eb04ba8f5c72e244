//! Reading a tape item by item, into a cartridge or to no end.

use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use cartridge::{Cartridge, Encryption, EncryptionKey, KeyAssociatedData};
use tape_formats::{Block, Item, Key};
use tape_library::room::{Passage, Room};

use super::ImportOptions;
use crate::convert::brake::{Brake, Halt};
use crate::convert::digest::{Digest, Digester};
use crate::convert::progress::Progress;
use crate::convert::read_back::KeyChange;
use crate::convert::source::PartitionSource;

/// How a tape is read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// What is asked for.
    pub options: ImportOptions,
    /// What ends it.
    pub brake: &'a Brake,
    /// For people: its barcode, and the file or directory.
    pub name: &'a str,
    /// The file or directory.
    pub path: &'a str,
}

/// Where it is written.
pub struct Destination<'a> {
    /// The cartridge.
    pub cartridge: &'a mut Cartridge,
    /// The disk that it is on.
    pub room: &'a Room,
}

/// What was read.
pub struct Copied {
    /// What it was.
    pub digest: Digest,
    /// Why it was not everything.
    pub stopped: Option<String>,
    /// What a person should know.
    pub remarks: Vec<String>,
    /// For each partition.
    pub keys: Vec<Vec<KeyChange>>,
    /// How many blocks a host had encrypted.
    pub encrypted_blocks: u64,
}

/// Reads everything, and writes it to `destination` if there is one. Nothing is durable when it returns, but
/// what the cartridge was synchronised for.
pub fn copy(
    partitions: &mut [PartitionSource],
    reading: Reading<'_>,
    mut destination: Option<Destination<'_>>,
) -> anyhow::Result<Copied> {
    let mut digester = Digester::default();
    let mut copied = Copied {
        digest: Digest::default(),
        keys: Vec::new(),
        encrypted_blocks: 0,
        stopped: None,
        remarks: Vec::new(),
    };
    for (number, partition) in (0_u8..).zip(partitions) {
        if let Some(destination) = &mut destination {
            destination.cartridge.change_partition(number)?;
        }
        if number > 0 {
            digester.partition();
        }
        let mut progress = Progress::new(reading.name, "import", partition.file_bytes);
        let mut copy = PartitionCopy {
            options: reading.options,
            destination: destination.as_mut(),
            digester: &mut digester,
            keys: Vec::new(),
            key: None,
            encrypted_blocks: 0,
            objects: 0,
        };
        let stopped = loop {
            reading.brake.check()?;
            match partition.reader.next_item() {
                Ok(Some(item)) => copy.take(item)?,
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
            progress.at(partition.reader.bytes_read());
        };
        copied.encrypted_blocks += copy.encrypted_blocks;
        copied.keys.push(std::mem::take(&mut copy.keys));
        if let Some(destination) = &mut destination {
            destination.cartridge.set_encryption(None)?;
            destination.cartridge.synchronize()?;
        }
        copied.remarks.extend(partition.reader.remarks());
        let Some(error) = stopped else {
            continue;
        };
        // A reader of several files names the one.
        let said = if error.contains(reading.path) {
            error
        } else {
            format!("{}: {error}", reading.path)
        };
        if !reading.options.keep_going && !reading.options.dry_run {
            bail!("{said}\n--keep-going imports what comes before");
        }
        copied.stopped.get_or_insert(said);
    }
    copied.digest = digester.finish();
    Ok(copied)
}

/// Where the items of a partition go.
struct PartitionCopy<'a, 'b> {
    options: ImportOptions,
    destination: Option<&'a mut Destination<'b>>,
    digester: &'a mut Digester,
    keys: Vec<KeyChange>,
    key: Option<Arc<Key>>,
    encrypted_blocks: u64,
    objects: u64,
}

impl PartitionCopy<'_, '_> {
    fn take(&mut self, item: Item) -> anyhow::Result<()> {
        match item {
            Item::Block(block) => self.block(block)?,
            Item::Filemark => {
                self.digester.filemark();
                if let Some(destination) = &mut self.destination {
                    destination.cartridge.append_filemarks(1)?;
                }
            }
        }
        self.objects += 1;
        Ok(())
    }

    fn block(&mut self, block: Block) -> anyhow::Result<()> {
        if block.is_bad && !self.options.keep_going {
            bail!(
                "object {}: a block that was read with an error; --keep-going takes it as it is",
                self.objects
            );
        }
        self.encrypted_blocks += u64::from(block.key.is_some());
        let key = block.key.filter(|_| !self.options.decrypt);
        if key != self.key {
            self.change_key(key)?;
        }
        self.digester.block(&block.bytes);
        if let Some(destination) = &mut self.destination {
            admit(destination.room, block.bytes.len() as u64)?;
            destination
                .cartridge
                .append_block(Bytes::from(block.bytes))
                .with_context(|| format!("object {}", self.objects))?;
        }
        Ok(())
    }

    fn change_key(&mut self, key: Option<Arc<Key>>) -> anyhow::Result<()> {
        let encryption = match &key {
            Some(key) => Some(encryption(key).with_context(|| format!("object {}", self.objects))?),
            None => None,
        };
        self.keys.push(KeyChange {
            object: self.objects,
            key: encryption.as_ref().map(|encryption| encryption.key.clone()),
        });
        if let Some(destination) = &mut self.destination {
            destination.cartridge.set_encryption(encryption)?;
        }
        self.key = key;
        Ok(())
    }
}

/// Refuses to write `bytes` more where drives would be stopped. Nobody is slowed: no host waits for an import, and
/// the mark for that is told when it is done.
pub fn admit(room: &Room, bytes: u64) -> Result<(), Halt> {
    if room.admit(bytes, false) != Passage::Stop {
        return Ok(());
    }
    let (space, _) = room.look();
    let (_, mark_bytes) = room.marks_of(space);
    Err(Halt::NearlyFull {
        directory: room.directory().to_owned(),
        free_bytes: space.free_bytes,
        mark_bytes,
    })
}

fn encryption(key: &Key) -> anyhow::Result<Encryption> {
    let Ok(bytes) = <&[u8; EncryptionKey::BYTES]>::try_from(key.key.as_slice()) else {
        bail!(
            "a key of {} bytes where 32 are usual; --decrypt imports such blocks in clear",
            key.key.len()
        );
    };
    Ok(Encryption {
        key: EncryptionKey::new(bytes),
        data: KeyAssociatedData {
            unauthenticated: key.unauthenticated.clone(),
            authenticated: key.authenticated.clone(),
            ..KeyAssociatedData::default()
        },
        forbid_raw_reading: false,
    })
}
