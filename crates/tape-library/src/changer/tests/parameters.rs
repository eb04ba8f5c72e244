//! INQUIRY, mode and log pages, and commands of any bytes.

use proptest::prelude::*;
use scsi::{CommandTable, DeviceType};

use super::*;
use crate::testing::answers::{Reserved, any_command, judge};

#[test]
fn mode_sense_of_mtx_and_loaderinfo() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let page_1d = [
        0x1d, 18, 0, 1, 0, 1, 0x03, 0xe8, 0, 24, 0, 10, 0, 4, 0x01, 0xf4, 0, 4, 0, 0,
    ];
    let data = initiator.changer(&[0x1a, 0x08, 0x1d, 0, 136, 0]).data_in;
    assert_eq!(data[..4], [23, 0, 0, 0]);
    assert_eq!(data[4..], page_1d);
    let data = initiator
        .changer(&[0x5a, 0x08, 0x3f, 0, 0, 0, 0, 0, 200, 0])
        .data_in;
    assert_eq!(usize::from(data[1]) + 2, data.len());
    assert_eq!(data[2..8], [0; 6]);
    let control = [0x0a, 10, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(data[8..10], [0x02, 14], "in ascending order");
    assert_eq!(data[24..36], control);
    let elements = data.windows(20).position(|bytes| bytes == page_1d).unwrap();
    assert_eq!(data[elements + 20..][..2], [0x1e, 2]);
    let extended = initiator
        .changer(&[0x5a, 0x08, 0x1f, 0x41, 0, 0, 0, 0, 136, 0])
        .data_in;
    assert_eq!(extended[8..13], [0x5f, 0x41, 0, 16, 0x07]);
    let all = initiator
        .changer(&[0x5a, 0x08, 0x3f, 0xff, 0, 0, 0, 0, 255, 0])
        .data_in;
    assert!(all.ends_with(&extended[8..]), "the last sub-page");
    let alone = initiator.changer(&[0x1a, 0x08, 0x0a, 0, 136, 0]).data_in;
    assert_eq!(alone[4..], control);
    let changeable = initiator.changer(&[0x1a, 0x08, 0x5d, 0, 136, 0]).data_in;
    assert_eq!(changeable[4..6], [0x1d, 18]);
    assert_eq!(changeable[6..], [0; 18]);
    let saved = initiator.changer(&[0x1a, 0x08, 0xdd, 0, 136, 0]);
    assert_eq!(
        result(&saved),
        Err((ILLEGAL, AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED))
    );
    for unknown in [[0x1a, 0x08, 0x0f, 0, 136, 0], [0x1a, 0x08, 0x1d, 1, 136, 0]] {
        assert_eq!(
            result(&initiator.changer(&unknown)),
            Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB))
        );
    }
}

#[test]
fn mode_select_accepts_what_is_so_and_nothing_else() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let mut list = initiator
        .changer(&[0x1a, 0x08, 0x3f, 0, 136, 0])
        .data_in
        .to_vec();
    list[0] = 0;
    let length = u8::try_from(list.len()).unwrap();
    let select = [0x15, 0x10, 0, 0, length, 0];
    let response = initiator.send(0, &select, &list);
    assert_eq!(response.status, Status::Good);
    assert_eq!(response.data_out_length, u32::from(length));
    let elements = list.windows(2).position(|page| page == [0x1d, 18]).unwrap();
    list[elements + 9] ^= 1; // the number of storage elements
    assert_eq!(
        result(&initiator.send(0, &select, &list)),
        Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_PARAMETER_LIST))
    );
    assert_eq!(
        result(&initiator.send(0, &select, &list[..10])),
        Err((ILLEGAL, AdditionalSense::PARAMETER_LIST_LENGTH_ERROR))
    );
}

