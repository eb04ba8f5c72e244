//! Sense data: why a command ended in CHECK CONDITION (SPC-5 §4.4).

use std::fmt;

/// A sense key (SPC-5 §4.4.8, table 49).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SenseKey {
    /// Nothing wrong; for tapes a filemark, end of medium, or incorrect length may be told.
    NoSense = 0x0,
    /// Done, with some recovery.
    RecoveredError = 0x1,
    /// No medium, or not yet usable.
    NotReady = 0x2,
    /// The medium is at fault.
    MediumError = 0x3,
    /// The device is at fault.
    HardwareError = 0x4,
    /// The command is at fault.
    IllegalRequest = 0x5,
    /// Something happened that the initiator must know first.
    UnitAttention = 0x6,
    /// Writing is not permitted.
    DataProtect = 0x7,
    /// End of data, or blank medium, while reading.
    BlankCheck = 0x8,
    /// The command was aborted; it may work when sent again.
    AbortedCommand = 0xb,
    /// The physical end of medium was reached with data still to write.
    VolumeOverflow = 0xd,
    /// Compared data differ.
    Miscompare = 0xe,
}

/// An additional sense code with its qualifier (SPC-5 annex F).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AdditionalSense(pub u8, pub u8);

macro_rules! additional_senses {
    ($($name:ident = $asc:literal, $ascq:literal, $text:literal;)*) => {
        impl AdditionalSense {
            $(#[doc = $text]
            pub const $name: Self = Self($asc, $ascq);)*

            /// Every code that we send, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the standard's words, or `None` for a code that we never send.
            pub const fn text(self) -> Option<&'static str> {
                match (self.0, self.1) {
                    $(($asc, $ascq) => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

additional_senses! {
    NONE = 0x00, 0x00, "NO ADDITIONAL SENSE INFORMATION";
    FILEMARK_DETECTED = 0x00, 0x01, "FILEMARK DETECTED";
    END_OF_PARTITION_DETECTED = 0x00, 0x02, "END-OF-PARTITION/MEDIUM DETECTED";
    BEGINNING_OF_PARTITION_DETECTED = 0x00, 0x04, "BEGINNING-OF-PARTITION/MEDIUM DETECTED";
    END_OF_DATA_DETECTED = 0x00, 0x05, "END-OF-DATA DETECTED";
    PROGRAMMABLE_EARLY_WARNING_DETECTED = 0x00, 0x07, "PROGRAMMABLE EARLY WARNING DETECTED";
    OPERATION_IN_PROGRESS = 0x00, 0x16, "OPERATION IN PROGRESS";
    CLEANING_REQUESTED = 0x00, 0x17, "CLEANING REQUESTED";
    LOCATE_OPERATION_IN_PROGRESS = 0x00, 0x19, "LOCATE OPERATION IN PROGRESS";
    REWIND_OPERATION_IN_PROGRESS = 0x00, 0x1a, "REWIND OPERATION IN PROGRESS";
    CAUSE_NOT_REPORTABLE = 0x04, 0x00, "LOGICAL UNIT NOT READY, CAUSE NOT REPORTABLE";
    BECOMING_READY = 0x04, 0x01, "LOGICAL UNIT IS IN PROCESS OF BECOMING READY";
    INITIALIZING_COMMAND_REQUIRED = 0x04, 0x02,
        "LOGICAL UNIT NOT READY, INITIALIZING COMMAND REQUIRED";
    MANUAL_INTERVENTION_REQUIRED = 0x04, 0x03,
        "LOGICAL UNIT NOT READY, MANUAL INTERVENTION REQUIRED";
    OPERATION_IN_PROGRESS_NOT_READY = 0x04, 0x07,
        "LOGICAL UNIT NOT READY, OPERATION IN PROGRESS";
    WRITE_ERROR = 0x0c, 0x00, "WRITE ERROR";
    AUXILIARY_MEMORY_WRITE_ERROR = 0x0c, 0x0b, "AUXILIARY MEMORY WRITE ERROR";
    UNEXPECTED_UNSOLICITED_DATA = 0x0c, 0x0c, "WRITE ERROR - UNEXPECTED UNSOLICITED DATA";
    NOT_ENOUGH_UNSOLICITED_DATA = 0x0c, 0x0d, "WRITE ERROR - NOT ENOUGH UNSOLICITED DATA";
    LOGICAL_BLOCK_GUARD_CHECK_FAILED = 0x10, 0x01, "LOGICAL BLOCK GUARD CHECK FAILED";
    UNRECOVERED_READ_ERROR = 0x11, 0x00, "UNRECOVERED READ ERROR";
    LOCATE_OPERATION_FAILURE = 0x14, 0x07, "LOCATE OPERATION FAILURE";
    MECHANICAL_POSITIONING_ERROR = 0x15, 0x01, "MECHANICAL POSITIONING ERROR";
    PARAMETER_LIST_LENGTH_ERROR = 0x1a, 0x00, "PARAMETER LIST LENGTH ERROR";
    MISCOMPARE_DURING_VERIFY = 0x1d, 0x00, "MISCOMPARE DURING VERIFY OPERATION";
    INVALID_COMMAND_OPERATION_CODE = 0x20, 0x00, "INVALID COMMAND OPERATION CODE";
    INVALID_ELEMENT_ADDRESS = 0x21, 0x01, "INVALID ELEMENT ADDRESS";
    INVALID_FIELD_IN_CDB = 0x24, 0x00, "INVALID FIELD IN CDB";
    LOGICAL_UNIT_NOT_SUPPORTED = 0x25, 0x00, "LOGICAL UNIT NOT SUPPORTED";
    INVALID_FIELD_IN_PARAMETER_LIST = 0x26, 0x00, "INVALID FIELD IN PARAMETER LIST";
    INVALID_RELEASE_OF_PERSISTENT_RESERVATION = 0x26, 0x04,
        "INVALID RELEASE OF PERSISTENT RESERVATION";
    WRITE_PROTECTED = 0x27, 0x00, "WRITE PROTECTED";
    NOT_READY_TO_READY_CHANGE = 0x28, 0x00, "NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED";
    IMPORT_OR_EXPORT_ELEMENT_ACCESSED = 0x28, 0x01, "IMPORT OR EXPORT ELEMENT ACCESSED";
    POWER_ON_OR_RESET = 0x29, 0x00, "POWER ON, RESET, OR BUS DEVICE RESET OCCURRED";
    BUS_DEVICE_RESET_OCCURRED = 0x29, 0x03, "BUS DEVICE RESET FUNCTION OCCURRED";
    IT_NEXUS_LOSS_OCCURRED = 0x29, 0x07, "I_T NEXUS LOSS OCCURRED";
    MODE_PARAMETERS_CHANGED = 0x2a, 0x01, "MODE PARAMETERS CHANGED";
    LOG_PARAMETERS_CHANGED = 0x2a, 0x02, "LOG PARAMETERS CHANGED";
    RESERVATIONS_PREEMPTED = 0x2a, 0x03, "RESERVATIONS PREEMPTED";
    RESERVATIONS_RELEASED = 0x2a, 0x04, "RESERVATIONS RELEASED";
    REGISTRATIONS_PREEMPTED = 0x2a, 0x05, "REGISTRATIONS PREEMPTED";
    TIMESTAMP_CHANGED = 0x2a, 0x10, "TIMESTAMP CHANGED";
    DATA_ENCRYPTION_PARAMETERS_CHANGED = 0x2a, 0x11,
        "DATA ENCRYPTION PARAMETERS CHANGED BY ANOTHER I_T NEXUS";
    DATA_ENCRYPTION_KEY_INSTANCE_COUNTER_CHANGED = 0x2a, 0x13,
        "DATA ENCRYPTION KEY INSTANCE COUNTER HAS CHANGED";
    COMMAND_SEQUENCE_ERROR = 0x2c, 0x00, "COMMAND SEQUENCE ERROR";
    COMMANDS_CLEARED_BY_ANOTHER_INITIATOR = 0x2f, 0x00, "COMMANDS CLEARED BY ANOTHER INITIATOR";
    INCOMPATIBLE_MEDIUM_INSTALLED = 0x30, 0x00, "INCOMPATIBLE MEDIUM INSTALLED";
    CANNOT_READ_MEDIUM_UNKNOWN_FORMAT = 0x30, 0x01, "CANNOT READ MEDIUM - UNKNOWN FORMAT";
    CLEANING_CARTRIDGE_INSTALLED = 0x30, 0x03, "CLEANING CARTRIDGE INSTALLED";
    CLEANING_FAILURE = 0x30, 0x07, "CLEANING FAILURE";
    WORM_MEDIUM_OVERWRITE_ATTEMPTED = 0x30, 0x0c, "WORM MEDIUM - OVERWRITE ATTEMPTED";
    SAVING_PARAMETERS_NOT_SUPPORTED = 0x39, 0x00, "SAVING PARAMETERS NOT SUPPORTED";
    MEDIUM_NOT_PRESENT = 0x3a, 0x00, "MEDIUM NOT PRESENT";
    MEDIUM_NOT_PRESENT_TRAY_OPEN = 0x3a, 0x02, "MEDIUM NOT PRESENT - TRAY OPEN";
    SEQUENTIAL_POSITIONING_ERROR = 0x3b, 0x00, "SEQUENTIAL POSITIONING ERROR";
    POSITION_PAST_BEGINNING_OF_MEDIUM = 0x3b, 0x0c, "POSITION PAST BEGINNING OF MEDIUM";
    MEDIUM_DESTINATION_ELEMENT_FULL = 0x3b, 0x0d, "MEDIUM DESTINATION ELEMENT FULL";
    MEDIUM_SOURCE_ELEMENT_EMPTY = 0x3b, 0x0e, "MEDIUM SOURCE ELEMENT EMPTY";
    MEDIUM_MAGAZINE_NOT_ACCESSIBLE = 0x3b, 0x11, "MEDIUM MAGAZINE NOT ACCESSIBLE";
    ELEMENT_DISABLED = 0x3b, 0x18, "ELEMENT DISABLED";
    ELEMENT_ENABLED = 0x3b, 0x19, "ELEMENT ENABLED";
    DEVICE_IDENTIFIER_CHANGED = 0x3f, 0x05, "DEVICE IDENTIFIER CHANGED";
    REPORTED_LUNS_DATA_CHANGED = 0x3f, 0x0e, "REPORTED LUNS DATA HAS CHANGED";
    INTERNAL_TARGET_FAILURE = 0x44, 0x00, "INTERNAL TARGET FAILURE";
    PROTOCOL_SERVICE_CRC_ERROR = 0x47, 0x05, "PROTOCOL SERVICE CRC ERROR";
    INITIATOR_DETECTED_ERROR = 0x48, 0x00, "INITIATOR DETECTED ERROR MESSAGE RECEIVED";
    DATA_PHASE_ERROR = 0x4b, 0x00, "DATA PHASE ERROR";
    OVERLAPPED_COMMANDS_ATTEMPTED = 0x4e, 0x00, "OVERLAPPED COMMANDS ATTEMPTED";
    MEDIA_LOAD_OR_EJECT_FAILED = 0x53, 0x00, "MEDIA LOAD OR EJECT FAILED";
    MEDIUM_REMOVAL_PREVENTED = 0x53, 0x02, "MEDIUM REMOVAL PREVENTED";
    INSUFFICIENT_RESOURCES = 0x55, 0x03, "INSUFFICIENT RESOURCES";
    INSUFFICIENT_REGISTRATION_RESOURCES = 0x55, 0x04, "INSUFFICIENT REGISTRATION RESOURCES";
    AUXILIARY_MEMORY_OUT_OF_SPACE = 0x55, 0x06, "AUXILIARY MEMORY OUT OF SPACE";
    FAILURE_PREDICTION_THRESHOLD_EXCEEDED = 0x5d, 0x00, "FAILURE PREDICTION THRESHOLD EXCEEDED";
    FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE = 0x5d, 0xff,
        "FAILURE PREDICTION THRESHOLD EXCEEDED (FALSE)";
    UNABLE_TO_DECRYPT_DATA = 0x74, 0x01, "UNABLE TO DECRYPT DATA";
    UNENCRYPTED_DATA_ENCOUNTERED = 0x74, 0x02, "UNENCRYPTED DATA ENCOUNTERED WHILE DECRYPTING";
    INCORRECT_DATA_ENCRYPTION_KEY = 0x74, 0x03, "INCORRECT DATA ENCRYPTION KEY";
    CRYPTOGRAPHIC_INTEGRITY_VALIDATION_FAILED = 0x74, 0x04,
        "CRYPTOGRAPHIC INTEGRITY VALIDATION FAILED";
    ENCRYPTION_PARAMETERS_NOT_USEABLE = 0x74, 0x07, "ENCRYPTION PARAMETERS NOT USEABLE";
    EXTERNAL_DATA_ENCRYPTION_CONTROL_ERROR = 0x74, 0x6f,
        "EXTERNAL DATA ENCRYPTION CONTROL ERROR";
}

impl fmt::Debug for AdditionalSense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02x}/{:02x} {}",
            self.0,
            self.1,
            self.text().unwrap_or("?")
        )
    }
}

/// Where in the CDB or in the parameter list the fault lies (SPC-5 §4.4.2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldPointer {
    /// `true` for the CDB, `false` for the parameter list (the C/D bit).
    pub in_cdb: bool,
    /// The first byte in error.
    pub byte: u16,
    /// The most significant bit in error, when one bit is to blame.
    pub bit: Option<u8>,
}

