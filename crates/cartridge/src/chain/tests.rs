//! Histories of headers, whole and with segments missing.

use super::*;
use crate::format::SegmentHeader;

/// Appends a segment that begins at `first_object`.
fn append(
    chain: &mut Chain,
    headers: &mut Vec<SegmentHeader>,
    first_object: u64,
    end_object: u64,
) -> Vec<Dead> {
    let number = headers.len() as u128 + 1;
    let mut header = SegmentHeader {
        cartridge: Uuid::from_u128(99),
        name: SegmentName {
            partition: 0,
            number: 0,
            uuid: Uuid::from_u128(number),
        },
        epoch: 0,
        previous: Uuid::nil(),
        generation: 0,
        generation_first_object: 0,
        first_object: 0,
        first_mark: 0,
        first_host_byte: 0,
        first_charged_byte: 0,
        created_unix_ms: 0,
        capacity_bytes: 1,
        salt: None,
        at_rest: None,
        barcode: String::new(),
    };
    let at = Totals {
        objects: first_object,
        ..Totals::default()
    };
    let cuts = first_object < chain.end.objects;
    chain.place_next(&mut header, at, cuts).unwrap();
    let dead = chain.append(&header);
    chain.end.objects = end_object;
    headers.push(header);
    dead
}

fn segments(chain: &Chain) -> Vec<(u32, u64, u64)> {
    let rows = chain.rows().iter();
    rows.map(|row| (row.name.number, row.first.objects, row.valid_until))
        .collect()
}

/// 1: 0..100, 2: 50..80 (a cut), 3: 80..90, 4: 60..70 (a cut).
fn history() -> Vec<SegmentHeader> {
    let (mut chain, mut headers) = (Chain::default(), Vec::new());
    for (first, end) in [(0, 100), (50, 80), (80, 90), (60, 70)] {
        append(&mut chain, &mut headers, first, end);
    }
    headers
}

fn rows(headers: &[SegmentHeader]) -> Vec<Row> {
    headers.iter().map(Row::of).collect()
}

const END: u64 = u64::MAX;

#[test]
fn headers_alone_rebuild_the_chain() {
    let (chain, replay) = Chain::replay(rows(&history())).unwrap();
    assert_eq!(segments(&chain), [(1, 0, END), (2, 50, END), (4, 60, END)]);
    assert_eq!(replay.dead.len(), 1);
    assert_eq!(replay.dead[0].0.number, 3);
    assert!(replay.missing.is_empty());
}

#[test]
fn dead_files_do_not_matter() {
    let mut headers = history();
    headers.remove(2);
    let (chain, replay) = Chain::replay(rows(&headers)).unwrap();
    assert_eq!(segments(&chain), [(1, 0, END), (2, 50, END), (4, 60, END)]);
    assert!(replay.missing.is_empty());
}

#[test]
fn what_a_missing_segment_cut_off_stays_cut_off() {
    let (mut chain, mut headers) = (Chain::default(), Vec::new());
    for (first, end) in [(0, 100), (50, 80), (80, 90), (90, 95)] {
        append(&mut chain, &mut headers, first, end);
    }
    // Segments 2 and 3 are lost; what segment 1 holds from 50 on must not come back.
    headers.drain(1..3);
    let (chain, replay) = Chain::replay(rows(&headers)).unwrap();
    assert_eq!(segments(&chain), [(1, 0, 50), (4, 90, END)]);
    assert_eq!(replay.missing, [Uuid::from_u128(3)]);
}

#[test]
fn a_missing_first_segment_is_a_gap() {
    let (mut chain, mut headers) = (Chain::default(), Vec::new());
    append(&mut chain, &mut headers, 0, 100);
    append(&mut chain, &mut headers, 100, 200);
    headers.remove(0);
    let (chain, _) = Chain::replay(rows(&headers)).unwrap();
    assert_eq!(segments(&chain), [(0, 0, 0), (2, 100, END)]);
    assert!(!chain.rows()[0].present);
}

#[test]
fn two_missing_cuts_cannot_be_bridged() {
    let (mut chain, mut headers) = (Chain::default(), Vec::new());
    for (first, end) in [(0, 100), (20, 80), (60, 90), (90, 95)] {
        append(&mut chain, &mut headers, first, end);
    }
    headers.drain(1..3);
    let error = Chain::replay(rows(&headers)).unwrap_err();
    assert!(matches!(error, Error::SegmentMissing { uuid } if uuid == Uuid::from_u128(3)));
}

#[test]
fn rows_are_found_by_object() {
    let (mut chain, _) = Chain::replay(rows(&history())).unwrap();
    chain.end.objects = 70;
    for object in 0..70 {
        let row = chain.row_of_object(object).unwrap();
        assert!(chain.rows()[row].first.objects <= object);
        assert!(object < chain.end_of(row).objects);
    }
    assert_eq!(chain.row_of_object(70), None);
}

/// Nobody writes so many segments; somebody may make up one with a high number.
#[test]
fn a_header_that_no_reader_would_take_is_not_written() {
    let next = |number: u32, generation: u64, cuts: bool| {
        let mut headers = history();
        let last = headers.last_mut().unwrap();
        (last.name.number, last.generation) = (number, generation);
        let (mut chain, _) = Chain::replay(rows(&headers[..])).unwrap();
        let mut header = headers.pop().unwrap();
        chain
            .place_next(&mut header, chain.end, cuts)
            .map(|()| (header.name.number, header.generation))
    };
    let (number, generation) = (u32::MAX - 2, u64::MAX - 2);
    assert_eq!(next(number, 2, false).unwrap(), (number + 1, 2));
    assert_eq!(next(9, generation, true).unwrap(), (10, generation + 1));
    assert_eq!(
        next(9, generation + 1, false).unwrap(),
        (10, generation + 1)
    );
    for (number, generation, cuts) in [
        (number + 1, 2, false),
        (number + 1, 2, true),
        (9, generation + 1, true),
    ] {
        let error = next(number, generation, cuts).unwrap_err();
        assert!(matches!(error, Error::VolumeFull), "{error}");
    }
}
