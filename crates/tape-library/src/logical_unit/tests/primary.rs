//! Commands that every unit answers alike, with the real devices behind their units.

use scsi::{AdditionalSense, Response, Sense, SenseKey, Status};

use crate::profile::Preset;
use crate::testing::{Bench, Initiator, result};

const CHANGER: u16 = 0;
const DRIVE: u16 = 1;
const UNITS: [u16; 2] = [CHANGER, DRIVE];

fn good(initiator: &Initiator, lun: u16, cdb: &[u8], data_out: &[u8]) -> Vec<u8> {
    let response = initiator.send(lun, cdb, data_out);
    assert_eq!(response.status, Status::Good, "{response:?}");
    response.data_in.to_vec()
}

fn told(initiator: &Initiator, lun: u16) -> Option<AdditionalSense> {
    let response = initiator.send(lun, &[0x03, 0, 0, 0, 18, 0], &[]);
    let (code, qualifier) = (response.data_in[12], response.data_in[13]);
    (response.data_in[2] == SenseKey::UnitAttention as u8)
        .then_some(AdditionalSense(code, qualifier))
}

fn refused(response: &Response) -> Sense {
    assert!(response.data_in.is_empty());
    response.sense.expect("CHECK CONDITION")
}

fn unix_ms(data: &[u8]) -> u64 {
    data[4..10]
        .iter()
        .fold(0, |ms, byte| ms << 8 | u64::from(*byte))
}

#[test]
fn the_clock_is_the_computers_until_it_is_set() {
    const REPORT: [u8; 12] = [0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0];
    const SET: [u8; 12] = [0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0];
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    for lun in UNITS {
        let data = good(&one, lun, &REPORT, &[]);
        assert_eq!((data[..3].to_vec(), data.len()), (vec![0, 10, 3], 12));
        assert!(unix_ms(&data) > 1_700_000_000_000, "some day after 2023");
        let list = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let response = one.send(lun, &SET, &list);
        assert_eq!(
            (response.status, response.data_out_length),
            (Status::Good, 12)
        );
        assert_eq!(told(&one, lun), None, "who did it knows");
        assert_eq!(told(&two, lun), Some(AdditionalSense::TIMESTAMP_CHANGED));
        let data = good(&two, lun, &REPORT, &[]);
        assert_eq!(data[2], 2, "by SET TIMESTAMP");
        assert!((0x1_0000..0x2_0000).contains(&unix_ms(&data)));
        one.reset(lun);
        assert_eq!(
            good(&one, lun, &REPORT, &[])[2],
            2,
            "it goes on over a reset"
        );
        assert_eq!(good(&one, lun, &REPORT[..], &[])[..2], [0, 10]);
        let short = one.send(lun, &[0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0], &[0; 4]);
        let length_error = AdditionalSense::PARAMETER_LIST_LENGTH_ERROR;
        assert_eq!(refused(&short), Sense::illegal_request(length_error));
    }
    let other = good(&one, DRIVE + 1, &REPORT, &[]);
    assert_eq!(other[2], 3, "each unit has its own");
}

#[test]
fn the_data_buffer_keeps_bytes_until_a_reset() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    for lun in UNITS {
        let descriptor = good(&one, lun, &[0x3c, 0x03, 0, 0, 0, 0, 0, 0, 4, 0], &[]);
        assert_eq!(descriptor, [0, 1, 0, 0], "64 KiB");
        let none = good(&one, lun, &[0x3c, 0x03, 7, 0, 0, 0, 0, 0, 4, 0], &[]);
        assert_eq!(none, [0; 4], "no buffer 7");
        let read = [0x3c, 0x02, 0, 0, 0xff, 0xfe, 0, 0, 16, 0];
        assert_eq!(good(&one, lun, &read, &[]), [0, 0], "up to its end");
        let write = [0x3b, 0x02, 0, 0, 0xff, 0xfd, 0, 0, 3, 0];
        let response = one.send(lun, &write, &[1, 2, 3]);
        assert_eq!(
            (response.status, response.data_out_length),
            (Status::Good, 3)
        );
        assert_eq!(good(&two, lun, &read, &[]), [2, 3], "the same for all");
        let over = one.send(lun, &[0x3b, 0x02, 0, 0, 0xff, 0xfd, 0, 0, 4, 0], &[0; 4]);
        assert_eq!(refused(&over), Sense::invalid_field_in_cdb(6));
        let behind = one.send(lun, &[0x3c, 0x02, 0, 1, 0, 1, 0, 0, 4, 0], &[]);
        assert_eq!(refused(&behind), Sense::invalid_field_in_cdb(3));
        let other = one.send(lun, &[0x3c, 0x02, 2, 0, 0, 0, 0, 0, 4, 0], &[]);
        assert_eq!(refused(&other), Sense::invalid_field_in_cdb(2));
        let microcode = one.send(lun, &[0x3b, 0x05, 0, 0, 0, 0, 0, 0, 4, 0], &[0; 4]);
        assert_eq!(
            refused(&microcode),
            Sense::invalid_field_in_cdb(1).at_bit(4)
        );
        one.reset(lun);
        assert_eq!(good(&one, lun, &read, &[]), [0, 0]);
    }
}