/// The layout of sense data on the wire (SPC-5 §4.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenseFormat {
    /// Response codes 70h and 71h: eighteen bytes, each with its place.
    #[default]
    Fixed,
    /// Response codes 72h and 73h: a header, and a descriptor for each thing told.
    Descriptor,
}

/// Sense data as a value. [`Sense::to_bytes`] writes it for the wire.
#[allow(clippy::struct_excessive_bools)] // the bits of the sense data, as the standard draws them
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// The key.
    pub key: SenseKey,
    /// Code and qualifier.
    pub additional: AdditionalSense,
    /// The error belongs to an earlier command that had already ended GOOD (SPC-5 §4.4.7).
    pub deferred: bool,
    /// A filemark was met (SSC-5 §4.2.23).
    pub filemark: bool,
    /// End of medium or partition, or early warning, was met.
    pub end_of_medium: bool,
    /// The block's length is not the one asked for.
    pub incorrect_length: bool,
    /// The INFORMATION field: a residue, which may be negative (a two's complement number).
    pub information: Option<i64>,
    /// The field in error, for ILLEGAL REQUEST.
    pub field: Option<FieldPointer>,
    /// PROGRESS INDICATION, for NOT READY and NO SENSE: how much is done, in 65536ths. Not told
    /// beside a field in error.
    pub progress: Option<u16>,
    /// How it is written. The logical unit sets it as its initiators have chosen (`D_SENSE`).
    pub format: SenseFormat,
}

