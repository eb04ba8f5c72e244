//! LOG SENSE and LOG SELECT of a device with two pages.

use super::*;
use crate::sense::Sense;
use crate::task::Cdb;

/// Page 02h counts and is changeable, page 17h has sub-page 01h and tells other things.
#[derive(Default)]
struct Device {
    counters: [u64; 2],
    told: Vec<u16>,
}

const COUNTS: PageId = PageId::new(0x02);
const OTHER: PageId = PageId {
    code: 0x17,
    subpage: 0x01,
};

impl Logs for Device {
    fn pages(&self) -> Vec<PageId> {
        vec![COUNTS, PageId::new(0x17), OTHER]
    }

    fn parameters(&mut self, page: PageId) -> Vec<Parameter> {
        match page {
            COUNTS => vec![
                Parameter::counter(1, self.counters[0], 2).changeable(),
                Parameter::counter(3, self.counters[1], 4).changeable(),
            ],
            _ => vec![
                Parameter::text(0, "AB", 4),
                Parameter::number(2, 0x0102, 2),
                Parameter::counter(5, 7, 1),
            ],
        }
    }

    fn were_told(&mut self, _page: PageId, codes: &[u16]) {
        self.told.extend_from_slice(codes);
    }

    fn reset(&mut self, page: PageId) {
        if page == COUNTS {
            self.counters = [0; 2];
        }
    }

    fn set(&mut self, _page: PageId, code: u16, value: u64) {
        self.counters[usize::from(code / 2)] = value;
    }
}

struct Rig {
    device: Device,
    thresholds: Thresholds,
}

impl Rig {
    fn new() -> Self {
        Self {
            device: Device {
                counters: [0x0a0b, 0x01_0203],
                told: Vec::new(),
            },
            thresholds: Thresholds::default(),
        }
    }

    /// LOG SENSE with page control and page in byte 2.
    fn sense(&mut self, byte_2: u8, subpage: u8, pointer: u8) -> Result<Vec<u8>, Sense> {
        let cdb = [0x4d, 0, byte_2, subpage, 0, 0, pointer, 0x02, 0, 0];
        let command = LogSense::parse(&Cdb::new(&cdb))?;
        log_sense(&command, &mut self.device, &self.thresholds)
    }

    /// LOG SELECT with these bytes 1 to 3.
    fn select(&mut self, [flags, byte_2, subpage]: [u8; 3], list: &[u8]) -> Result<(), Sense> {
        let length = u8::try_from(list.len()).unwrap();
        let cdb = [0x4c, flags, byte_2, subpage, 0, 0, 0, 0, length, 0];
        let command = LogSelect::parse(&Cdb::new(&cdb))?;
        log_select(&command, list, &mut self.device, &mut self.thresholds).map(|_| ())
    }
}

fn in_list(byte: u16) -> Sense {
    Sense::invalid_field_in_parameter_list(byte)
}

#[test]
fn lists_follow_from_the_pages() {
    let mut rig = Rig::new();
    assert_eq!(rig.sense(0x40, 0, 0).unwrap(), [0, 0, 0, 3, 0, 0x02, 0x17]);
    assert_eq!(
        rig.sense(0x40, 0xff, 0).unwrap(),
        [0x40, 0xff, 0, 10, 0, 0, 0, 0xff, 2, 0, 0x17, 0, 0x17, 1]
    );
    assert_eq!(
        rig.sense(0x57, 0xff, 0).unwrap(),
        [0x57, 0xff, 0, 6, 0x17, 0, 0x17, 1, 0x17, 0xff]
    );
    assert_eq!(
        rig.sense(0x58, 0xff, 0),
        Err(Sense::invalid_field_in_cdb(2))
    );
}

#[test]
fn parameters_from_the_pointer_on() {
    let mut rig = Rig::new();
    let all = [2, 0, 0, 14, 0, 1, 0, 2, 0x0a, 0x0b, 0, 3, 0, 4, 0, 1, 2, 3];
    assert_eq!(rig.sense(0x42, 0, 0).unwrap(), all);
    assert_eq!(rig.sense(0x42, 0, 2).unwrap()[..6], [2, 0, 0, 8, 0, 3]);
    let beyond = rig.sense(0x42, 0, 4);
    assert_eq!(beyond, Err(Sense::invalid_field_in_cdb(5)));
    let subpage = rig.sense(0x57, 1, 0).unwrap();
    assert_eq!(subpage[..4], [0x57, 1, 0, 19]);
    assert_eq!(subpage[4..12], [0, 0, 1, 4, b'A', b'B', b' ', b' ']);
    assert_eq!(subpage[12..18], [0, 2, 2, 2, 1, 2]);
}

#[test]
fn unknown_pages_and_saving_are_refused() {
    let mut rig = Rig::new();
    assert_eq!(rig.sense(0x70, 0, 0), Err(Sense::invalid_field_in_cdb(2)));
    assert_eq!(rig.sense(0x42, 1, 0), Err(Sense::invalid_field_in_cdb(3)));
    assert_eq!(rig.sense(0x40, 1, 0), Err(Sense::invalid_field_in_cdb(3)));
    let saving = Sense::invalid_field_in_cdb(1).at_bit(0);
    let cdb = Cdb::new(&[0x4d, 1, 0x42, 0, 0, 0, 0, 2, 0, 0]);
    assert_eq!(LogSense::parse(&cdb), Err(saving));
    assert_eq!(rig.select([1, 0x42, 0], &[]), Err(saving));
}

