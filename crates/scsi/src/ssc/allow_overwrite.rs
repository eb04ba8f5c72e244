//! ALLOW OVERWRITE (SSC-5 §5.1): what a drive in append-only mode may overwrite next.

use crate::sense::Sense;
use crate::ssc::read_write::Address;
use crate::task::Cdb;

/// A parsed ALLOW OVERWRITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowOverwrite {
    /// 0h: nothing.
    Disabled,
    /// 1h, "current position": the next command that writes may, if it writes there. The medium has
    /// to stand there now.
    Position(Address),
    /// 2h: the next FORMAT MEDIUM or SET CAPACITY may.
    Format,
}

impl AllowOverwrite {
    /// Parses the CDB. PARTITION and LOGICAL OBJECT IDENTIFIER mean something with 1h alone.
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        match cdb.byte(2) & 0x0f {
            0 => Ok(Self::Disabled),
            1 => Ok(Self::Position(Address {
                partition: cdb.byte(3),
                object: cdb.u64(4),
            })),
            2 => Ok(Self::Format),
            _ => Err(Sense::invalid_field_in_cdb(2).at_bit(3)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_partition_and_an_object() {
        let parse = |what| {
            let cdb = [0x82, 0, what, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0];
            AllowOverwrite::parse(&Cdb::new(&cdb))
        };
        let place = Address {
            partition: 1,
            object: 0x102,
        };
        assert_eq!(parse(0), Ok(AllowOverwrite::Disabled));
        assert_eq!(parse(1), Ok(AllowOverwrite::Position(place)));
        assert_eq!(parse(2), Ok(AllowOverwrite::Format));
        assert_eq!(parse(3), Err(Sense::invalid_field_in_cdb(2).at_bit(3)));
    }
}
