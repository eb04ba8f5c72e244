//! The changer as initiators see it: command bytes in, response bytes out.

mod alerts;
mod element_status;
mod exchange;
mod import_export;
mod moves;
mod parameters;
mod volume_tags;

use scsi::{AdditionalSense, ElementAddress, Response, SenseKey, Status};

use crate::profile::Preset;
use crate::testing::{Bench, Initiator, result};

const ILLEGAL: SenseKey = SenseKey::IllegalRequest;

/// READ ELEMENT STATUS.
fn report(
    initiator: &Initiator,
    type_and_tags: u8,
    start: u16,
    count: u16,
    device_id: bool,
    allocation: u32,
) -> Response {
    let [start_high, start_low] = start.to_be_bytes();
    let [count_high, count_low] = count.to_be_bytes();
    let [_, a, b, c] = allocation.to_be_bytes();
    initiator.changer(&[
        0xb8,
        type_and_tags,
        start_high,
        start_low,
        count_high,
        count_low,
        u8::from(device_id),
        a,
        b,
        c,
        0,
        0,
    ])
}

/// The descriptors of a report: type, address, and the whole descriptor. Checks every length.
fn descriptors(data: &[u8]) -> Vec<(u8, u16, Vec<u8>)> {
    let u24 = |bytes: &[u8]| {
        usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
    };
    let u16 = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
    assert_eq!(u24(&data[5..8]), data.len() - 8, "bytes of report");
    let mut found = Vec::new();
    let mut rest = &data[8..];
    while !rest.is_empty() {
        let (length, bytes) = (usize::from(u16(&rest[2..4])), u24(&rest[5..8]));
        assert_eq!(bytes % length, 0);
        for descriptor in rest[8..8 + bytes].chunks_exact(length) {
            found.push((rest[0], u16(descriptor), descriptor.to_vec()));
        }
        rest = &rest[8 + bytes..];
    }
    assert_eq!(
        usize::from(u16(&data[2..4])),
        found.len(),
        "number of elements"
    );
    if let Some((_, first, _)) = found.first() {
        assert_eq!(u16(data), *first, "first element");
    }
    found
}
