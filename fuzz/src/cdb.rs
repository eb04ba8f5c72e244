//! CDBs and parameter lists: whatever the bytes, they are read, or answered with sense.

use scsi::command::{CommandTable, LUN_OF_SCSI_2};
use scsi::spc::mode::{
    self, Form, ModePages, ModeSelect, ModeSense, PageId, ParameterList, changed_pages,
};
use scsi::spc::persistent_reserve::PersistentReserveOut;
use scsi::spc::report_supported_operation_codes::ReportSupportedOperationCodes;
use scsi::spc::report_supported_task_management_functions::ReportSupportedTaskManagementFunctions;
use scsi::ssc::mode_pages::{DriveFeatures, DriveParameters};
use scsi::{Cdb, DeviceType, Lun, smc, spc, ssc};

use crate::rig::Choices;

/// Runs the target.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let mut bytes = [0; 16];
    let given = choices.bytes(16);
    bytes[..given.len()].copy_from_slice(given);
    let cdb = Cdb::new(&bytes);
    for device in [DeviceType::SequentialAccess, DeviceType::MediaChanger] {
        if let Some(spec) = CommandTable::of(device).find(&cdb)
            && spec.check_reserved(&cdb).is_ok()
        {
            // What may be set is what the usage data says, SCSI-2's place of the LUN excepted.
            for (at, usage) in spec.usage.iter().enumerate().skip(1) {
                let lun = at == 1 && spec.may_carry_lun();
                let allowed = if lun { usage | LUN_OF_SCSI_2 } else { *usage };
                assert_eq!(bytes[at] & !allowed, 0, "byte {at} of {}", spec.name);
            }
        }
    }
    lun(bytes);
    descriptor_blocks(&cdb);
    // MODE SELECT never has more than its length field can say.
    let list = choices.bytes(usize::from(u16::MAX));
    mode_select(list);
    reservation(list);
}

fn lun(bytes: [u8; 16]) {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[8..]);
    if let Some(lun) = Lun::parse(field) {
        assert!(lun.number() <= Lun::MAX);
        assert_eq!(Lun::parse(lun.to_bytes()), Some(lun));
    }
}

/// Every typed CDB; what is read wrongly would be executed wrongly, what panics would end a session.
fn descriptor_blocks(cdb: &Cdb) {
    let _ = spc::inquiry::Inquiry::parse(cdb);
    let _ = spc::log::LogSense::parse(cdb);
    let _ = spc::report_luns::ReportLuns::parse(cdb);
    let _ = spc::request_sense::RequestSense::parse(cdb);
    let _ = spc::persistent_reserve::PersistentReserveIn::parse(cdb);
    for device in [DeviceType::SequentialAccess, DeviceType::MediaChanger] {
        if let Ok(command) = ReportSupportedOperationCodes::parse(cdb) {
            let _ = command.parameter_data(CommandTable::of(device));
        }
    }
    let _ = ReportSupportedTaskManagementFunctions::parse(cdb);
    let _ = (ModeSense::parse(cdb), ModeSelect::parse(cdb));
    let _ = ssc::density::ReportDensitySupport::parse(cdb);
    let _ = ssc::load_unload::LoadUnload::parse(cdb);
    let _ = ssc::locate::Locate::parse(cdb);
    let _ = ssc::prevent_allow::MediumRemoval::parse(cdb);
    let _ = ssc::read_position::ReadPosition::parse(cdb);
    let _ = ssc::read_write::Read::parse(cdb);
    let _ = ssc::read_write::Write::parse(cdb);
    let _ = ssc::space::Space::parse(cdb);
    let _ = ssc::write_filemarks::WriteFilemarks::parse(cdb);
    let _ = smc::InitializeElementStatus::parse(cdb);
    let _ = smc::MoveMedium::parse(cdb);
    let _ = smc::PositionToElement::parse(cdb);
    let _ = smc::ReadElementStatus::parse(cdb);
}

/// A parameter list of PERSISTENT RESERVE OUT, which may be of any service action, is read or refused;
/// one that names ports comes back with the same meaning.
fn reservation(list: &[u8]) {
    let length = u32::try_from(list.len()).unwrap_or(u32::MAX).to_be_bytes();
    for action in 0..8 {
        let mut bytes = [0x5f, action, 0x01, 0, 0, 0, 0, 0, 0, 0];
        bytes[5..9].copy_from_slice(&length);
        let cdb = Cdb::new(&bytes);
        let again = match PersistentReserveOut::parse(&cdb, list) {
            Ok(PersistentReserveOut::Register(registration)) => registration.to_bytes(),
            Ok(PersistentReserveOut::RegisterAndMove(command)) => command.to_bytes(),
            _ => continue,
        };
        let length = u32::try_from(again.len()).unwrap_or(u32::MAX).to_be_bytes();
        bytes[5..9].copy_from_slice(&length);
        let first = PersistentReserveOut::parse(&cdb, list);
        assert_eq!(
            PersistentReserveOut::parse(&Cdb::new(&bytes), &again),
            first
        );
    }
}

/// A parameter list that is read comes back with the same bytes, and its pages lie one after another.
fn mode_select(list: &[u8]) {
    for form in [Form::Six, Form::Ten] {
        let Ok((parameters, first)) = ParameterList::parse(form, list) else {
            continue;
        };
        assert_eq!(list[usize::from(first)..], parameters.pages);
        let Ok(pages) = mode::pages(&parameters.pages, first) else {
            continue;
        };
        let mut at = usize::from(first);
        for page in &pages {
            assert_eq!(usize::from(page.offset), at);
            at += page.bytes.len();
        }
        assert_eq!(at, list.len());
        let drive = DriveParameters::new(DriveFeatures::everything());
        for page in &pages {
            if let Ok(after) = changed_pages(&drive, page.bytes, page.offset) {
                // What was accepted is told from then on, and is the same when it is sent back.
                let told = bytes(&after, page.id());
                let again = changed_pages(&after, &told, page.offset).unwrap();
                assert_eq!(bytes(&again, page.id()), told);
            }
        }
    }
}

fn bytes(parameters: &DriveParameters, id: PageId) -> Vec<u8> {
    let all = parameters.all();
    let page = all.iter().find(|page| page.id() == id);
    page.unwrap().to_bytes()
}