#[test]
fn only_what_fits_was_told() {
    let mut rig = Rig::new();
    for allocation in [4, 9, 10, 17, 18] {
        let cdb = Cdb::new(&[0x4d, 0, 0x42, 0, 0, 0, 0, 0, allocation, 0]);
        let command = LogSense::parse(&cdb).unwrap();
        rig.device.told.clear();
        log_sense(&command, &mut rig.device, &rig.thresholds).unwrap();
        let told: &[u16] = match allocation {
            4 | 9 => &[],
            10 | 17 => &[1],
            _ => &[1, 3],
        };
        assert_eq!(rig.device.told, told);
    }
}

#[test]
fn thresholds_are_kept_until_the_default_is_asked_for() {
    let mut rig = Rig::new();
    let thresholds = |rig: &mut Rig| rig.sense(0x02, 0, 0).unwrap()[4..].to_vec();
    let never = [0, 1, 0, 2, 0xff, 0xff, 0, 3, 0, 4, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(thresholds(&mut rig), never);
    rig.select([0, 0x02, 0], &[2, 0, 0, 6, 0, 1, 0, 2, 0x12, 0x34])
        .unwrap();
    assert_eq!(thresholds(&mut rig)[..6], [0, 1, 0, 2, 0x12, 0x34]);
    assert_eq!(thresholds(&mut rig)[6..], never[6..]);
    assert_eq!(rig.sense(0x82, 0, 0).unwrap()[4..], never, "the default");
    assert_eq!(rig.device.counters[0], 0x0a0b, "and no counter changed");
    rig.select([0, 0x82, 0], &[]).unwrap();
    assert_eq!(thresholds(&mut rig), never);
    // Of a page without counters the values are told, whatever control says.
    assert_eq!(rig.sense(0x17, 1, 2).unwrap()[4..10], [0, 2, 2, 2, 1, 2]);
    assert_eq!(rig.sense(0xd7, 1, 5).unwrap()[4..], [0, 5, 0, 1, 0]);
}

#[test]
fn counters_are_set_and_reset() {
    let mut rig = Rig::new();
    let list = [2, 0, 0, 8, 0, 3, 0, 4, 0, 0, 1, 0];
    rig.select([0, 0x42, 0], &list).unwrap();
    assert_eq!(rig.device.counters, [0x0a0b, 0x100]);
    rig.select([0, 0x40, 0], &list).unwrap();
    rig.select([0, 0xc2, 0], &list).unwrap();
    assert_eq!(rig.device.counters, [0x0a0b, 0], "default, not the list's");
    rig.select([0, 0x42, 0], &[]).unwrap();
    assert_eq!(rig.device.counters[0], 0x0a0b, "an empty list sets nothing");
    rig.select([2, 0x57, 1], &[]).unwrap();
    assert_eq!(rig.device.counters[0], 0x0a0b, "another page was reset");
    rig.select([2, 0x40, 0], &[]).unwrap();
    assert_eq!(rig.device.counters, [0, 0]);
    let reset_with_list = rig.select([2, 0x42, 0], &list);
    assert_eq!(
        reset_with_list,
        Err(Sense::invalid_field_in_cdb(1).at_bit(1))
    );
}

#[test]
fn nothing_is_set_unless_all_of_the_list_is_in_order() {
    let mut rig = Rig::new();
    let good = [2, 0, 0, 6, 0, 1, 0, 2, 0, 1];
    let broken: &[(&[u8], Sense)] = &[
        (&[3, 0, 0, 0], in_list(10)),                       // no such page
        (&[2, 0, 0, 6, 0, 1, 0, 2, 0, 1], in_list(10)),     // the same page again
        (&[0x17, 0, 0, 5, 0, 5, 0, 1, 0], in_list(10 + 4)), // not changeable
        (&[0x17, 0, 0, 9], LENGTH_ERROR),
        (&[0x17, 0], LENGTH_ERROR),
    ];
    for (rest, sense) in broken {
        let list = [&good, *rest].concat();
        assert_eq!(rig.select([0, 0x40, 0], &list), Err(*sense), "{rest:?}");
    }
    let broken: &[(&[u8], Sense)] = &[
        (
            &[2, 0, 0, 12, 0, 3, 0, 4, 0, 0, 0, 0, 0, 1, 0, 2],
            LENGTH_ERROR,
        ),
        (
            &[2, 0, 0, 14, 0, 3, 0, 4, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1],
            in_list(12), // descending
        ),
        (&[2, 0, 0, 5, 0, 9, 0, 1, 0], in_list(4)), // no such parameter
        (&[2, 0, 0, 6, 0, 1, 0x80, 2, 0, 1], in_list(6)), // DU
        (&[2, 0, 0, 5, 0, 1, 0, 1, 0], in_list(7)), // another length
        (&[2, 1, 0, 6, 0, 1, 0, 2, 0, 1], in_list(1)), // sub-page without SPF
    ];
    for (list, sense) in broken {
        assert_eq!(rig.select([0, 0x42, 0], list), Err(*sense), "{list:?}");
    }
    assert_eq!(rig.device.counters, [0x0a0b, 0x01_0203]);
    let other = rig.select([0, 0x57, 0], &good);
    assert_eq!(other, Err(in_list(0)), "not the page of the CDB");
    let unknown = rig.select([0, 0x44, 0], &good);
    assert_eq!(unknown, Err(Sense::invalid_field_in_cdb(2)));
}

#[test]
fn counters_stay_at_their_greatest_value() {
    assert_eq!(Parameter::counter(0, 0x1_0000, 2).value, [0xff, 0xff]);
    assert_eq!(Parameter::counter(0, 0xffff, 2).value, [0xff, 0xff]);
    assert_eq!(Parameter::counter(0, 0x12, 1).value, [0x12]);
}

const LENGTH_ERROR: Sense =
    Sense::illegal_request(crate::AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
