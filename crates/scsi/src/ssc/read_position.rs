//! READ POSITION (SSC-5 §7.7): CDB and parameter data in three forms.

use crate::sense::Sense;
use crate::task::Cdb;

/// Which form of the data is wanted (SSC-5 §7.7.1, table 61).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Service actions 00h and 01h: 20 bytes, 32-bit numbers. 01h returns addresses of the drive's
    /// own form, which with us are the same; Linux's st asks so.
    Short,
    /// Service action 06h: 32 bytes with the number of the file.
    Long,
    /// Service action 08h: 32 bytes, the short form's fields with 64-bit numbers.
    Extended,
}

/// A parsed READ POSITION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPosition {
    /// Which form.
    pub form: Form,
    /// The most bytes that the initiator takes; the short and long form are always whole.
    pub allocation_length: usize,
}

impl ReadPosition {
    /// Parses the CDB. The allocation length belongs to the extended form and is zero otherwise
    /// (SSC-5 §7.7.1).
    pub fn parse(cdb: &Cdb) -> Result<Self, Sense> {
        let form = match cdb.service_action() {
            0x00 | 0x01 => Form::Short,
            0x06 => Form::Long,
            0x08 => Form::Extended,
            _ => return Err(Sense::invalid_field_in_cdb(1)),
        };
        let allocation_length = match (form, cdb.u16(7)) {
            (Form::Extended, length) => usize::from(length),
            (Form::Short, 0) => Position::SHORT_LENGTH,
            (Form::Long, 0) => Position::LONG_LENGTH,
            _ => return Err(Sense::invalid_field_in_cdb(7)),
        };
        Ok(Self {
            form,
            allocation_length,
        })
    }
}

/// Where the medium stands. All of it is known, so LOCU, BYCU, LOLU, MPU and LONU stay zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// BOP: at the beginning of the partition.
    pub beginning_of_partition: bool,
    /// EOP: between early warning and the end of the partition.
    pub end_of_partition: bool,
    /// BPEW: beyond the programmable early warning.
    pub beyond_programmable_early_warning: bool,
    /// The partition.
    pub partition: u8,
    /// Blocks and filemarks before here.
    pub object: u64,
    /// Filemarks before here.
    pub file: u64,
    /// Objects written by the initiator that are not yet on the medium.
    pub buffered_objects: u64,
    /// The bytes in them.
    pub buffered_bytes: u64,
}

impl Position {
    /// The length of the short form.
    pub const SHORT_LENGTH: usize = 20;
    /// The length of the long form and of the extended form.
    pub const LONG_LENGTH: usize = 32;

    /// Returns the parameter data.
    pub fn to_bytes(&self, form: Form) -> Vec<u8> {
        match form {
            Form::Short => self.short().to_vec(),
            Form::Long => self.long().to_vec(),
            Form::Extended => self.extended().to_vec(),
        }
    }

    fn flags(&self) -> u8 {
        u8::from(self.beginning_of_partition) << 7
            | u8::from(self.end_of_partition) << 6
            | u8::from(self.beyond_programmable_early_warning)
    }

    /// The first object that is not on the medium yet: LAST LOGICAL OBJECT LOCATION.
    fn first_buffered_object(&self) -> u64 {
        self.object.saturating_sub(self.buffered_objects)
    }

    /// SSC-5 §7.7.2. A number that does not fit sets PERR, "overflow of any of the returned
    /// position data".
    fn short(&self) -> [u8; Self::SHORT_LENGTH] {
        let objects = self.buffered_objects.min(u64::from(u32::MAX));
        let numbers = [
            u32::try_from(self.object),
            u32::try_from(self.first_buffered_object()),
            u32::try_from(objects),
            u32::try_from(self.buffered_bytes),
        ];
        let overflow = numbers.iter().any(Result::is_err) || objects > NUMBER_OF_OBJECTS_MAX;
        let [object, first_buffered, _, bytes] = numbers.map(|number| number.unwrap_or(u32::MAX));
        let mut data = [0; Self::SHORT_LENGTH];
        data[0] = self.flags() | u8::from(overflow) << 1;
        data[1] = self.partition;
        data[4..8].copy_from_slice(&object.to_be_bytes());
        data[8..12].copy_from_slice(&first_buffered.to_be_bytes());
        data[12..16].copy_from_slice(&self.number_of_objects());
        data[16..20].copy_from_slice(&bytes.to_be_bytes());
        data
    }

