//! LOCATE(10) and LOCATE(16) (SSC-5 §6.3, §7.4).

use crate::sense::Sense;
use crate::ssc::read_write::invalid_bit;
use crate::task::Cdb;

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Before that logical object; blocks and filemarks count.
    Object(u64),
    /// Before the first object of that logical file, which is behind as many filemarks.
    File(u64),
    /// Behind the last object.
    EndOfData,
}

/// A parsed LOCATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locate {
    /// IMMED: answer before the end of the motion.
    pub immediate: bool,
    /// Where to.
    pub destination: Destination,
    /// CP=1: in that partition; otherwise in the current one.
    pub partition: Option<u8>,
    partition_byte: u16,
}

impl Locate {
    /// Parses LOCATE(10) or LOCATE(16).
    ///
    /// BT=1 says that the address is in a form of the drive's own. Ours is the number of the
    /// logical object, as for BT=0: Linux's st sends BT=1 with what READ POSITION 01h gave it.
    ///
    /// BAM of the sixteen-byte command says in which mode of addressing the next commands come. Ours
    /// tell it by their form, so it changes nothing.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let long = cdb.operation_code() == LOCATE_16;
        let (destination, partition_byte) = if long {
            (destination(cdb)?, 3)
        } else {
            (Destination::Object(u64::from(cdb.u32(3))), 8)
        };
        let partition = cdb.byte(usize::from(partition_byte));
        Ok(Self {
            immediate: cdb.bit(1, 0),
            destination,
            partition: cdb.bit(1, 1).then_some(partition),
            partition_byte,
        })
    }

    /// Returns the sense for a partition that the cartridge does not have.
    pub const fn invalid_partition(&self) -> Sense {
        Sense::invalid_field_in_cdb(self.partition_byte)
    }
}

/// DEST_TYPE, bits 5 to 3 of byte 1, and the identifier (SSC-5 §7.4).
fn destination(cdb: &Cdb) -> Result<Destination, Sense> {
    let identifier = cdb.u64(4);
    match cdb.byte(1) >> 3 & 0x07 {
        0 => Ok(Destination::Object(identifier)),
        1 => Ok(Destination::File(identifier)),
        3 => Ok(Destination::EndOfData),
        _ => Err(invalid_bit(1, 5)),
    }
}

/// LOCATE(16).
const LOCATE_16: u8 = 0x92;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_seeks_with_a_device_specific_address() {
        // LOCATE(10), BT=1, object 0x01020304.
        let locate = Locate::parse(&Cdb::new(&[0x2b, 0x04, 0, 1, 2, 3, 4, 0, 0, 0])).unwrap();
        assert_eq!(locate.destination, Destination::Object(0x0102_0304));
        assert_eq!(locate.partition, None);
    }

    #[test]
    fn destinations_of_the_long_form() {
        let parse = |byte_1| {
            let cdb = [0x92, byte_1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0];
            Locate::parse(&Cdb::new(&cdb))
        };
        assert_eq!(parse(0x00).unwrap().destination, Destination::Object(7));
        assert_eq!(parse(0x08).unwrap().destination, Destination::File(7));
        assert_eq!(parse(0x18).unwrap().destination, Destination::EndOfData);
        assert_eq!(parse(0x02).unwrap().partition, Some(1));
        assert_eq!(parse(0x10).unwrap_err().to_fixed()[15..18], [0xcd, 0, 1]);
        assert_eq!(
            parse(0x02).unwrap().invalid_partition(),
            Sense::invalid_field_in_cdb(3)
        );
    }
}