#[test]
fn an_echo_is_for_whoever_has_called() {
    const READ: [u8; 10] = [0x3c, 0x0a, 0, 0, 0, 0, 0, 0x10, 0, 0];
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    let out_of_order = Sense::illegal_request(AdditionalSense::COMMAND_SEQUENCE_ERROR);
    for lun in UNITS {
        let descriptor = good(&one, lun, &[0x3c, 0x0b, 0, 0, 0, 0, 0, 0, 4, 0], &[]);
        assert_eq!(descriptor, [1, 0, 0x10, 0], "EBOS, 4 KiB");
        assert_eq!(refused(&one.send(lun, &READ, &[])), out_of_order);
        good(&one, lun, &[0x3b, 0x0a, 0, 0, 0, 0, 0, 0, 5, 0], b"hello");
        good(&two, lun, &[0x3b, 0x0a, 0, 0, 0, 0, 0, 0, 2, 0], b"ho");
        assert_eq!(good(&one, lun, &READ, &[]), b"hello");
        assert_eq!(good(&two, lun, &READ, &[]), b"ho");
        let long = one.send(lun, &[0x3b, 0x0a, 0, 0, 0, 0, 0, 0x10, 1, 0], &[0; 4097]);
        assert_eq!(refused(&long), Sense::invalid_field_in_cdb(6));
    }
}

#[test]
fn failures_can_be_read_back_as_error_history() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    for lun in UNITS {
        refused(&initiator.send(lun, &[0x12, 1, 0xef, 0, 96, 0], &[]));
        let directory = good(&initiator, lun, &[0x3c, 0x1c, 0, 0, 0, 0, 0, 1, 0, 0], &[]);
        assert_eq!(&directory[..8], b"CAPSTAN ");
        assert_eq!(directory[30..33], [0, 8, 0x10]);
        let text = good(
            &initiator,
            lun,
            &[0x3c, 0x1c, 0x10, 0, 0, 0, 1, 0, 0, 0],
            &[],
        );
        let told = u32::from_be_bytes(directory[36..40].try_into().unwrap());
        assert_eq!(text.len(), told as usize);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(" 12 01 ef 00 60 "), "{text}");
        assert!(text.ends_with("IllegalRequest 24/00 INVALID FIELD IN CDB\n"));
    }
}

#[test]
fn ltfs_gets_the_failures_as_a_dump() {
    const DESCRIPTOR: [u8; 10] = [0x3c, 0x03, 1, 0, 0, 0, 0, 0, 4, 0];
    const DUMP: [u8; 10] = [0x3c, 0x02, 1, 0, 0, 0, 1, 0, 0, 0];
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    for lun in UNITS {
        refused(&one.send(lun, &[0x12, 1, 0xee, 0, 96, 0], &[]));
        assert_eq!(good(&one, lun, &DESCRIPTOR, &[]), [0; 4], "none yet");
        assert!(good(&one, lun, &DUMP, &[]).is_empty());
        let request = [0x80, 0, 0, 4, 0x01, 0x60, 0, 0];
        good(&one, lun, &[0x1d, 0x10, 0, 0, 8, 0], &request);
        let text = good(&one, lun, &DUMP, &[]);
        let told = good(&one, lun, &DESCRIPTOR, &[]);
        assert_eq!(
            u32::from_be_bytes(told.try_into().unwrap()) as usize,
            text.len()
        );
        assert!(
            String::from_utf8(text)
                .unwrap()
                .contains(" 12 01 ee 00 60 ")
        );
        assert!(good(&two, lun, &DUMP, &[]).is_empty(), "it is not its own");
    }
}

