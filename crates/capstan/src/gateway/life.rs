//! What was counted about tapes and drives, and what drives complain of, as the HTTP interface shows it.

use cartridge::{Memory, Work};
use scsi::spc::attribute::definition::{APPLICATION_NAME, APPLICATION_VENDOR, APPLICATION_VERSION};
use scsi::ssc::log_pages::{TapeAlert, TapeAlerts};
use tape_library::drive::DriveStatus;

use crate::api::types::{Alert, DriveLife, TapeLife};

pub(super) fn tape_life(memory: &Memory) -> TapeLife {
    let life = memory.life;
    let drives = memory.drives.iter();
    TapeLife {
        loads: memory.loads,
        formats: memory.formats,
        written_bytes: life.written_bytes,
        stored_bytes: life.stored_bytes,
        read_bytes: life.read_bytes,
        errors: errors(life),
        drives: drives
            .map(|drive| format!("{} {}", drive.vendor, drive.serial))
            .collect(),
        application: application(memory),
        attributes: u32::try_from(memory.attributes.iter().count()).unwrap_or(u32::MAX),
    }
}

pub(super) fn drive_life(status: &DriveStatus) -> DriveLife {
    DriveLife {
        loads: status.loads,
        written_bytes: status.work.written_bytes,
        stored_bytes: status.work.stored_bytes,
        read_bytes: status.work.read_bytes,
        errors: errors(status.work),
    }
}

pub(super) fn alerts(alerts: TapeAlerts) -> Vec<Alert> {
    let raised = alerts.iter().map(TapeAlert::of);
    raised
        .map(|alert| Alert {
            flag: alert.number(),
            name: alert.title().to_owned(),
            severity: alert.severity().name().to_owned(),
            text: alert.text().to_owned(),
        })
        .collect()
}

fn errors(work: Work) -> u64 {
    work.write_errors.saturating_add(work.read_errors)
}

/// Vendor, name and version as an application has written them. It may have written anything.
fn application(memory: &Memory) -> Option<String> {
    let words = [APPLICATION_VENDOR, APPLICATION_NAME, APPLICATION_VERSION];
    let words = words.into_iter().filter_map(|id| {
        let value = &memory.attributes.find(0, id)?.value;
        let text: String = String::from_utf8_lossy(value)
            .chars()
            .filter(|character| !character.is_control())
            .collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    });
    let words: Vec<_> = words.collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use cartridge::Attribute;

    use super::*;

    #[test]
    fn whatever_an_application_writes_is_shown_as_words() {
        let mut memory = Memory::default();
        assert_eq!(application(&memory), None);
        for (id, value) in [
            (APPLICATION_VENDOR, &b"IBM     "[..]),
            (APPLICATION_NAME, b"LTFS\x00\x1b[31m   "),
            (APPLICATION_VERSION, b"        "),
        ] {
            let attribute = Attribute {
                format: 1,
                value: value.to_vec(),
            };
            memory.attributes.set(0, id, attribute);
        }
        assert_eq!(application(&memory).as_deref(), Some("IBM LTFS[31m"));
    }

    #[test]
    fn flags_are_told_by_name() {
        let mut raised = TapeAlerts::default();
        raised.raise(TapeAlert::CleanNow);
        let told = alerts(raised);
        assert_eq!((told[0].flag, &*told[0].name), (20, "Clean now"));
        assert_eq!(told[0].severity, "critical");
    }
}
