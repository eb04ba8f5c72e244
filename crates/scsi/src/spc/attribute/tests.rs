//! The bytes of READ ATTRIBUTE and WRITE ATTRIBUTE.

use super::definition::{self, DEFINITIONS};
use super::*;
use crate::sense::{AdditionalSense, Sense};
use crate::task::Cdb;

#[test]
fn definitions_are_in_order_and_fit_their_format() {
    assert!(DEFINITIONS.is_sorted_by(|one, next| one.id < next.id));
    for own in DEFINITIONS {
        assert_eq!(Definition::find(own.id), Some(*own));
        let host = own.id >= 0x0800;
        assert_eq!(own.access == Access::Host, host, "{:04x}", own.id);
    }
    assert_eq!(Definition::find(0x0010), None);
    assert!(Definition::find(0x1623).unwrap().is_vendor_specific());
}

#[test]
fn values_from_the_first_one_on() {
    let all = [
        Attribute::number(definition::LOAD_COUNT, 3, 8),
        Attribute::text(definition::APPLICATION_VENDOR, "IBM", 8),
    ];
    // READ ATTRIBUTE, values, partition 1, from 0800h on, 8192 bytes.
    let cdb = [0x8c, 0, 0, 0, 0, 0, 0, 1, 0x08, 0x00, 0, 0, 0x20, 0, 0, 0];
    let command = ReadAttribute::parse(&Cdb::new(&cdb)).unwrap();
    assert_eq!((command.service, command.partition), (Service::Values, 1));
    assert_eq!(command.allocation_length, 8192);
    let mut expected = vec![0, 0, 0, 13, 0x08, 0x00, 0x01, 0, 8];
    expected.extend_from_slice(b"IBM     ");
    assert_eq!(read::values(command.select(&all).unwrap()), expected);
    assert_eq!(read::values(&all)[4..9], [0, 3, 0x80, 0, 8], "read only");
    assert_eq!(read::list(&all), [0, 0, 0, 4, 0, 3, 8, 0]);
    let missing = ReadAttribute {
        first: 0x080c,
        ..command
    };
    assert_eq!(missing.select(&all), Err(Sense::invalid_field_in_cdb(8)));
}

#[test]
fn services_that_there_are() {
    let parse = |service, volume| {
        let cdb = [0x8c, service, 0, 0, 0, volume];
        ReadAttribute::parse(&Cdb::new(&cdb)).map(|command| command.service)
    };
    assert_eq!(parse(1, 0), Ok(Service::List));
    assert_eq!(parse(2, 0), Ok(Service::LogicalVolumes));
    assert_eq!(parse(3, 0), Ok(Service::Partitions));
    assert_eq!(parse(5, 0), Ok(Service::Supported));
    for unknown in [4, 6, 0x1f] {
        let refused = Sense::invalid_field_in_cdb(1).at_bit(4);
        assert_eq!(parse(unknown, 0), Err(refused));
    }
    assert_eq!(parse(0, 1), Err(Sense::invalid_field_in_cdb(5)));
    assert_eq!(read::count(4), [0, 2, 0, 4]);
    let supported = read::supported(0x0820);
    assert_eq!(supported, [0, 0, 0, 4, 0x08, 0x20, 0x08, 0x21]);
}

fn write(list: &[u8]) -> Result<Vec<Written>, Sense> {
    let length = u8::try_from(list.len()).unwrap();
    let cdb = [0x8d, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, length, 0, 0];
    WriteAttribute::parse(&Cdb::new(&cdb))?.parse_list(list)
}

/// A list with this PARAMETER DATA LENGTH.
fn list(said: u8, attributes: &[&[u8]]) -> Vec<u8> {
    [&[0, 0, 0, said], attributes.concat().as_slice()].concat()
}

#[test]
fn a_list_of_attributes() {
    let vendor = b"\x08\x00\x01\x00\x08IBM     ";
    let localization = [0x08, 0x05, 0x00, 0, 1, 0x81];
    let lock = [0x16, 0x23, 0x00, 0, 1, 0];
    let written = write(&list(25, &[vendor, &localization, &lock])).unwrap();
    let ids: Vec<_> = written.iter().map(|own| own.definition.id).collect();
    assert_eq!(ids, [0x0800, 0x0805, 0x1623]);
    assert_eq!(written[0].value.as_deref(), Some(&b"IBM     "[..]));
    // LTFS counts the length's own four bytes.
    assert_eq!(write(&list(10, &[&localization])).unwrap().len(), 1);
    // What lies beyond the length that is said does not count.
    assert_eq!(write(&list(6, &[&localization, &lock])).unwrap().len(), 1);
    assert_eq!(write(&[]), Ok(Vec::new()));
    let gone = write(&list(5, &[&[0x08, 0x00, 0x01, 0, 0]])).unwrap();
    assert_eq!(gone[0].value, None);
}

#[test]
fn what_is_wrong_is_pointed_at() {
    let good: &[u8] = &[0x08, 0x05, 0x00, 0, 1, 0x81];
    let in_list = |byte| Err(Sense::invalid_field_in_parameter_list(byte));
    let cases: &[(&[u8], u16)] = &[
        (&[0x04, 0x08, 0x00, 0, 1, 0x80], 0), // medium type: a cartridge does not become WORM
        (&[0x08, 0x0d, 0x00, 0, 1, 0], 0),    // reserved
        (&[0x08, 0x05, 0x01, 0, 1, 0], 2),    // ASCII instead of binary
        (&[0x08, 0x05, 0x03, 0, 1, 0], 2),    // reserved format
        (&[0x08, 0x05, 0x00, 0, 2, 0, 0], 3), // too long
        (&[0x08, 0x05, 0x00, 0, 1, 0x82], 5), // no such character set
        (&[0x08, 0x0c, 0x00, 0, 1, 0], 3),    // coherency information, too short
    ];
    for (attribute, offset) in cases {
        let found = write(&list(40, &[attribute]));
        assert_eq!(found, in_list(4 + offset), "{attribute:x?}");
    }
    assert_eq!(write(&list(12, &[good, good])), in_list(10), "twice");
    let descending = list(12, &[&[0x16, 0x23, 0, 0, 1, 0], good]);
    assert_eq!(write(&descending), in_list(10));
    let too_short = Sense::illegal_request(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
    for list in [
        &[0, 0, 0][..],
        &list(6, &[&good[..5]]),
        &list(3, &[&good[..3]]),
    ] {
        assert_eq!(write(list), Err(too_short));
    }
}

#[test]
fn what_is_about_the_cartridge_is_kept_once() {
    let label = [&[0x08, 0x09, 0x01, 0, 16][..], &[b'x'; 16]].concat();
    let localization = [0x08, 0x05, 0x00, 0, 1, 0x81];
    let written = write(&list(27, &[&localization, &label])).unwrap();
    assert_eq!(written[0].home(1), 0);
    assert_eq!(written[1].home(1), 1);
    assert_eq!(write::space(16), 21);
}
