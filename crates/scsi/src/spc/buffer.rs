//! READ BUFFER and WRITE BUFFER (SPC-5 §6.18, §6.49).
//!
//! What an initiator may do with the buffers of a unit: keep bytes in the data buffer, have bytes
//! echoed, and read the error history. Microcode comes with a release of ours and not over the bus:
//! the modes for it are refused.

use crate::sense::Sense;
use crate::task::Cdb;

/// What READ BUFFER wants (MODE, SPC-5 §6.18.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// 02h: bytes of the data buffer.
    Data,
    /// 03h: what the data buffer is like.
    Descriptor,
    /// 0Ah: what this nexus has written to the echo buffer.
    Echo,
    /// 0Bh: what the echo buffer is like.
    EchoDescriptor,
    /// 1Ch: the error history.
    ErrorHistory,
}

/// A parsed READ BUFFER(10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBuffer {
    /// What.
    pub mode: ReadMode,
    /// BUFFER ID.
    pub buffer_id: u8,
    /// BUFFER OFFSET, 24 bits.
    pub offset: u32,
    /// The most bytes that the initiator takes, 24 bits.
    pub allocation_length: u32,
}

/// What WRITE BUFFER wants (MODE, SPC-5 §6.49.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// 02h: to the data buffer.
    Data,
    /// 0Ah: to the echo buffer.
    Echo,
}

/// A parsed WRITE BUFFER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteBuffer {
    /// What.
    pub mode: WriteMode,
    /// BUFFER ID.
    pub buffer_id: u8,
    /// BUFFER OFFSET, 24 bits.
    pub offset: u32,
    /// PARAMETER LIST LENGTH, 24 bits.
    pub length: u32,
}

/// The most significant bit of MODE in byte 1.
const MODE_BIT: u8 = 4;
/// The most significant bit of MODE SPECIFIC in byte 1, of which no mode of ours has any.
const MODE_SPECIFIC: u8 = 0xe0;

impl ReadBuffer {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let mode = match mode(cdb)? {
            0x02 => ReadMode::Data,
            0x03 => ReadMode::Descriptor,
            0x0a => ReadMode::Echo,
            0x0b => ReadMode::EchoDescriptor,
            0x1c => ReadMode::ErrorHistory,
            _ => return Err(Sense::invalid_field_in_cdb(1).at_bit(MODE_BIT)),
        };
        Ok(Self {
            mode,
            buffer_id: cdb.byte(2),
            offset: cdb.u24(3),
            allocation_length: cdb.u24(6),
        })
    }
}

impl WriteBuffer {
    /// Parses the CDB.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let mode = match mode(cdb)? {
            0x02 => WriteMode::Data,
            0x0a => WriteMode::Echo,
            _ => return Err(Sense::invalid_field_in_cdb(1).at_bit(MODE_BIT)),
        };
        Ok(Self {
            mode,
            buffer_id: cdb.byte(2),
            offset: cdb.u24(3),
            length: cdb.u24(6),
        })
    }
}

fn mode(cdb: &Cdb) -> Result<u8, Sense> {
    let specific = cdb.byte(1) & MODE_SPECIFIC;
    if specific != 0 {
        #[allow(clippy::cast_possible_truncation)] // a byte has eight bits
        return Err(Sense::invalid_field_in_cdb(1).at_bit(specific.ilog2() as u8));
    }
    Ok(cdb.byte(1) & 0x1f)
}

/// Returns what mode 03h tells of a buffer of `capacity` bytes that may be read and written from any
/// byte on (OFFSET BOUNDARY 00h, SPC-5 §6.18.4).
pub fn descriptor(capacity: u32) -> [u8; 4] {
    let [_, high, middle, low] = capacity.to_be_bytes();
    [0, high, middle, low]
}

/// Returns what mode 0Bh tells of an echo buffer of `capacity` bytes, at most 4096. EBOS=1: nobody is
/// given what another nexus has written (SPC-5 §6.18.6).
pub fn echo_descriptor(capacity: u16) -> [u8; 4] {
    const EBOS: u8 = 0x01;
    let [high, low] = capacity.to_be_bytes();
    [EBOS, 0, high, low]
}

/// Returns the error history directory with one buffer of `length` bytes (SPC-5 §6.18.8.2). `vendor`
/// is who says what is in it, in eight characters.
pub fn error_history_directory(vendor: &[u8; 8], buffer_id: u8, length: u32) -> Vec<u8> {
    const HEADER_LENGTH: usize = 32;
    let mut data = vec![0; HEADER_LENGTH];
    data[..8].copy_from_slice(vendor);
    data[31] = 8; // DIRECTORY LENGTH: one entry
    data.extend([buffer_id, 0, 0, 0]); // BUFFER FORMAT 00h: vendor specific
    data.extend(length.to_be_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sg_test_rwbuf_reads_the_descriptor_first() {
        let cdb = Cdb::new(&[0x3c, 0x03, 0, 0, 0, 0, 0, 0, 4, 0]);
        let command = ReadBuffer::parse(&cdb).unwrap();
        assert_eq!(
            (command.mode, command.allocation_length),
            (ReadMode::Descriptor, 4)
        );
        assert_eq!(descriptor(0x01_0203), [0, 1, 2, 3]);
    }

    #[test]
    fn microcode_is_refused_in_every_mode_for_it() {
        for mode in [0x04, 0x05, 0x06, 0x07, 0x0d, 0x0e, 0x0f] {
            let cdb = Cdb::new(&[0x3b, mode, 0, 0, 0, 0, 0, 0, 4, 0]);
            let refused = Sense::invalid_field_in_cdb(1).at_bit(4);
            assert_eq!(WriteBuffer::parse(&cdb), Err(refused));
        }
    }

    #[test]
    fn directory_of_the_error_history() {
        let data = error_history_directory(b"CAPSTAN ", 0x10, 0x0102);
        assert_eq!(&data[..8], b"CAPSTAN ");
        assert_eq!(data[8..30], [0; 22]);
        assert_eq!(data[30..], [0, 8, 0x10, 0, 0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn mode_specific_bits_are_refused() {
        let cdb = Cdb::new(&[0x3c, 0x42, 0, 0, 0, 0, 0, 0, 4, 0]);
        let refused = Sense::invalid_field_in_cdb(1).at_bit(6);
        assert_eq!(ReadBuffer::parse(&cdb), Err(refused));
    }
}
