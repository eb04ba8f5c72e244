//! Commands, statuses and sense data in words, for people who read a trace.
//!
//! What stands here reads the bytes of a CDB without judging them: a command that the device refuses
//! can be described all the same. Nothing on the way of a command calls it.

use std::fmt::Write as _;

use crate::command::DeviceType;
use crate::sense::{AdditionalSense, Sense, SenseKey};
use crate::status::Status;
use crate::task::Cdb;

/// Returns the fields of a command that matter, in words: `2 filemarks, backwards`. Empty when there
/// is nothing to say beyond the command's name.
pub fn fields(device: DeviceType, cdb: &Cdb) -> String {
    let own = match device {
        DeviceType::SequentialAccess => drive_fields(cdb),
        DeviceType::MediaChanger => changer_fields(cdb),
    };
    own.unwrap_or_else(|| primary_fields(cdb))
}

fn drive_fields(cdb: &Cdb) -> Option<String> {
    Some(match cdb.operation_code() {
        0x01 => immediate(cdb, String::new()),
        0x08 | 0x0a | 0x0f | 0x13 => transfer(cdb, cdb.u24(2)),
        0x88 | 0x8a | 0x81 | 0x8f => transfer(cdb, cdb.u24(12)),
        0x10 => immediate(cdb, count(i64::from(cdb.u24(2)), "filemark")),
        0x80 => immediate(cdb, count(i64::from(cdb.u24(12)), "filemark")),
        0x11 => space(cdb, i64::from((cdb.u24(2) << 8).cast_signed() >> 8)),
        0x91 => space(cdb, cdb.u64(4).cast_signed()),
        0x19 => immediate(cdb, flags(cdb, &[(1, 0, "LONG")])),
        0x1b => load_unload(cdb),
        0x2b => locate(cdb, "block", u64::from(cdb.u32(3)), cdb.byte(8)),
        0x34 => read_position_form(cdb),
        0x92 => {
            let destination = match cdb.byte(1) >> 3 & 0x07 {
                0 => "block",
                1 => "file",
                3 => return Some(immediate(cdb, "to the end of data".to_owned())),
                _ => "destination of unknown type,",
            };
            locate(cdb, destination, cdb.u64(4), cdb.byte(3))
        }
        _ => return None,
    })
}

fn changer_fields(cdb: &Cdb) -> Option<String> {
    Some(match cdb.operation_code() {
        0x2b => format!("to element {}", cdb.u16(4)),
        0x37 | 0xe7 => format!("{} elements from {}", cdb.u16(6), cdb.u16(2)),
        0xa5 => format!("from element {} to {}", cdb.u16(4), cdb.u16(6)),
        0xa6 => format!(
            "from element {} to {}, what is there to {}",
            cdb.u16(4),
            cdb.u16(6),
            cdb.u16(8)
        ),
        0xb8 => {
            let kind = match cdb.byte(1) & 0x0f {
                0 => "all types",
                1 => "transports",
                2 => "slots",
                3 => "import/export",
                4 => "drives",
                _ => "unknown type",
            };
            let tags = if cdb.bit(1, 4) {
                ", with volume tags"
            } else {
                ""
            };
            format!(
                "{kind}, {} elements from {}{tags}, {} bytes at most",
                cdb.u16(4),
                cdb.u16(2),
                cdb.u24(7)
            )
        }
        _ => return None,
    })
}

fn primary_fields(cdb: &Cdb) -> String {
    match cdb.operation_code() {
        0x12 if cdb.bit(1, 0) => format!("page {:02X}h of vital product data", cdb.byte(2)),
        0x1a | 0x5a => {
            let values = ["current", "changeable", "default", "saved"];
            let values = values[usize::from(cdb.byte(2) >> 6)];
            let (page, subpage) = (cdb.byte(2) & 0x3f, cdb.byte(3));
            format!("{} page {}", values, page_name(page, subpage))
        }
        0x15 => format!("{} bytes", cdb.byte(4)),
        0x55 => format!("{} bytes", cdb.u16(7)),
        0x1e if !cdb.bit(4, 0) && !cdb.bit(4, 1) => "allow".to_owned(),
        0x1e => "prevent".to_owned(),
        0x4d => format!("page {}", page_name(cdb.byte(2) & 0x3f, cdb.byte(3))),
        0xa2 | 0xb5 => format!("protocol {:02X}h, page {:04X}h", cdb.byte(1), cdb.u16(2)),
        _ => String::new(),
    }
}