#[test]
fn log_pages() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let sense = |page: u8| initiator.changer(&[0x4d, 0, 0x40 | page, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(sense(0).data_in[..], [0, 0, 0, 4, 0x00, 0x0d, 0x12, 0x2e]);
    assert_eq!(
        sense(0x0d).data_in[..],
        [0x0d, 0, 0, 6, 0, 0, 3, 2, 0, 0xff]
    );
    assert_eq!(
        sense(0x12).data_in[..],
        [0x12, 0, 0, 12, 0, 0, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    let alerts = sense(0x2e).data_in;
    assert_eq!(alerts[..4], [0x2e, 0, 0x01, 0x40], "64 flags of five bytes");
    assert_eq!(alerts[4..9], [0, 1, 3, 1, 0]);
    assert_eq!(
        result(&sense(0x31)),
        Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB))
    );
}

#[test]
fn log_select_resets_and_tells_the_others() {
    let bench = Bench::new(Preset::Default);
    let one = bench.initiator("a");
    let two = bench.initiator("b");
    assert_eq!(result(&two.changer(&[0, 0, 0, 0, 0, 0])), Ok(()));
    let reset = [0x4c, 0x02, 0x40, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(result(&one.changer(&reset)), Ok(()));
    assert_eq!(result(&one.changer(&[0, 0, 0, 0, 0, 0])), Ok(()));
    assert_eq!(
        result(&two.changer(&[0, 0, 0, 0, 0, 0])),
        Err((
            SenseKey::UnitAttention,
            AdditionalSense::LOG_PARAMETERS_CHANGED
        ))
    );
    let unknown = [0x4c, 0x02, 0x71, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        result(&one.changer(&unknown)),
        Err((ILLEGAL, AdditionalSense::INVALID_FIELD_IN_CDB))
    );
}

#[test]
fn identity_of_the_tape_gateway_is_what_mtx_inquiry_shows() {
    let bench = Bench::new(Preset::TapeGateway);
    let initiator = bench.initiator("a");
    let inquiry = initiator.changer(&[0x12, 0, 0, 0, 96, 0]).data_in;
    assert_eq!(inquiry[..2], [0x08, 0x80]);
    assert_eq!(&inquiry[8..36], b"AWS     Gateway-VTL     0100");
    let pages = initiator.changer(&[0x12, 1, 0, 0, 96, 0]).data_in;
    assert_eq!(pages[4..], [0x00, 0x80, 0x83]);
}

#[test]
fn every_command_of_the_table_is_answered() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    for spec in CommandTable::of(DeviceType::MediaChanger).rows() {
        let mut cdb = [0; 16];
        cdb[0] = spec.operation_code;
        cdb[1] = spec.service_action.unwrap_or(0);
        let response = initiator.changer(&cdb);
        assert_ne!(
            result(&response),
            Err((ILLEGAL, AdditionalSense::INVALID_COMMAND_OPERATION_CODE)),
            "{}",
            spec.name
        );
    }
}

#[test]
fn reset_allows_medium_removal_again() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    result(&initiator.changer(&[0x1e, 0, 0, 0, 1, 0])).unwrap();
    initiator.reset(0);
    bench.library.changer().wait_until_idle();
    bench.library.delete_cartridge("CAP020L5").unwrap();
}

const CHANGER: CommandTable = CommandTable::of(DeviceType::MediaChanger);

proptest! {
    // Each case makes a library, on a disk.
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Slots are full and empty from the beginning; the commands themselves fill drives and ports.
    #[test]
    fn every_command_is_answered_as_the_table_has_it(
        full in any::<bool>(),
        reserved in any::<bool>(),
        commands in prop::collection::vec(any_command(CHANGER), 1..200),
    ) {
        let bench = Bench::new(Preset::Default);
        let (one, two) = (bench.initiator("a"), bench.initiator("b"));
        if full {
            for number in 1..5 {
                bench.try_move(&format!("slot:{number}"), &format!("drive:{}", number - 1)).unwrap();
                bench.try_move(&format!("slot:{}", number + 4), &format!("ie:{number}")).unwrap();
            }
        }
        let reserved = if reserved {
            two.take_attentions();
            prop_assert_eq!(two.changer(&[0x16, 0, 0, 0, 0, 0]).status, Status::Good);
            Reserved::ByAnother(scsi::command::Restriction::Reserved)
        } else {
            Reserved::No
        };
        for command in &commands {
            while bench.library.changer().attentions().take(one.id()).is_some() {}
            let response = one.send(0, &command.cdb, &command.data_out);
            judge(CHANGER, command, reserved, &response)
                .map_err(|error| TestCaseError::fail(format!("{command:02x?}: {response:?}: {error}")))?;
        }
    }
}
