//! What a drive needs of the cartridge in it.
//!
//! The library's drives get a [`Cartridge`] and nothing else. The trait is for who wants to know what
//! the way to the cartridge costs without one: the benchmark's null cartridge, which cannot be had
//! from the gateway's own code.

use bytes::Bytes;
use cartridge::{
    Appended, Cartridge, Codec, Decryption, Encryption, Error, Label, Located, Memory, MemoryState,
    NextBlock, Position, Read, Spaced, Usage, Work,
};

/// A cartridge as its drive sees it. [`Cartridge`]'s methods of the same names say what each has to
/// do, and what is durable when.
#[allow(missing_docs)] // one place says it
pub trait Volume: Send {
    fn label(&self) -> &Label;
    fn memory(&self) -> &Memory;
    fn memory_state(&self) -> &MemoryState;
    fn set_memory(&mut self, memory: Memory) -> Result<(), Error>;
    fn work(&self) -> Work;
    fn position(&self) -> Position;
    fn end_of_data(&self) -> Position;
    fn usage(&self) -> Usage;
    fn settle_usage(&mut self, stored_bytes: u64);
    fn settles_at_once(&self, _length: usize, _stored_bytes: u64) -> bool {
        true
    }
    fn partitions(&self) -> u8;
    fn usage_of(&self, partition: u8) -> Option<Usage>;
    fn set_codec(&mut self, codec: Codec);
    fn set_encryption(&mut self, encryption: Option<Encryption>) -> Result<(), Error>;
    fn set_decryption(&mut self, decryption: Decryption);
    fn holds_encrypted_blocks(&self) -> bool;

    fn is_ready_for(&self, length: usize) -> bool;
    fn append_block(&mut self, block: Bytes) -> Result<Appended, Error>;
    fn append_filemarks(&mut self, count: u32) -> Result<Appended, Error>;
    fn synchronize(&mut self) -> Result<(), Error>;
    fn undo_doubtful(&mut self) -> Result<(), Error>;
    fn erase(&mut self) -> Result<(), Error>;
    fn format(&mut self, partition_bytes: &[u64]) -> Result<(), Error>;
    fn set_capacity(&mut self, capacity_bytes: u64) -> Result<(), Error>;

    fn is_ready_to_read(&mut self) -> bool;
    fn read_block(&mut self) -> Result<Read, Error>;
    fn next_block(&mut self) -> Result<NextBlock, Error>;
    fn use_idle_time(&mut self) {}

    fn change_partition(&mut self, partition: u8) -> Result<(), Error>;
    fn rewind(&mut self) -> Result<(), Error>;
    fn locate_block(&mut self, object: u64) -> Result<Located, Error>;
    fn locate_filemark(&mut self, file: u64) -> Result<Located, Error>;
    fn space_blocks(&mut self, count: i64) -> Result<Spaced, Error>;
    fn space_filemarks(&mut self, count: i64) -> Result<Spaced, Error>;
    fn space_end_of_data(&mut self) -> Result<(), Error>;

    fn unload(self: Box<Self>) -> Result<(), Error>;
}

/// Passes everything on.
impl Volume for Cartridge {
    fn label(&self) -> &Label {
        Cartridge::label(self)
    }

    fn memory(&self) -> &Memory {
        Cartridge::memory(self)
    }

    fn memory_state(&self) -> &MemoryState {
        Cartridge::memory_state(self)
    }

    fn set_memory(&mut self, memory: Memory) -> Result<(), Error> {
        Cartridge::set_memory(self, memory)
    }

    fn work(&self) -> Work {
        Cartridge::work(self)
    }

    fn position(&self) -> Position {
        Cartridge::position(self)
    }

    fn end_of_data(&self) -> Position {
        Cartridge::end_of_data(self)
    }

    fn usage(&self) -> Usage {
        Cartridge::usage(self)
    }

    fn settle_usage(&mut self, stored_bytes: u64) {
        Cartridge::settle_usage(self, stored_bytes);
    }

    fn settles_at_once(&self, length: usize, stored_bytes: u64) -> bool {
        Cartridge::settles_at_once(self, length, stored_bytes)
    }

    fn partitions(&self) -> u8 {
        Cartridge::partitions(self)
    }

    fn usage_of(&self, partition: u8) -> Option<Usage> {
        Cartridge::usage_of(self, partition)
    }

    fn set_codec(&mut self, codec: Codec) {
        Cartridge::set_codec(self, codec);
    }

    fn set_encryption(&mut self, encryption: Option<Encryption>) -> Result<(), Error> {
        Cartridge::set_encryption(self, encryption)
    }

    fn set_decryption(&mut self, decryption: Decryption) {
        Cartridge::set_decryption(self, decryption);
    }

    fn holds_encrypted_blocks(&self) -> bool {
        Cartridge::holds_encrypted_blocks(self)
    }

    fn next_block(&mut self) -> Result<NextBlock, Error> {
        Cartridge::next_block(self)
    }

    fn is_ready_for(&self, length: usize) -> bool {
        Cartridge::is_ready_for(self, length)
    }

    fn append_block(&mut self, block: Bytes) -> Result<Appended, Error> {
        Cartridge::append_block(self, block)
    }

    fn append_filemarks(&mut self, count: u32) -> Result<Appended, Error> {
        Cartridge::append_filemarks(self, count)
    }

    fn is_ready_to_read(&mut self) -> bool {
        Cartridge::is_ready_to_read(self)
    }

    fn use_idle_time(&mut self) {
        Cartridge::use_idle_time(self);
    }

    fn synchronize(&mut self) -> Result<(), Error> {
        Cartridge::synchronize(self)
    }

    fn undo_doubtful(&mut self) -> Result<(), Error> {
        Cartridge::undo_doubtful(self)
    }

    fn erase(&mut self) -> Result<(), Error> {
        Cartridge::erase(self)
    }

    fn format(&mut self, partition_bytes: &[u64]) -> Result<(), Error> {
        Cartridge::format(self, partition_bytes)
    }

    fn set_capacity(&mut self, capacity_bytes: u64) -> Result<(), Error> {
        Cartridge::set_capacity(self, capacity_bytes)
    }

    fn read_block(&mut self) -> Result<Read, Error> {
        Cartridge::read_block(self)
    }

    fn change_partition(&mut self, partition: u8) -> Result<(), Error> {
        Cartridge::change_partition(self, partition)
    }

    fn rewind(&mut self) -> Result<(), Error> {
        Cartridge::rewind(self)
    }

    fn locate_block(&mut self, object: u64) -> Result<Located, Error> {
        Cartridge::locate_block(self, object)
    }

    fn locate_filemark(&mut self, file: u64) -> Result<Located, Error> {
        Cartridge::locate_filemark(self, file)
    }

    fn space_blocks(&mut self, count: i64) -> Result<Spaced, Error> {
        Cartridge::space_blocks(self, count)
    }

    fn space_filemarks(&mut self, count: i64) -> Result<Spaced, Error> {
        Cartridge::space_filemarks(self, count)
    }

    fn space_end_of_data(&mut self) -> Result<(), Error> {
        Cartridge::space_end_of_data(self)
    }

    fn unload(self: Box<Self>) -> Result<(), Error> {
        Cartridge::unload(*self)
    }
}