fn page_name(page: u8, subpage: u8) -> String {
    match subpage {
        0 => format!("{page:02X}h"),
        _ => format!("{page:02X}h/{subpage:02X}h"),
    }
}

/// FIXED is bit 0 of byte 1 in every command that moves blocks, SILI bit 1.
fn transfer(cdb: &Cdb, length: u32) -> String {
    if cdb.bit(1, 0) {
        count(i64::from(length), "block")
    } else {
        let mut text = count(i64::from(length), "byte");
        if matches!(cdb.operation_code(), 0x08 | 0x88) && cdb.bit(1, 1) {
            text.push_str(", shorter is fine");
        }
        text
    }
}

fn space(cdb: &Cdb, number: i64) -> String {
    let thing = match cdb.byte(1) & 0x0f {
        0 => "block",
        1 => "filemark",
        2 => "filemark in sequence",
        3 => return "to the end of data".to_owned(),
        _ => "thing of unknown kind",
    };
    let mut text = format!("over {}", count(number.saturating_abs(), thing));
    if number < 0 {
        text.push_str(", backwards");
    }
    text
}

fn locate(cdb: &Cdb, kind: &str, number: u64, partition: u8) -> String {
    let mut text = format!("to {kind} {number}");
    if cdb.bit(1, 1) {
        // Writing to a string cannot fail.
        let _ = write!(text, " of partition {partition}");
    }
    immediate(cdb, text)
}

fn load_unload(cdb: &Cdb) -> String {
    let verb = if cdb.bit(4, 0) { "load" } else { "unload" };
    let flags = flags(cdb, &[(4, 3, "HOLD"), (4, 2, "EOT"), (4, 1, "RETEN")]);
    let text = if flags.is_empty() {
        verb.to_owned()
    } else {
        format!("{verb}, {flags}")
    };
    immediate(cdb, text)
}

fn read_position_form(cdb: &Cdb) -> String {
    match cdb.service_action() {
        0x00 => "short form".to_owned(),
        0x06 => "long form".to_owned(),
        0x08 => "extended form".to_owned(),
        other => format!("form {other:02X}h"),
    }
}

/// IMMED is bit 0 of byte 1 in every command that has it, but ERASE, where it is bit 1.
fn immediate(cdb: &Cdb, mut text: String) -> String {
    let bit = u8::from(cdb.operation_code() == 0x19);
    if cdb.bit(1, bit) {
        text.push_str(if text.is_empty() { "IMMED" } else { ", IMMED" });
    }
    text
}

/// Returns the names of the flags that are set, each given with its byte and bit.
fn flags(cdb: &Cdb, names: &[(usize, u8, &str)]) -> String {
    let set = names.iter().filter(|(byte, bit, _)| cdb.bit(*byte, *bit));
    set.map(|(_, _, name)| *name).collect::<Vec<_>>().join(", ")
}

fn count(number: i64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

impl Status {
    /// Returns the standard's name (SAM-5 §5.3.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "GOOD",
            Self::CheckCondition => "CHECK CONDITION",
            Self::Busy => "BUSY",
            Self::ReservationConflict => "RESERVATION CONFLICT",
            Self::TaskSetFull => "TASK SET FULL",
            Self::TaskAborted => "TASK ABORTED",
        }
    }
}

