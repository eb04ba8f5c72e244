//! The format of sense data, with the real devices behind their units.

use scsi::{AdditionalSense, Response, Status};

use crate::profile::Preset;
use crate::testing::{Bench, Initiator};

const CHANGER: u16 = 0;
const DRIVE: u16 = 1;
/// INQUIRY of a page that is not there.
const REFUSED: [u8; 6] = [0x12, 1, 0xef, 0, 96, 0];

/// `D_SENSE` of the control page; BUFFERED MODE stays 1.
fn select_format(initiator: &Initiator, lun: u16, descriptors: bool) {
    let flags = if descriptors { 0x06 } else { 0x02 };
    let list = [0, 0, 0x10, 0, 0x0a, 10, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let response = initiator.send(lun, &[0x15, 0x10, 0, 0, 16, 0], &list);
    assert_eq!(response.status, Status::Good, "{response:?}");
}

fn sense(response: &Response) -> Vec<u8> {
    response.sense.expect("CHECK CONDITION").to_bytes()
}

const IN_FIXED_FORMAT: [u8; 18] = [
    0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0xc0, 0, 2,
];
const IN_DESCRIPTORS: [u8; 16] = [
    0x72, 0x05, 0x24, 0, 0, 0, 0, 8, 0x02, 6, 0, 0, 0xc0, 0, 2, 0,
];

/// SPC-5 §7.5.10 and §4.4.1.
#[test]
fn d_sense_chooses_the_format_of_one_unit_until_it_is_reset() {
    let bench = Bench::new(Preset::Default);
    let (one, two) = (bench.initiator("a"), bench.initiator("b"));
    for (lun, other) in [(CHANGER, DRIVE), (DRIVE, CHANGER)] {
        assert_eq!(sense(&one.send(lun, &REFUSED, &[])), IN_FIXED_FORMAT);
        select_format(&one, lun, true);
        assert_eq!(sense(&one.send(lun, &REFUSED, &[])), IN_DESCRIPTORS);
        assert_eq!(sense(&one.send(other, &REFUSED, &[])), IN_FIXED_FORMAT);
        let told = sense(&two.send(lun, &[0; 6], &[]));
        assert_eq!(told, [0x72, 0x06, 0x2a, 0x01, 0, 0, 0, 0]);
        assert_eq!(sense(&two.send(lun, &REFUSED, &[])), IN_DESCRIPTORS);
        let unknown = sense(&one.send(lun, &[0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[]));
        assert_eq!(unknown, [0x72, 0x05, 0x20, 0, 0, 0, 0, 0]);
        let unit = match lun {
            CHANGER => bench.library.changer(),
            _ => bench.library.drives()[0].unit(),
        };
        one.reset(lun);
        unit.wait_until_idle();
        assert_eq!(sense(&one.send(lun, &REFUSED, &[])), IN_FIXED_FORMAT);
        let told = two.send(lun, &[0; 6], &[]).sense.unwrap().additional;
        assert_eq!(told, AdditionalSense::BUS_DEVICE_RESET_OCCURRED);
    }
}

/// SPC-5 §6.41: DESC decides, and not `D_SENSE`.
#[test]
fn request_sense_answers_in_the_format_that_it_asks_for() {
    let bench = Bench::new(Preset::Default);
    let initiator = bench.initiator("a");
    for descriptors in [false, true] {
        select_format(&initiator, DRIVE, descriptors);
        let unit = bench.library.drives()[0].unit();
        unit.attentions()
            .establish(AdditionalSense::NOT_READY_TO_READY_CHANGE);
        let data = initiator.send(DRIVE, &[0x03, 1, 0, 0, 252, 0], &[]).data_in;
        assert_eq!(data[..], [0x72, 0x06, 0x28, 0, 0, 0, 0, 0]);
        let data = initiator.send(DRIVE, &[0x03, 1, 0, 0, 252, 0], &[]).data_in;
        assert_eq!(data[..], [0x72, 0, 0, 0, 0, 0, 0, 0], "told once");
        let data = initiator.send(DRIVE, &[0x03, 0, 0, 0, 252, 0], &[]).data_in;
        assert_eq!((data[0], data.len()), (0x70, 18));
    }
    let absent = initiator.send(99, &[0x03, 1, 0, 0, 252, 0], &[]);
    assert_eq!(absent.status, Status::Good);
    assert_eq!(absent.data_in[..], [0x72, 0x05, 0x25, 0, 0, 0, 0, 0]);
}
