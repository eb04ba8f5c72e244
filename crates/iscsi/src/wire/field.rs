//! The fields of a header, and the macro that makes a typed value from a list of them.

use super::header::{Header, Malformed};
use super::serial::SerialNumber;

/// Where a field stands: from which byte, and for parts of a byte under which mask.
#[derive(Clone, Copy)]
pub(super) struct Place {
    offset: usize,
    mask: u8,
}

/// Returns the place of a field of whole bytes.
pub(super) const fn at(offset: usize) -> Place {
    Place { offset, mask: 0xff }
}

/// Returns the place of a field inside byte `offset`.
pub(super) const fn bits(offset: usize, mask: u8) -> Place {
    Place { offset, mask }
}

/// A type that stands in a header.
pub(super) trait Field: Sized {
    /// Reads the value; an error when the bytes mean nothing.
    fn read(header: &Header, place: Place) -> Result<Self, Malformed>;
    /// Writes the value into bytes that are zero so far.
    fn write(&self, header: &mut Header, place: Place);
}

impl Field for bool {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Ok(header.0[place.offset] & place.mask != 0)
    }

    fn write(&self, header: &mut Header, place: Place) {
        header.put_bits(place.offset, place.mask, *self);
    }
}

impl Field for u8 {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Ok((header.0[place.offset] & place.mask) >> place.mask.trailing_zeros())
    }

    fn write(&self, header: &mut Header, place: Place) {
        header.0[place.offset] |= *self << place.mask.trailing_zeros() & place.mask;
    }
}

impl Field for u16 {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Ok(header.u16(place.offset))
    }

    fn write(&self, header: &mut Header, place: Place) {
        header.put_u16(place.offset, *self);
    }
}

impl Field for u32 {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Ok(header.u32(place.offset))
    }

    fn write(&self, header: &mut Header, place: Place) {
        header.put_u32(place.offset, *self);
    }
}

impl Field for SerialNumber {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Ok(header.serial(place.offset))
    }

    fn write(&self, header: &mut Header, place: Place) {
        header.put_serial(place.offset, *self);
    }
}

impl<const N: usize> Field for [u8; N] {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Ok(header.array(place.offset))
    }

    fn write(&self, header: &mut Header, place: Place) {
        header.put(place.offset, *self);
    }
}

/// StatSN, ExpCmdSN and MaxCmdSN, which every PDU from a target carries in bytes 24 to 35.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// StatSN (RFC 7143 §11.4.9).
    pub stat_sn: SerialNumber,
    /// The next CmdSN that the target expects (§11.4.10).
    pub expected_cmd_sn: SerialNumber,
    /// The last CmdSN that the target accepts (§11.4.11).
    pub max_cmd_sn: SerialNumber,
}

impl Field for Counters {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        Ok(Self {
            stat_sn: header.serial(place.offset),
            expected_cmd_sn: header.serial(place.offset + 4),
            max_cmd_sn: header.serial(place.offset + 8),
        })
    }

    fn write(&self, header: &mut Header, place: Place) {
        header.put_serial(place.offset, self.stat_sn);
        header.put_serial(place.offset + 4, self.expected_cmd_sn);
        header.put_serial(place.offset + 8, self.max_cmd_sn);
    }
}

/// How much less or more was to be transferred than the initiator expected (RFC 7143 §11.4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Residual {
    /// Exactly as expected.
    #[default]
    None,
    /// So many bytes of the expected ones were not transferred: the U bit.
    Underflow(u32),
    /// So many more bytes could have been transferred: the O bit.
    Overflow(u32),
}

/// Residual flags stand in byte 1 and the count in bytes 44 to 47, in Data-In and in Response.
impl Field for Residual {
    fn read(header: &Header, place: Place) -> Result<Self, Malformed> {
        let count = header.u32(place.offset);
        match header.0[1] & (OVERFLOW | UNDERFLOW) {
            0 => Ok(Self::None),
            OVERFLOW => Ok(Self::Overflow(count)),
            UNDERFLOW => Ok(Self::Underflow(count)),
            _ => Err(Malformed("both residual bits are set")),
        }
    }

    fn write(&self, header: &mut Header, place: Place) {
        let (flag, count) = match *self {
            Self::None => (0, 0),
            Self::Overflow(count) => (OVERFLOW, count),
            Self::Underflow(count) => (UNDERFLOW, count),
        };
        header.0[1] |= flag;
        header.put_u32(place.offset, count);
    }
}

const OVERFLOW: u8 = 0x04;
const UNDERFLOW: u8 = 0x02;

/// Defines a PDU header as a struct with `parse` and `emit`: one line per field, with its place.
/// What follows `+` is always set in byte 1.
macro_rules! pdu {
    ($(#[$meta:meta])* $name:ident = $opcode:ident + $fixed:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $place:expr,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $name {
            /// Reads the value from a header with this opcode.
            pub fn parse(header: &$crate::wire::Header) -> Result<Self, $crate::wire::Malformed> {
                debug_assert_eq!(header.opcode(), Some($crate::wire::Opcode::$opcode));
                Ok(Self {
                    $($field: <$type as $crate::wire::field::Field>::read(header, $place)?,)*
                })
            }

            /// Returns the header, with a data segment of length zero.
            pub fn emit(&self) -> $crate::wire::Header {
                let mut header = $crate::wire::Header::of($crate::wire::Opcode::$opcode);
                header.0[1] = $fixed;
                $($crate::wire::field::Field::write(&self.$field, &mut header, $place);)*
                header
            }
        }
    };
}
pub(super) use pdu;