impl SenseKey {
    /// All keys that we send.
    pub const ALL: [Self; 12] = [
        Self::NoSense,
        Self::RecoveredError,
        Self::NotReady,
        Self::MediumError,
        Self::HardwareError,
        Self::IllegalRequest,
        Self::UnitAttention,
        Self::DataProtect,
        Self::BlankCheck,
        Self::AbortedCommand,
        Self::VolumeOverflow,
        Self::Miscompare,
    ];

    /// Returns the standard's name (SPC-5 §4.4.8).
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSense => "NO SENSE",
            Self::RecoveredError => "RECOVERED ERROR",
            Self::NotReady => "NOT READY",
            Self::MediumError => "MEDIUM ERROR",
            Self::HardwareError => "HARDWARE ERROR",
            Self::IllegalRequest => "ILLEGAL REQUEST",
            Self::UnitAttention => "UNIT ATTENTION",
            Self::DataProtect => "DATA PROTECT",
            Self::BlankCheck => "BLANK CHECK",
            Self::AbortedCommand => "ABORTED COMMAND",
            Self::VolumeOverflow => "VOLUME OVERFLOW",
            Self::Miscompare => "MISCOMPARE",
        }
    }
}

/// Returns sense data in one line: `MEDIUM ERROR 3/11/00 UNRECOVERED READ ERROR, information 1`.
pub fn sense(sense: &Sense) -> String {
    let additional = sense.additional;
    let mut text = format!(
        "{} {:x}/{:02x}/{:02x}",
        sense.key.name(),
        sense.key as u8,
        additional.0,
        additional.1
    );
    if let Some(words) = additional.text() {
        text.push(' ');
        text.push_str(words);
    }
    for (holds, name) in [
        (sense.deferred, "deferred"),
        (sense.filemark, "FILEMARK"),
        (sense.end_of_medium, "EOM"),
        (sense.incorrect_length, "ILI"),
    ] {
        if holds {
            text.push_str(", ");
            text.push_str(name);
        }
    }
    // Writing to a string cannot fail.
    if let Some(information) = sense.information {
        let _ = write!(text, ", information {information}");
    }
    if let Some(field) = sense.field {
        let list = if field.in_cdb {
            "CDB"
        } else {
            "parameter list"
        };
        let _ = write!(text, ", byte {} of the {list}", field.byte);
        if let Some(bit) = field.bit {
            let _ = write!(text, ", bit {bit}");
        }
    }
    text
}

/// Reads `KEY/CODE/QUALIFIER` in hexadecimal digits, with or without the names of key and code:
/// `3/11/00`, `medium error/11/00`, `MEDIUM ERROR/UNRECOVERED READ ERROR`.
pub fn parse_sense(text: &str) -> Result<Sense, String> {
    let advice = || {
        format!(
            "`{text}` is no sense data; write key, code and qualifier such as 3/11/00, or names such as \
             medium error/unrecovered read error"
        )
    };
    let (key, additional) = text.split_once('/').ok_or_else(advice)?;
    let key = parse_key(key).ok_or_else(advice)?;
    let numbers = additional.split_once('/').and_then(|(code, qualifier)| {
        let number = |digits| u8::from_str_radix(digits, 16).ok();
        Some(AdditionalSense(number(code)?, number(qualifier)?))
    });
    let named = || {
        let wanted = plain(additional);
        let mut all = AdditionalSense::ALL.iter();
        all.find(|it| it.text().is_some_and(|text| plain(text) == wanted))
            .copied()
    };
    let additional = numbers.or_else(named).ok_or_else(advice)?;
    Ok(Sense::new(key, additional))
}

fn parse_key(text: &str) -> Option<SenseKey> {
    let number = u8::from_str_radix(text, 16).ok();
    SenseKey::ALL
        .into_iter()
        .find(|key| number == Some(*key as u8) || plain(key.name()) == plain(text))
}