    /// SSC-5 §7.7.3.
    fn long(&self) -> [u8; Self::LONG_LENGTH] {
        let mut data = [0; Self::LONG_LENGTH];
        data[0] = self.flags();
        data[7] = self.partition;
        data[8..16].copy_from_slice(&self.object.to_be_bytes());
        data[16..24].copy_from_slice(&self.file.to_be_bytes());
        data
    }

    /// SSC-5 §7.7.4.
    fn extended(&self) -> [u8; Self::LONG_LENGTH] {
        let mut data = [0; Self::LONG_LENGTH];
        data[0] = self.flags() | u8::from(self.buffered_objects > NUMBER_OF_OBJECTS_MAX) << 1;
        data[1] = self.partition;
        data[3] = 0x1c; // ADDITIONAL LENGTH: bytes 4 to 31
        data[4..8].copy_from_slice(&self.number_of_objects());
        data[8..16].copy_from_slice(&self.object.to_be_bytes());
        data[16..24].copy_from_slice(&self.first_buffered_object().to_be_bytes());
        data[24..32].copy_from_slice(&self.buffered_bytes.to_be_bytes());
        data
    }

    /// A reserved byte and the 24 bits of NUMBER OF LOGICAL OBJECTS IN OBJECT BUFFER.
    #[allow(clippy::cast_possible_truncation)] // at most 24 bits
    fn number_of_objects(&self) -> [u8; 4] {
        (self.buffered_objects.min(NUMBER_OF_OBJECTS_MAX) as u32).to_be_bytes()
    }
}

/// The largest number in 24 bits.
const NUMBER_OF_OBJECTS_MAX: u64 = 0xff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    const POSITION: Position = Position {
        beginning_of_partition: false,
        end_of_partition: true,
        beyond_programmable_early_warning: true,
        partition: 0,
        object: 0x0102_0304,
        file: 5,
        buffered_objects: 2,
        buffered_bytes: 0x0002_0000,
    };

    #[test]
    fn the_service_action_chooses_the_form() {
        let parse = |action| {
            ReadPosition::parse(&Cdb::new(&[0x34, action, 0, 0, 0, 0, 0, 0, 0, 0]))
                .map(|command| command.form)
        };
        assert_eq!(parse(0x00), Ok(Form::Short));
        assert_eq!(parse(0x01), Ok(Form::Short));
        assert_eq!(parse(0x06), Ok(Form::Long));
        assert_eq!(parse(0x08), Ok(Form::Extended));
        assert_eq!(parse(0x02), Err(Sense::invalid_field_in_cdb(1)));
    }

    #[test]
    fn allocation_length_is_for_the_extended_form() {
        let short = Cdb::new(&[0x34, 0, 0, 0, 0, 0, 0, 0, 20, 0]);
        assert_eq!(
            ReadPosition::parse(&short),
            Err(Sense::invalid_field_in_cdb(7))
        );
        let extended = Cdb::new(&[0x34, 8, 0, 0, 0, 0, 0, 0, 32, 0]);
        assert_eq!(
            ReadPosition::parse(&extended).unwrap().allocation_length,
            32
        );
    }

    #[test]
    fn three_forms_of_one_position() {
        assert_eq!(
            POSITION.to_bytes(Form::Short),
            [
                0x41, 0, 0, 0, 1, 2, 3, 4, 1, 2, 3, 2, 0, 0, 0, 2, 0, 2, 0, 0
            ]
        );
        let long = POSITION.to_bytes(Form::Long);
        assert_eq!(long[..8], [0x41, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(long[8..16], [0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(long[16..], [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
        let extended = POSITION.to_bytes(Form::Extended);
        assert_eq!(extended[..8], [0x41, 0, 0, 0x1c, 0, 0, 0, 2]);
        assert_eq!(extended[8..16], [0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(extended[16..24], [0, 0, 0, 0, 1, 2, 3, 2]);
        assert_eq!(extended[24..], [0, 0, 0, 0, 0, 2, 0, 0]);
    }

    #[test]
    fn a_position_over_32_bits_is_an_overflow_in_the_short_form_only() {
        let far = Position {
            object: 1 << 32,
            buffered_objects: 0,
            buffered_bytes: 0,
            ..Position::default()
        };
        let short = far.to_bytes(Form::Short);
        assert_eq!(short[0], 0x02, "PERR");
        assert_eq!(short[4..8], [0xff; 4]);
        assert_eq!(far.to_bytes(Form::Extended)[0], 0);
        assert_eq!(far.to_bytes(Form::Long)[8..16], [0, 0, 0, 1, 0, 0, 0, 0]);
    }
}