impl Sense {
    /// Returns sense data with `key` and `additional` and nothing else.
    pub const fn new(key: SenseKey, additional: AdditionalSense) -> Self {
        Self {
            key,
            additional,
            deferred: false,
            filemark: false,
            end_of_medium: false,
            incorrect_length: false,
            information: None,
            field: None,
            progress: None,
            format: SenseFormat::Fixed,
        }
    }

    /// Returns ILLEGAL REQUEST with `additional`.
    pub const fn illegal_request(additional: AdditionalSense) -> Self {
        Self::new(SenseKey::IllegalRequest, additional)
    }

    /// Returns ILLEGAL REQUEST, INVALID FIELD IN CDB, pointing at `byte`.
    pub const fn invalid_field_in_cdb(byte: u16) -> Self {
        let mut sense = Self::illegal_request(AdditionalSense::INVALID_FIELD_IN_CDB);
        sense.field = Some(FieldPointer {
            in_cdb: true,
            byte,
            bit: None,
        });
        sense
    }

    /// Returns ILLEGAL REQUEST, INVALID FIELD IN PARAMETER LIST, pointing at `byte`.
    pub const fn invalid_field_in_parameter_list(byte: u16) -> Self {
        let mut sense = Self::illegal_request(AdditionalSense::INVALID_FIELD_IN_PARAMETER_LIST);
        sense.field = Some(FieldPointer {
            in_cdb: false,
            byte,
            bit: None,
        });
        sense
    }