/// Case makes no difference, and hyphens are as good as spaces.
fn plain(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace('-', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(cdb: &[u8]) -> String {
        fields(DeviceType::SequentialAccess, &Cdb::new(cdb))
    }

    #[test]
    fn what_tar_and_mt_send() {
        assert_eq!(drive(&[0x0a, 0, 0, 0x28, 0, 0]), "10240 bytes");
        assert_eq!(drive(&[0x0a, 1, 0, 0, 3, 0]), "3 blocks");
        assert_eq!(
            drive(&[0x08, 2, 1, 0, 0, 0]),
            "65536 bytes, shorter is fine"
        );
        assert_eq!(drive(&[0x10, 0, 0, 0, 1, 0]), "1 filemark");
        assert_eq!(
            drive(&[0x11, 1, 0xff, 0xff, 0xfe, 0]),
            "over 2 filemarks, backwards"
        );
        assert_eq!(drive(&[0x11, 3, 0, 0, 0, 0]), "to the end of data");
        assert_eq!(drive(&[0x01, 1, 0, 0, 0, 0]), "IMMED");
        assert_eq!(drive(&[0x1b, 1, 0, 0, 9, 0]), "load, HOLD, IMMED");
        assert_eq!(
            drive(&[0x2b, 2, 0, 0, 0, 0, 17, 0, 1, 0]),
            "to block 17 of partition 1"
        );
        assert_eq!(
            drive(&[0x92, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]),
            "to file 5"
        );
        assert_eq!(
            drive(&[0x1a, 0, 0x7f, 0xff, 0xff, 0]),
            "changeable page 3Fh/FFh"
        );
        assert_eq!(drive(&[0x00; 6]), "");
    }

    #[test]
    fn what_mtx_sends() {
        let changer = |cdb: &[u8]| fields(DeviceType::MediaChanger, &Cdb::new(cdb));
        assert_eq!(
            changer(&[0xa5, 0, 0, 0, 0x03, 0xe8, 0x01, 0xf4, 0, 0, 0, 0]),
            "from element 1000 to 500"
        );
        assert_eq!(
            changer(&[0xb8, 0x12, 3, 0xe8, 0, 24, 1, 0, 4, 0, 0, 0]),
            "slots, 24 elements from 1000, with volume tags, 1024 bytes at most"
        );
    }

    #[test]
    fn any_command_can_be_described() {
        for code in 0..=u8::MAX {
            for fill in [0x00, 0xff, 0x80, 0x5a] {
                let mut bytes = [fill; 16];
                bytes[0] = code;
                let cdb = Cdb::new(&bytes);
                fields(DeviceType::SequentialAccess, &cdb);
                fields(DeviceType::MediaChanger, &cdb);
            }
        }
    }

    #[test]
    fn sense_in_one_line() {
        let mut short = Sense::new(SenseKey::NoSense, AdditionalSense::NONE).with_information(-7);
        short.incorrect_length = true;
        assert_eq!(
            sense(&short),
            "NO SENSE 0/00/00 NO ADDITIONAL SENSE INFORMATION, ILI, information -7"
        );
        assert_eq!(
            sense(&Sense::invalid_field_in_cdb(2).at_bit(3)),
            "ILLEGAL REQUEST 5/24/00 INVALID FIELD IN CDB, byte 2 of the CDB, bit 3"
        );
    }

    #[test]
    fn sense_by_number_and_by_name() {
        let wanted = Sense::new(
            SenseKey::MediumError,
            AdditionalSense::UNRECOVERED_READ_ERROR,
        );
        for text in [
            "3/11/00",
            "medium error/11/0",
            "Medium-Error/unrecovered read error",
        ] {
            assert_eq!(parse_sense(text), Ok(wanted), "{text}");
        }
        let vendor = parse_sense("b/80/ff").unwrap();
        assert_eq!(vendor.additional, AdditionalSense(0x80, 0xff));
        for text in [
            "",
            "3",
            "3/11",
            "9/00/00",
            "3/111/00",
            "medium error/trouble",
        ] {
            assert!(parse_sense(text).unwrap_err().contains("3/11/00"), "{text}");
        }
    }
}