#[test]
fn self_tests_pass_and_diagnostic_pages_are_listed() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    bench.try_move("slot:1", "drive:0").unwrap();
    for lun in UNITS {
        while result(&initiator.send(lun, &[0; 6], &[])).is_err() {} // the move is told
        good(&initiator, lun, &[0x1d, 0x04, 0, 0, 0, 0], &[]);
        good(&initiator, lun, &[0x1d, 0xa0, 0, 0, 0, 0], &[]);
        let background = initiator.send(lun, &[0x1d, 0x20, 0, 0, 0, 0], &[]);
        assert_eq!(
            refused(&background),
            Sense::invalid_field_in_cdb(1).at_bit(7)
        );
        let response = initiator.send(lun, &[0x1d, 0x10, 0, 0, 4, 0], &[0; 4]);
        assert_eq!(
            (response.status, response.data_out_length),
            (Status::Good, 4)
        );
        for byte1 in [0x00, 0x01] {
            let pages = good(&initiator, lun, &[0x1c, byte1, 0, 0, 32, 0], &[]);
            assert_eq!(pages, [0, 0, 0, 2, 0, 0x80]);
        }
        let other = initiator.send(lun, &[0x1c, 0x01, 0x40, 0, 32, 0], &[]);
        assert_eq!(refused(&other), Sense::invalid_field_in_cdb(2));
    }
}

#[test]
fn identifying_information_survives_a_restart() {
    const REPORT: [u8; 12] = [0xa3, 0x05, 0, 0, 0, 0, 0, 0, 1, 0, 0x04, 0];
    const SET: [u8; 12] = [0xa4, 0x06, 0, 0, 0, 0, 0, 0, 0, 7, 0x04, 0];
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    for lun in UNITS {
        assert_eq!(good(&one, lun, &REPORT, &[]), [0; 4]);
        let response = one.send(lun, &SET, b"rack 7\0");
        assert_eq!(
            (response.status, response.data_out_length),
            (Status::Good, 7)
        );
        let changed = AdditionalSense::DEVICE_IDENTIFIER_CHANGED;
        assert_eq!(told(&two, lun), Some(changed));
        good(&one, lun, &SET, b"rack 7\0");
        assert_eq!(told(&two, lun), None, "nothing has changed");
        assert_eq!(good(&two, lun, &REPORT, &[]), b"\0\0\0\x07rack 7\0");
    }
    drop((one, two));
    let bench = bench.reopen();
    let initiator = bench.initiator("a");
    for lun in UNITS {
        assert_eq!(good(&initiator, lun, &REPORT, &[]), b"\0\0\0\x07rack 7\0");
    }
    assert_eq!(good(&initiator, DRIVE + 1, &REPORT, &[]), [0; 4]);
}

#[test]
fn one_target_port_group_and_no_well_known_units() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    let groups = [0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    let expected = [0, 0, 0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    for lun in UNITS {
        assert_eq!(good(&initiator, lun, &groups, &[]), expected);
    }
    let select = |code| [0xa0, 0, code, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    let all = good(&initiator, CHANGER, &select(0x00), &[]);
    assert_eq!(all[..4], [0, 0, 0, 40], "a changer and four drives");
    assert_eq!(good(&initiator, CHANGER, &select(0x02), &[]), all);
    assert_eq!(good(&initiator, DRIVE, &select(0x11), &[]), all);
    for none in [0x01, 0x10, 0x12] {
        assert_eq!(good(&initiator, CHANGER, &select(none), &[]), [0; 8]);
    }
    let mut reserved = select(0);
    reserved[10] = 0x02;
    let response = initiator.send(CHANGER, &reserved, &[]);
    assert_eq!(
        refused(&response),
        Sense::invalid_field_in_cdb(10).at_bit(1)
    );
    // Aliases and priorities nobody asks for; their service actions are none of ours.
    for (code, action) in [(0xa3, 0x0b), (0xa3, 0x0e), (0xa4, 0x0b), (0xa4, 0x0a)] {
        let response = initiator.send(CHANGER, &[code, action], &[]);
        assert_eq!(refused(&response), Sense::invalid_field_in_cdb(1).at_bit(4));
    }
}