    /// Returns the same sense with the field pointer at `bit` of its byte, the most significant one in
    /// error.
    #[must_use]
    pub const fn at_bit(mut self, bit: u8) -> Self {
        if let Some(field) = &mut self.field {
            field.bit = Some(bit);
        }
        self
    }

    /// Returns the same sense with INFORMATION set to `residue`.
    #[must_use]
    pub const fn with_information(mut self, residue: i64) -> Self {
        self.information = Some(residue);
        self
    }

    /// Returns the same sense with PROGRESS INDICATION.
    #[must_use]
    pub const fn with_progress(mut self, of_65536: u16) -> Self {
        self.progress = Some(of_65536);
        self
    }

    /// Returns the same sense, to be written in `format`.
    #[must_use]
    pub const fn in_format(mut self, format: SenseFormat) -> Self {
        self.format = format;
        self
    }

    /// Returns the sense data in their format.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self.format {
            SenseFormat::Fixed => self.to_fixed().to_vec(),
            SenseFormat::Descriptor => self.to_descriptors(),
        }
    }

    /// The length of fixed format sense data as we send it.
    pub const FIXED_LENGTH: usize = 18;

    /// Returns fixed format sense data (SPC-5 §4.4.3).
    ///
    /// INFORMATION has four bytes here; a value that does not fit leaves VALID at zero, as the
    /// standard demands.
    pub fn to_fixed(&self) -> [u8; Self::FIXED_LENGTH] {
        let mut data = [0; Self::FIXED_LENGTH];
        data[0] = if self.deferred { 0x71 } else { 0x70 };
        if let Some(information) = self.information.and_then(fit_information) {
            data[0] |= 0x80;
            data[3..7].copy_from_slice(&information);
        }
        data[2] = self.key as u8 | self.stream_bits();
        data[7] = 10; // ADDITIONAL SENSE LENGTH: bytes 8 to 17
        data[12] = self.additional.0;
        data[13] = self.additional.1;
        if let Some(specific) = self.key_specific() {
            data[15..18].copy_from_slice(&specific);
        }
        data
    }

    /// Returns descriptor format sense data (SPC-5 §4.4.2): a descriptor for INFORMATION, which has
    /// eight bytes here, one for what the key has of its own, and one for the bits of tapes.
    pub fn to_descriptors(&self) -> Vec<u8> {
        const HEADER_LENGTH: usize = 8;
        const INFORMATION: u8 = 0x00;
        const SENSE_KEY_SPECIFIC: u8 = 0x02;
        const STREAM_COMMANDS: u8 = 0x04;
        const VALID: u8 = 0x80;
        let mut data = vec![0; HEADER_LENGTH];
        data[0] = if self.deferred { 0x73 } else { 0x72 };
        data[1] = self.key as u8;
        data[2] = self.additional.0;
        data[3] = self.additional.1;
        if let Some(information) = self.information {
            data.extend([INFORMATION, 10, VALID, 0]);
            data.extend(information.to_be_bytes());
        }
        if let Some([first, second, third]) = self.key_specific() {
            data.extend([SENSE_KEY_SPECIFIC, 6, 0, 0, first, second, third, 0]);
        }
        let stream = self.stream_bits();
        if stream != 0 {
            data.extend([STREAM_COMMANDS, 2, 0, stream]); // SSC-5 §4.3.3
        }
        #[allow(clippy::cast_possible_truncation)] // three descriptors of at most twelve bytes
        {
            data[7] = (data.len() - HEADER_LENGTH) as u8; // ADDITIONAL SENSE LENGTH
        }
        data
    }

    /// FILEMARK, EOM and ILI where they stand in byte 2 of fixed format and in the stream commands
    /// descriptor.
    fn stream_bits(&self) -> u8 {
        u8::from(self.filemark) << 7
            | u8::from(self.end_of_medium) << 6
            | u8::from(self.incorrect_length) << 5
    }

    /// The SENSE KEY SPECIFIC field with SKSV=1, if there is anything in it (SPC-5 §4.4.2.4).
    fn key_specific(&self) -> Option<[u8; 3]> {
        const SKSV: u8 = 0x80;
        let (flags, number) = match (self.field, self.progress) {
            (Some(field), _) => {
                let bit = field.bit.map_or(0, |bit| 0x08 | bit & 0x07);
                (u8::from(field.in_cdb) << 6 | bit, field.byte)
            }
            (None, Some(progress)) => (0, progress),
            (None, None) => return None,
        };
        let [high, low] = number.to_be_bytes();
        Some([SKSV | flags, high, low])
    }
}

