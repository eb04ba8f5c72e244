//! LOG SENSE (SPC-5 §6.8): supported pages and TapeAlert.

use scsi::spc::log::{self, LogPage, LogSense};
use scsi::{Cdb, Response, Sense};

/// TapeAlert has flags 1 to 64 (SMC-3, TapeAlert log page).
const TAPE_ALERT_FLAGS: u16 = 64;

/// Control byte of a flag: list parameter, binary format (SPC-5 §7.3.2.2).
const LIST_PARAMETER: u8 = 0x03;

pub(super) fn log_sense(cdb: &Cdb) -> Response {
    const SAVE_PARAMETERS_OFFSET: u16 = 1;
    let command = LogSense::parse(cdb);
    if cdb.bit(1, 0) {
        return Sense::invalid_field_in_cdb(SAVE_PARAMETERS_OFFSET).into();
    }
    let page = match (command.page_code, command.subpage_code) {
        (log::SUPPORTED_PAGES, 0) => log::page(
            log::SUPPORTED_PAGES,
            &[log::SUPPORTED_PAGES, log::TAPE_ALERT],
        ),
        (log::TAPE_ALERT, 0) => tape_alert(command.parameter_pointer),
        (log::SUPPORTED_PAGES | log::TAPE_ALERT, _) => {
            return Sense::invalid_field_in_cdb(3).into();
        }
        _ => return Sense::invalid_field_in_cdb(2).into(),
    };
    Response::allocated(page, usize::from(command.allocation_length))
}

/// No flag is ever set: the robot has no parts that wear out.
fn tape_alert(parameter_pointer: u16) -> Vec<u8> {
    let mut page = LogPage::new(log::TAPE_ALERT, parameter_pointer);
    for flag in 1..=TAPE_ALERT_FLAGS {
        page.parameter(flag, LIST_PARAMETER, &[0]);
    }
    page.to_bytes()
}