/// Fits a residue into four bytes: counts up to 2³²−1, negative ones down to −2³¹.
fn fit_information(value: i64) -> Option<[u8; 4]> {
    if let Ok(count) = u32::try_from(value) {
        return Some(count.to_be_bytes());
    }
    i32::try_from(value).ok().map(i32::to_be_bytes)
}

impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.key, self.additional)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_sense_of_a_short_variable_read() {
        let mut sense = Sense::new(SenseKey::NoSense, AdditionalSense::NONE).with_information(-512);
        sense.incorrect_length = true;
        let bytes = sense.to_fixed();
        assert_eq!(bytes[0], 0xf0, "current error, INFORMATION valid");
        assert_eq!(bytes[2], 0x20, "ILI, NO SENSE");
        assert_eq!(
            bytes[3..7],
            (-512_i32).to_be_bytes(),
            "residue in two's complement"
        );
        assert_eq!(bytes[7], 10, "additional length");
    }

    #[test]
    fn invalid_field_points_into_the_cdb() {
        let bytes = Sense::invalid_field_in_cdb(2).to_fixed();
        assert_eq!((bytes[2], bytes[12], bytes[13]), (0x05, 0x24, 0x00));
        assert_eq!(bytes[15..18], [0xc0, 0, 2], "SKSV, C/D, byte 2");
    }

    #[test]
    fn information_that_does_not_fit_is_not_valid() {
        let sense =
            Sense::new(SenseKey::NoSense, AdditionalSense::NONE).with_information(0x1_0000_0000);
        assert_eq!(sense.to_fixed()[0], 0x70);
    }

    #[test]
    fn descriptors_of_a_short_read_at_a_filemark() {
        let mut sense = Sense::new(SenseKey::NoSense, AdditionalSense::FILEMARK_DETECTED)
            .with_information(0x1_0000_0000)
            .in_format(SenseFormat::Descriptor);
        sense.filemark = true;
        sense.end_of_medium = true;
        assert_eq!(
            sense.to_bytes(),
            [
                0x72, 0x00, 0x00, 0x01, 0, 0, 0, 16, // header
                0x00, 0x0a, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, // INFORMATION, 64 bits of it
                0x04, 0x02, 0, 0xc0, // FILEMARK and EOM
            ]
        );
    }

    #[test]
    fn descriptors_carry_the_field_pointer_and_deferred_errors_their_code() {
        let sense = Sense::invalid_field_in_cdb(2).at_bit(5);
        assert_eq!(
            sense.to_descriptors(),
            [
                0x72, 0x05, 0x24, 0x00, 0, 0, 0, 8, // header
                0x02, 0x06, 0, 0, 0xcd, 0, 2, 0, // SKSV, C/D, BPV and bit 5; byte 2
            ]
        );
        let mut lost = Sense::new(SenseKey::MediumError, AdditionalSense::WRITE_ERROR);
        lost.deferred = true;
        assert_eq!(lost.to_descriptors(), [0x73, 0x03, 0x0c, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn progress_stands_where_the_field_pointer_does() {
        let half =
            Sense::new(SenseKey::NotReady, AdditionalSense::BECOMING_READY).with_progress(0x8000);
        assert_eq!(half.to_fixed()[15..18], [0x80, 0x80, 0x00]);
        assert_eq!(half.to_descriptors()[12..15], [0x80, 0x80, 0x00]);
    }

    #[test]
    fn every_code_has_one_name() {
        assert_eq!(
            AdditionalSense(0x3f, 0x0e),
            AdditionalSense::REPORTED_LUNS_DATA_CHANGED
        );
        assert_eq!(AdditionalSense(0xff, 0xff).text(), None);
        let mut all = AdditionalSense::ALL.to_vec();
        all.dedup_by_key(|code| (code.0, code.1));
        assert_eq!(all.len(), AdditionalSense::ALL.len());
        assert!(
            all.is_sorted_by_key(|code| (code.0, code.1)),
            "as in annex F"
        );
    }
}
